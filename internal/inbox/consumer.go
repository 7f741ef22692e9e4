package inbox

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// maxBatch is SQS's limit for a receive and for a batch call
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
const maxBatch = 10

// consumer receives from one queue.
type consumer struct {
	url     string
	name    string
	handler Handler
	options Options
	// healthChanged is called with the environments whose health has changed.
	healthChanged func([]types.NamespacedName)
	faults        faults

	// help is taken from by receivers that wait until one is not enough.
	help chan struct{}

	mu      sync.Mutex
	clients []environmentClient
	cancel  context.CancelFunc
}

// environmentClient is the client that one environment reaches the queue with. Environments that share a queue may do so
// under different roles.
type environmentClient struct {
	environment types.NamespacedName
	client      *sqs.Client
}

func newConsumer(url string, handler Handler, options Options, healthChanged func([]types.NamespacedName)) *consumer {
	return &consumer{
		url:           url,
		name:          url[strings.LastIndexByte(url, '/')+1:],
		handler:       handler,
		options:       options,
		healthChanged: healthChanged,
		help:          make(chan struct{}),
	}
}

func (c *consumer) use(environment types.NamespacedName, client *sqs.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.clients {
		if c.clients[i].environment == environment {
			c.clients[i].client = client
			return
		}
	}
	c.clients = append(c.clients, environmentClient{environment, client})
	slices.SortFunc(c.clients, func(a, b environmentClient) int {
		return cmp.Compare(a.environment.String(), b.environment.String())
	})
}

// unused takes an environment away and says whether it was the last one.
func (c *consumer) unused(environment types.NamespacedName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = slices.DeleteFunc(c.clients, func(e environmentClient) bool { return e.environment == environment })
	return len(c.clients) == 0
}

func (c *consumer) usedBy(environment types.NamespacedName) bool {
	return slices.Contains(c.environments(), environment)
}

func (c *consumer) environments() []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []types.NamespacedName
	for _, e := range c.clients {
		all = append(all, e.environment)
	}
	return all
}

// client returns the client whose turn it is.
func (c *consumer) client(turn int) *sqs.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.clients) == 0 {
		return nil
	}
	return c.clients[turn%len(c.clients)].client
}

func (c *consumer) start(ctx context.Context, work *sync.WaitGroup) {
	ctx, cancel := context.WithCancel(log.IntoContext(ctx, log.FromContext(ctx).WithValues("queue", c.url)))
	c.mu.Lock()
	c.cancel = cancel
	c.mu.Unlock()
	work.Go(func() { c.receiveUntil(ctx, false) })
	for range c.options.Receivers - 1 {
		work.Go(func() { c.receiveUntil(ctx, true) })
	}
}

func (c *consumer) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
}

// batchesAtOnce is how many batches a receiver handles at once. A handler may wait for seconds, for the rate of another
// service; the messages behind its batch must not.
const batchesAtOnce = 5

// receiveUntil receives and handles until the context ends, and all that was received is settled. No error ends it. A role
// that lost its permission must not hold up the other environments of the queue, so each failure moves on to the next
// client, and what works is kept.
//
// A helper receives only while another receiver asks for it: two open receives share what comes, and each gets half a batch.
func (c *consumer) receiveUntil(ctx context.Context, helper bool) {
	var turn atomic.Int64
	var handling sync.WaitGroup
	defer handling.Wait()
	places := make(chan struct{}, batchesAtOnce)
	failures, full := 0, 0
	var last time.Time
	for ctx.Err() == nil {
		if helper && full == 0 {
			select {
			case <-c.help:
			case <-ctx.Done():
				return
			}
		}
		// Before the receive, from which on the clock of the messages' visibility runs.
		if !c.takePlace(ctx, places) {
			return
		}
		client := c.client(int(turn.Load()))
		if client == nil {
			return
		}
		messages, err := c.receive(ctx, client)
		since := time.Since(last)
		last = time.Now()
		if err == nil {
			failures = 0
			if full++; len(messages) < maxBatch {
				full = 0
			}
			if full >= fullForHelp {
				c.askForHelp()
			}
			c.worked(actionReceive)
			c.options.Metrics.lastReceive.WithLabelValues(c.name).Set(float64(c.options.Clock.Now().UnixMilli()) / 1000)
			c.options.Metrics.oldest.WithLabelValues(c.name).Set(c.oldest(messages).Seconds())
			handling.Go(func() {
				defer func() { <-places }()
				if !c.handleBatch(ctx, client, messages) {
					turn.Add(1)
				}
			})
			pause(ctx, gather(len(messages), since)-time.Since(last))
			continue
		}
		<-places
		full = 0
		if ctx.Err() != nil {
			return
		}
		failures++
		turn.Add(1)
		c.failed(actionReceive, err)
		c.options.Metrics.receiveErrors.WithLabelValues(c.name).Inc()
		delay := receiveDelay(failures, rand.Float64())
		log.FromContext(ctx).Error(err, "Cannot receive from the inbox; check that the queue exists and that the manager's role has sqs:ReceiveMessage on it",
			"failures", failures, "nextTry", delay.String())
		c.wait(ctx, delay)
	}
}

