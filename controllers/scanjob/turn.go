package scanjob

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// mayStart says whether RunTask may be called for an attempt that is recorded. What this process admits always has a slot.
// But a manager that has just taken over can come to know late of a record that the one before it wrote in its last
// moment, when it has given the slot to another job. No task may be started for that record until a slot is free; were one
// running already, an event or a look-up tells of it.
func (r *Reconciler) mayStart(s *scope, attempt *scanv1.Attempt) bool {
	if !r.options.Leading() {
		// The record may have come late for another manager, and what that one has given away is not known here. It is read by
		// whoever leads.
		s.wakeAt(s.now.Add(time.Second))
		return false
	}
	// Two that look at once must not both find the last slot free.
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.memory.called(s.job.UID, attempt.Number) {
		return true
	}
	own := holder{job: s.job.UID, recorded: attempt.RecordedAt.UnixNano()}
	var others []holder
	for _, c := range r.admission.jobs.holders(environmentOf(s.job)) {
		if c.uid != own.job {
			others = append(others, holder{job: c.uid, recorded: c.recorded, begun: !c.starting || r.memory.called(c.uid, c.attempt)})
		}
	}
	if own.ahead(others) < int(s.environment.Spec.Capacity.MaxConcurrentTasks) {
		r.memory.calls(s.job.UID, attempt.Number)
		return true
	}
	setCondition(s.job, scanv1.ConditionAdmitted, metav1.ConditionTrue, scanv1.ReasonAttemptRecorded,
		fmt.Sprintf("attempt %d is recorded; its task is started when a slot is free", attempt.Number))
	s.wakeAt(s.now)
	return false
}

// holder is an attempt that holds a slot.
type holder struct {
	job types.UID
	// recorded is when, in Unix nanoseconds.
	recorded int64
	// begun says that its task was started, or is about to be.
	begun bool
}

// ahead counts the attempts that come before one whose task was not started yet: those whose task was, and older ones.
func (h holder) ahead(others []holder) int {
	count := 0
	for _, other := range others {
		if other.begun || cmp.Or(cmp.Compare(other.recorded, h.recorded), cmp.Compare(other.job, h.job)) < 0 {
			count++
		}
	}
	return count
}
