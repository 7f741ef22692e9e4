// Package scantrigger makes ScanJobs of events, as ScanTriggers say, and keeps the triggers' status.
package scantrigger

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// ReconcilerOptions are what a Reconciler needs. Metrics and Clock may be left out.
type ReconcilerOptions struct {
	// Client reads from the manager's cache, with the indexes of SetupWithManager, and writes.
	Client client.Client
	// DeadLetters looks into the dead-letter queues of the inboxes.
	DeadLetters *inbox.DeadLetters
	// Metrics counts; see NewMetrics. Default: counters that nobody reads.
	Metrics *Metrics
	// Clock tells the age of jobs. Default: the real one.
	Clock clock.PassiveClock
}

// Reconciler keeps the status of ScanTriggers and deletes the jobs beyond their history limits. It creates no jobs; that is
// the part of the Handler and the Sweeper.
type Reconciler struct {
	client      client.Client
	deadLetters *inbox.DeadLetters
	metrics     *Metrics
	clock       clock.PassiveClock
	expressions *triggers.Expressions
}

// New returns a Reconciler. It fails only where CEL cannot be set up.
func New(options ReconcilerOptions) (*Reconciler, error) {
	x, err := triggers.NewExpressions()
	if err != nil {
		return nil, err
	}
	if options.Metrics == nil {
		options.Metrics = newMetrics()
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	return &Reconciler{
		client: options.Client, deadLetters: options.DeadLetters, metrics: options.Metrics, clock: options.Clock, expressions: x,
	}, nil
}

// SetupWithManager adds the reconciler, and the indexes that it and the Handler need, to a manager that was not started.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("scantrigger").
		For(&v1alpha1.ScanTrigger{}).
		Owns(&v1alpha1.ScanJob{}, builder.WithPredicates(activeJobsChange())).
		Watches(&v1alpha1.ScanEnvironment{}, handler.EnqueueRequestsFromMapFunc(r.listeners)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the ScanTrigger controller: %w", err)
	}
	return nil
}

// activeJobsChange lets those events of jobs through that the status tells of. A job's own status changes a dozen times, and
// each reconciliation lists all jobs of the trigger.
func activeJobsChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*v1alpha1.ScanJob)
			after, alsoOK := e.ObjectNew.(*v1alpha1.ScanJob)
			return !ok || !alsoOK || jobs.Finished(before) != jobs.Finished(after) ||
				jobs.Settled(before) != jobs.Settled(after) || !triggers.EventTime(before).Equal(triggers.EventTime(after))
		},
	}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers/status,verbs=patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch

// Reconcile writes a trigger's status where it changed, and then deletes the jobs beyond its history limits.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var trigger v1alpha1.ScanTrigger
	if err := r.client.Get(ctx, request.NamespacedName, &trigger); err != nil {
		if apierrors.IsNotFound(err) {
			r.metrics.deadLetters.drop(request.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, err
	}
	if !trigger.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	environment, err := r.environment(ctx, types.NamespacedName{Namespace: trigger.Namespace, Name: trigger.Spec.EnvironmentName})
	if err != nil {
		return ctrl.Result{}, err
	}
	list, err := jobsOf(ctx, r.client, &trigger)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := trigger.DeepCopy()
	ready := readiness(&trigger, environment, r.expressions)
	ready.ObservedGeneration = trigger.Generation
	meta.SetStatusCondition(&trigger.Status.Conditions, ready)
	summarize(&trigger.Status, list)
	lookAgain := r.countDeadLetters(ctx, &trigger, environment)
	trigger.Status.ObservedGeneration = trigger.Generation
	if !equality.Semantic.DeepEqual(before.Status, trigger.Status) {
		if err := r.client.Status().Patch(ctx, &trigger, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, fmt.Errorf("write the status of ScanTrigger %s: %w", request, err)
		}
	}
	return ctrl.Result{RequeueAfter: lookAgain}, r.prune(ctx, &trigger, list)
}

// environment returns the ScanEnvironment of a name, nil where there is none.
func (r *Reconciler) environment(ctx context.Context, key types.NamespacedName) (*v1alpha1.ScanEnvironment, error) {
	var environment v1alpha1.ScanEnvironment
	err := r.client.Get(ctx, key, &environment)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ScanEnvironment %s: %w", key, err)
	}
	return &environment, nil
}

// listeners maps an environment to the triggers whose readiness hangs on it.
func (r *Reconciler) listeners(ctx context.Context, object client.Object) []reconcile.Request {
	return requestsOf(ctx, r.client, object)
}

// requestsOf maps an environment to the triggers that listen to it.
func requestsOf(ctx context.Context, reader client.Reader, object client.Object) []reconcile.Request {
	found, err := triggersOf(ctx, reader, object.GetNamespace(), object.GetName())
	if err != nil {
		// The cache answers this; it fails only while it stops.
		log.FromContext(ctx).Error(err, "Cannot find the triggers of an environment; restart the operator if their status stays old")
		return nil
	}
	var requests []reconcile.Request
	for i := range found {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&found[i])})
	}
	return requests
}