// fullForHelp is how many receives in a row are full when one receiver is not enough. Each of them came after three quarters
// of the pause before it (gather), so that messages that merely come steadily do not fill so many.
const fullForHelp = 4

// askForHelp has a receiver that waits for it receive.
func (c *consumer) askForHelp() {
	select {
	case c.help <- struct{}{}:
	default:
	}
}

// takePlace takes a place for a batch, and has others receive as long as there is none. It returns false when the context
// ends first.
func (c *consumer) takePlace(ctx context.Context, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
	}
	for {
		select {
		case places <- struct{}{}:
			return true
		case c.help <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
}

func (c *consumer) receive(ctx context.Context, client *sqs.Client) ([]sqstypes.Message, error) {
	// The bound is far above the wait, so that only an answer that never comes meets it.
	ctx, cancel := context.WithTimeout(ctx, c.options.WaitTime+20*time.Second)
	defer cancel()
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:            aws.String(c.url),
		MaxNumberOfMessages: maxBatch,
		WaitTimeSeconds:     seconds(c.options.WaitTime),
		VisibilityTimeout:   seconds(c.options.VisibilityTimeout),
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{
			sqstypes.MessageSystemAttributeNameApproximateReceiveCount,
			sqstypes.MessageSystemAttributeNameSentTimestamp,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", c.url, err)
	}
	return out.Messages, nil
}

// mostGathering bounds the pause after a receive that was not full.
const mostGathering = 250 * time.Millisecond

// gather returns how long to wait from one receive to the next so that the next one is full, when so many messages came
// since the one before. A queue that is received from whenever it has a message needs up to ten times the calls. The first
// message after a silence is not delayed by it, since the receive that gets it is open already.
//
// A full receive may have left more behind, or just have met its measure: the next one follows a quarter sooner. Where it
// followed at once, every second one would get the one or two messages that came meanwhile, and a queue with many left is
// emptied nearly as fast by pauses that become shorter each time.
func gather(received int, since time.Duration) time.Duration {
	since = min(since, mostGathering)
	switch {
	case received == 0:
		return 0
	case received >= maxBatch:
		return since * 3 / 4
	}
	return min(since*maxBatch/time.Duration(received), mostGathering)
}

// pause waits in real time, whatever the clock of the messages.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (c *consumer) wait(ctx context.Context, delay time.Duration) {
	timer := c.options.Clock.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}

// oldest returns the age of the oldest message; 0 where there is none.
func (c *consumer) oldest(messages []sqstypes.Message) time.Duration {
	var oldest time.Duration
	for _, m := range messages {
		if message := c.message(m); !message.Sent.IsZero() {
			oldest = max(oldest, message.Received.Sub(message.Sent))
		}
	}
	return oldest
}

// message translates what SQS says. The count is 1 and the time zero where SQS leaves them out.
func (c *consumer) message(m sqstypes.Message) Message {
	message := Message{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), ReceiveCount: 1, Received: c.options.Clock.Now()}
	if count, err := strconv.Atoi(m.Attributes[string(sqstypes.MessageSystemAttributeNameApproximateReceiveCount)]); err == nil {
		message.ReceiveCount = count
	}
	if milliseconds, err := strconv.ParseInt(m.Attributes[string(sqstypes.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		message.Sent = time.UnixMilli(milliseconds).UTC()
	}
	return message
}

func seconds(d time.Duration) int32 {
	return int32(d / time.Second)
}
