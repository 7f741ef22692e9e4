package scanschedule

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

const (
	// firstRetry is how soon a target that met an obstacle is tried again; each later try comes when the target has waited
	// twice as long, up to lastRetry.
	firstRetry = 15 * time.Second
	lastRetry  = 15 * time.Minute
)

// obstacle is why a target's scan does not start.
type obstacle struct {
	state           v1alpha1.TargetState
	reason, message string
	// class is that of the AWS error, where it is one.
	class awsclient.Class
}

// Error is the reason and the message.
func (o *obstacle) Error() string { return o.reason + ": " + o.message }

// obstacleOf says what an error of CodeCommit means for a target: that there is nothing to scan, that it is tried again, or
// that it will be refused until somebody changes something.
func obstacleOf(err error, region string, target *v1alpha1.ScheduleTarget) *obstacle {
	repository, class := target.Repository, codecommit.ClassOf(err)
	absent := func(reason, message string) *obstacle {
		return &obstacle{state: v1alpha1.TargetAbsent, reason: reason, message: message, class: class}
	}
	waiting := func(reason, message string) *obstacle {
		return &obstacle{state: v1alpha1.TargetWaiting, reason: reason, message: message, class: class}
	}
	switch {
	case errors.Is(err, codecommit.ErrRepositoryNotFound):
		return absent(v1alpha1.ReasonRepositoryNotFound, fmt.Sprintf("there is no repository %s in %s; correct its name, or remove it from spec.repositories", repository, region))
	case errors.Is(err, codecommit.ErrEmpty):
		return absent(v1alpha1.ReasonRepositoryEmpty, fmt.Sprintf("repository %s is empty; it is scanned when something was pushed to it", repository))
	case errors.Is(err, codecommit.ErrBranchNotFound):
		return absent(v1alpha1.ReasonBranchNotFound, fmt.Sprintf("repository %s has no branch %s", repository, target.Branch))
	case awsclient.RoleRefused(err):
		return waiting(v1alpha1.ReasonAssumeRoleFailed, awsclient.Short(err))
	case class == awsclient.ClassAccessDenied:
		return waiting(v1alpha1.ReasonAccessDenied, fmt.Sprintf("allow codecommit:GetRepository and codecommit:GetBranch on %s: %s", repository, awsclient.Short(err)))
	case class == awsclient.ClassUnavailable:
		return waiting(v1alpha1.ReasonAWSUnavailable, "CodeCommit could not be asked: "+awsclient.Short(err))
	}
	return &obstacle{state: v1alpha1.TargetFailed, reason: v1alpha1.ReasonRepositoryUnreadable, message: awsclient.Short(err), class: class}
}

// meet gives a target the state that an obstacle calls for, and tells people of one that is new.
func (s *scope) meet(target *v1alpha1.ScheduleTarget, why *obstacle) {
	known := target.Reason == why.reason
	if why.state == v1alpha1.TargetWaiting {
		retry := s.now.Add(retryAfter(s.now.Sub(s.moment(target))))
		postpone(target, retry, why.reason, why.message)
		s.wakeAt(retry)
	} else {
		s.settle(target, why.state, why.reason, why.message)
	}
	if !known {
		s.warn(target)
	}
}

// retryAfter returns how long to wait before the next try for a target that has waited so long already.
func retryAfter(waited time.Duration) time.Duration { return min(max(waited, firstRetry), lastRetry) }

// warn tells people of a target's state.
func (s *scope) warn(target *v1alpha1.ScheduleTarget) {
	s.tell(corev1.EventTypeWarning, target.Reason, "Scan", nameOf(target)+": "+target.Message)
}

// nameOf names a target for people.
func nameOf(target *v1alpha1.ScheduleTarget) string {
	if target.Branch == "" {
		return target.Repository
	}
	return target.Repository + " " + target.Branch
}
