package scanschedule

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// examples is how many names a message has before it counts the rest; status.targets has them all.
const examples = 5

// maxReady keeps the condition readable, in bytes; the API's own bound is 32,768 characters.
const maxReady = 4096

// missingByName says whether a repository that is named does not exist.
func (s *scope) missingByName() bool {
	return slices.ContainsFunc(s.schedule.Status.Targets, func(target v1alpha1.ScheduleTarget) bool {
		return target.Reason == v1alpha1.ReasonRepositoryNotFound && named(&s.schedule.Spec, target.Repository)
	})
}

// judge finds what is wrong with the targets.
func (s *scope) judge() {
	status := &s.schedule.Status
	s.wakeAt(s.matchAgain())
	if missing := status.UnmatchedPatterns; len(missing) > 0 {
		s.trouble(v1alpha1.ReasonNoRepositoryMatches, fmt.Sprintf("no repository in %s matches %s; correct the pattern, or create the repository",
			s.region, list(missing)))
	}
	if status.OmittedTargets > 0 {
		s.trouble(v1alpha1.ReasonTooManyTargets, fmt.Sprintf("there are %d branches to scan and %d of them are not, because one schedule has at most %d; split it into several",
			len(status.Targets)+int(status.OmittedTargets), status.OmittedTargets, v1alpha1.MaxScheduleTargets))
	}
	if unscanned := s.unscanned(); len(unscanned) > 0 {
		s.trouble(v1alpha1.ReasonTargetsNotScanned, "not scanned: "+list(unscanned))
	}
}

// unscanned names the targets that somebody has to do something about. What a pattern brings may be empty, lack a branch or
// be gone by the time that it is looked at; what is named may not, and a branch that is found nowhere is a mistake.
func (s *scope) unscanned() []string {
	spec, targets := &s.schedule.Spec, s.schedule.Status.Targets
	found := map[string]bool{}
	for i := range targets {
		if targets[i].Reason != v1alpha1.ReasonBranchNotFound {
			found[targets[i].Branch] = true
		}
	}
	var names []string
	for i := range targets {
		target := &targets[i]
		if target.Reason == "" || target.Reason == v1alpha1.ReasonScanUnfinished || target.State == v1alpha1.TargetMissed {
			continue
		}
		tolerable := target.State == v1alpha1.TargetAbsent && !named(spec, target.Repository) &&
			(target.Reason != v1alpha1.ReasonBranchNotFound || found[target.Branch])
		if !tolerable {
			names = append(names, nameOf(target)+" ("+target.Reason+": "+target.Message+")")
		}
	}
	return names
}

// list joins names, the first few of them.
func list(names []string) string {
	if len(names) <= examples {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:examples], ", "), len(names)-examples)
}

// conclude derives the rest of the status.
func (s *scope) conclude() {
	status := &s.schedule.Status
	status.ObservedGeneration = s.schedule.Generation
	status.ActiveJobs = 0
	for _, c := range s.children {
		if !jobs.Finished(c.job) {
			status.ActiveJobs++
		}
	}
	status.NextScheduleTime = nil
	if s.table != nil && !s.schedule.Spec.Suspend {
		next := s.table.next(s.now)
		status.NextScheduleTime = apiTime(next)
		s.wakeAt(next)
	}
	condition := s.readiness()
	condition.ObservedGeneration = s.schedule.Generation
	meta.SetStatusCondition(&status.Conditions, condition)
}

// readiness is the condition Ready: the worst of the problems, or how the schedule goes on.
func (s *scope) readiness() metav1.Condition {
	if len(s.problems) > 0 {
		message := s.problems[0].message
		for _, other := range s.problems[1:] {
			message += ". " + other.reason + ": " + other.message
		}
		return metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: s.problems[0].reason, Message: clip.Bytes(message, maxReady),
		}
	}
	targets := s.schedule.Status.Targets
	message := fmt.Sprintf("Scanning %d branches", len(targets))
	if len(targets) == 1 {
		message = "Scanning 1 branch"
	}
	if s.schedule.Spec.Suspend {
		message = "Suspended: no scan is started"
	}
	absent := 0
	for i := range targets {
		if targets[i].State == v1alpha1.TargetAbsent {
			absent++
		}
	}
	if absent > 0 {
		message += fmt.Sprintf("; in %d there was nothing to scan, see status.targets", absent)
	}
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled, Message: message}
}
