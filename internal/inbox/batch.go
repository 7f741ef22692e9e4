package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// settleLinger is how long a message that is done waits for others of its batch, so that one call settles all of them.
	settleLinger = 200 * time.Millisecond
	// mostWindUp bounds Options.windUp.
	mostWindUp = 5 * time.Second
)

// handlingTime is how long a handler may take. The rest of the visibility timeout is for what comes after it, so that the
// message is settled before SQS hands it to somebody else.
func (o Options) handlingTime() time.Duration { return o.VisibilityTimeout * 3 / 4 }

// windUp is how long a handler may take to return once its context ended.
func (o Options) windUp() time.Duration { return min(o.VisibilityTimeout/8, mostWindUp) }

// The reasons for which the context of handlers ends.
var (
	errHandlingTime = errors.New("the handling time is over")
	errStopping     = errors.New("the manager stops")
)

// errAbandoned is a handler that went on after its context ended.
var errAbandoned = errors.New("the handler does not return, although its context ended; it is left behind")

// result is what came of one message of a batch.
type result struct {
	index   int
	verdict verdict
	err     error
	took    time.Duration
}

// batch is the messages of one receive on their way through the handler.
type batch struct {
	*consumer
	client   *sqs.Client
	messages []sqstypes.Message
	// results has room for all, so that a handler that was given up does not block when it returns after all.
	results chan result
	open    map[int]bool
	done    []result
	// unsettled: SQS refused to settle a message.
	unsettled bool
}

// handleBatch handles the messages of one receive in parallel, and tells SQS what becomes of each without waiting for the
// slowest. It returns when all are settled, which is before they are visible to others again, and says whether SQS let
// them be.
func (c *consumer) handleBatch(ctx context.Context, client *sqs.Client, messages []sqstypes.Message) (settled bool) {
	if len(messages) == 0 {
		return true
	}
	b := &batch{consumer: c, client: client, messages: messages, results: make(chan result, len(messages)), open: map[int]bool{}}
	handling, cancel := c.handlingContext(ctx)
	defer cancel()
	for i := range messages {
		b.open[i] = true
		m := c.message(messages[i])
		go func() { b.results <- c.handle(ctx, handling, i, m) }()
	}
	b.collect(ctx, handling)
	return !b.unsettled
}

// collect settles the messages as their results come in, and gives up those whose handler does not return.
func (b *batch) collect(ctx, handling context.Context) {
	ended := handling.Done()
	var linger, windUp clock.Timer
	defer func() { stopTimers(linger, windUp) }()
	for len(b.open) > 0 {
		select {
		case r := <-b.results:
			b.take(ctx, r)
			if linger == nil {
				linger = b.options.Clock.NewTimer(settleLinger)
			}
		case <-expired(linger):
			linger = nil
			b.settle(ctx)
		case <-ended:
			ended = nil
			windUp = b.options.Clock.NewTimer(b.options.windUp())
		case <-expired(windUp):
			b.giveUp(ctx)
		}
	}
	b.settle(ctx)
}

// expired is a timer's channel, nil for no timer.
func expired(timer clock.Timer) <-chan time.Time {
	if timer == nil {
		return nil
	}
	return timer.C()
}

func stopTimers(timers ...clock.Timer) {
	for _, timer := range timers {
		if timer != nil {
			timer.Stop()
		}
	}
}

// take counts a result and keeps it for the next settling.
func (b *batch) take(ctx context.Context, r result) {
	delete(b.open, r.index)
	b.done = append(b.done, r)
	b.options.Metrics.handlingSeconds.WithLabelValues(b.name).Observe(r.took.Seconds())
	b.options.Metrics.messages.WithLabelValues(b.name, string(r.verdict.outcome)).Inc()
	switch r.verdict.outcome {
	case outcomeFailed, outcomePanicked, outcomeAbandoned:
		m := b.message(b.messages[r.index])
		log.FromContext(ctx).Error(r.err, "A message was not handled; it comes back", "message", m.ID,
			"receiveCount", m.ReceiveCount, "in", r.verdict.visibility.String())
	}
}

// giveUp ends the wait for the handlers that are left.
func (b *batch) giveUp(ctx context.Context) {
	for i := range b.messages {
		if b.open[i] {
			v := abandon(b.options.retryAfter(b.message(b.messages[i])))
			b.take(ctx, result{i, v, errAbandoned, b.options.handlingTime() + b.options.windUp()})
		}
	}
}

// handlingContext outlives ctx by the shutdown grace, so that what is nearly done gets done, and ends in any case before
// the messages are visible to others again.
func (c *consumer) handlingContext(ctx context.Context) (context.Context, context.CancelFunc) {
	handling, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	most := c.options.Clock.NewTimer(c.options.handlingTime())
	go func() {
		defer most.Stop()
		stopping, grace := ctx.Done(), clock.Timer(nil)
		defer func() { stopTimers(grace) }()
		for {
			select {
			case <-handling.Done():
				return
			case <-stopping:
				stopping, grace = nil, c.options.Clock.NewTimer(c.options.ShutdownGrace)
			case <-expired(grace):
				cancel(errStopping)
			case <-most.C():
				cancel(errHandlingTime)
			}
		}
	}()
	return handling, func() { cancel(nil) }
}

// handle runs the handler for one message and judges its result. The consumer's own context tells whether it is stopping.
func (c *consumer) handle(stopping, ctx context.Context, index int, m Message) result {
	started := c.options.Clock.Now()
	panicked, err := false, stopping.Err()
	if err == nil {
		panicked, err = c.call(ctx, m)
	}
	v := judge(err, panicked, c.options.retryAfter(m), stopping.Err() != nil)
	return result{index, v, err, c.options.Clock.Since(started)}
}

// call turns a panic into an error: one bad message must not end the process, and with it every other queue.
func (c *consumer) call(ctx context.Context, m Message) (panicked bool, err error) {
	defer func() {
		if value := recover(); value != nil {
			panicked, err = true, fmt.Errorf("the handler panicked: %v\n%s", value, debug.Stack())
		}
	}()
	return false, c.handler.Handle(ctx, c.url, m)
}
