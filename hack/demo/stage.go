package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// The names of the demo's repository and its branches.
const (
	repositoryName = "payments"
	leakingBranch  = "export-settlements"
	cleanBranch    = "tests-in-readme"
)

// The longest that the demo waits; on an idle machine each wait takes a second or a few.
const (
	readyTimeout = time.Minute
	scanTimeout  = 2 * time.Minute
	stopTimeout  = 20 * time.Second
	pollInterval = 50 * time.Millisecond
)

// demo is one run.
type demo struct {
	settings
	screen *screen

	dir        string
	plane      *testplane.Plane
	stack      *devstack.Stack
	manager    *devstack.Process
	kube       client.Client
	api        kubernetes.Interface
	repository *devstack.Repository
	closers    []func() error // in the order of opening
	failed     bool           // what it left behind is kept to be looked at
}

func (d *demo) onClose(closer func() error) { d.closers = append(d.closers, closer) }

// close ends and removes what the demo made, the last first. With --keep the folder stays.
func (d *demo) close() error {
	var problems []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		problems = append(problems, d.closers[i]())
	}
	d.closers = nil
	return errors.Join(problems...)
}

// setStage starts everything. The context that it returns ends also when the manager ends by itself, with that as the
// cause.
func (d *demo) setStage(ctx context.Context) (context.Context, error) {
	d.screen.heading("1. Set the stage")
	dir, err := os.MkdirTemp("", "scanjob-demo-")
	if err != nil {
		return ctx, fmt.Errorf("make a folder for the demo: %w", err)
	}
	d.dir = dir
	d.onClose(func() error {
		if d.keep || d.failed {
			return nil
		}
		return os.RemoveAll(dir)
	})
	for _, step := range []func(context.Context) error{d.startPlane, d.startAWS, d.startManager} {
		if err := step(ctx); err != nil {
			return ctx, err
		}
		if ctx.Err() != nil {
			return ctx, ctx.Err()
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		cancel(managerEnded(d.manager.Err()))
	}()
	return ctx, d.apply(ctx)
}

// managerEnded is the cause of waits that end because there is no manager any more.
func managerEnded(err error) error {
	if err == nil {
		return errors.New("the manager ended by itself; its log says why")
	}
	return fmt.Errorf("the manager ended by itself, %w; its log says why", err)
}

func (d *demo) startPlane(context.Context) error {
	return d.screen.during("control plane", "start etcd and kube-apiserver, some 5 seconds", func() (string, error) {
		folder := filepath.Join(d.dir, "plane")
		if err := os.Mkdir(folder, 0o700); err != nil {
			return "", err
		}
		plane, err := testplane.Start(testplane.Options{CRDs: true, Dir: folder})
		if err != nil {
			return "", err
		}
		d.plane = plane
		d.onClose(plane.Stop)
		scheme, err := controllers.NewScheme()
		if err != nil {
			return "", err
		}
		if d.kube, err = client.New(plane.Config, client.Options{Scheme: scheme}); err != nil {
			return "", fmt.Errorf("make a client: %w", err)
		}
		if d.api, err = kubernetes.NewForConfig(plane.Config); err != nil {
			return "", fmt.Errorf("make a client: %w", err)
		}
		version, err := d.api.Discovery().ServerVersion()
		if err != nil {
			return "", fmt.Errorf("ask the API server for its version: %w", err)
		}
		return fmt.Sprintf("Kubernetes %s at %s, with the CRDs of scanjob.dev", version.GitVersion, plane.Config.Host), nil
	})
}

func (d *demo) startAWS(ctx context.Context) error {
	return d.screen.during("local AWS", "start the local AWS", func() (string, error) {
		stack, err := devstack.Start(ctx, devstack.Options{
			Dir: filepath.Join(d.dir, "aws"), Scanner: filepath.Join(d.bin, "scanner"), Timing: awslocal.DemoTiming(),
		})
		if err != nil {
			return "", err
		}
		d.stack = stack
		d.onClose(stack.Close)
		return "ECS, SQS, SNS, EventBridge, CodeCommit, S3 and Logs at " + stack.AWS.URL(), nil
	})
}

func (d *demo) startManager(context.Context) error {
	return d.screen.during("manager", "start the manager", func() (string, error) {
		file, err := os.Create(d.managerLog())
		if err != nil {
			return "", fmt.Errorf("make the manager's log: %w", err)
		}
		d.onClose(file.Close)
		var log io.Writer = file
		if d.verbose {
			log = io.MultiWriter(file, os.Stderr)
		}
		path := filepath.Join(d.bin, "manager")
		manager, err := devstack.StartManager(path, d.plane.Kubeconfig(), d.stack.ManagerArgs(), d.stack.ManagerEnv(), log)
		if err != nil {
			return "", err
		}
		d.manager = manager
		d.onClose(d.stopManager)
		return fmt.Sprintf("%s as process %d", filepath.Base(path), manager.PID()), nil
	})
}

func (d *demo) managerLog() string { return filepath.Join(d.dir, "manager.log") }

func (d *demo) stopManager() error {
	select {
	case <-d.manager.Done():
		return nil // it ended too early, which was said already
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return d.manager.Stop(ctx)
}

// apply makes the objects that an administrator would, and waits until the operator has checked them.
func (d *demo) apply(ctx context.Context) error {
	environment, trigger, err := d.sampleObjects()
	if err != nil {
		return err
	}
	err = d.screen.during("kubectl apply", "apply the ScanEnvironment and the ScanTrigger of config/samples", func() (string, error) {
		if err := d.makeNamespace(ctx); err != nil {
			return "", err
		}
		for _, object := range []client.Object{environment, trigger} {
			if err := d.kube.Create(ctx, object); err != nil {
				return "", fmt.Errorf("create %s: %w", object.GetName(), err)
			}
		}
		return fmt.Sprintf("scanenvironment/%s and scantrigger/%s of config/samples, in namespace %s", environment.Name, trigger.Name, d.namespace), nil
	})
	if err != nil {
		return err
	}
	for _, wanted := range []struct {
		object     client.Object
		conditions func() []metav1.Condition
		what       string
	}{
		{environment, func() []metav1.Condition { return environment.Status.Conditions }, "scanenvironment/" + environment.Name},
		{trigger, func() []metav1.Condition { return trigger.Status.Conditions }, "scantrigger/" + trigger.Name},
	} {
		err := d.screen.during("ready", "wait until the operator has checked "+wanted.what, func() (string, error) {
			message, err := d.awaitReady(ctx, wanted.object, wanted.conditions)
			first, _, _ := strings.Cut(message, ";")
			return wanted.what + ": " + first, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) makeNamespace(ctx context.Context) error {
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.namespace}}
	err := d.kube.Create(ctx, made)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make namespace %s: %w", d.namespace, err)
	}
	if d.plane.Kind() == testplane.KindCluster {
		d.onClose(func() error { return d.removeNamespace(made) })
	}
	return nil
}

// removeNamespace leaves a cluster as it was. It is closed before the manager, which lets go of the objects' finalizers.
func (d *demo) removeNamespace(made *corev1.Namespace) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if err := client.IgnoreNotFound(d.kube.Delete(ctx, made)); err != nil {
		return fmt.Errorf("delete namespace %s: %w", made.Name, err)
	}
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		err := d.kube.Get(ctx, client.ObjectKeyFromObject(made), made)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		return fmt.Errorf("namespace %s does not end; look at its status: %w", made.Name, err)
	}
	return nil
}

func (d *demo) awaitReady(ctx context.Context, object client.Object, conditions func() []metav1.Condition) (string, error) {
	var ready *metav1.Condition
	err := d.until(ctx, readyTimeout, func(ctx context.Context) (bool, error) {
		if err := d.kube.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, err
		}
		ready = meta.FindStatusCondition(conditions(), scanv1.ConditionReady)
		return ready != nil && ready.Status == metav1.ConditionTrue, nil
	})
	switch {
	case err == nil:
		return ready.Message, nil
	case ready == nil:
		return "", fmt.Errorf("%s has no condition Ready: %w", object.GetName(), err)
	}
	return "", fmt.Errorf("%s is not Ready, %s: %s: %w", object.GetName(), ready.Reason, ready.Message, err)
}

// until polls a condition. Where the manager ended meanwhile, the error is that.
func (d *demo) until(ctx context.Context, timeout time.Duration, condition wait.ConditionWithContextFunc) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, timeout, true, condition)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("gave up after %s", timeout)
	}
	return err
}
