package scanjob

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// maxMessage is the API's bound of a condition's message.
const maxMessage = 32768

func setCondition(job *scanv1.ScanJob, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&job.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: shorten(message, maxMessage), ObservedGeneration: job.Generation,
	})
}

// summarize derives what is derived: phase, result, observed generation.
func summarize(job *scanv1.ScanJob) {
	job.Status.ObservedGeneration = job.Generation
	job.Status.Phase = phaseOf(job)
	job.Status.Result = resultOf(job)
}

// phaseOf sums the conditions and the open attempt up.
func phaseOf(job *scanv1.ScanJob) scanv1.Phase {
	switch {
	case meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete):
		return scanv1.PhaseSucceeded
	case meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed):
		return scanv1.PhaseFailed
	}
	if attempt := openAttempt(job); attempt != nil {
		if attempt.StartedAt != nil {
			return scanv1.PhaseRunning
		}
		return scanv1.PhaseStarting
	}
	if admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted); admitted != nil {
		switch admitted.Reason {
		case scanv1.ReasonConcurrencyLimit, scanv1.ReasonRateLimited, scanv1.ReasonCapacityUnavailable, scanv1.ReasonBackoff, scanv1.ReasonNotBefore:
			return scanv1.PhaseQueued
		}
	}
	return scanv1.PhasePending
}

// resultOf says what is known of the revision. Findings that arrived count whatever became of the attempt that sent them.
func resultOf(job *scanv1.ScanJob) scanv1.ScanResult {
	if job.Status.Findings != nil && job.Status.Findings.Total > 0 {
		return scanv1.ResultFindings
	}
	if !meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete) {
		return scanv1.ResultUnknown
	}
	switch last := lastAttempt(job); {
	case last == nil:
		return scanv1.ResultUnknown
	case last.ExitCode == nil && job.Status.Findings != nil:
		return scanv1.ResultClean // the task is forgotten, and the document that it sent names nothing
	case last.ExitCode != nil && *last.ExitCode == contract.ExitClean:
		return scanv1.ResultClean
	}
	return scanv1.ResultFindings
}

// creationTimeline returns the moments before the controller first saw the job.
func creationTimeline(job *scanv1.ScanJob) scanv1.Timeline {
	created := job.CreationTimestamp
	return scanv1.Timeline{
		EventTime:    annotatedTime(job, scanv1.AnnotationEventTime),
		ReceivedTime: annotatedTime(job, scanv1.AnnotationReceivedTime),
		CreatedTime:  &created,
	}
}

// annotatedTime returns nil where the annotation is absent or is no time: annotations are anybody's to write.
func annotatedTime(job *scanv1.ScanJob, name string) *metav1.Time {
	t, err := time.Parse(time.RFC3339Nano, job.Annotations[name])
	// The API's times have four digits for the year; an offset can lead out of them.
	if year := t.UTC().Year(); err != nil || year < 1 || year > 9999 {
		return nil
	}
	return apiTime(t)
}

// chargeTask adds a stopped task to the job's cost.
func chargeTask(job *scanv1.ScanJob, task fargate.Task, architecture scanv1.Architecture) {
	if billed := fargate.Billed(task.PullStartedAt, task.StoppedAt); billed > 0 {
		job.Status.Cost = fargate.AddCost(job.Status.Cost, task.CPU, task.Memory, architecture, billed)
	}
}
