package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers/inbox"
	"github.com/scanjob-dev/scanjob/internal/clip"
	inboxevents "github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// Options are what the Reconciler and the Handler need. All but Metrics must be set.
type Options struct {
	// Client reads from the manager's cache, with the indexes of Reconciler.SetupWithManager and inbox.IndexEnvironments,
	// and writes.
	Client client.Client
	// Live reads from the API server itself. Which job is the newest of a pull request is decided on it: two events that
	// are handled at once would not see each other's jobs in a cache.
	Live client.Reader
	// Recorder writes the Warning events of ScanTriggers.
	Recorder events.EventRecorder
	// Metrics counts; see NewMetrics. Default: counters that nobody reads.
	Metrics *Metrics
}

// Handler makes ScanJobs of events, for the triggers of all environments whose inbox an event came through.
type Handler struct {
	client      client.Client
	live        client.Reader
	recorder    events.EventRecorder
	metrics     *Metrics
	expressions *triggers.Expressions
}

var (
	_ inbox.PullRequests = (*Handler)(nil)
	_ inbox.Pushes       = (*Handler)(nil)
)

// NewHandler returns a Handler. It fails only where CEL cannot be set up.
func NewHandler(options Options) (*Handler, error) {
	x, err := triggers.NewExpressions()
	if err != nil {
		return nil, err
	}
	if options.Metrics == nil {
		options.Metrics = newMetrics()
	}
	return &Handler{
		client:      options.Client,
		live:        options.Live,
		recorder:    options.Recorder,
		metrics:     options.Metrics,
		expressions: x,
	}, nil
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// HandlePullRequest creates a ScanJob for each trigger that wants the event, cancels the unfinished jobs that it makes
// needless, and cancels all unfinished jobs of a pull request that is closed or merged. It returns nil for an event that
// nobody wants; an error means that something is left to do, and the event has to come again.
func (h *Handler) HandlePullRequest(ctx context.Context, queueURL string, e inboxevents.PullRequest, received time.Time) error {
	if e.Closes() {
		return h.close(ctx, queueURL, e)
	}
	c, ok := triggers.OfPullRequest(e, received)
	if !ok {
		h.metrics.event(string(e.EventKind), false)
		return nil
	}
	return h.offer(ctx, queueURL, e.Account, e.Region, c)
}

// HandlePush creates a ScanJob for each trigger that wants the push. Its results are as those of HandlePullRequest.
func (h *Handler) HandlePush(ctx context.Context, queueURL string, e inboxevents.Push, received time.Time) error {
	c, ok := triggers.OfPush(e, received)
	if !ok {
		h.metrics.event("Push"+string(e.EventKind), false)
		return nil
	}
	return h.offer(ctx, queueURL, e.Account, e.Region, c)
}

// offer asks each trigger whether it wants a change. A trigger that fails does not keep the others from their job.
func (h *Handler) offer(ctx context.Context, queueURL, account, region string, c triggers.Change) error {
	listening, err := h.listening(ctx, queueURL, account, region)
	if err != nil {
		return err
	}
	wanted := false
	var errs []error
	for i := range listening {
		trigger := &listening[i]
		said, problem := triggers.Match(ctx, &trigger.Spec, c, h.expressions)
		if problem != nil {
			h.warn(ctx, trigger, c, problem)
		}
		if said != triggers.AnswerWanted {
			log.FromContext(ctx).V(1).Info("A trigger does not want an event", "trigger", client.ObjectKeyFromObject(trigger),
				"because", said, "repository", c.Repository, "event", c.EventID)
			continue
		}
		wanted = true
		if err := h.scan(ctx, trigger, c); err != nil {
			if refused(err) {
				h.tell(trigger, v1alpha1.ReasonScanJobRefused, "A %s event of %s is tried again until the queue gives it up: %v", c.Event, c.Repository, err)
			}
			errs = append(errs, fmt.Errorf("trigger %s: %w", client.ObjectKeyFromObject(trigger), err))
		}
	}
	if len(errs) == 0 {
		h.metrics.event(string(c.Event), wanted)
	}
	return errors.Join(errs...)
}

// listening returns the triggers, of all environments that use the queue and have the event's account and region, that
// are not being deleted.
func (h *Handler) listening(ctx context.Context, queueURL, account, region string) ([]v1alpha1.ScanTrigger, error) {
	environments, err := inbox.EnvironmentsOfQueue(ctx, h.client, queueURL)
	if err != nil {
		return nil, err
	}
	var listening []v1alpha1.ScanTrigger
	for i := range environments {
		if !inbox.Accepts(&environments[i], account, region) {
			continue
		}
		found, err := triggersOf(ctx, h.client, environments[i].Namespace, environments[i].Name)
		if err != nil {
			return nil, err
		}
		for _, trigger := range found {
			if !trigger.DeletionTimestamp.IsZero() {
				log.FromContext(ctx).Info("Dropped an event for a trigger that is being deleted", "trigger", client.ObjectKeyFromObject(&trigger))
				continue
			}
			listening = append(listening, trigger)
		}
	}
	return listening, nil
}

// warn tells of a change that is scanned although, or because, a part of the spec cannot be followed.
func (h *Handler) warn(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change, problem error) {
	log.FromContext(ctx).Info("An event is scanned because the trigger's spec cannot be followed", "trigger", client.ObjectKeyFromObject(trigger),
		"event", c.EventID, "problem", problem.Error())
	reason := v1alpha1.ReasonInvalidSpec
	if errors.Is(problem, triggers.ErrExpressionFailed) {
		reason = v1alpha1.ReasonExpressionFailed
	}
	h.tell(trigger, reason, "A %s event of %s is scanned to be on the safe side: %v", c.Event, c.Repository, problem)
}

// refused says whether an error stays until somebody changes something: the trigger, a policy, a quota, a job in the way.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || errors.Is(err, errNameTaken)
}

// tell writes a Warning event of a trigger.
func (h *Handler) tell(trigger *v1alpha1.ScanTrigger, reason, format string, arguments ...any) {
	h.recorder.Eventf(trigger, nil, corev1.EventTypeWarning, reason, "CreateScanJob", "%s", clip.Note(fmt.Sprintf(format, arguments...)))
}
