package scantrigger

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

// sweepWorkers lets the sweeps of small triggers pass a long one.
const sweepWorkers = 4

// SweeperOptions are what a Sweeper needs. Clock may be left out.
type SweeperOptions struct {
	// Client reads from the manager's cache, with the indexes of Reconciler.SetupWithManager, and writes.
	Client client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Maker makes the jobs that are missing. Its recorder and metrics are used too.
	Maker *Maker
	// CodeCommit tells which pull requests are open.
	CodeCommit *codecommit.Clients
	// Clock tells when a sweep is due. Default: the real one.
	Clock clock.PassiveClock
}

// Sweeper looks, from time to time and when it is asked to, at every open pull request of the repositories of a trigger, and
// makes good what events did not bring: it creates the jobs that are missing, and ends those that nobody needs any more.
type Sweeper struct {
	client  client.Client
	live    client.Reader
	maker   *Maker
	clients *codecommit.Clients
	clock   clock.PassiveClock
}

// NewSweeper returns a Sweeper that works once it is set up with a manager.
func NewSweeper(options SweeperOptions) *Sweeper {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	return &Sweeper{client: options.Client, live: options.Live, maker: options.Maker, clients: options.CodeCommit, clock: options.Clock}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers/status,verbs=patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch

// SetupWithManager adds the sweeper to a manager that was not started.
func (s *Sweeper) SetupWithManager(mgr ctrl.Manager) error {
	// Status writes are not among what wakes it: they are its own.
	asked := predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	err := ctrl.NewControllerManagedBy(mgr).
		Named("scantrigger-sweep").
		For(&v1alpha1.ScanTrigger{}, builder.WithPredicates(asked)).
		Watches(&v1alpha1.ScanEnvironment{}, handler.EnqueueRequestsFromMapFunc(s.listeners), builder.WithPredicates(becomesReachable())).
		WithOptions(controller.Options{MaxConcurrentReconciles: sweepWorkers}).
		Complete(s)
	if err != nil {
		return fmt.Errorf("set up the sweeper of ScanTriggers: %w", err)
	}
	return nil
}

// becomesReachable lets an environment through whose repositories can be reached in another way than before.
func becomesReachable() predicate.Predicate {
	return predicate.Funcs{
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*v1alpha1.ScanEnvironment)
			after, alsoOK := e.ObjectNew.(*v1alpha1.ScanEnvironment)
			return !ok || !alsoOK || (before.Status.Resolved == nil) != (after.Status.Resolved == nil) || scopeOf(before) != scopeOf(after)
		},
	}
}

func (s *Sweeper) listeners(ctx context.Context, object client.Object) []reconcile.Request {
	return requestsOf(ctx, s.client, object)
}

// Reconcile sweeps where a sweep is due, and writes what it found.
func (s *Sweeper) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	// What the last sweep wrote may not be in the cache yet.
	trigger := &v1alpha1.ScanTrigger{}
	if err := s.live.Get(ctx, request.NamespacedName, trigger); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !trigger.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	environment, err := s.environment(ctx, trigger)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := trigger.DeepCopy()
	if trigger.Spec.Suspend && trigger.Status.Sweep != nil {
		trigger.Status.Sweep.Paused = true
	}
	var scope awsclient.Scope
	if environment != nil {
		scope = scopeOf(environment)
	}
	d := demandOf(trigger, scope, s.clock.Now())
	if d.invalid != nil {
		s.refuseReplay(trigger, d)
	}
	if d.due && environment != nil {
		if err := s.sweep(ctx, Listener{Trigger: trigger, Environment: environment}, d); err != nil {
			return ctrl.Result{}, err
		}
		d = demandOf(trigger, scope, s.clock.Now())
	}
	if environment == nil {
		// The environment wakes the sweeper when it can be used.
		d.next = time.Time{}
	}
	trigger.Status.NextSweepTime = nil
	if !d.next.IsZero() {
		next := metav1.NewTime(d.next)
		trigger.Status.NextSweepTime = next.DeepCopy()
	}
	if err := s.write(ctx, trigger, before); err != nil {
		return ctrl.Result{}, err
	}
	if d.next.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: max(d.next.Sub(s.clock.Now()), time.Second)}, nil
}

// environment returns the trigger's environment, nil where its repositories cannot be reached yet.
func (s *Sweeper) environment(ctx context.Context, trigger *v1alpha1.ScanTrigger) (*v1alpha1.ScanEnvironment, error) {
	environment := &v1alpha1.ScanEnvironment{}
	key := types.NamespacedName{Namespace: trigger.Namespace, Name: trigger.Spec.EnvironmentName}
	err := s.client.Get(ctx, key, environment)
	if apierrors.IsNotFound(err) || err == nil && environment.Status.Resolved == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ScanEnvironment %s: %w", key, err)
	}
	return environment, nil
}

func (s *Sweeper) write(ctx context.Context, trigger, before *v1alpha1.ScanTrigger) error {
	if equality.Semantic.DeepEqual(before.Status, trigger.Status) {
		return nil
	}
	if err := s.client.Status().Patch(ctx, trigger, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write what a sweep of ScanTrigger %s found: %w", client.ObjectKeyFromObject(trigger), err)
	}
	return nil
}

