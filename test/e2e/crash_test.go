package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"
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

// crashEverywhere runs a story once undisturbed to learn its points, and then once per point with a crash there, followed
// by a second manager that must bring it to the same end.
//
// The number of writes differs from run to run, since two news at once need one write: a run that ends before its point is
// right to end. But each kind of request must have been crashed around, and the RunTask of each attempt.
func crashEverywhere(t *testing.T, attempts int, tell func(w *world), end func(w *world)) {
	t.Helper()
	calm := &gate{}
	t.Run("undisturbed", func(t *testing.T) {
		w := newWorld(t)
		w.manageThrough(calm)
		tell(w)
		end(w)
	})
	var mu sync.Mutex
	missed := map[point]bool{}
	t.Run("crash", func(t *testing.T) {
		for _, at := range calm.seen {
			t.Run(at.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				crash := &gate{crashAt: at}
				first := w.manageThrough(crash)
				tell(w)
				poll(t, func() bool { return first.ended() || w.settled("scan") }, func() string { return "the manager neither crashed nor finished" })
				first.stop()
				if !crash.died() {
					mu.Lock()
					missed[at] = true
					mu.Unlock()
				}
				w.manage(managerOptions{})
				end(w)
			})
		}
	})
	for _, at := range calm.seen {
		always := at.nth == 1 || strings.HasPrefix(at.name, "RunTask") && at.nth <= attempts
		if always && missed[at] {
			t.Errorf("no manager crashed at %s", at)
		}
	}
	for _, name := range []string{"RunTask, before", "RunTask, after", "PATCH status, before", "PATCH status, after"} {
		if !slices.Contains(calm.seen, point{name, 1}) {
			t.Errorf("the story never came to %s: %v", name, calm.seen)
		}
	}
}

// Invariant 1: one attempt, at most one task, whatever the moment of a crash.
func TestCrashAtEveryWriteOfAScan(t *testing.T) {
	crashEverywhere(t, 1,
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
	crashEverywhere(t, 2,
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
