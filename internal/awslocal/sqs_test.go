package awslocal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// queueTest is a queue of a server whose time the test moves.
type queueTest struct {
	t      *testing.T
	clock  *clocktesting.FakeClock
	server *awslocal.Server
	client *sqs.Client
	url    *string
}

func newQueueTest(t *testing.T, attributes map[string]string) *queueTest {
	t.Helper()
	clock := fakeClock()
	server := start(t, awslocal.Options{Clock: clock})
	q := &queueTest{t: t, clock: clock, server: server, client: sqs.NewFromConfig(server.Config())}
	q.url = q.create("inbox", attributes)
	return q
}

func (q *queueTest) create(name string, attributes map[string]string) *string {
	q.t.Helper()
	out, err := q.client.CreateQueue(q.t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	noError(q.t, err)
	return out.QueueUrl
}

func (q *queueTest) send(body string) {
	q.t.Helper()
	_, err := q.client.SendMessage(q.t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String(body)})
	noError(q.t, err)
}

// receive takes up to ten messages without waiting.
func (q *queueTest) receive() []types.Message {
	q.t.Helper()
	return q.receiveFrom(q.url)
}

func (q *queueTest) receiveFrom(url *string) []types.Message {
	q.t.Helper()
	out, err := q.client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount", "SentTimestamp"},
		MessageAttributeNames: []string{"All"},
	})
	noError(q.t, err)
	return out.Messages
}

// one receives exactly one message.
func (q *queueTest) one() types.Message {
	q.t.Helper()
	messages := q.receive()
	if len(messages) != 1 {
		q.t.Fatalf("received %d messages, want 1", len(messages))
	}
	return messages[0]
}

func (q *queueTest) delete(m types.Message) {
	q.t.Helper()
	_, err := q.client.DeleteMessage(q.t.Context(), &sqs.DeleteMessageInput{QueueUrl: q.url, ReceiptHandle: m.ReceiptHandle})
	noError(q.t, err)
}

func (q *queueTest) depth() awslocal.QueueDepth {
	q.t.Helper()
	depth, err := q.server.Queue("inbox")
	noError(q.t, err)
	return depth
}

func TestReceivedMessageIsInvisibleUntilItsTimeoutEnds(t *testing.T) {
	q := newQueueTest(t, map[string]string{"VisibilityTimeout": "60"})
	q.send("a")
	first := q.one()
	if again := q.receive(); len(again) != 0 {
		t.Fatal("a message in flight was received again")
	}
	if depth := q.depth(); depth != (awslocal.QueueDepth{InFlight: 1}) {
		t.Errorf("depth %+v", depth)
	}
	q.clock.Step(61 * time.Second)
	second := q.one()
	if second.Attributes["ApproximateReceiveCount"] != "2" || aws.ToString(second.ReceiptHandle) == aws.ToString(first.ReceiptHandle) {
		t.Errorf("receive count %s; the handle must be a new one", second.Attributes["ApproximateReceiveCount"])
	}
	q.delete(first)
	if q.depth().Total() != 1 {
		t.Fatal("an old receipt handle deleted the message")
	}
	q.delete(second)
	if q.depth().Total() != 0 {
		t.Fatal("the newest receipt handle did not delete the message")
	}
}

func TestChangeMessageVisibilityRestartsTheClock(t *testing.T) {
	q := newQueueTest(t, map[string]string{"VisibilityTimeout": "60"})
	q.send("a")
	m := q.one()
	change := func(seconds int32) error {
		_, err := q.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: q.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
		return err
	}
	q.clock.Step(50 * time.Second)
	noError(t, change(60))
	q.clock.Step(50 * time.Second)
	if len(q.receive()) != 0 {
		t.Fatal("the message became visible before its new timeout")
	}
	wantCode(t, change(43200), "InvalidParameterValue")
	noError(t, change(0))
	q.one()
}

