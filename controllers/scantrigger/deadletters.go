package scantrigger

import (
	"context"
	"errors"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// deadLettersInterval is how often the dead-letter queue is looked into.
const deadLettersInterval = time.Minute

// countDeadLetters writes the state of the dead-letter queue into a trigger's status and the metrics, and returns when to
// look again, zero for never.
func (r *Reconciler) countDeadLetters(ctx context.Context, trigger *v1alpha1.ScanTrigger, environment *v1alpha1.ScanEnvironment) time.Duration {
	key := client.ObjectKeyFromObject(trigger)
	if environment == nil || environment.Spec.Inbox == nil || environment.Status.Resolved == nil || environment.Status.Resolved.QueueURL == "" {
		trigger.Status.DeadLetters = nil
		r.metrics.deadLetters.drop(key)
		return 0
	}
	queue, err := r.deadLetters.Of(ctx, scopeOf(environment), environment.Status.Resolved.QueueURL)
	trigger.Status.DeadLetters = deadLetterStatus(queue, err)
	switch {
	case err == nil:
		r.metrics.deadLetters.set(key, queue.ARN, queue.Messages)
	case errors.Is(err, inbox.ErrNoDeadLetterQueue):
		r.metrics.deadLetters.drop(key)
	}
	return deadLettersInterval
}

func deadLetterStatus(queue inbox.DeadLetterQueue, err error) *v1alpha1.DeadLetterStatus {
	status := &v1alpha1.DeadLetterStatus{QueueARN: queue.ARN}
	switch {
	case err == nil:
		status.Messages = ptr.To(queue.Messages)
	case errors.Is(err, inbox.ErrNoDeadLetterQueue):
		status.Message = "the inbox has no dead-letter queue: a message that cannot be handled comes back until its retention ends; set a RedrivePolicy"
	case awsclient.ClassOf(err) == awsclient.ClassAccessDenied:
		status.Message = clip.Bytes("allow sqs:GetQueueUrl and sqs:GetQueueAttributes on the dead-letter queue: "+awsclient.Short(err), messageBytes)
	default:
		status.Message = clip.Bytes(awsclient.Short(err), messageBytes)
	}
	return status
}