// refuseReplay answers a replay that names no time.
func (s *Sweeper) refuseReplay(trigger *v1alpha1.ScanTrigger, d demand) {
	message := fmt.Sprintf("%q is not an RFC 3339 time such as 2026-11-24T09:00:00Z", d.replay)
	trigger.Status.Replay = &v1alpha1.ReplayStatus{Since: d.replay, Time: metav1.NewTime(s.clock.Now()), Message: message}
	s.maker.warn(trigger, v1alpha1.ReasonInvalidReplay, "The annotation %s: %s", v1alpha1.AnnotationReplaySince, message)
}

// sweep does one sweep and puts into the trigger's status what it found. Its error is one of the cluster; what AWS does not
// answer or refuses is in the status.
func (s *Sweeper) sweep(ctx context.Context, l Listener, d demand) error {
	began := s.clock.Now()
	log.FromContext(ctx).Info("Sweeping over open pull requests", "request", d.request, "replaySince", d.replay)
	list, err := jobsOf(ctx, s.client, l.Trigger)
	if err != nil {
		return err
	}
	run := newSweep(s.maker, s.clients.For(scopeOf(l.Environment)).InBackground(), l, d, began, list)
	failed := run.everything(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.conclude(l.Trigger, d, run, failed)
	log.FromContext(ctx).Info("Swept over open pull requests", "repositories", run.found.Repositories, "pullRequests", run.found.PullRequests,
		"missed", run.found.Missed, "closed", run.found.Closed, "problems", len(run.found.Problems), "message", run.found.Message)
	return nil
}

// conclude puts the result of a sweep into the trigger's status, and tells people of what is new and bad.
func (s *Sweeper) conclude(trigger *v1alpha1.ScanTrigger, d demand, run *sweep, failed error) {
	last, found := trigger.Status.Sweep, run.found
	found.Request = d.asks()
	found.DurationSeconds = int32(s.clock.Since(found.StartTime.Time).Round(time.Second) / time.Second)
	outcome := "complete"
	switch {
	case failed != nil:
		outcome = "failed"
		found.Message = clip.Bytes(failed.Error(), messageBytes)
	case len(found.Problems) > 0:
		outcome = "incomplete"
	}
	s.maker.metrics.sweeps.WithLabelValues(outcome).Inc()
	if failed != nil || run.unanswered > 0 {
		found.Retries = 1
		if last != nil {
			found.Retries += last.Retries
		}
	}
	if failed == nil {
		trigger.Status.LastSweepTime, trigger.Status.SweptSelection = found.StartTime.DeepCopy(), found.Selection
		trigger.Status.LastHandledSweep = valueOr(d.request, trigger.Status.LastHandledSweep)
		if d.replay != "" && d.invalid == nil {
			trigger.Status.Replay = run.replayed()
		}
	} else if last != nil {
		// What the sweeps before could not look at, or did not find, is still to be looked at.
		found.Problems, found.UnmatchedPatterns = last.Problems, last.UnmatchedPatterns
	}
	if run.sweptBefore {
		trigger.Status.MissedHeads += int64(found.Missed)
		s.maker.metrics.missed.Add(float64(found.Missed))
	}
	trigger.Status.Sweep = &found
	s.tellNews(trigger, last, &found)
}

func valueOr(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (s *Sweeper) tellNews(trigger *v1alpha1.ScanTrigger, last, found *v1alpha1.SweepStatus) {
	if last == nil {
		last = &v1alpha1.SweepStatus{}
	}
	if len(found.UnmatchedPatterns) > 0 && !equality.Semantic.DeepEqual(last.UnmatchedPatterns, found.UnmatchedPatterns) {
		s.maker.warn(trigger, v1alpha1.ReasonRepositoryUnmatched, "There is no repository that these entries of spec.repositories could mean: %v", found.UnmatchedPatterns)
	}
	if found.Message != "" && found.Message != last.Message {
		s.maker.warn(trigger, v1alpha1.ReasonSweepIncomplete, "The sweep over open pull requests did not get through: %s", found.Message)
	}
	known := map[string]string{}
	for _, problem := range last.Problems {
		known[problem.Repository] = problem.Reason
	}
	fresh := slices.DeleteFunc(slices.Clone(found.Problems), func(problem v1alpha1.SweepProblem) bool {
		return known[problem.Repository] == problem.Reason
	})
	if len(fresh) > 0 {
		// One event tells of all: the API server keeps the words of the first alone where several have one reason.
		others := ""
		if len(fresh) > 1 {
			others = fmt.Sprintf(", and those of %d others, which status.sweep.problems names", len(fresh)-1)
		}
		s.maker.warn(trigger, v1alpha1.ReasonSweepIncomplete, "The open pull requests of %s could not be looked at%s: %s: %s",
			fresh[0].Repository, others, fresh[0].Reason, fresh[0].Message)
	}
	if found.Missed > 0 && trigger.Status.MissedHeads > 0 {
		s.maker.tell(trigger, corev1.EventTypeNormal, v1alpha1.ReasonHeadsMissed, "A sweep found %d heads of open pull requests that had no scan; they are being scanned.", found.Missed)
	}
}
