package e2e

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// Invariant 2: no attempt forgotten.
func TestDeletionInEveryPhaseStopsTheTask(t *testing.T) {
	t.Parallel()
	phases := map[string]struct {
		prepare func(*world)
		reached func(*scanv1.ScanJob) bool
	}{
		"before anything": {prepare: func(*world) {}, reached: func(*scanv1.ScanJob) bool { return true }},
		"starting": {
			prepare: func(w *world) { w.aws.Faults().Missing(3) },
			reached: func(job *scanv1.ScanJob) bool {
				return len(job.Status.Attempts) > 0 && job.Status.Attempts[0].TaskARN != ""
			},
		},
		"running": {
			prepare: func(*world) {},
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning },
		},
		"being cancelled": {
			prepare: func(*world) {},
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning },
		},
		"waiting for a retry": {
			prepare: func(w *world) { w.aws.RunContainersWith(awslocal.ExitWith(1)) },
			reached: func(job *scanv1.ScanJob) bool {
				return len(job.Status.Attempts) > 0 && job.Status.Attempts[0].StoppedAt != nil
			},
		},
		"finished": {
			prepare: func(w *world) { w.aws.RunContainersWith(awslocal.ExitWith(0)) },
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseSucceeded },
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.aws.RunContainersWith(awslocal.UntilStopped())
			phase.prepare(w)
			w.manage(managerOptions{})
			job := w.submit("scan")
			w.wait("scan", "came to the phase "+name, phase.reached)
			if name == "being cancelled" {
				w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
			}
			if err := w.kube.Delete(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			w.gone("scan")
			for _, task := range w.aws.Tasks() {
				if task.LastStatus != "STOPPED" {
					t.Errorf("the job is gone and task %s is %s", task.ARN, task.LastStatus)
				}
			}
		})
	}
}

func TestCancelStopsTheTaskAndFailsTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.UntilStopped())
	w.manage(managerOptions{})
	w.submit("scan")
	w.wait("scan", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonCancelled)
	if attempt := job.Status.Attempts[0]; attempt.Class != scanv1.ClassCancelled || attempt.StopCode != "UserInitiated" {
		t.Errorf("the attempt is %+v", attempt)
	}
}

func TestSuspendStopsTheTaskAndResumeStartsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(firstThen(awslocal.UntilStopped(), awslocal.ExitWith(0)))
	w.manage(managerOptions{})
	w.submit("scan", func(job *scanv1.ScanJob) { zero := int32(0); job.Spec.BackoffLimit = &zero })
	w.wait("scan", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Suspend = true })
	w.wait("scan", "was suspended", func(job *scanv1.ScanJob) bool {
		return job.Status.Attempts[0].StoppedAt != nil && job.Status.Phase == scanv1.PhasePending
	})
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Suspend = false })
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	if len(job.Status.Attempts) != 2 || job.Status.Attempts[0].Class != scanv1.ClassSuspended {
		t.Errorf("the attempts are %+v", job.Status.Attempts)
	}
}

func TestFinishedJobIsDeletedAfterItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.manage(managerOptions{})
	w.submit("scan", func(job *scanv1.ScanJob) { ttl := int32(1); job.Spec.TTLSecondsAfterFinished = &ttl })
	w.gone("scan")
	if tasks := len(w.aws.Tasks()); tasks != 1 {
		t.Errorf("%d tasks were started, want 1", tasks)
	}
}

func TestLimitOfTasksIsNeverExceeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(environment *scanv1.ScanEnvironment) { environment.Spec.Capacity.MaxConcurrentTasks = 2 })
	w.aws.RunContainersWith(awslocal.UntilStopped())
	w.manage(managerOptions{})
	names := []string{"a", "b", "c", "d", "e"}
	for _, name := range names {
		w.submit(name)
	}
	running := func() (live []string) {
		jobs := &scanv1.ScanJobList{}
		if err := w.kube.List(t.Context(), jobs, client.InNamespace(w.ns)); err != nil {
			t.Fatal(err)
		}
		for _, job := range jobs.Items {
			if job.Status.Phase == scanv1.PhaseRunning {
				live = append(live, job.Name)
			}
		}
		return live
	}
	poll(t, func() bool { return len(running()) == 2 }, func() string { return "two scans never ran at once" })
	done := map[string]bool{}
	for len(done) < len(names) {
		for _, name := range running() {
			w.change(name, func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
			w.finished(name)
			done[name] = true
		}
		if most := w.mostLiveTasks(); most > 2 {
			t.Fatalf("%d tasks were live at once, the limit is 2", most)
		}
	}
}

// mostLiveTasks returns how many tasks were between RunTask and STOPPED at once, at the worst moment so far.
func (w *world) mostLiveTasks() int {
	tasks := w.aws.Tasks()
	most := 0
	for _, at := range tasks {
		live := 0
		for _, task := range tasks {
			if !task.CreatedAt.After(at.CreatedAt) && (task.StoppedAt.IsZero() || task.StoppedAt.After(at.CreatedAt)) {
				live++
			}
		}
		most = max(most, live)
	}
	return most
}

func TestActiveDeadlineStopsTheTaskAndFailsTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.UntilStopped())
	clock := newSkewedClock()
	options := quick()
	options.Clock = clock
	w.manage(managerOptions{jobs: options})
	w.submit("scan")
	w.wait("scan", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	clock.skip(2 * time.Hour)
	// Any change wakes the controller; the clock that was moved does not.
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Priority = 1 })
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonDeadlineExceeded)
	if attempt := job.Status.Attempts[0]; attempt.Class != scanv1.ClassDeadlineExceeded {
		t.Errorf("the attempt is %+v", attempt)
	}
}
