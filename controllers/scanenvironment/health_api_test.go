package scanenvironment

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// taker is a handler that is content with every message.
type taker struct{}

func (taker) Handle(context.Context, string, inbox.Message) error { return nil }

// newConsumingWorld makes a world whose managers consume the queues of environments, with the time of the queues and of
// those who receive from them under the test's control.
func newConsumingWorld(t *testing.T) (*world, *clocktesting.FakeClock) {
	t.Helper()
	clock := clocktesting.NewFakeClock(time.Now())
	w := newWorld(t)
	w.aws, w.made = provisionedAt(t, clock)
	w.consumers = inbox.New(taker{}, inbox.Options{Clock: clock, WaitTime: time.Second})
	return w, clock
}

func TestAnEnvironmentWhoseQueueCannotBeConsumedIsNotReadyUntilItCan(t *testing.T) {
	tests := []struct {
		action, reason, says string
	}{
		{"sqs:ReceiveMessage", "QueueAccessDenied", "allow sqs:ReceiveMessage"},
		{"sqs:DeleteMessage", "QueueAccessDenied", "allow sqs:DeleteMessage"},
	}
	for _, test := range tests {
		t.Run(test.action, func(t *testing.T) {
			w, clock := newConsumingWorld(t)
			w.start(w.aws.Config())
			denied := w.aws.Faults().Deny(awslocal.Any, test.action)
			w.create(w.plainEnvironment("default"))
			before := w.await("default", v1alpha1.ReasonReady)
			body := "hello"
			if _, err := sqs.NewFromConfig(w.aws.Config()).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.made.QueueURL, MessageBody: &body}); err != nil {
				t.Fatal(err)
			}

			var after *v1alpha1.ScanEnvironment
			began := clock.Now()
			eventually(t, "the environment is not Ready", func() string {
				clock.Step(time.Second)
				after = w.get("default")
				return missing(readiness(after).Reason, test.reason)
			})
			if lasted := clock.Since(began); lasted < time.Minute {
				t.Errorf("it was not Ready after %v", lasted)
			}
			ready := readiness(after)
			for _, want := range []string{"inbox.queue: SQS queue", "cannot be consumed since", test.says, "kms:Decrypt"} {
				if ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, want) {
					t.Errorf("condition %+v does not say %q", ready, want)
				}
			}
			if after.Status.Resolved == nil || after.Status.Resolved.QueueURL != before.Status.Resolved.QueueURL {
				t.Errorf("resolved %+v: the queue must stay in use, or nobody learns when it can be consumed", after.Status.Resolved)
			}

			denied.Clear()
			eventually(t, "the environment is Ready again", func() string {
				clock.Step(time.Second)
				return missing(readiness(w.get("default")).Reason, v1alpha1.ReasonReady)
			})
		})
	}
}

func missing(got, want string) string {
	if got != want {
		return "reason " + got + ", want " + want
	}
	return ""
}
