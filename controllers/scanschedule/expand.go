package scanschedule

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

const (
	// listTimeout bounds the listing of an account's repositories.
	listTimeout = 30 * time.Second
	// listRetry is how soon a list that could not be had is asked for again.
	listRetry = time.Minute
	// matchRetry is how soon a pattern or name that matches no repository is compared with what there is again.
	matchRetry = 10 * time.Minute
)

// expansionDue says whether the repositories are to be listed now: for a changed spec, for a run that was due since they
// were last, or because something that was not there may be by now.
func (s *scope) expansionDue(run time.Time) bool {
	status := &s.schedule.Status
	expanded := timeOf(status.ExpandedTime)
	switch {
	case expanded == nil, status.ObservedGeneration != s.schedule.Generation:
		return true
	case !run.IsZero() && run.After(*expanded), s.runIsNewer():
		return true
	}
	again := s.matchAgain()
	return !again.IsZero() && !s.now.Before(again)
}

// matchAgain returns when a name or pattern that matches no repository is compared with what there is again, zero where all
// match.
func (s *scope) matchAgain() time.Time {
	expanded := timeOf(s.schedule.Status.ExpandedTime)
	if expanded == nil || len(s.schedule.Status.UnmatchedPatterns) == 0 && !s.missingByName() {
		return time.Time{}
	}
	return expanded.Add(matchRetry)
}

// runIsNewer says whether the repositories were not listed since the last run began.
func (s *scope) runIsNewer() bool {
	last, expanded := timeOf(s.schedule.Status.LastScheduleTime), timeOf(s.schedule.Status.ExpandedTime)
	return last != nil && (expanded == nil || expanded.Before(*last))
}

// expand compares spec.repositories with the repositories that there are. Where they cannot be listed, those that are named
// and those that were found before stand in, and the others join the run when they can.
func (r *Reconciler) expand(ctx context.Context, s *scope, run time.Time) {
	status := &s.schedule.Status
	if s.repositories == nil || s.table == nil {
		if status.ObservedGeneration != s.schedule.Generation {
			status.ExpandedTime = nil
		}
		return
	}
	if !s.expansionDue(run) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	listed, err := s.repositories.Repositories(ctx)
	if err != nil {
		s.listingFailed(ctx, err)
		targets, omitted := expand(&s.schedule.Spec, status.Targets, existing(status.Targets))
		status.Targets, status.OmittedTargets, status.UnmatchedPatterns = targets, int32(omitted), nil
		return
	}
	late := run.IsZero() && s.runIsNewer()
	targets, omitted := expand(&s.schedule.Spec, status.Targets, listed)
	for i := range targets {
		if late && findTarget(status.Targets, targets[i].Repository, targets[i].Branch) < 0 {
			enter(s.schedule, *s.table, status.LastScheduleTime.Time, &targets[i])
		}
	}
	noteExistence(targets, listed)
	status.UnmatchedPatterns = unmatched(&s.schedule.Spec, listed)
	status.Targets, status.OmittedTargets, status.ExpandedTime = targets, int32(omitted), apiTime(s.now)
}

// listingFailed says why the repositories could not be listed. A schedule that only names repositories needs no list.
func (s *scope) listingFailed(ctx context.Context, err error) {
	log.FromContext(ctx).Info("Cannot list the repositories", "region", s.region, "problem", err.Error())
	class := codecommit.ClassOf(err)
	usable, _ := patterns(&s.schedule.Spec)
	if len(usable) == 0 && class == awsclient.ClassAccessDenied && !awsclient.RoleRefused(err) {
		s.schedule.Status.ExpandedTime = apiTime(s.now)
		return
	}
	s.schedule.Status.ExpandedTime = nil
	s.wakeAt(s.now.Add(listRetry))
	switch {
	case awsclient.RoleRefused(err):
		s.trouble(v1alpha1.ReasonAssumeRoleFailed, "spec.assumeRoleARN of the ScanEnvironment: "+awsclient.Short(err))
	case class == awsclient.ClassAccessDenied:
		s.trouble(v1alpha1.ReasonAccessDenied, "patterns in spec.repositories need the permission codecommit:ListRepositories: "+awsclient.Short(err))
	default:
		s.trouble(v1alpha1.ReasonAWSUnavailable, "the repositories could not be listed, it is tried again: "+awsclient.Short(err))
	}
}

// dueRun returns the run that is to begin now, zero where none is; see the function of that name.
func (s *scope) dueRun() (run time.Time, late bool) {
	if s.table == nil || s.repositories == nil || s.schedule.Spec.Suspend {
		return time.Time{}, false
	}
	return dueRun(s.schedule, *s.table, s.now)
}

// begin begins the run that is due, or notes that it is too late for it.
func (s *scope) begin(run time.Time, late bool) {
	status := &s.schedule.Status
	switch {
	case run.IsZero():
	case late:
		status.LastMissedTime = apiTime(run)
		s.tell(corev1.EventTypeWarning, "MissedRun", "Schedule", fmt.Sprintf("the run of %s could not begin within startingDeadlineSeconds (%d)",
			stamp(run), *s.schedule.Spec.StartingDeadlineSeconds))
	default:
		before := timeOrZero(status.LastScheduleTime)
		if overtaken := begin(s.schedule, *s.table, run); overtaken > 0 {
			s.settled[v1alpha1.TargetMissed] += overtaken
			s.tell(corev1.EventTypeWarning, "MissedScans", "Schedule", fmt.Sprintf("%d scans of the run of %s had not started when the run of %s was due",
				overtaken, stamp(before), stamp(run)))
		}
	}
}
