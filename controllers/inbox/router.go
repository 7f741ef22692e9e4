// Package inbox hands the messages of inbox queues to the controllers that they concern.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/clip"
	inboxevents "github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// PullRequests does what pull request events ask for. An error keeps the message in the inbox, and the event comes again.
type PullRequests interface {
	HandlePullRequest(ctx context.Context, queueURL string, e inboxevents.PullRequest, received time.Time) error
}

// Pushes does what pushes ask for. An error keeps the message in the inbox, and the event comes again.
type Pushes interface {
	HandlePush(ctx context.Context, queueURL string, e inboxevents.Push, received time.Time) error
}

// Tasks learns of changes of ECS tasks, in any order and with repetitions, also of tasks of others. It must not let one
// queue tell of the jobs of another's environments; see Serves.
type Tasks interface {
	ObserveTask(ctx context.Context, queueURL string, e inboxevents.TaskState) error
}

// Findings takes what scanners found, also for jobs that are gone. It must not let one queue tell of the jobs of another's
// environments; see Serves.
type Findings interface {
	RecordFindings(ctx context.Context, queueURL string, r contract.Result) error
}

// Options are what a Router needs. All but Metrics must be set.
type Options struct {
	// Client reads ScanEnvironments from a cache that has the index of IndexEnvironments.
	Client client.Reader
	// Recorder writes the Warning events of ScanEnvironments.
	Recorder events.EventRecorder

	// Those who do what messages ask for.
	PullRequests PullRequests
	Pushes       Pushes
	Tasks        Tasks
	Findings     Findings

	// Metrics counts; see NewMetrics. Default: counters that nobody reads.
	Metrics *Metrics
}

// Router decodes messages and hands each to whom it concerns. It is the handler of inbox.Consumers.
type Router struct {
	options Options
}

var _ inbox.Handler = (*Router)(nil)

// New returns a Router.
func New(options Options) *Router {
	if options.Metrics == nil {
		options.Metrics = newMetrics()
	}
	return &Router{options: options}
}

// Reasons of the Warning events of a ScanEnvironment.
const (
	// ReasonUndecodableMessage: a message of the inbox cannot be read.
	ReasonUndecodableMessage = "UndecodableMessage"
	// ReasonForeignEvent: an event of another account or region came through the inbox.
	ReasonForeignEvent = "ForeignEvent"
)

// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Handle implements inbox.Handler.
func (r *Router) Handle(ctx context.Context, queue string, m inbox.Message) error {
	event, err := inboxevents.Decode(m.Body)
	if err != nil {
		r.options.Metrics.count(kindUnknown, outcomeUndecodable)
		return errors.Join(err, r.reportUndecodable(ctx, queue, m, err))
	}
	outcome, err := r.dispatch(ctx, queue, event, m.Received)
	if err != nil {
		outcome = outcomeFailed
		err = fmt.Errorf("handle a %s event: %w", event.Kind(), err)
	}
	r.options.Metrics.count(event.Kind(), outcome)
	return err
}

func (r *Router) dispatch(ctx context.Context, queue string, event inboxevents.Event, received time.Time) (outcome, error) {
	switch e := event.(type) {
	case inboxevents.PullRequest:
		return r.ifOurs(ctx, queue, e.Account, e.Region, func() error {
			return r.options.PullRequests.HandlePullRequest(ctx, queue, e, received)
		})
	case inboxevents.Push:
		return r.ifOurs(ctx, queue, e.Account, e.Region, func() error {
			return r.options.Pushes.HandlePush(ctx, queue, e, received)
		})
	case inboxevents.TaskState:
		return r.ifOurs(ctx, queue, e.Account, e.Region, func() error {
			return r.options.Tasks.ObserveTask(ctx, queue, e)
		})
	case inboxevents.Findings:
		return outcomeHandled, r.options.Findings.RecordFindings(ctx, queue, e.Result)
	case inboxevents.Ignored:
		log.FromContext(ctx).V(1).Info("Ignored an event", "event", e.Description)
		return outcomeIgnored, nil
	}
	return outcomeFailed, fmt.Errorf("events of type %T have nobody who handles them; this is a defect of the operator", event)
}

// ifOurs calls do for an event of an account and region that an environment of the queue has. It drops others, but for those
// that an environment may have which does not know its queue yet.
func (r *Router) ifOurs(ctx context.Context, queue, account, region string, do func() error) (outcome, error) {
	environments, err := EnvironmentsOfQueue(ctx, r.options.Client, queue)
	if err != nil {
		return outcomeFailed, err
	}
	if len(environments) == 0 {
		// The environment was only just removed or resolved: the event must not be lost.
		return outcomeFailed, fmt.Errorf("no ScanEnvironment uses the queue %s; if this stays so, remove the rules that fill it", queue)
	}
	for i := range environments {
		if Accepts(&environments[i], account, region) {
			return outcomeHandled, do()
		}
	}
	pending, err := pendingOwner(ctx, r.options.Client, queue, account, region)
	if err != nil {
		return outcomeFailed, err
	}
	if pending != "" {
		return outcomeFailed, fmt.Errorf("the event is of account %s in %s, and may be for ScanEnvironment %s, whose references are not resolved yet; "+
			"see that environment's condition Ready", account, region, pending)
	}
	for i := range environments {
		r.reportForeign(ctx, &environments[i], account, region)
	}
	return outcomeForeign, nil
}

func (r *Router) reportForeign(ctx context.Context, environment *v1alpha1.ScanEnvironment, account, region string) {
	own := environment.Status.Resolved
	log.FromContext(ctx).Info("Dropped an event of another account or region", "environment", client.ObjectKeyFromObject(environment),
		"account", account, "region", region, "ownAccount", own.Account, "ownRegion", own.Region)
	r.warn(environment, ReasonForeignEvent, "The inbox got an event of account %s in %s, but this environment is account %s in %s; "+
		"the event was dropped. Remove the rule that sends it, or make a ScanEnvironment for that account and region. The inbox is %s.",
		account, region, own.Account, own.Region, own.QueueURL)
}

// warn writes a Warning event of an environment.
func (r *Router) warn(environment *v1alpha1.ScanEnvironment, reason, format string, arguments ...any) {
	r.options.Recorder.Eventf(environment, nil, corev1.EventTypeWarning, reason, "ReceiveEvent", "%s", clip.Note(fmt.Sprintf(format, arguments...)))
}

// reportUndecodable tells of a message that stays for the dead-letter queue. The body is told to nobody: it may hold
// anything.
func (r *Router) reportUndecodable(ctx context.Context, queue string, m inbox.Message, reason error) error {
	log.FromContext(ctx).Info("A message cannot be read and is left for the dead-letter queue", "queue", queue,
		"message", m.ID, "receiveCount", m.ReceiveCount, "reason", reason.Error())
	environments, err := EnvironmentsOfQueue(ctx, r.options.Client, queue)
	if err != nil {
		return err
	}
	for i := range environments {
		r.warn(&environments[i], ReasonUndecodableMessage,
			"Message %s of the inbox cannot be read and is left for the dead-letter queue: %v. Look at it there, and at who sends it.",
			m.ID, reason)
	}
	return nil
}
