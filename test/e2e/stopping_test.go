package e2e

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// Invariant 2: no attempt forgotten.
func TestDeletionInEveryPhaseStopsTheTask(t *testing.T) {
	t.Parallel()
	waitsFor := func(reason string) func(*scanv1.ScanJob) bool {
		return func(job *scanv1.ScanJob) bool {
			admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)
			return admitted != nil && admitted.Reason == reason
		}
	}
	phases := map[string]struct {
		prepare func(*world)
		reached func(*scanv1.ScanJob) bool
		// tasks is how many tasks have been started when the phase is reached.
		tasks int
	}{
		"before anything": {prepare: func(*world) {}, reached: func(*scanv1.ScanJob) bool { return true }},
		"waiting for its environment": {
			prepare: func(w *world) {
				if err := w.aws.Faults().TaskDefinitionInactive(w.stack.Resources.TaskDefinitionARN); err != nil {
					w.t.Fatal(err)
				}
			},
			reached: waitsFor(scanv1.ReasonEnvironmentNotReady),
		},
		"waiting for a slot": {
			prepare: func(w *world) {
				w.limitTo(1)
				w.submit("other")
				w.wait("other", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
			},
			reached: waitsFor(scanv1.ReasonConcurrencyLimit),
			tasks:   1,
		},
		"with a task that nobody told of": {
			prepare: func(w *world) {
				w.aws.Faults().DropEvents("aws.ecs", awslocal.Forever)
				w.aws.Faults().LoseAnswer("ecs", "RunTask", 1)
			},
			reached: func(job *scanv1.ScanJob) bool { return len(job.Status.Attempts) > 0 },
			tasks:   1,
		},
		"suspended while it ran": {
			prepare: func(*world) {},
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning },
			tasks:   1,
		},
		"starting": {
			prepare: func(w *world) { w.aws.Faults().Missing(3) },
			tasks:   1,
			reached: func(job *scanv1.ScanJob) bool {
				return len(job.Status.Attempts) > 0 && job.Status.Attempts[0].TaskARN != ""
			},
		},
		"running": {
			tasks:   1,
			prepare: func(*world) {},
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning },
		},
		"being cancelled": {
			tasks:   1,
			prepare: func(*world) {},
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning },
		},
		"waiting for a retry": {
			tasks:   1,
			prepare: func(w *world) { w.aws.RunContainersWith(awslocal.ExitWith(1)) },
			reached: func(job *scanv1.ScanJob) bool {
				return len(job.Status.Attempts) > 0 && job.Status.Attempts[0].StoppedAt != nil
			},
		},
		"finished": {
			tasks:   1,
			prepare: func(w *world) { w.aws.RunContainersWith(awslocal.ExitWith(0)) },
			reached: func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseSucceeded },
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timing := awslocal.FastTiming()
			// So long that a job that does not wait for its task is gone before it.
			timing.Deprovisioning = 2 * time.Second
			w := newWorldWith(t, devstack.Options{Timing: timing})
			w.aws.RunContainersWith(awslocal.UntilStopped())
			w.manage(managerOptions{})
			phase.prepare(w)
			job := w.submit("scan")
			w.wait("scan", "came to the phase "+name, phase.reached)
			switch name {
			case "being cancelled":
				w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
			case "suspended while it ran":
				w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Suspend = true })
			}
			if err := w.kube.Delete(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			w.gone("scan")
			if tasks := len(w.aws.Tasks()); tasks < phase.tasks {
				t.Errorf("%d tasks were started, want %d", tasks, phase.tasks)
			}
			for _, task := range w.aws.Tasks() {
				if strings.Contains(task.StartedBy, string(job.UID)) && task.LastStatus != "STOPPED" {
					t.Errorf("the job is gone and task %s is %s", task.ARN, task.LastStatus)
				}
			}
		})
	}
}

// limitTo sets how many tasks may exist at once.
func (w *world) limitTo(tasks int32) {
	w.t.Helper()
	environment := &scanv1.ScanEnvironment{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: "default"}, environment); err != nil {
		w.t.Fatal(err)
	}
	before := environment.DeepCopy()
	environment.Spec.Capacity.MaxConcurrentTasks = tasks
	if err := w.kube.Patch(w.t.Context(), environment, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
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
	w.wantRunning(2)
	done := map[string]bool{}
	for len(done) < len(names) {
		for _, name := range w.running() {
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
	for _, task := range tasks {
		most = max(most, liveAt(tasks, task.CreatedAt))
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
	// The clock that was moved ends no timer, so something else must make the controller look.
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Priority = 1 })
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonDeadlineExceeded)
	if attempt := job.Status.Attempts[0]; attempt.Class != scanv1.ClassDeadlineExceeded {
		t.Errorf("the attempt is %+v", attempt)
	}
}
