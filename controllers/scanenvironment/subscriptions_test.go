package scanenvironment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestWhoIsMissingAmongTheSubscribers(t *testing.T) {
	const queue = "arn:aws:sqs:us-east-1:111122223333:scan-inbox"
	subscriber := func(protocol, endpoint, arn string) snstypes.Subscription {
		return snstypes.Subscription{Protocol: &protocol, Endpoint: &endpoint, SubscriptionArn: &arn}
	}
	inbox := subscriber("sqs", queue, "arn:1")
	other := subscriber("sqs", queue+"-other", "arn:2")
	mail := subscriber("email", "a@example.com", "arn:3")
	pending := subscriber("email", "b@example.com", "PendingConfirmation")
	gone := subscriber("email", "c@example.com", "Deleted")
	for _, row := range []struct {
		name          string
		subscriptions []snstypes.Subscription
		queue         string
		wants         []string // empty: nobody is missing
	}{
		{"the inbox and a mail address", []snstypes.Subscription{inbox, mail}, queue, nil},
		{"the inbox and another queue, from which others read", []snstypes.Subscription{inbox, other}, queue, nil},
		{"a mail address that is confirmed, beside one that is not", []snstypes.Subscription{inbox, mail, pending}, queue, []string{"told nothing: 1 subscription is not confirmed; follow the link"}},
		{"another queue, beside two mail addresses that are not confirmed", []snstypes.Subscription{inbox, other, pending, pending}, queue, []string{"told nothing: 2 subscriptions are not confirmed"}},
		{"a mail address, where there is no inbox", []snstypes.Subscription{mail}, "", nil},
		{"the inbox alone", []snstypes.Subscription{inbox}, queue, []string{"nobody is subscribed; subscribe an e-mail address"}},
		{"the inbox and a mail address that was unsubscribed", []snstypes.Subscription{inbox, gone}, queue, []string{"nobody is subscribed"}},
		{"the inbox and a mail address that is not confirmed", []snstypes.Subscription{inbox, pending}, queue, []string{"1 subscription is not confirmed; follow the link"}},
		{"two that are not confirmed", []snstypes.Subscription{inbox, pending, pending}, queue, []string{"2 subscriptions are not confirmed"}},
		{"a mail address and not the inbox", []snstypes.Subscription{mail, other}, queue, []string{"does not have the inbox queue among its subscribers", "subscribe " + queue}},
		{"nobody at all", nil, queue, []string{"does not have the inbox queue", "and it tells nobody"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := lonely(row.subscriptions, row.queue)
			if (got == "") != (len(row.wants) == 0) {
				t.Errorf("got %q", got)
			}
			for _, want := range row.wants {
				if !strings.Contains(got, want) {
					t.Errorf("got %q, want a text with %q", got, want)
				}
			}
			if strings.Contains(got, "@") {
				t.Errorf("an address is in %q", got)
			}
		})
	}
}

// anotherTopic makes a topic and subscribes to it.
func (w *world) anotherTopic(name string, subscribers ...[2]string) string {
	w.t.Helper()
	client := sns.NewFromConfig(w.aws.Config())
	made, err := client.CreateTopic(w.t.Context(), &sns.CreateTopicInput{Name: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, subscriber := range subscribers {
		_, err := client.Subscribe(w.t.Context(), &sns.SubscribeInput{TopicArn: made.TopicArn, Protocol: &subscriber[0], Endpoint: &subscriber[1]})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return aws.ToString(made.TopicArn)
}

// warning waits for an environment whose topic has a warning with a text, or has none, and returns condition Ready.
func (w *world) warning(name, text string) metav1.Condition {
	w.t.Helper()
	var ready metav1.Condition
	eventually(w.t, "the warning "+text, func() string {
		environment := w.get(name)
		ready = readiness(environment)
		for _, entry := range environment.Status.References {
			if entry.Field != "notifications.topic" {
				continue
			}
			if !entry.Ready || (entry.Message == "") != (text == "") || !strings.Contains(entry.Message, text) || !strings.Contains(ready.Message, text) {
				return fmt.Sprintf("%+v, Ready: %s", entry, ready.Message)
			}
			return ""
		}
		return "no entry"
	})
	return ready
}

func TestAnEnvironmentWarnsOfATopicThatTellsNobodyAndIsReady(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	environment := w.plainEnvironment("default")
	environment.Spec.Notifications.Topic = plain(w.anotherTopic("findings", [2]string{"email", "security@example.com"}, [2]string{"sqs", w.made.QueueARN}))
	w.create(environment)
	ready := w.warning("default", "1 subscription is not confirmed")
	if ready.Status != metav1.ConditionTrue || ready.Reason != v1alpha1.ReasonReady || !strings.HasPrefix(ready.Message, "every reference can be used; warning: notifications.topic: SNS topic") {
		t.Errorf("condition %+v", ready)
	}

	w.change("default", func(e *v1alpha1.ScanEnvironment) { e.Spec.Notifications.Topic = plain(w.made.TopicARN) })
	if ready := w.warning("default", ""); ready.Status != metav1.ConditionTrue || strings.Contains(ready.Message, "warning") {
		t.Errorf("condition %+v", ready)
	}
}

func TestSubscribersThatCannotBeLookedAtLeaveAnEnvironmentReady(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	environment := w.plainEnvironment("default")
	environment.Spec.Notifications.Topic = plain(w.anotherTopic("findings", [2]string{"sqs", w.made.QueueARN}))
	w.create(environment)
	w.warning("default", "nobody is subscribed")

	throttled := w.aws.Faults().Fail("sns", "ListSubscriptionsByTopic", awslocal.Forever, awslocal.Throttled())
	w.touch("default")
	eventually(t, "the look is throttled", func() string {
		if throttled.Used() == 0 {
			return "not yet"
		}
		return ""
	})
	w.touch("default")
	w.await("default", v1alpha1.ReasonReady)
	w.warning("default", "nobody is subscribed") // what was known stays
	throttled.Clear()

	w.aws.Faults().Deny(awslocal.Any, "sns:ListSubscriptionsByTopic")
	w.touch("default")
	if ready := w.warning("default", "allow sns:ListSubscriptionsByTopic"); ready.Status != metav1.ConditionTrue {
		t.Errorf("condition %+v", ready)
	}
}
