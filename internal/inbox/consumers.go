// Package inbox consumes SQS queues: one consumer for each distinct queue, however many environments share it. A message
// is deleted only after its handler said that all is done, so nothing is lost when the process dies at any point; what a
// handler does must therefore bear repetition.
package inbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Message is one message as it was received.
type Message struct {
	// ID is SQS's name of the message; each repetition of it has the same.
	ID string
	// Body is what was sent.
	Body string
	// ReceiveCount is how often the message was received, this time included.
	ReceiveCount int
	// Sent is when it was sent, zero where SQS did not say. Received is when this process got it.
	Sent     time.Time
	Received time.Time
}

// Handler does what a message asks for. It may be called for several messages at once, and again for a message that was
// handled before. Its result decides what becomes of the message:
//
//   - nil: it is deleted;
//   - an error that matches events.ErrUndecodable: it is left alone, so that SQS moves it to the dead-letter queue after
//     the queue's maxReceiveCount;
//   - any other error, or a panic: it comes back after Options.RetryAfter, a time that doubles with every receive.
//
// The context ends after three quarters of the visibility timeout, before SQS would hand the message to somebody else. A
// handler that does not return then is left behind, and its message comes back as after an error.
type Handler interface {
	Handle(ctx context.Context, queue string, m Message) error
}

// Queue is a queue and the client to reach it with.
type Queue struct {
	// URL is the queue's URL.
	URL string
	// Client reaches it. If its HTTP client has a timeout, that must be above Options.WaitTime.
	Client *sqs.Client
}

// Options tune all consumers. The zero value is complete.
type Options struct {
	// WaitTime is how long a receive waits for a message, in whole seconds, 1 s to 20 s. Default: 20 s, SQS's most.
	WaitTime time.Duration
	// VisibilityTimeout is how long a received message is hidden from others, in whole seconds. Default: 60 s.
	VisibilityTimeout time.Duration
	// RetryAfter is how long a message stays hidden after it failed for the first time, in whole seconds; the time doubles with
	// every receive, up to 60 times as long. Default: 10 s.
	RetryAfter time.Duration
	// Receivers is how many receives are open at once per queue while it has more than one can take. Each handles up to 5
	// batches of 10 messages in parallel. Default: 2.
	Receivers int
	// ShutdownGrace is how long handlers may go on after the end was asked for. Default: 10 s.
	ShutdownGrace time.Duration
	// Metrics counts; see NewMetrics. Default: counters that nobody reads.
	Metrics *Metrics
	// Clock is the time of all of it but the bounds of calls of AWS. Default: the real one.
	Clock clock.Clock
}

// retryAfter is how long a message stays hidden that has failed.
func (o Options) retryAfter(m Message) time.Duration {
	return retryVisibility(o.RetryAfter, m.ReceiveCount)
}

func (o Options) withDefaults() Options {
	if o.WaitTime == 0 {
		o.WaitTime = 20 * time.Second
	}
	if o.VisibilityTimeout == 0 {
		o.VisibilityTimeout = 60 * time.Second
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = 10 * time.Second
	}
	if o.Receivers == 0 {
		o.Receivers = 2
	}
	if o.ShutdownGrace == 0 {
		o.ShutdownGrace = 10 * time.Second
	}
	if o.Metrics == nil {
		o.Metrics = newMetrics()
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return o
}

// Consumers runs one consumer for each distinct queue of all environments. It is a manager.Runnable that needs leader
// election: two managers at one queue would only take messages from each other.
type Consumers struct {
	handler Handler
	options Options

	mu sync.Mutex
	// running is the context of Start, nil before it. ended keeps consumers from beginning while Start waits for all to
	// end.
	running context.Context
	ended   bool
	queues  map[string]*consumer
	notify  func(types.NamespacedName)
	work    sync.WaitGroup
}

// New returns Consumers without a queue. Nothing is received before Start.
func New(handler Handler, options Options) *Consumers {
	return &Consumers{handler: handler, options: options.withDefaults(), queues: map[string]*consumer{}}
}

// Set makes an environment use a queue, instead of the one that it used before. It returns at once and can be repeated.
// An empty URL is the same as Remove.
func (c *Consumers) Set(environment types.NamespacedName, queue Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(environment, queue.URL)
	if queue.URL == "" {
		return
	}
	q, ok := c.queues[queue.URL]
	if !ok {
		q = newConsumer(queue.URL, c.handler, c.options, c.healthChanged)
		c.queues[queue.URL] = q
	}
	q.use(environment, queue.Client)
	if !ok && c.running != nil && !c.ended {
		q.start(c.running, &c.work)
	}
}

// Remove ends an environment's use of its queue. It returns at once; a queue that nobody uses any more is not received
// from again, and what was received is finished or given back.
func (c *Consumers) Remove(environment types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(environment, "")
}

func (c *Consumers) leave(environment types.NamespacedName, except string) {
	for url, q := range c.queues {
		if url == except {
			continue
		}
		if q.unused(environment) {
			q.stop()
			delete(c.queues, url)
			c.options.Metrics.lastReceive.DeleteLabelValues(q.name)
			c.options.Metrics.oldest.DeleteLabelValues(q.name)
		}
	}
}

// errStarted tells a programmer that Consumers cannot be started twice.
var errStarted = errors.New("the consumers were started before; make new ones")

// Start receives from all queues until the context ends, then finishes or gives back what it holds, and returns nil.
func (c *Consumers) Start(ctx context.Context) error {
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithName("inbox"))
	if err := c.begin(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.work.Wait()
	return nil
}

func (c *Consumers) begin(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return errStarted
	}
	c.running = ctx
	for _, q := range c.queues {
		q.start(ctx, &c.work)
	}
	return nil
}

// NeedLeaderElection makes the manager start the consumers on the leader only.
func (c *Consumers) NeedLeaderElection() bool { return true }
