package inbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// handleBatch handles the messages of one receive in parallel, then tells SQS what becomes of each.
func (c *consumer) handleBatch(ctx context.Context, client *sqs.Client, messages []sqstypes.Message) {
	if len(messages) == 0 {
		return
	}
	verdicts := make([]verdict, len(messages))
	handling, cancel := c.handlingContext(ctx)
	defer cancel()
	var work sync.WaitGroup
	for i := range messages {
		work.Go(func() { verdicts[i] = c.handle(ctx, handling, c.message(messages[i])) })
	}
	work.Wait()
	c.settle(ctx, client, messages, verdicts)
}

// handlingContext outlives ctx by the shutdown grace, so that what is nearly done gets done, and ends in any case before
// the messages are visible to others again.
func (c *consumer) handlingContext(ctx context.Context) (context.Context, context.CancelFunc) {
	handling, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.VisibilityTimeout*3/4)
	forget := context.AfterFunc(ctx, func() {
		c.wait(handling, c.options.ShutdownGrace)
		cancel()
	})
	return handling, func() {
		forget()
		cancel()
	}
}

// handle runs the handler for one message and judges its result. The consumer's own context tells whether it is stopping.
func (c *consumer) handle(stopping, ctx context.Context, m Message) verdict {
	started := c.options.Clock.Now()
	panicked, err := false, stopping.Err()
	if err == nil {
		panicked, err = c.call(ctx, m)
	}
	v := judge(err, panicked, m.ReceiveCount, stopping.Err() != nil)
	c.options.Metrics.handlingSeconds.WithLabelValues(c.name).Observe(c.options.Clock.Since(started).Seconds())
	c.options.Metrics.messages.WithLabelValues(c.name, string(v.outcome)).Inc()
	if v.outcome == outcomeFailed || v.outcome == outcomePanicked {
		log.FromContext(ctx).Error(err, "A message was not handled; it comes back", "message", m.ID,
			"receiveCount", m.ReceiveCount, "in", v.visibility.String())
	}
	return v
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
