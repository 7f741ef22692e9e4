package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// yardstick is as many batch/v1 Jobs as throughput has ScanJobs, by kube-controller-manager's own controller. Nothing runs
// their pods: the load finishes each half a second after it was made, with the one write that a kubelet needs at least.
func yardstick(ctx context.Context, o options) (figures map[string]float64, err error) {
	plane, err := testplane.Start(testplane.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	scheme, err := controllers.NewScheme()
	if err != nil {
		return nil, err
	}
	kube, err := client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	if err := kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return nil, err
	}
	root, err := testplane.ModuleRoot()
	if err != nil {
		return nil, err
	}
	manager, err := devstack.StartManager(filepath.Join(root, "bin", "jobcontroller"), plane.Kubeconfig(), []string{"--kubeconfig=" + plane.Kubeconfig()}, nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, manager.Kill()) }()
	w := &world{options: o, kube: kube, plane: plane, manager: manager}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen := &jobsSeen{}
	go follow(ctx, kube, &batchv1.JobList{}, seen.take)
	go follow(ctx, kube, &corev1.PodList{}, func(event watch.Event) { finishPod(ctx, kube, event) })
	meter, err := w.meter()
	if err != nil {
		return nil, err
	}
	count := o.scaled(10000)
	if err := createJobs(ctx, kube, count); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all Jobs are finished", func() (bool, error) { return seen.finished() >= count, nil }); err != nil {
		return nil, err
	}
	took := time.Since(meter.began)
	most, err := residentOf(manager.PID(), residentMost)
	if err != nil {
		return nil, err
	}
	figures = map[string]float64{
		"jobsPerSecond":   float64(count) / took.Seconds(),
		"writesPerJob":    float64(seen.writes()) / float64(count),
		"managerMegabyte": float64(most) / 1e6,
	}
	return figures, meter.perJob(figures, count)
}

func createJobs(ctx context.Context, kube client.Client, count int) error {
	var group errgroup.Group
	group.SetLimit(16)
	for i := range count {
		group.Go(func() error {
			return kube.Create(ctx, &batchv1.Job{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("payments-%06d", i)},
				Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "scanner", Image: "scanner"}},
				}}},
			})
		})
	}
	return group.Wait()
}

// follow hands all events of a kind over until ctx ends. The API server ends watches now and then; the next one begins with
// what there is.
func follow(ctx context.Context, kube client.WithWatch, list client.ObjectList, take func(watch.Event)) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		events, err := kube.Watch(ctx, list, client.InNamespace(namespace))
		if err != nil {
			return // it is asked again after a pause
		}
		for event := range events.ResultChan() {
			take(event)
		}
	}, 100*time.Millisecond)
}

// finishPod has a new pod succeed half a second after it was made.
func finishPod(ctx context.Context, kube client.Client, event watch.Event) {
	const succeeded = `{"status":{"phase":"Succeeded","containerStatuses":[{"name":"scanner","image":"scanner","imageID":"","state":{"terminated":{"exitCode":0}}}]}}`
	pod, ok := event.Object.(*corev1.Pod)
	if !ok || event.Type != watch.Added || pod.Status.Phase == corev1.PodSucceeded {
		return
	}
	time.AfterFunc(500*time.Millisecond, func() {
		// Where the API server refuses for a moment, the pod is finished a little later.
		err := wait.PollUntilContextTimeout(ctx, time.Second, time.Minute, true, func(ctx context.Context) (bool, error) {
			err := kube.Status().Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, []byte(succeeded)))
			return client.IgnoreNotFound(err) == nil, nil
		})
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "finish pod %s: %v\n", pod.Name, err)
		}
	})
}

// jobsSeen is what a watch has told of Jobs.
type jobsSeen struct {
	mu      sync.Mutex
	written int
	ends    map[string]bool
}

func (s *jobsSeen) take(event watch.Event) {
	job, ok := event.Object.(*batchv1.Job)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if event.Type == watch.Modified {
		s.written++
	}
	if job.Status.CompletionTime != nil {
		if s.ends == nil {
			s.ends = map[string]bool{}
		}
		s.ends[job.Name] = true
	}
}

func (s *jobsSeen) finished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ends)
}

// writes counts those of the Job itself; its pod has three more: its creation, its end, and its finalizer.
func (s *jobsSeen) writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}
