package scanjob

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func TestWhichTasksNoJobWants(t *testing.T) {
	closed := running(func(a *scanv1.Attempt) { a.StoppedAt = at(time.Minute) })
	unanswered := scanv1.Attempt{RecordedAt: *at(0)}
	for _, row := range []struct {
		name   string
		job    *scanv1.ScanJob
		change func(*fargate.Task)
		want   string
	}{
		{name: "one whose job is gone", want: "its ScanJob is gone"},
		{name: "not one that was started a moment ago", change: func(task *fargate.Task) { task.CreatedAt = noon().Add(time.Hour - 59*time.Second) }},
		{name: "not one that is being stopped", change: func(task *fargate.Task) { task.DesiredStatus = "STOPPED" }},
		{name: "not the task of an open attempt", job: newJob(withAttempts(running()))},
		{name: "not the task of an attempt whose answer is not known", job: newJob(withAttempts(unanswered))},
		{name: "not the task of a job that is being deleted", job: newJob(deleted, withAttempts(running()))},
		{name: "one whose attempt was closed as lost", job: newJob(withAttempts(closed)), want: "attempt 1 of its ScanJob is closed"},
		{name: "one beside the attempt's own", job: newJob(withAttempts(running(func(a *scanv1.Attempt) { a.TaskARN = testTask + "0" }))), want: "attempt 1 of its ScanJob has another task"},
		{name: "one of an attempt that is not on record", job: newJob(), want: "its ScanJob has no attempt 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			task := &fargate.Task{ARN: testTask, DesiredStatus: "RUNNING", CreatedAt: noon()}
			if row.change != nil {
				row.change(task)
			}
			if got := orphaned(task, row.job, 1, noon().Add(time.Hour).Sub(task.CreatedAt), time.Minute); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// sweep lets a new manager sweep an hour after the task was started.
func (r *rig) sweep() {
	r.t.Helper()
	r.restart()
	r.clock.SetTime(time.Now().Add(time.Hour))
	if err := (&sweeper{reconciler: r.reconciler, log: logr.Discard()}).sweep(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func TestASweepStopsTheTaskOfAJobThatWasDeletedByForce(t *testing.T) {
	r := newRig(t, newJob())
	r.start()
	r.sweep()
	if r.aws.CallCount("ecs", "StopTask") != 0 {
		t.Fatal("the task of a job was stopped")
	}
	job := r.job()
	controllerutil.RemoveFinalizer(job, scanv1.FinalizerStopTask)
	if err := r.kube.Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if err := r.kube.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	r.sweep()
	if tasks := r.aws.Tasks(); r.aws.CallCount("ecs", "StopTask") != 1 || tasks[0].DesiredStatus != "STOPPED" {
		t.Errorf("the tasks are %+v", tasks)
	}
}

// Two clusters may run their scans in one ECS cluster.
func TestASweepLeavesTheTasksOfOthersAlone(t *testing.T) {
	r := newRig(t, newJob())
	r.start()
	environment := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
		t.Fatal(err)
	}
	job := r.job()
	controllerutil.RemoveFinalizer(job, scanv1.FinalizerStopTask)
	if err := r.kube.Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if err := r.kube.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if err := r.kube.Delete(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	other := environment.DeepCopy()
	other.UID, other.ResourceVersion = "another-cluster", ""
	if err := r.kube.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	r.sweep()
	if stopped := r.aws.CallCount("ecs", "StopTask"); stopped != 0 {
		t.Errorf("%d tasks of others were stopped", stopped)
	}
}

// A manager whose Lease has passed to another may not know the attempt that the other one has made.
func TestASweepStopsNothingThatTheClusterOrALaterLeaderWants(t *testing.T) {
	r := newRig(t, newJob())
	r.start()
	current := r.job()
	behind := current.DeepCopy()
	behind.Status.Attempts = nil
	r.restart()
	r.clock.SetTime(time.Now().Add(time.Hour))
	r.reconciler.client = interceptor.NewClient(r.kube, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			err := c.List(ctx, list, options...)
			if jobs, ok := list.(*scanv1.ScanJobList); ok && err == nil {
				jobs.Items = []scanv1.ScanJob{*behind}
			}
			return err
		},
	})
	sweep := func() int {
		t.Helper()
		if err := (&sweeper{reconciler: r.reconciler, log: logr.Discard()}).sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r.aws.CallCount("ecs", "StopTask")
	}
	if sweep() != 0 {
		t.Fatal("the task of an attempt that the cache does not know yet was stopped")
	}
	current.Status.Attempts = nil
	if err := r.kube.Status().Update(t.Context(), current); err != nil {
		t.Fatal(err)
	}
	r.reconciler.options.Leading = func() bool { return false }
	if sweep() != 0 {
		t.Fatal("a manager that may not lead stopped a task")
	}
	r.reconciler.options.Leading = func() bool { return true }
	if sweep() != 1 {
		t.Error("the leader did not stop a task that no attempt is on record for")
	}
}
