package scanjob

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// findingsWait is how long a finished scan's findings are waited for: SNS and SQS deliver within seconds, and try again for
// minutes.
const findingsWait = 10 * time.Minute

// report says how far the result of a finished job got.
func (r *Reconciler) report(_ context.Context, s *scope) error {
	if !finished(s.job) {
		return nil
	}
	if resultOf(s.job) == scanv1.ResultClean && s.job.Status.Findings == nil {
		// A clean scan publishes nothing; that it found nothing is known all the same.
		s.job.Status.Findings = &scanv1.Findings{Attempt: lastAttempt(s.job).Number}
	}
	if resultOf(s.job) != scanv1.ResultFindings {
		reported(s, metav1.ConditionTrue, scanv1.ReasonNothingToReport, "there is nothing to report")
		return nil
	}
	if s.job.Status.Findings != nil {
		deliver(s, scanv1.SinkTopic, scanv1.DeliveryDelivered, "")
		deliver(s, scanv1.SinkStatus, scanv1.DeliveryDelivered, "")
		reported(s, metav1.ConditionTrue, scanv1.ReasonFindingsReceived, "the topic accepted the findings and they are in this status")
		return nil
	}
	if environment := s.environment; environment != nil && (environment.Spec.Notifications == nil || environment.Spec.Inbox == nil) {
		reported(s, metav1.ConditionFalse, scanv1.ReasonNoInbox,
			"the scanner found something; its log has the details, because ScanEnvironment "+environment.Name+" has no inbox or no notifications")
		return nil
	}
	// A scanner exits with the code for findings only after the topic has accepted them.
	deliver(s, scanv1.SinkTopic, scanv1.DeliveryDelivered, "")
	until := s.job.Status.Timeline.FinishedTime.Add(findingsWait)
	if s.now.Before(until) {
		deliver(s, scanv1.SinkStatus, scanv1.DeliveryPending, "")
		reported(s, metav1.ConditionFalse, scanv1.ReasonAwaitingFindings, "the topic accepted the findings; they have not come through the inbox yet")
		s.wakeAt(until)
		return nil
	}
	const message = "the topic accepted the findings, but they did not come through the inbox within 10 minutes: check the topic's subscription to the inbox queue"
	deliver(s, scanv1.SinkStatus, scanv1.DeliveryFailed, message)
	reported(s, metav1.ConditionFalse, scanv1.ReasonFindingsNotReceived, message)
	return nil
}

func reported(s *scope, status metav1.ConditionStatus, reason, message string) {
	setCondition(s.job, scanv1.ConditionReported, status, reason, message)
	if status == metav1.ConditionTrue && s.job.Status.Timeline.ReportedTime == nil {
		s.job.Status.Timeline.ReportedTime = s.stamp()
	}
}

// awaitsFindings says whether the job is finished but its findings may still come.
func awaitsFindings(job *scanv1.ScanJob) bool {
	condition := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionReported)
	return condition != nil && condition.Reason == scanv1.ReasonAwaitingFindings
}

// deliver notes how far the report to one sink got.
func deliver(s *scope, sink string, state scanv1.DeliveryState, problem string) {
	for i := range s.job.Status.Deliveries {
		delivery := &s.job.Status.Deliveries[i]
		if delivery.Sink != sink {
			continue
		}
		if delivery.State != state {
			delivery.State, delivery.LastError, delivery.LastAttemptTime = state, problem, s.stamp()
		}
		return
	}
	s.job.Status.Deliveries = append(s.job.Status.Deliveries, scanv1.Delivery{Sink: sink, State: state, LastError: problem, LastAttemptTime: s.stamp()})
}
