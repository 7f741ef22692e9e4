// Package scantrigger makes ScanJobs of events, as ScanTriggers say, and keeps the triggers' status.
package scantrigger

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// Reconciler keeps the status of ScanTriggers. It creates no jobs; that is the Handler's part.
type Reconciler struct {
	client      client.Client
	expressions *triggers.Expressions
}

// New returns a Reconciler. It fails only where CEL cannot be set up.
func New(options Options) (*Reconciler, error) {
	x, err := triggers.NewExpressions()
	if err != nil {
		return nil, err
	}
	return &Reconciler{client: options.Client, expressions: x}, nil
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
			return !ok || !alsoOK || jobs.Finished(before) != jobs.Finished(after) || !triggers.EventTime(before).Equal(triggers.EventTime(after))
		},
	}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scantriggers/status,verbs=get;patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch

// Reconcile writes a trigger's status where it changed.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var trigger v1alpha1.ScanTrigger
	if err := r.client.Get(ctx, request.NamespacedName, &trigger); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	environment, err := r.environment(ctx, types.NamespacedName{Namespace: trigger.Namespace, Name: trigger.Spec.EnvironmentName})
	if err != nil {
		return ctrl.Result{}, err
	}
	jobs, err := jobsOf(ctx, r.client, &trigger)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := trigger.DeepCopy()
	ready := readiness(&trigger, environment, r.expressions)
	ready.ObservedGeneration = trigger.Generation
	meta.SetStatusCondition(&trigger.Status.Conditions, ready)
	summarize(&trigger.Status, jobs)
	trigger.Status.ObservedGeneration = trigger.Generation
	if equality.Semantic.DeepEqual(before.Status, trigger.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.client.Status().Patch(ctx, &trigger, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("write the status of ScanTrigger %s: %w", request, err)
	}
	return ctrl.Result{}, nil
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
	found, err := triggersOf(ctx, r.client, object.GetNamespace(), object.GetName())
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