func TestMessageReceivedTooOftenGoesToTheDeadLetterQueue(t *testing.T) {
	q := newQueueTest(t, nil)
	dead := q.create("dead", nil)
	_, err := q.client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q.url, Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:dead","maxReceiveCount":"2"}`,
	}})
	noError(t, err)
	q.send("poison")
	sent := ""
	for range 2 {
		m := q.one()
		sent = m.Attributes["SentTimestamp"]
		q.clock.Step(31 * time.Second)
	}
	if len(q.receive()) != 0 || q.depth().Total() != 0 {
		t.Fatal("the message is still in the queue after it was received as often as it may be")
	}
	letters := q.receiveFrom(dead)
	if len(letters) != 1 || aws.ToString(letters[0].Body) != "poison" || letters[0].Attributes["SentTimestamp"] != sent {
		t.Fatalf("dead letters %+v; they keep the time of their sending", letters)
	}
}

func TestLongPollReturnsWhenAMessageArrives(t *testing.T) {
	server := start(t, awslocal.Options{})
	client := sqs.NewFromConfig(server.Config())
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("inbox")})
	noError(t, err)
	got := make(chan []types.Message, 1)
	waiting := make(chan struct{})
	server.Faults().Before("sqs", "ReceiveMessage", 1, func(awslocal.Call) { close(waiting) })
	go func() {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: created.QueueUrl, WaitTimeSeconds: 20})
		if err != nil {
			t.Error(err)
			got <- nil
			return
		}
		got <- out.Messages
	}()
	<-waiting
	begin := time.Now()
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: created.QueueUrl, MessageBody: aws.String("a")})
	noError(t, err)
	if messages := <-got; len(messages) != 1 {
		t.Errorf("received %d messages", len(messages))
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the poll returned after %v", took)
	}
}

func TestLongPollReturnsEmptyWhenItsTimeIsOver(t *testing.T) {
	q := newQueueTest(t, map[string]string{"ReceiveMessageWaitTimeSeconds": "20"})
	got := make(chan int, 1)
	go func() { got <- len(q.receive()) }()
	eventually(t, "the poll waits on the clock", q.clock.HasWaiters)
	q.clock.Step(19 * time.Second)
	if !q.clock.HasWaiters() {
		t.Fatal("the poll does not wait any more after 19 of its 20 seconds")
	}
	eventually(t, "the poll ends", func() bool {
		q.clock.Step(2 * time.Second)
		select {
		case n := <-got:
			if n != 0 {
				t.Errorf("received %d messages", n)
			}
			return true
		default:
			return false
		}
	})
}

func TestDelayedMessageIsNotVisibleYet(t *testing.T) {
	q := newQueueTest(t, nil)
	_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("a"), DelaySeconds: 10})
	noError(t, err)
	if len(q.receive()) != 0 || q.depth() != (awslocal.QueueDepth{Delayed: 1}) {
		t.Fatalf("depth %+v", q.depth())
	}
	q.clock.Step(11 * time.Second)
	q.one()
}

func TestDeletedMessagesComeBackAsOftenAsTheFaultSays(t *testing.T) {
	q := newQueueTest(t, nil)
	q.server.Faults().RepeatMessages(5)
	q.send("a")
	deliveries := 0
	for q.depth().Total() > 0 {
		q.delete(q.one())
		deliveries++
	}
	if deliveries != 6 {
		t.Errorf("delivered %d times, want 6", deliveries)
	}
}

