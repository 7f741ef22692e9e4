package scanjob

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestAJobTakesNoSlotBeforeItsTime(t *testing.T) {
	r := &Reconciler{options: Options{Backoff: DefaultBackoff()}}
	waiting := func(job *scanv1.ScanJob, now time.Duration) *scope {
		t.Helper()
		s := newScope(job, noon().Add(now))
		if err := r.conclude(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if !finished(s.job) && s.job.Status.NextAttemptTime != nil {
			if err := r.admit(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		summarize(s.job)
		return s
	}
	later := func(job *scanv1.ScanJob) {
		job.Spec.NotBefore = at(5 * time.Second)
		if wantsSlot(job) {
			t.Error("it wants a slot before its time was looked at")
		}
		job.Status.Timeline.CreatedTime = at(0)
	}

	s := waiting(newJob(later), 0)
	admitted := meta.FindStatusCondition(s.job.Status.Conditions, scanv1.ConditionAdmitted)
	if admitted == nil || admitted.Reason != scanv1.ReasonNotBefore || !strings.Contains(admitted.Message, "2026-11-09T12:00:05Z") {
		t.Errorf("admitted %+v", admitted)
	}
	if wantsSlot(s.job) || s.job.Status.Phase != scanv1.PhaseQueued || !s.wake.Equal(at(5*time.Second).Time) {
		t.Errorf("wants a slot %v, phase %s, wakes at %v", wantsSlot(s.job), s.job.Status.Phase, s.wake)
	}
	if s = waiting(s.job, 5*time.Second); !wantsSlot(s.job) || s.job.Status.NextAttemptTime != nil {
		t.Errorf("at its time it waits for %v", s.job.Status.NextAttemptTime)
	}

	t.Run("and ends without a task where another takes its place meanwhile", func(t *testing.T) {
		s := waiting(waiting(newJob(later, superseded), 0).job, time.Second)
		failed := meta.FindStatusCondition(s.job.Status.Conditions, scanv1.ConditionFailed)
		if failed == nil || failed.Reason != scanv1.ReasonSuperseded || !strings.Contains(failed.Message, "payments-43") || len(s.job.Status.Attempts) != 0 {
			t.Errorf("failed %+v, attempts %v", failed, s.job.Status.Attempts)
		}
	})
	t.Run("the time is that of the first attempt only", func(t *testing.T) {
		job := newJob(later, withAttempts(spoiledBy(scanv1.ClassSuspended)))
		if s := waiting(job, 0); s.job.Status.NextAttemptTime != nil {
			t.Errorf("the second attempt waits for %v", s.job.Status.NextAttemptTime)
		}
	})
}
