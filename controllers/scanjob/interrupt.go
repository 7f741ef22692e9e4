package scanjob

import (
	"context"
	"fmt"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// repeatStopAfter is when StopTask is called again for a task that has not stopped: a Fargate container gets at most 120 s
// from SIGTERM to SIGKILL.
const repeatStopAfter = 150 * time.Second

// interruption is why an attempt must not go on.
type interruption struct {
	class   scanv1.FailureClass
	message string
}

// askAgainAfter is when to look again at a task whose start deadline has passed and which ECS has not told of since.
const askAgainAfter = 5 * time.Second

// interruptionOf returns why the job's open attempt must be stopped, or nil, and the time at which a deadline will give a
// reason, zero where none will. askedAt is when ECS last told of the task: a manager that was away, or got no answer, must
// not take a container that runs for one that does not.
func interruptionOf(job *scanv1.ScanJob, attempt *scanv1.Attempt, askedAt, now time.Time) (*interruption, time.Time) {
	if !job.DeletionTimestamp.IsZero() {
		return &interruption{scanv1.ClassCancelled, "the ScanJob was deleted"}, time.Time{}
	}
	if job.Spec.Cancel {
		if successor := job.Annotations[scanv1.AnnotationSupersededBy]; successor != "" {
			return &interruption{scanv1.ClassSuperseded, "superseded by ScanJob " + successor}, time.Time{}
		}
		return &interruption{scanv1.ClassCancelled, "spec.cancel was set"}, time.Time{}
	}
	due := deadline(job)
	if !due.IsZero() && !now.Before(due) {
		return &interruption{scanv1.ClassDeadlineExceeded, fmt.Sprintf("activeDeadlineSeconds (%d) passed", *job.Spec.ActiveDeadlineSeconds)}, time.Time{}
	}
	if job.Spec.Suspend {
		return &interruption{scanv1.ClassSuspended, "spec.suspend was set"}, due
	}
	if start := startDeadline(job, attempt); !start.IsZero() {
		if unheard(attempt, start, askedAt, now) {
			return nil, now.Add(askAgainAfter)
		}
		if !now.Before(start) {
			return &interruption{scanv1.ClassInfrastructure, fmt.Sprintf("the container did not run within startDeadlineSeconds (%d)", *job.Spec.StartDeadlineSeconds)}, due
		}
		if due.IsZero() || start.Before(due) {
			due = start
		}
	}
	return nil, due
}

// startDeadline returns when startDeadlineSeconds passes; zero where the container runs, or none is waited for.
func startDeadline(job *scanv1.ScanJob, attempt *scanv1.Attempt) time.Time {
	// A task that is being stopped for a suspension that was taken back meanwhile will not start; that is not Fargate's fault.
	if attempt.AcceptedAt == nil || attempt.StartedAt != nil || attempt.StopRequestedFor == scanv1.ClassSuspended {
		return time.Time{}
	}
	return attempt.AcceptedAt.Add(time.Duration(*job.Spec.StartDeadlineSeconds) * time.Second)
}

// unheard says whether the start deadline has passed and ECS has not told of the task since.
func unheard(attempt *scanv1.Attempt, start, askedAt, now time.Time) bool {
	return !now.Before(start) && askedAt.Before(start) && attempt.StopRequestedFor == ""
}

// deadline returns when activeDeadlineSeconds passes; zero before the first admission.
func deadline(job *scanv1.ScanJob) time.Time {
	if job.Status.Timeline.AdmittedTime == nil || job.Spec.ActiveDeadlineSeconds == nil {
		return time.Time{}
	}
	return job.Status.Timeline.AdmittedTime.Add(time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second)
}

// interrupt stops the open attempt's task where there is a reason to. The attempt stays open until ECS says STOPPED.
func (r *Reconciler) interrupt(ctx context.Context, s *scope) error {
	attempt := openAttempt(s.job)
	if attempt == nil {
		return nil
	}
	reason, due := interruptionOf(s.job, attempt, s.askedAt, s.now)
	if !due.IsZero() {
		s.wakeAt(due)
	}
	if start := startDeadline(s.job, attempt); reason == nil && !start.IsZero() && unheard(attempt, start, s.askedAt, s.now) {
		r.observer.PollSoon()
	}
	if reason == nil && attempt.StopRequestedFor == "" {
		return nil
	}
	recorded := attempt.StopRequestedFor
	if reason != nil {
		attempt.StopRequestedFor = reason.class
	}
	if attempt.TaskARN == "" {
		return nil // identify looks for the task first
	}
	// Before the call, as with RunTask: after a crash in between, a task that was stopped must not look as if somebody else
	// had stopped it.
	if attempt.StopRequestedFor != recorded {
		if err := r.write(ctx, s); err != nil {
			return err
		}
		attempt = openAttempt(s.job)
	}
	if attempt.StopRequestedAt != nil && s.now.Sub(attempt.StopRequestedAt.Time) < repeatStopAfter {
		s.wakeAt(attempt.StopRequestedAt.Add(repeatStopAfter))
		return nil
	}
	message := "ScanJob " + s.job.Namespace + "/" + s.job.Name
	if reason != nil {
		message += ": " + reason.message
	}
	if err := r.tasksOf(s, attempt).Stop(ctx, attempt.ClusterARN, attempt.TaskARN, message); err != nil {
		hindered(s, attempt, "StopTask", err)
		return err
	}
	attempt.StopRequestedAt = s.stamp()
	admitted(s.job, attempt)
	s.wakeAt(s.now.Add(repeatStopAfter))
	return nil
}
