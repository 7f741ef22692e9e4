package scanjob

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
)

// holdBack is how long RunTask's answer is kept before it is written by itself: a container that runs by then needs one
// write for both. A crash within that time loses nothing, because repeating RunTask names the same task.
const holdBack = 2 * time.Second

// deferrable says whether what a reconcile came to need not be written now: that a new job is not admitted yet, or that
// RunTask was answered a moment ago. It wakes the job when it must be written.
func deferrable(s *scope) bool {
	if s.deleting() {
		return false
	}
	if s.pending && len(s.written.Conditions) == 0 && len(s.written.Attempts) == 0 {
		return s.job.Spec.NotBefore == nil // the admission loop waits for the first word on the time
	}
	attempt := openAttempt(s.job)
	if attempt == nil || attempt.AcceptedAt == nil || attempt.StopRequestedFor != "" || len(s.notes) > 0 {
		return false
	}
	until := attempt.AcceptedAt.Add(holdBack)
	if !s.now.Before(until) {
		return false
	}
	without := s.job.DeepCopy()
	last := openAttempt(without)
	last.TaskARN, last.AcceptedAt = "", nil
	without.Status.Timeline.RunTaskTime = s.written.Timeline.RunTaskTime
	summarize(without)
	if !equality.Semantic.DeepEqual(s.written, &without.Status) {
		return false
	}
	s.wakeAt(until)
	return true
}
