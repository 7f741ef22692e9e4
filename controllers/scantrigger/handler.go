package scantrigger

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers/inbox"
	inboxevents "github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// Handler hands the events of inbox queues to the Maker, for the triggers of all environments whose inbox an event came
// through.
type Handler struct {
	client  client.Reader
	maker   *Maker
	metrics *Metrics
}

var (
	_ inbox.PullRequests = (*Handler)(nil)
	_ inbox.Pushes       = (*Handler)(nil)
)

// NewHandler returns a Handler. The client reads from the manager's cache, with the indexes of Reconciler.SetupWithManager
// and inbox.IndexEnvironments.
func NewHandler(client client.Reader, maker *Maker) *Handler {
	return &Handler{client: client, maker: maker, metrics: maker.metrics}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch

// HandlePullRequest creates a ScanJob for each trigger that wants the event, cancels the unfinished jobs that it makes
// needless, and cancels all unfinished jobs of a pull request that is closed or merged. It returns nil for an event that
// nobody wants; an error means that something is left to do, and the event has to come again.
func (h *Handler) HandlePullRequest(ctx context.Context, queueURL string, e inboxevents.PullRequest, received time.Time) error {
	c, ok := triggers.OfPullRequest(e, received)
	if !ok && !e.Closes() {
		h.metrics.event(string(e.EventKind), outcomeUnmatched)
		return nil
	}
	listeners, err := h.listeners(ctx, queueURL, e.Account, e.Region)
	if err != nil {
		return err
	}
	if e.Closes() {
		cancelled, err := h.maker.Close(ctx, listeners, e.Repository, e.ID)
		if err != nil {
			return err
		}
		outcome := outcomeUnmatched
		if cancelled > 0 {
			outcome = outcomeMatched
		}
		h.metrics.event("PullRequest"+string(e.EventKind), outcome)
		return nil
	}
	return h.offer(ctx, listeners, c)
}

// HandlePush creates a ScanJob for each trigger that wants the push. Its results are as those of HandlePullRequest.
func (h *Handler) HandlePush(ctx context.Context, queueURL string, e inboxevents.Push, received time.Time) error {
	c, ok := triggers.OfPush(e, received)
	if !ok {
		h.metrics.event("Push"+string(e.EventKind), outcomeUnmatched)
		return nil
	}
	listeners, err := h.listeners(ctx, queueURL, e.Account, e.Region)
	if err != nil {
		return err
	}
	return h.offer(ctx, listeners, c)
}

func (h *Handler) offer(ctx context.Context, listeners []Listener, c triggers.Change) error {
	result, err := h.maker.Offer(ctx, listeners, c)
	if err != nil {
		return err
	}
	h.metrics.event(string(c.Event), outcomeOf(result))
	return nil
}

// listeners returns the triggers, of all environments that use the queue and have the event's account and region, that are
// not being deleted.
func (h *Handler) listeners(ctx context.Context, queueURL, account, region string) ([]Listener, error) {
	environments, err := inbox.EnvironmentsOfQueue(ctx, h.client, queueURL)
	if err != nil {
		return nil, err
	}
	var listeners []Listener
	for i := range environments {
		if !inbox.Accepts(&environments[i], account, region) {
			continue
		}
		found, err := triggersOf(ctx, h.client, environments[i].Namespace, environments[i].Name)
		if err != nil {
			return nil, err
		}
		for j := range found {
			if !found[j].DeletionTimestamp.IsZero() {
				log.FromContext(ctx).Info("Dropped an event for a trigger that is being deleted", "trigger", client.ObjectKeyFromObject(&found[j]))
				continue
			}
			listeners = append(listeners, Listener{Trigger: &found[j], Environment: &environments[i]})
		}
	}
	return listeners, nil
}

// Listener is a trigger and the environment that it listens to.
type Listener struct {
	Trigger     *v1alpha1.ScanTrigger
	Environment *v1alpha1.ScanEnvironment
}
