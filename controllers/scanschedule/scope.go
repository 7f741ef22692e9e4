package scanschedule

import (
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

// scope is one reconcile of one schedule. The steps change the schedule's status in it; nothing is written before the end.
type scope struct {
	schedule    *v1alpha1.ScanSchedule
	before      *v1alpha1.ScanSchedule
	environment *v1alpha1.ScanEnvironment // nil where there is none
	children    []child
	now         time.Time

	// table is when runs are due; nil where the spec does not say.
	table *timetable
	// repositories asks CodeCommit; nil where it cannot be known whom to ask.
	repositories *codecommit.Client
	region       string
	// problems are why the schedule cannot be followed as it should, worst first.
	problems []problem
	notes    []note
	// settled counts the targets that came to an end of their run, by how.
	settled map[v1alpha1.TargetState]int
	wake    time.Time
}

// problem is a reason and message for condition Ready.
type problem struct {
	reason, message string
}

func (s *scope) trouble(reason, message string) {
	s.problems = append(s.problems, problem{reason, message})
}

// wakeAt asks for another reconcile at a time, at the latest.
func (s *scope) wakeAt(t time.Time) {
	if t.IsZero() {
		return
	}
	if s.wake.IsZero() || t.Before(s.wake) {
		s.wake = t
	}
}

// soon is how long a reconcile that has more to do waits, so that the cache has what it wrote.
const soon = 200 * time.Millisecond

// requeueAfter returns the time until the next reconcile, zero where none is asked for.
func (s *scope) requeueAfter() time.Duration {
	if s.wake.IsZero() {
		return 0
	}
	return max(s.wake.Sub(s.now), soon)
}

// defaultBranch says whether the schedule scans each repository's default branch.
func (s *scope) defaultBranch() bool { return len(s.schedule.Spec.Branches) == 0 }

// settle gives a target a state that is not Waiting, and counts it.
func (s *scope) settle(target *v1alpha1.ScheduleTarget, state v1alpha1.TargetState, reason, message string) {
	settle(target, state, reason, message)
	s.settled[state]++
}
