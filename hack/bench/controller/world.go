package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"golang.org/x/sync/errgroup"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// namespace is where all of a scenario is.
const namespace = "bench"

// world is a control plane, a local AWS and a manager of a scenario's own.
type world struct {
	options options
	kube    client.WithWatch
	plane   *testplane.Plane
	stack   *devstack.Stack
	manager *devstack.Process
	// args are the manager's flags.
	args []string
	// running and most count the containers that run at once.
	running, most atomic.Int64
}

// newWorld starts everything, with tasks that sleep and an environment of so many slots.
func newWorld(ctx context.Context, o options, sleep time.Duration, limit int32, args ...string) (w *world, err error) {
	w = &world{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.plane, err = testplane.Start(testplane.Options{CRDs: true}); err != nil {
		return w, err
	}
	if w.stack, err = devstack.Start(ctx, devstack.Options{}); err != nil {
		return w, err
	}
	w.stack.AWS.RunContainersWith(w.sleeper(sleep))
	scheme, err := controllers.NewScheme()
	if err != nil {
		return w, err
	}
	if w.kube, err = client.NewWithWatch(w.plane.Config, client.Options{Scheme: scheme}); err != nil {
		return w, err
	}
	if err := w.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return w, err
	}
	environment := w.stack.Environment(namespace, "default")
	environment.Spec.Capacity.MaxConcurrentTasks = limit
	if err := w.kube.Create(ctx, environment); err != nil {
		return w, err
	}
	w.args = append(w.stack.ManagerArgs(), args...)
	if o.profiles != "" {
		w.args = append(w.args, "--pprof-bind-address="+pprofAddress)
	}
	if err := w.startManager(); err != nil {
		return w, err
	}
	return w, w.until(ctx, "the environment is Ready", func() (bool, error) {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(environment), environment)
		return err == nil && meta.IsStatusConditionTrue(environment.Status.Conditions, scanv1.ConditionReady), err
	})
}

func (w *world) startManager() error {
	root, err := testplane.ModuleRoot()
	if err != nil {
		return err
	}
	w.manager, err = devstack.StartManager(filepath.Join(root, "bin", "manager"), w.plane.Kubeconfig(), w.args, w.stack.ManagerEnv(), nil)
	return err
}

func (w *world) close() error {
	var problems []error
	if w.manager != nil {
		problems = append(problems, w.manager.Kill())
	}
	if w.stack != nil {
		problems = append(problems, w.stack.Close())
	}
	if w.plane != nil {
		problems = append(problems, w.plane.Stop())
	}
	return errors.Join(problems...)
}

// sleeper is a container that does nothing for a while and finds nothing.
func (w *world) sleeper(sleep time.Duration) awslocal.Runner {
	return awslocal.RunnerFunc(func(ctx context.Context, _ awslocal.Container) int {
		now := w.running.Add(1)
		defer w.running.Add(-1)
		for most := w.most.Load(); now > most && !w.most.CompareAndSwap(most, now); most = w.most.Load() {
		}
		select {
		case <-ctx.Done():
			return 143
		case <-time.After(sleep):
			return 0
		}
	})
}

// until polls for a condition.
func (w *world) until(ctx context.Context, what string, condition func() (bool, error)) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 20*time.Minute, true, func(context.Context) (bool, error) {
		select {
		case <-w.manager.Done():
			return false, fmt.Errorf("the manager ended: %w\n%s", w.manager.Err(), w.manager.Log())
		default:
		}
		return condition()
	})
	if err != nil {
		return fmt.Errorf("wait until %s: %w", what, err)
	}
	return nil
}

// jobName names the job of a number in a repository.
func jobName(repository string, i int) string { return fmt.Sprintf("%s-%06d", repository, i) }

// submit creates jobs of a repository as triggers do, several at once.
func (w *world) submit(ctx context.Context, repository string, count int) error {
	var group errgroup.Group
	group.SetLimit(16)
	for i := range count {
		group.Go(func() error {
			return w.kube.Create(ctx, &scanv1.ScanJob{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: jobName(repository, i), Finalizers: []string{scanv1.FinalizerStopTask}},
				Spec: scanv1.ScanJobSpec{
					EnvironmentName: "default",
					Source: scanv1.ScanSource{
						CodeCommit: &scanv1.CodeCommitSource{Repository: repository}, Revision: strings.Repeat("6f1c", 10),
					},
				},
			})
		})
	}
	return group.Wait()
}

// scanOperations are those that a scan costs.
func scanOperations() map[string][]string {
	return map[string][]string{
		"ecs": {"RunTask", "DescribeTasks", "ListTasks", "StopTask"},
		"sqs": {"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"},
	}
}

// allCalls counts the calls by operation.
func (w *world) allCalls() map[string]int {
	counts := map[string]int{}
	for service, names := range scanOperations() {
		for _, name := range names {
			counts[name] = w.stack.AWS.CallCount(service, name)
		}
	}
	return counts
}

// perJob adds the AWS calls per job since earlier to figures, by operation and in all.
func (w *world) perJob(figures map[string]float64, earlier map[string]int, jobs int) {
	sum := 0
	for name, count := range w.allCalls() {
		count -= earlier[name]
		sum += count
		figures["awsCallsPerJob."+name] = float64(count) / float64(jobs)
	}
	figures["awsCallsPerJob"] = float64(sum) / float64(jobs)
}
