package scantrigger

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/controllers/inbox"
	inboxevents "github.com/scanjob-dev/scanjob/internal/events"
)

// Handler hands the events of inbox queues to the Maker, for the triggers of all environments whose inbox an event came
// through.
type Handler struct {
	client client.Reader
	maker  *Maker
}

var (
	_ inbox.PullRequests = (*Handler)(nil)
	_ inbox.Pushes       = (*Handler)(nil)
)

// NewHandler returns a Handler. The client reads from the manager's cache, with the indexes of Reconciler.SetupWithManager
// and inbox.IndexEnvironments.
func NewHandler(client client.Reader, maker *Maker) *Handler {
	return &Handler{client: client, maker: maker}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch

// HandlePullRequest has the triggers of the queue's environments act on the event; see Maker.PullRequest.
func (h *Handler) HandlePullRequest(ctx context.Context, queueURL string, e inboxevents.PullRequest, received time.Time) error {
	listeners, err := h.listeners(ctx, queueURL, e.Account, e.Region)
	if err != nil {
		return err
	}
	return h.maker.PullRequest(ctx, listeners, e, received)
}

// HandlePush has the triggers of the queue's environments act on the push; see Maker.Push.
func (h *Handler) HandlePush(ctx context.Context, queueURL string, e inboxevents.Push, received time.Time) error {
	listeners, err := h.listeners(ctx, queueURL, e.Account, e.Region)
	if err != nil {
		return err
	}
	return h.maker.Push(ctx, listeners, e, received)
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
