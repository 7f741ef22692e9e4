package awslocal_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	inboxARN = "arn:aws:sqs:us-east-1:111122223333:inbox"
	deadARN  = "arn:aws:sqs:us-east-1:111122223333:dead"
)

// withDeadLetter returns a queue inbox and its dead-letter queue, which holds one message.
func withDeadLetter(t *testing.T) (q *queueTest, dead *string) {
	t.Helper()
	q = newQueueTest(t, nil)
	dead = q.create("dead", nil)
	_, err := q.client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q.url, Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":"1"}`,
	}})
	noError(t, err)
	q.send("poison")
	q.one()
	q.clock.Step(31 * time.Second)
	if len(q.receive()) != 0 {
		t.Fatal("the message is still in the queue after it was received as often as it may be")
	}
	return q, dead
}

func TestMoveTaskBringsDeadLettersBackAsNewMessages(t *testing.T) {
	q, dead := withDeadLetter(t)
	was := q.receiveFrom(dead)
	if len(was) != 1 {
		t.Fatalf("%d dead letters", len(was))
	}
	q.clock.Step(31 * time.Second)
	started, err := q.client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(deadARN)})
	noError(t, err)
	if aws.ToString(started.TaskHandle) == "" {
		t.Error("the task has no handle")
	}
	if depth, err := q.server.Queue("dead"); err != nil || depth.Total() != 0 {
		t.Errorf("%+v, %v in the dead-letter queue", depth, err)
	}
	back := q.one()
	if aws.ToString(back.Body) != "poison" || aws.ToString(back.MessageId) == aws.ToString(was[0].MessageId) ||
		back.Attributes["SentTimestamp"] == was[0].Attributes["SentTimestamp"] || back.Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("%+v came back; it is a new message", back)
	}
	list, err := q.client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: aws.String(deadARN)})
	noError(t, err)
	if len(list.Results) != 1 || aws.ToString(list.Results[0].Status) != "COMPLETED" || list.Results[0].ApproximateNumberOfMessagesMoved != 1 {
		t.Errorf("tasks %+v", list.Results)
	}
}

func TestMoveTaskToAnotherQueue(t *testing.T) {
	q, _ := withDeadLetter(t)
	other := q.create("other", nil)
	_, err := q.client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{
		SourceArn: aws.String(deadARN), DestinationArn: aws.String("arn:aws:sqs:us-east-1:111122223333:other"),
	})
	noError(t, err)
	if got := q.receiveFrom(other); len(got) != 1 {
		t.Errorf("%d messages in the other queue", len(got))
	}
}

func TestMoveTaskLeavesWhatCameFromNoQueue(t *testing.T) {
	q, dead := withDeadLetter(t)
	_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: dead, MessageBody: aws.String("stray")})
	noError(t, err)
	_, err = q.client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(deadARN)})
	noError(t, err)
	if left := q.receiveFrom(dead); len(left) != 1 || aws.ToString(left[0].Body) != "stray" {
		t.Errorf("%+v are left", left)
	}
	list, err := q.client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: aws.String(deadARN)})
	noError(t, err)
	if len(list.Results) != 1 || aws.ToString(list.Results[0].FailureReason) != "CouldNotDetermineMessageSource" {
		t.Errorf("tasks %+v", list.Results)
	}
}

func TestMoveTaskRefusals(t *testing.T) {
	q, _ := withDeadLetter(t)
	for name, row := range map[string]struct {
		in   sqs.StartMessageMoveTaskInput
		code string
	}{
		"a queue that is no dead-letter queue": {sqs.StartMessageMoveTaskInput{SourceArn: aws.String(inboxARN)}, "InvalidParameterValue"},
		"a queue that does not exist":          {sqs.StartMessageMoveTaskInput{SourceArn: aws.String(inboxARN + "-2")}, "ResourceNotFoundException"},
		"a destination that does not exist":    {sqs.StartMessageMoveTaskInput{SourceArn: aws.String(deadARN), DestinationArn: aws.String(inboxARN + "-2")}, "ResourceNotFoundException"},
		"a rate that SQS does not have":        {sqs.StartMessageMoveTaskInput{SourceArn: aws.String(deadARN), MaxNumberOfMessagesPerSecond: aws.Int32(501)}, "InvalidParameterValue"},
	} {
		_, err := q.client.StartMessageMoveTask(t.Context(), &row.in)
		t.Run(name, func(t *testing.T) { wantCode(t, err, row.code) })
	}
}
