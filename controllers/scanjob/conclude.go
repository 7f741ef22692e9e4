package scanjob

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// conclusion is what follows from the attempts so far, while none is open.
type conclusion struct {
	// condition is ConditionComplete or ConditionFailed where the job is at its end, else empty.
	condition string
	reason    string
	message   string
	// retryAt is the earliest time of the next attempt; zero for at once.
	retryAt time.Time
}

// conclude ends the job, or times its next attempt, once its last attempt is closed.
func (r *Reconciler) conclude(_ context.Context, s *scope) error {
	if finished(s.job) || openAttempt(s.job) != nil {
		return nil
	}
	end := conclusionOf(s.job, s.environment, s.now, r.options.Backoff)
	if end.condition != "" {
		finish(s, end.condition, end.reason, end.message)
		return nil
	}
	s.job.Status.NextAttemptTime = nil
	if end.retryAt.After(s.now) {
		retryAt := metav1.NewTime(end.retryAt)
		s.job.Status.NextAttemptTime = &retryAt
	}
	if due := deadline(s.job); !due.IsZero() {
		s.wakeAt(due) // whatever the job waits for
	}
	return nil
}

// conclusionOf is the decision of conclude.
func conclusionOf(job *scanv1.ScanJob, environment *scanv1.ScanEnvironment, now time.Time, backoff Backoff) conclusion {
	last := lastAttempt(job)
	if last != nil && last.Class == "" {
		return conclusion{condition: scanv1.ConditionComplete, reason: scanv1.ReasonScanned,
			message: fmt.Sprintf("attempt %d scanned the revision", last.Number)}
	}
	if job.Spec.Cancel {
		if successor := job.Annotations[scanv1.AnnotationSupersededBy]; successor != "" {
			return conclusion{condition: scanv1.ConditionFailed, reason: scanv1.ReasonSuperseded, message: "superseded by ScanJob " + successor}
		}
		return conclusion{condition: scanv1.ConditionFailed, reason: scanv1.ReasonCancelled, message: "spec.cancel was set"}
	}
	if due := deadline(job); !due.IsZero() && !now.Before(due) {
		return conclusion{condition: scanv1.ConditionFailed, reason: scanv1.ReasonDeadlineExceeded,
			message: fmt.Sprintf("activeDeadlineSeconds (%d) passed; %s", *job.Spec.ActiveDeadlineSeconds, afterAttempts(job))}
	}
	if last == nil {
		return conclusion{retryAt: ptr.Deref(job.Spec.NotBefore, metav1.Time{}).Time}
	}
	switch last.Class {
	case scanv1.ClassConfiguration:
		return conclusion{condition: scanv1.ConditionFailed, reason: scanv1.ReasonConfiguration, message: afterAttempts(job)}
	case scanv1.ClassScan:
		return retryOrFail(job, last, *job.Spec.BackoffLimit, "backoffLimit", scanv1.ReasonBackoffLimitExceeded, backoff)
	case scanv1.ClassInfrastructure:
		if fallsBack(job, environment) {
			return conclusion{}
		}
		return retryOrFail(job, last, *job.Spec.InfrastructureBackoffLimit, "infrastructureBackoffLimit", scanv1.ReasonInfrastructureBackoffLimitExceeded, backoff)
	case scanv1.ClassDeadlineExceeded:
		return conclusion{condition: scanv1.ConditionFailed, reason: scanv1.ReasonDeadlineExceeded, message: afterAttempts(job)}
	case scanv1.ClassCancelled, scanv1.ClassSuperseded:
		return conclusion{condition: scanv1.ConditionFailed, reason: scanv1.ReasonCancelled, message: afterAttempts(job)}
	default:
		return conclusion{} // Suspended: counts against nothing
	}
}

func retryOrFail(job *scanv1.ScanJob, last *scanv1.Attempt, limit int32, field, reason string, backoff Backoff) conclusion {
	count := spoiled(job, last.Class)
	if count > limit {
		return conclusion{condition: scanv1.ConditionFailed, reason: reason,
			message: fmt.Sprintf("%d attempts were spoiled and %s is %d; %s", count, field, limit, afterAttempts(job))}
	}
	return conclusion{retryAt: last.StoppedAt.Add(backoff.after(last.Class, count, string(job.UID)))}
}

// afterAttempts tells of the last attempt: of what, how it ended, and where to read more.
func afterAttempts(job *scanv1.ScanJob) string {
	last := lastAttempt(job)
	if last == nil {
		return "no attempt was started"
	}
	text := fmt.Sprintf("attempt %d to scan %s: %s", last.Number, sourceOf(job), last.Reason)
	if last.ExitCode != nil {
		text += fmt.Sprintf("; log stream …/%s/%s", last.ContainerName, fargate.TaskID(last.TaskARN))
	}
	return text
}

// sourceOf names what a job scans, for people.
func sourceOf(job *scanv1.ScanJob) string {
	source, repository := job.Spec.Source, ""
	switch {
	case source.CodeCommit != nil:
		repository = source.CodeCommit.Repository
	case source.Git != nil:
		repository = repositoryName(source.Git.URL)
	}
	return repository + " at " + source.Revision
}

// finished says whether the job is at its end.
func finished(job *scanv1.ScanJob) bool {
	return meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete) ||
		meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed)
}

// finish puts the job at its end.
func finish(s *scope, condition, reason, message string) {
	setCondition(s.job, condition, metav1.ConditionTrue, reason, message)
	setCondition(s.job, scanv1.ConditionAdmitted, metav1.ConditionFalse, scanv1.ReasonFinished, "the job is finished")
	s.job.Status.NextAttemptTime = nil
	s.job.Status.Timeline.FinishedTime = s.stamp()
}
