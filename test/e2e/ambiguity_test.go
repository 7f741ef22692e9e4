package e2e

import (
	"testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestLostRunTaskAnswerStartsNoSecondTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	const lost = 4
	w.aws.Faults().LoseAnswer("ecs", "RunTask", lost)
	// No event tells of the task, so that the controller's own replay is what finds it.
	w.aws.Faults().DropEvents("aws.ecs", awslocal.Forever)
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	w.oneTaskPerAttempt(job)
	if tasks := len(w.aws.Tasks()); tasks != 1 {
		t.Errorf("%d tasks were started, want 1", tasks)
	}
	if calls := w.aws.CallCount("ecs", "RunTask"); calls <= lost {
		t.Errorf("RunTask was called %d times: nobody repeated it after %d lost answers", calls, lost)
	}
}

func TestTaskThatIsMissingRightAfterRunTaskIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().DropEvents("aws.ecs", awslocal.Forever)
	w.aws.Faults().Missing(5)
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	if len(job.Status.Attempts) != 1 {
		t.Errorf("the scan took %d attempts, want 1", len(job.Status.Attempts))
	}
}

// Invariant 4: events are hints. All of them, none of them, or any of them in any order end in the same status.
func TestTaskEventsInAnyOrderAndNumberEndInTheSameStatus(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*awslocal.Faults){
		"as they come":     func(*awslocal.Faults) {},
		"each three times": func(f *awslocal.Faults) { f.DuplicateEvents(2) },
		"none":             func(f *awslocal.Faults) { f.DropEvents("aws.ecs", awslocal.Forever) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.aws.RunContainersWith(awslocal.ExitWith(0))
			disturb(w.aws.Faults())
			w.manage(managerOptions{})
			w.submit("scan")
			sameEnd(t, w)
		})
	}
	t.Run("all at the end and reversed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.aws.RunContainersWith(awslocal.ExitWith(0))
		w.aws.Faults().HoldEvents()
		w.manage(managerOptions{})
		w.submit("scan")
		w.finished("scan")
		w.aws.Faults().ReleaseEvents(func(events []awslocal.Event) []awslocal.Event {
			if len(events) < 5 {
				t.Errorf("only %d events were held", len(events))
			}
			for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
				events[i], events[j] = events[j], events[i]
			}
			return events
		})
		poll(t, func() bool { return w.inboxDepth() == 0 }, func() string { return "the inbox was never emptied" })
		sameEnd(t, w)
	})
}

func sameEnd(t *testing.T, w *world) {
	t.Helper()
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	attempt := job.Status.Attempts[0]
	if len(job.Status.Attempts) != 1 || attempt.TaskStatus != "STOPPED" || attempt.ExitCode == nil || *attempt.ExitCode != 0 ||
		attempt.StoppedAt == nil || attempt.StartedAt == nil || attempt.Class != "" {
		t.Errorf("the attempts are %+v", job.Status.Attempts)
	}
	if job.Status.Result != scanv1.ResultClean || job.Status.Phase != scanv1.PhaseSucceeded {
		t.Errorf("result %s, phase %s", job.Status.Result, job.Status.Phase)
	}
}
