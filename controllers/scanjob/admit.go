package scanjob

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// admit records the next attempt and starts its task, when the job may and has a slot; else it says what the job waits for.
func (r *Reconciler) admit(ctx context.Context, s *scope) error {
	if s.deleting() || finished(s.job) || openAttempt(s.job) != nil {
		return nil
	}
	if s.job.Spec.Suspend {
		suspend(s)
		return nil
	}
	if meta.IsStatusConditionTrue(s.job.Status.Conditions, scanv1.ConditionSuspended) {
		setCondition(s.job, scanv1.ConditionSuspended, metav1.ConditionFalse, scanv1.ReasonResumed, "spec.suspend was taken back")
	}
	if next := s.job.Status.NextAttemptTime; next != nil {
		s.wakeAt(next.Time)
		if len(s.job.Status.Attempts) == 0 {
			waits(s.job, scanv1.ReasonNotBefore, "spec.notBefore is "+next.UTC().Format(time.RFC3339))
			return nil
		}
		waits(s.job, scanv1.ReasonBackoff, fmt.Sprintf("attempt %d follows after %s; %s",
			nextNumber(s.job), next.UTC().Format("15:04:05Z"), afterAttempts(s.job)))
		return nil
	}
	if ok, reason, message := ready(s.environment, s.job.Spec.EnvironmentName); !ok {
		if strings.HasSuffix(message, beingChecked) && meta.FindStatusCondition(s.job.Status.Conditions, scanv1.ConditionAdmitted) != nil {
			return nil // a check takes a second, and a word to each of thousands of jobs that wait takes longer
		}
		waits(s.job, reason, message)
		return nil
	}
	attempt := r.draft(s)
	if err := r.check(s, attempt); err != nil {
		finish(s, scanv1.ConditionFailed, scanv1.ReasonConfiguration, err.Error())
		return nil
	}
	verdict, decided := r.admission.verdict(s.job, attempt.Number)
	if !decided || !verdict.admitted && verdict.told.reason == "" {
		s.pending = true // the admission loop tells
		return nil
	}
	if !verdict.admitted {
		waits(s.job, verdict.told.reason, verdict.told.message(s.job.Spec.EnvironmentName))
		return nil
	}

	attempt.OnDemandFallback, attempt.FallbackReason = verdict.onDemand != "", verdict.onDemand
	record(s, attempt)
	// The record is in the cluster before RunTask is called, so that no crash in between can lose a task.
	if err := r.write(ctx, s); err != nil {
		return err
	}
	if !r.mayStart(s, openAttempt(s.job)) {
		r.memory.keepsBack(s.job.UID, attempt.Number)
		return nil
	}
	return r.start(ctx, s, openAttempt(s.job), false)
}

// record puts the attempt into the status.
func record(s *scope, attempt scanv1.Attempt) {
	s.job.Status.Attempts = append(s.job.Status.Attempts, attempt)
	timeline := &s.job.Status.Timeline
	if timeline.AdmittedTime == nil {
		timeline.AdmittedTime = s.stamp()
	}
	// These are the last attempt's, which has not come to them yet.
	timeline.RunTaskTime, timeline.PullStartedTime, timeline.RunningTime, timeline.StoppedTime = nil, nil, nil, nil
	admitted(s.job, &attempt)
}

// admitted says that an attempt is on its way, and nothing stands in it.
func admitted(job *scanv1.ScanJob, attempt *scanv1.Attempt) {
	setCondition(job, scanv1.ConditionAdmitted, metav1.ConditionTrue, scanv1.ReasonAttemptRecorded, fmt.Sprintf("attempt %d is recorded", attempt.Number))
}

// hindered says in the status and by an event what AWS answers to a call for the attempt that is going to be repeated.
func hindered(s *scope, attempt *scanv1.Attempt, operation string, err error) {
	message := fmt.Sprintf("attempt %d is recorded; %s: %s; it is called again", attempt.Number, operation, awsclient.Short(err))
	condition := meta.FindStatusCondition(s.job.Status.Conditions, scanv1.ConditionAdmitted)
	if condition != nil && condition.Message == message {
		return
	}
	setCondition(s.job, scanv1.ConditionAdmitted, metav1.ConditionTrue, scanv1.ReasonAttemptRecorded, message)
	s.notes = append(s.notes, note{corev1.EventTypeWarning, "CallFailed", operation, message})
}

// draft returns the record of the next attempt.
func (r *Reconciler) draft(s *scope) scanv1.Attempt {
	number := nextNumber(s.job)
	return scanv1.Attempt{
		Number:            number,
		RecordedAt:        *s.stamp(),
		ClientToken:       fargate.ClientToken(string(s.job.UID), number),
		ClusterARN:        s.environment.Status.Resolved.ClusterARN,
		TaskDefinitionARN: s.environment.Status.Resolved.TaskDefinitionARN,
		RoleARN:           s.environment.Spec.AssumeRoleARN,
		ExternalID:        s.environment.Spec.ExternalID,
		ContainerName:     s.environment.Spec.ContainerName,
		Subnets:           subnetsOf(s.job, s.environment.Status.Resolved.Subnets),
	}
}

// check finds what would make every attempt fail, before one is made.
func (r *Reconciler) check(s *scope, attempt scanv1.Attempt) error {
	resolved := s.environment.Status.Resolved
	if wanted := s.job.Spec.Resources; wanted != nil && wanted.Architecture != "" && resolved.Architecture != "" && wanted.Architecture != resolved.Architecture {
		return fmt.Errorf("spec.resources.architecture is %s and the task definition %s of ScanEnvironment %s is for %s: name an environment whose task definition is for %s",
			wanted.Architecture, resolved.TaskDefinitionARN, s.environment.Name, resolved.Architecture, wanted.Architecture)
	}
	_, err := r.request(s, &attempt).Input()
	return err
}

func suspend(s *scope) {
	setCondition(s.job, scanv1.ConditionSuspended, metav1.ConditionTrue, scanv1.ReasonSuspendRequested, "spec.suspend is set")
	waits(s.job, scanv1.ReasonSuspended, "spec.suspend is set")
	// As with batch/v1 Job, the time before a suspension does not count towards the deadline.
	s.job.Status.Timeline.AdmittedTime = nil
	s.job.Status.NextAttemptTime = nil
}

func waits(job *scanv1.ScanJob, reason, message string) {
	setCondition(job, scanv1.ConditionAdmitted, metav1.ConditionFalse, reason, message)
}
