package fargate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
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

// call makes one call within the account's rate.
func (c *Client) call(ctx context.Context, limit *rate.Limiter, do func(context.Context) error) error {
	_, err := c.circuit.Execute(func() (struct{}, error) {
		if err := limit.Wait(ctx); err != nil {
			return struct{}{}, err
		}
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
