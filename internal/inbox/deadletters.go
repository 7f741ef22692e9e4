package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"k8s.io/utils/clock"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const (
	// deadLettersFresh is how long an answer about a dead-letter queue is good for, an error too.
	deadLettersFresh = time.Minute
	// deadLettersPatience bounds one look at a dead-letter queue.
	deadLettersPatience = 5 * time.Second
)

// ErrNoDeadLetterQueue says that the inbox has no dead-letter queue.
var ErrNoDeadLetterQueue = errors.New("the inbox has no dead-letter queue")

// DeadLetterQueue is the dead-letter queue of an inbox.
type DeadLetterQueue struct {
	// ARN names it.
	ARN string
	// Messages is about how many messages it holds.
	Messages int64
}

// DeadLetters looks into the dead-letter queues of inboxes, each at most once a minute, however many want to know. It is
// safe for concurrent use.
type DeadLetters struct {
	aws   *awsclient.Factory
	clock clock.PassiveClock

	mu    sync.Mutex
	known map[inboxKey]knownDeadLetters
}

type inboxKey struct {
	scope awsclient.Scope
	url   string
}

type knownDeadLetters struct {
	queue DeadLetterQueue
	err   error
	asked time.Time
}

// NewDeadLetters returns a DeadLetters that asks with the factory's clients.
func NewDeadLetters(aws *awsclient.Factory, clock clock.PassiveClock) *DeadLetters {
	return &DeadLetters{aws: aws, clock: clock, known: map[inboxKey]knownDeadLetters{}}
}

// Of returns the dead-letter queue of the inbox with that URL, as it was at most a minute ago. The ARN is set also where the
// number of messages cannot be had. Its error matches ErrNoDeadLetterQueue where there is none.
func (d *DeadLetters) Of(ctx context.Context, scope awsclient.Scope, inboxURL string) (DeadLetterQueue, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := inboxKey{scope, inboxURL}
	now := d.clock.Now()
	if known, ok := d.known[key]; ok && now.Sub(known.asked) < deadLettersFresh {
		return known.queue, known.err
	}
	ctx, cancel := context.WithTimeout(ctx, deadLettersPatience)
	defer cancel()
	queue, err := look(ctx, d.aws.For(scope).SQS, inboxURL)
	d.known[key] = knownDeadLetters{queue: queue, err: err, asked: now}
	return queue, err
}

func look(ctx context.Context, client *sqs.Client, inboxURL string) (DeadLetterQueue, error) {
	policy, err := attribute(ctx, client, inboxURL, sqstypes.QueueAttributeNameRedrivePolicy)
	if err != nil {
		return DeadLetterQueue{}, fmt.Errorf("read the redrive policy of the inbox: %w", err)
	}
	target, err := deadLetterTarget(policy)
	if err != nil {
		return DeadLetterQueue{}, err
	}
	queue := DeadLetterQueue{ARN: target.arn}
	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(target.name), QueueOwnerAWSAccountId: aws.String(target.account)})
	if err != nil {
		return queue, fmt.Errorf("find the dead-letter queue: %w", err)
	}
	text, err := attribute(ctx, client, aws.ToString(found.QueueUrl), sqstypes.QueueAttributeNameApproximateNumberOfMessages)
	if err != nil {
		return queue, fmt.Errorf("count the messages of the dead-letter queue: %w", err)
	}
	queue.Messages, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return queue, fmt.Errorf("count the messages of the dead-letter queue: %w", err)
	}
	return queue, nil
}

type queueName struct{ arn, account, name string }

// deadLetterTarget reads a redrive policy. Its error matches ErrNoDeadLetterQueue where that names no queue.
func deadLetterTarget(policy string) (queueName, error) {
	var redrive struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if policy != "" {
		if err := json.Unmarshal([]byte(policy), &redrive); err != nil {
			return queueName{}, fmt.Errorf("the redrive policy of the inbox cannot be read: %w", err)
		}
	}
	if redrive.Target == "" {
		return queueName{}, ErrNoDeadLetterQueue
	}
	const account, name, parts = 4, 5, 6
	fields := strings.Split(redrive.Target, ":")
	if len(fields) != parts {
		return queueName{}, fmt.Errorf("the redrive policy of the inbox names %q, which is not a queue's ARN", redrive.Target)
	}
	return queueName{arn: redrive.Target, account: fields[account], name: fields[name]}, nil
}

func attribute(ctx context.Context, client *sqs.Client, url string, name sqstypes.QueueAttributeName) (string, error) {
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(url), AttributeNames: []sqstypes.QueueAttributeName{name},
	})
	if err != nil {
		return "", err
	}
	return out.Attributes[string(name)], nil
}