func TestBatchesAnswerPerEntry(t *testing.T) {
	q := newQueueTest(t, nil)
	entries := []types.SendMessageBatchRequestEntry{}
	for i := range 10 {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String("m")})
	}
	entries[3].DelaySeconds = 901
	sent, err := q.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: entries})
	noError(t, err)
	if len(sent.Successful) != 9 || len(sent.Failed) != 1 || aws.ToString(sent.Failed[0].Id) != "3" {
		t.Fatalf("successful %d, failed %v", len(sent.Successful), sent.Failed)
	}
	var deletions []types.DeleteMessageBatchRequestEntry
	var changes []types.ChangeMessageVisibilityBatchRequestEntry
	for i, m := range q.receive() {
		deletions = append(deletions, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
		changes = append(changes, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 100})
	}
	changed, err := q.client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: q.url, Entries: changes})
	noError(t, err)
	deletions[0].ReceiptHandle = aws.String("nonsense")
	deleted, err := q.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: q.url, Entries: deletions})
	noError(t, err)
	if len(changed.Successful) != 9 || len(deleted.Successful) != 8 || aws.ToString(deleted.Failed[0].Code) != "ReceiptHandleIsInvalid" {
		t.Errorf("changed %d, deleted %d, failed %+v", len(changed.Successful), len(deleted.Successful), deleted.Failed)
	}
	_, err = q.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: append(entries, types.SendMessageBatchRequestEntry{Id: aws.String("x"), MessageBody: aws.String("m")})})
	wantCode(t, err, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
}

func TestQueueRefusals(t *testing.T) {
	q := newQueueTest(t, nil)
	ctx := t.Context()
	for _, row := range []struct {
		name string
		do   func() error
		code string
	}{
		{"a queue that does not exist", func() error {
			_, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		{"a queue of that name in another account", func() error {
			_, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("inbox"), QueueOwnerAWSAccountId: aws.String("444455556666")})
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		{"a message of more than 1 MiB", func() error {
			_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String(strings.Repeat("a", 1<<20+1))})
			return err
		}, "InvalidParameterValue"},
		{"eleven messages at once", func() error {
			_, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.url, MaxNumberOfMessages: 11})
			return err
		}, "InvalidParameterValue"},
		{"waiting for more than 20 seconds", func() error {
			_, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.url, WaitTimeSeconds: 21})
			return err
		}, "InvalidParameterValue"},
		{"a visibility timeout of more than 12 hours", func() error {
			_, err := q.client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: q.url, Attributes: map[string]string{"VisibilityTimeout": "43201"}})
			return err
		}, "InvalidAttributeValue"},
		{"a dead-letter queue that does not exist", func() error {
			_, err := q.client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: q.url, Attributes: map[string]string{
				"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:none","maxReceiveCount":5}`,
			}})
			return err
		}, "InvalidParameterValue"},
		{"a second queue of the same name with other attributes", func() error {
			_, err := q.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("inbox"), Attributes: map[string]string{"VisibilityTimeout": "1"}})
			return err
		}, "QueueAlreadyExists"},
	} {
		t.Run(row.name, func(t *testing.T) { wantCode(t, row.do(), row.code) })
	}
}

func TestQueueAttributesAndPurge(t *testing.T) {
	q := newQueueTest(t, nil)
	q.send("a")
	q.send("b")
	q.receive()
	q.send("c")
	out, err := q.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.url, AttributeNames: []types.QueueAttributeName{"All"}})
	noError(t, err)
	for name, want := range map[string]string{
		"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "2", "VisibilityTimeout": "30",
		"MaximumMessageSize": "1048576", "QueueArn": "arn:aws:sqs:us-east-1:111122223333:inbox",
	} {
		if got := out.Attributes[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	_, err = q.client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: q.url})
	noError(t, err)
	if q.depth().Total() != 0 {
		t.Errorf("depth after the purge %+v", q.depth())
	}
	_, err = q.client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: q.url})
	noError(t, err)
	_, err = q.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.url})
	if err == nil {
		t.Error("a deleted queue answers")
	}
}

func TestMessagesAreForgottenAfterTheirRetention(t *testing.T) {
	q := newQueueTest(t, map[string]string{"MessageRetentionPeriod": "60"})
	q.send("old")
	q.clock.Step(2 * time.Minute)
	q.send("new")
	bodies := []string{}
	for _, m := range q.receive() {
		bodies = append(bodies, aws.ToString(m.Body))
	}
	if !slices.Equal(bodies, []string{"new"}) {
		t.Errorf("received %v", bodies)
	}
}
