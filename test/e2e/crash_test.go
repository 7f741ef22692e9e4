package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// manageThrough starts a manager behind a gate that crashes it at a point.
func (w *world) manageThrough(g *gate) *manager {
	w.t.Helper()
	g.onRunTask = w.wantRecord
	reach := g.aws(w.stack.Config)
	var m *manager
	ready := make(chan struct{})
	g.onCrash = func() {
		<-ready
		m.cancel()
	}
	m = w.manage(managerOptions{kube: g.kube(plane.Config), aws: &reach})
	close(ready)
	return m
}

// wantRecord fails the test unless the attempt with this token is on record in the cluster: RunTask is about to be called.
func (w *world) wantRecord(clientToken string) {
	jobs := &scanv1.ScanJobList{}
	if err := w.kube.List(context.Background(), jobs, client.InNamespace(w.ns)); err != nil {
		w.t.Errorf("list the ScanJobs: %v", err)
		return
	}
	for i := range jobs.Items {
		for _, attempt := range jobs.Items[i].Status.Attempts {
			if attempt.ClientToken == clientToken {
				return
			}
		}
	}
	w.t.Errorf("RunTask is called with token %q, and no attempt with it is on record", clientToken)
}

// variesBy is by how many writes a story may be shorter in one run than in another: two news at once need one write.
const variesBy = 2

// crashEverywhere runs a story once undisturbed to learn its points, and then once per point with a crash there, followed
// by a second manager that must bring it to the same end.
func crashEverywhere(t *testing.T, tell func(w *world), end func(w *world)) {
	t.Helper()
	calm := &gate{}
	t.Run("undisturbed", func(t *testing.T) {
		w := newWorld(t)
		w.manageThrough(calm)
		tell(w)
		end(w)
	})
	if len(calm.seen) < 4 {
		t.Fatalf("the story has only %d points: %v", len(calm.seen), calm.seen)
	}
	for point := 1; point <= len(calm.seen); point++ {
		t.Run(fmt.Sprintf("crash at %d (%s)", point, calm.seen[point-1]), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			crash := &gate{crashAt: point}
			first := w.manageThrough(crash)
			tell(w)
			// How many writes a scan takes varies by one or two: a run that ends before the point has nothing to crash in.
			poll(t, func() bool { return first.ended() || w.settled("scan") }, func() string { return "the manager neither crashed nor finished" })
			first.stop()
			if !crash.died() && point < len(calm.seen)-2*variesBy {
				t.Errorf("the manager finished after %d points and never crashed", crash.points)
			}
			w.manage(managerOptions{})
			end(w)
		})
	}
}

// Invariant 1: one attempt, at most one task, whatever the moment of a crash.
func TestCrashAtEveryWriteOfAScan(t *testing.T) {
	crashEverywhere(t,
		func(w *world) {
			w.aws.RunContainersWith(publishes())
			w.submit("scan")
		},
		func(w *world) {
			job := w.finished("scan")
			wantReason(w.t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
			if job.Status.Result != scanv1.ResultFindings {
				w.t.Errorf("result is %s, want Findings", job.Status.Result)
			}
			if len(job.Status.Attempts) != 1 {
				w.t.Errorf("the scan took %d attempts, want 1", len(job.Status.Attempts))
			}
			w.oneTaskPerAttempt(job)
			if tasks := len(w.aws.Tasks()); tasks != 1 {
				w.t.Errorf("%d tasks were started, want 1", tasks)
			}
		})
}

// The same with an attempt that is spoiled and repeated.
func TestCrashAtEveryWriteOfARetriedScan(t *testing.T) {
	crashEverywhere(t,
		func(w *world) {
			w.aws.RunContainersWith(firstThen(awslocal.ExitWith(1), awslocal.ExitWith(0)))
			w.submit("scan")
		},
		func(w *world) {
			job := w.finished("scan")
			wantReason(w.t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
			if len(job.Status.Attempts) != 2 {
				w.t.Errorf("the scan took %d attempts, want 2", len(job.Status.Attempts))
			}
			w.oneTaskPerAttempt(job)
			if tasks := len(w.aws.Tasks()); tasks != 2 {
				w.t.Errorf("%d tasks were started, want 2", tasks)
			}
		})
}

// The answer is lost with the manager, and by the time of the next one nobody wants the task any more.
func TestJobThatIsDeletedAfterACrashAroundRunTaskLeavesNoTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.UntilStopped())
	w.aws.Faults().DropEvents("aws.ecs", awslocal.Forever)
	crash := &gate{}
	m := w.manageThrough(crash)
	w.aws.Faults().After("ecs", "RunTask", 1, func(awslocal.Call) {
		crash.mu.Lock()
		crash.crashed = true
		crash.mu.Unlock()
		go m.cancel()
	})
	job := w.submit("scan")
	poll(t, m.ended, func() string { return "the manager never crashed" })
	if err := w.kube.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	w.manage(managerOptions{})
	w.gone("scan")
	if tasks := w.aws.Tasks(); len(tasks) != 1 || tasks[0].LastStatus != "STOPPED" {
		t.Errorf("the tasks are %+v", tasks)
	}
}

// A real process gets no chance to tidy up: it is killed while RunTask's answer is on its way.
func TestKilledProcessWhileRunTaskIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	process := w.startProcess()
	w.aws.Faults().After("ecs", "RunTask", 1, func(awslocal.Call) {
		if err := process.Kill(); err != nil {
			t.Errorf("kill the manager: %v", err)
		}
	})
	w.submit("scan")
	select {
	case <-process.Done():
	case <-time.After(patience):
		t.Fatal("the manager was never killed")
	}
	w.startProcess()
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	w.oneTaskPerAttempt(job)
	if tasks := len(w.aws.Tasks()); tasks != 1 {
		t.Errorf("%d tasks were started, want 1", tasks)
	}
	if calls := w.aws.CallCount("ecs", "RunTask"); calls < 2 {
		t.Errorf("RunTask was called %d times: the second manager did not repeat it", calls)
	}
}
