// Package scanschedule makes ScanJobs at the times of a cron line, as ScanSchedules say, and keeps the schedules' status.
package scanschedule

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
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
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// defaultWorkers lets schedules pass one that waits for CodeCommit.
const defaultWorkers = 8

// Options are what a Reconciler needs. Clock, Metrics and Workers may be left out.
type Options struct {
	// Client reads from the manager's cache, with the indexes of SetupWithManager, and writes.
	Client client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Recorder writes the events of ScanSchedules.
	Recorder events.EventRecorder
	// CodeCommit tells which repositories there are and where their branches stand.
	CodeCommit *codecommit.Clients
	// Clock tells when a run is due. Default: the real one.
	Clock clock.PassiveClock
	// Metrics counts; see NewMetrics. Default: counters that nobody reads.
	Metrics *Metrics
	// Workers is how many schedules are reconciled at once. Default: 8.
	Workers int
}

// Reconciler follows ScanSchedules.
type Reconciler struct {
	client   client.Client
	live     client.Reader
	recorder events.EventRecorder
	clients  *codecommit.Clients
	clock    clock.PassiveClock
	metrics  *Metrics
	workers  int
}

// New returns a Reconciler that works once it is set up with a manager.
func New(options Options) *Reconciler {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Metrics == nil {
		options.Metrics = newMetrics()
	}
	if options.Workers == 0 {
		options.Workers = defaultWorkers
	}
	return &Reconciler{
		client: options.Client, live: options.Live, recorder: options.Recorder, clients: options.CodeCommit,
		clock: options.Clock, metrics: options.Metrics, workers: options.Workers,
	}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scanschedules,verbs=list;watch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanschedules/status,verbs=patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager adds the controller, and the indexes that it needs, to a manager that was not started.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	// Status writes are not among what wakes it: they are its own.
	asked := predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	err := ctrl.NewControllerManagedBy(mgr).
		Named("scanschedule").
		For(&v1alpha1.ScanSchedule{}, builder.WithPredicates(asked)).
		Owns(&v1alpha1.ScanJob{}, builder.WithPredicates(jobEnded())).
		Watches(&v1alpha1.ScanEnvironment{}, handler.EnqueueRequestsFromMapFunc(r.schedulesOf)).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.workers}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the ScanSchedule controller: %w", err)
	}
	return nil
}

// jobEnded lets through what a schedule has to know of a job: that it is there, gone, finished, or that its last news came.
func jobEnded() predicate.Funcs {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isJob := e.ObjectOld.(*v1alpha1.ScanJob)
		now, stillIs := e.ObjectNew.(*v1alpha1.ScanJob)
		return isJob && stillIs && (jobs.Finished(before) != jobs.Finished(now) || jobs.Settled(before) != jobs.Settled(now))
	}}
}

// schedulesOf maps an environment to the schedules that use it.
func (r *Reconciler) schedulesOf(ctx context.Context, object client.Object) []reconcile.Request {
	var list v1alpha1.ScanScheduleList
	err := r.client.List(ctx, &list, client.InNamespace(object.GetNamespace()), client.MatchingFields{environmentIndex: object.GetName()})
	if err != nil {
		// The cache answers this; it fails only while it stops.
		log.FromContext(ctx).Error(err, "Cannot find the schedules of an environment; restart the operator if their status stays old")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}

// Reconcile starts what is due of one schedule, writes its status once, and deletes the jobs beyond its history limits.
// What was started before a crash is found again by its name.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	schedule := &v1alpha1.ScanSchedule{}
	if err := r.client.Get(ctx, request.NamespacedName, schedule); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !schedule.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	s := &scope{schedule: schedule, before: schedule.DeepCopy(), now: r.clock.Now(), settled: map[v1alpha1.TargetState]int{}}
	err := r.advance(ctx, s)
	if writeErr := r.write(ctx, s); writeErr != nil {
		err = errors.Join(err, writeErr)
	} else if err == nil {
		err = r.prune(ctx, s)
	}
	r.publish(s)
	if apierrors.IsConflict(err) {
		// Somebody else wrote meanwhile. What was done is found again.
		return ctrl.Result{RequeueAfter: soon}, nil
	}
	if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	return ctrl.Result{RequeueAfter: s.requeueAfter()}, nil
}

// advance is the work on a schedule in its order. Each step sees what the ones before it changed in the scope.
func (r *Reconciler) advance(ctx context.Context, s *scope) error {
	list, err := jobsOf(ctx, r.client, s.schedule)
	if err != nil {
		return err
	}
	s.children = childrenOf(list)
	if err := record(&s.schedule.Status, s.children); err != nil {
		return err
	}
	s.readSpec()
	if err := r.readEnvironment(ctx, s); err != nil {
		return err
	}
	run, late := s.dueRun()
	r.expand(ctx, s, run)
	s.begin(run, late)
	err = r.start(ctx, s)
	s.judge()
	s.conclude()
	return err
}

// write puts the status into the cluster, if it differs from what is there, and provided that nobody wrote meanwhile: a
// cache that lags behind must not undo what the last reconcile wrote.
func (r *Reconciler) write(ctx context.Context, s *scope) error {
	if equality.Semantic.DeepEqual(s.before.Status, s.schedule.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(s.before, client.MergeFromWithOptimisticLock{})
	if err := r.client.Status().Patch(ctx, s.schedule, patch); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.metrics.count(s.settled)
	was := meta.FindStatusCondition(s.before.Status.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(s.schedule.Status.Conditions, v1alpha1.ConditionReady)
	if is != nil && (was == nil || was.Status != is.Status || was.Reason != is.Reason) {
		kind := corev1.EventTypeNormal
		if is.Status != metav1.ConditionTrue {
			kind = corev1.EventTypeWarning
		}
		s.tell(kind, is.Reason, "Check", is.Message)
	}
	return nil
}

// prune deletes the finished jobs beyond the history limits, once what they say is written down.
func (r *Reconciler) prune(ctx context.Context, s *scope) error {
	for _, job := range excess(&s.schedule.Spec, s.children) {
		err := r.client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &job.UID})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ScanJob %s, which is beyond the history limit: %w", job.Name, err)
		}
	}
	return nil
}

// publish records the notes as events.
func (r *Reconciler) publish(s *scope) {
	for _, n := range s.notes {
		r.recorder.Eventf(s.schedule, nil, n.kind, n.reason, n.action, "%s", n.text())
	}
}
