package fargate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/sony/gobreaker/v2"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const (
	// callTimeout bounds one call with its repetitions. ECS answers within a second or two; a worker that waits longer for
	// one region holds up the jobs of all others.
	callTimeout = 10 * time.Second
	// silentCalls is after how many calls in a row without an answer the next ones are not made, for silentFor.
	silentCalls = 3
	silentFor   = 10 * time.Second
)

// ErrSilent is in the chain of the error of a call that was not made because the ones before it got no answer.
var ErrSilent = errors.New("ECS did not answer the last calls; it is asked again within seconds")

type circuit = gobreaker.CircuitBreaker[struct{}]

// newCircuit returns a circuit that only silence opens: whatever answers, also a refused connection, holds nobody up.
func newCircuit(timeout time.Duration) *circuit {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     timeout,
		ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= silentCalls },
		IsSuccessful: func(err error) bool {
			return !errors.Is(err, errNoAnswer)
		},
	})
}

// errNoAnswer is the cause of the end of a call that took callTimeout.
var errNoAnswer = errors.New("no answer in time")

// throttleTries is how often a call is made that is answered by a throttle, each time with a token of its own.
const throttleTries = 3

// once keeps the SDK from repeating a call by itself, at a pace that the budget does not know of.
func once(o *ecs.Options) { o.RetryMaxAttempts = 1 }

// within makes a call when the bucket has a token for it, and again where AWS throttles it all the same.
func (c *Client) within(ctx context.Context, b *bucket, do func(context.Context) error) error {
	for try := 1; ; try++ {
		if err := b.wait(ctx); err != nil {
			return err
		}
		err := c.call(ctx, do)
		if !awsclient.Throttled(err) {
			return err
		}
		b.throttled(time.Now())
		if try == throttleTries {
			return err
		}
	}
}

// call makes one call.
func (c *Client) call(ctx context.Context, do func(context.Context) error) error {
	_, err := c.circuit.Execute(func() (struct{}, error) {
		bounded, cancel := context.WithTimeoutCause(ctx, c.timeout, errNoAnswer)
		defer cancel()
		err := do(bounded)
		if err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errNoAnswer) {
			err = fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return fmt.Errorf("%w (%w)", ErrSilent, err)
	}
	return err
}

// launchOf returns on which capacity a RunTask call may place its task.
func launchOf(input *ecs.RunTaskInput) Launch {
	launch := Launch{OnDemand: len(input.CapacityProviderStrategy) == 0}
	for _, item := range input.CapacityProviderStrategy {
		switch scanv1.CapacityProvider(aws.ToString(item.CapacityProvider)) {
		case scanv1.CapacityProviderFargateSpot:
			launch.Spot = true
		default:
			launch.OnDemand = true
		}
	}
	return launch
}
