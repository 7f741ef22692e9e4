package inbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// letters is a server with a dead-letter queue dead, and an inbox for each redrive policy by its name.
type letters struct {
	t      *testing.T
	server *awslocal.Server
	client *sqs.Client
	clock  *clocktesting.FakePassiveClock
	dead   *DeadLetters
}

func newLetters(t *testing.T) *letters {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	clock := clocktesting.NewFakePassiveClock(time.Now())
	return &letters{
		t: t, server: server, client: sqs.NewFromConfig(server.Config()), clock: clock,
		dead: NewDeadLetters(awsclient.NewFactory(server.Config()), clock),
	}
}

func (l *letters) queue(name string, attributes map[string]string) string {
	l.t.Helper()
	out, err := l.client.CreateQueue(l.t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	if err != nil {
		l.t.Fatal(err)
	}
	return aws.ToString(out.QueueUrl)
}

func (l *letters) send(url string) {
	l.t.Helper()
	if _, err := l.client.SendMessage(l.t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(url), MessageBody: aws.String("x")}); err != nil {
		l.t.Fatal(err)
	}
}

const deadARN = "arn:aws:sqs:us-east-1:111122223333:dead"

func redriveTo(arn string) map[string]string {
	return map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":5}`}
}

func TestDeadLettersAreCountedAtMostOnceAMinute(t *testing.T) {
	l := newLetters(t)
	dead := l.queue("dead", nil)
	inbox := l.queue("inbox", redriveTo(deadARN))
	count := func(want int64) {
		t.Helper()
		got, err := l.dead.Of(t.Context(), awsclient.Scope{}, inbox)
		if err != nil || got.ARN != deadARN || got.Messages != want {
			t.Errorf("%+v, %v; want %d messages in %s", got, err, want, deadARN)
		}
	}
	count(0)
	l.send(dead)
	l.send(dead)
	calls := len(l.server.Calls())
	for range 10 {
		count(0)
	}
	if made := len(l.server.Calls()) - calls; made != 0 {
		t.Errorf("%d calls within a minute", made)
	}
	l.clock.SetTime(l.clock.Now().Add(time.Minute))
	count(2)
}

func TestDeadLettersThatCannotBeCounted(t *testing.T) {
	l := newLetters(t)
	l.queue("dead", nil)
	inbox := l.queue("inbox", redriveTo(deadARN))
	if _, err := l.dead.Of(t.Context(), awsclient.Scope{}, l.queue("plain", nil)); !errors.Is(err, ErrNoDeadLetterQueue) {
		t.Errorf("of a queue that has none: %v", err)
	}
	if _, err := l.dead.Of(t.Context(), awsclient.Scope{}, inbox+"-2"); awsclient.ClassOf(err) != awsclient.ClassNotFound {
		t.Errorf("of an inbox that there is not: %v", err)
	}
	fault := l.server.Faults().Deny("*", "sqs:GetQueueUrl")
	got, err := l.dead.Of(t.Context(), awsclient.Scope{}, inbox)
	if awsclient.ClassOf(err) != awsclient.ClassAccessDenied || got.ARN != deadARN {
		t.Errorf("without access: %+v, %v", got, err)
	}
	fault.Clear()
	if _, again := l.dead.Of(t.Context(), awsclient.Scope{}, inbox); again == nil || again.Error() != err.Error() {
		t.Errorf("within the minute: %v", again)
	}
	l.clock.SetTime(l.clock.Now().Add(time.Minute))
	if _, err := l.dead.Of(t.Context(), awsclient.Scope{}, inbox); err != nil {
		t.Errorf("with access: %v", err)
	}
}

func TestDeadLetterTarget(t *testing.T) {
	for policy, says := range map[string]string{
		"":                               ErrNoDeadLetterQueue.Error(),
		"{}":                             ErrNoDeadLetterQueue.Error(),
		"{":                              "cannot be read",
		`{"deadLetterTargetArn":"dead"}`: `"dead", which is not a queue's ARN`,
	} {
		if _, err := deadLetterTarget(policy); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", policy, err, says)
		}
	}
	got, err := deadLetterTarget(redriveTo(deadARN)["RedrivePolicy"])
	if want := (queueName{arn: deadARN, account: "111122223333", name: "dead"}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
