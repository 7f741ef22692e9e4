package scantrigger

import (
	"context"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// Listener is a trigger and the environment that it listens to.
type Listener struct {
	Trigger     *v1alpha1.ScanTrigger
	Environment *v1alpha1.ScanEnvironment
}

// PullRequest creates a ScanJob for each trigger that wants the event, cancels the unfinished jobs that it makes needless, and
// cancels all unfinished jobs of a pull request that is closed or merged. It returns nil for an event that nobody wants; an
// error means that something is left to do, and the event has to come again.
func (m *Maker) PullRequest(ctx context.Context, listeners []Listener, e events.PullRequest, received time.Time) error {
	if e.Closes() {
		cancelled, err := m.Close(ctx, listeners, e.Repository, e.ID)
		if err != nil {
			return err
		}
		outcome := outcomeUnmatched
		if cancelled > 0 {
			outcome = outcomeMatched
		}
		m.metrics.event("PullRequest"+string(e.EventKind), outcome)
		return nil
	}
	c, ok := triggers.OfPullRequest(e, received)
	if !ok {
		m.metrics.event(string(e.EventKind), outcomeUnmatched)
		return nil
	}
	return m.happened(ctx, listeners, c)
}

// Push creates a ScanJob for each trigger that wants the push. Its results are as those of PullRequest.
func (m *Maker) Push(ctx context.Context, listeners []Listener, e events.Push, received time.Time) error {
	c, ok := triggers.OfPush(e, received)
	if !ok {
		m.metrics.event("Push"+string(e.EventKind), outcomeUnmatched)
		return nil
	}
	return m.happened(ctx, listeners, c)
}

func (m *Maker) happened(ctx context.Context, listeners []Listener, c triggers.Change) error {
	result, err := m.Offer(ctx, listeners, c)
	if err != nil {
		return err
	}
	m.metrics.event(string(c.Event), outcomeOf(result))
	return nil
}
