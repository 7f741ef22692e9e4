// Package scanjob runs one scan to its end: it admits it, starts a Fargate task per attempt, follows the task, repeats what
// was spoiled, and tells what was found.
package scanjob

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs/status,verbs=update;patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options are the controller's settings.
type Options struct {
	// GitEndpoint is the address of CodeCommit's Git service, "{region}" and "{suffix}" being replaced by the
	// environment's region and its partition's DNS suffix. Default: DefaultGitEndpoint.
	GitEndpoint string
	// PollInterval is how often ECS is asked about each task that runs. Default: 15 s.
	PollInterval time.Duration
	// Backoff times further attempts. Default: DefaultBackoff.
	Backoff Backoff
	// Workers is how many jobs are reconciled at once. Default: 16.
	Workers int
	// Quotas are those of each AWS account in each region. Default: fargate.DefaultQuotas.
	Quotas fargate.Quotas
	// CapacityProbeAfter is how long no task is started after Fargate had no capacity, before one is tried. Default: 30 s.
	CapacityProbeAfter time.Duration
	// SweepInterval is how often the tasks in ECS are compared with the jobs. Default: 5 min.
	SweepInterval time.Duration
	// OrphanAfter is how old a task must be for a sweep to stop it: the record of a younger one may not be seen yet. Default:
	// 1 min.
	OrphanAfter time.Duration
	// ListsLag is how far ECS's lists may be behind: a task that is not listed for as long does not exist. Default: 5 min.
	ListsLag time.Duration
	// Leading says that no other manager can work on these jobs: no task is started where it does not. Default: always true.
	Leading func() bool
	// Metrics are the controller's metrics. Default: none.
	Metrics *Metrics
	// Clock is the source of time. Default: the real one.
	Clock clock.WithTicker
}

// DefaultGitEndpoint is CodeCommit's public Git service.
const DefaultGitEndpoint = "https://git-codecommit.{region}.{suffix}"

// Reconciler brings ScanJobs to their end.
type Reconciler struct {
	client    client.Client
	live      client.Reader
	recorder  events.EventRecorder
	tasks     *fargate.Clients
	observer  *fargate.Observer
	admission *Admission
	memory    *memory
	options   Options
	// conflicts times the repetitions of writes that met another one.
	conflicts workqueue.TypedRateLimiter[types.NamespacedName]
	// turn is held while it is decided whether an attempt's task may be started; see mayStart.
	turn sync.Mutex
}

// New returns a reconciler that calls AWS through the factory's clients.
func New(mgr ctrl.Manager, aws *awsclient.Factory, options Options) *Reconciler {
	options = options.withDefaults()
	tasks := fargate.NewClients(aws, options.Quotas)
	admission := newAdmission(mgr.GetClient(), tasks, newCircuits(options.CapacityProbeAfter), options.Clock)
	if options.Metrics != nil {
		options.Metrics.queues.watch(admission)
	}
	return &Reconciler{
		client:    mgr.GetClient(),
		live:      mgr.GetAPIReader(),
		recorder:  mgr.GetEventRecorder("scanjob"),
		tasks:     tasks,
		observer:  fargate.NewObserver(options.PollInterval, options.Clock, mgr.GetLogger().WithName("observer")),
		admission: admission,
		memory:    newMemory(),
		conflicts: newConflicts(),
		options:   options,
	}
}

// newConflicts has a job that meets one conflict after the other wait for longer each time: most are over when the cache
// has the other write, and that wakes the job by itself.
func newConflicts() workqueue.TypedRateLimiter[types.NamespacedName] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](50*time.Millisecond, 10*time.Second)
}

func (o Options) withDefaults() Options {
	if o.GitEndpoint == "" {
		o.GitEndpoint = DefaultGitEndpoint
	}
	if o.PollInterval == 0 {
		o.PollInterval = 15 * time.Second
	}
	if o.Backoff == (Backoff{}) {
		o.Backoff = DefaultBackoff()
	}
	if o.Workers == 0 {
		o.Workers = 16
	}
	if o.Quotas == (fargate.Quotas{}) {
		o.Quotas = fargate.DefaultQuotas()
	}
	if o.CapacityProbeAfter == 0 {
		o.CapacityProbeAfter = probeAfter
	}
	if o.SweepInterval == 0 {
		o.SweepInterval = 5 * time.Minute
	}
	if o.OrphanAfter == 0 {
		o.OrphanAfter = time.Minute
	}
	if o.ListsLag == 0 {
		o.ListsLag = settledAfter
	}
	if o.Leading == nil {
		o.Leading = func() bool { return true }
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return o
}

// SetupWithManager registers the controller, the admission loop and the observer of tasks.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := addIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := mgr.Add(r.observer); err != nil {
		return err
	}
	if err := r.admission.setupWithManager(mgr); err != nil {
		return err
	}
	if err := mgr.Add(&sweeper{reconciler: r, log: mgr.GetLogger().WithName("sweeper")}); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("scanjob").
		Watches(&scanv1.ScanJob{}, r.jobHandler()).
		Watches(&scanv1.ScanEnvironment{}, handler.EnqueueRequestsFromMapFunc(r.jobsWaitingFor), builder.WithPredicates(environmentChanged())).
		WatchesRawSource(newsSource(r.observer.OnNews)).
		WatchesRawSource(newsSource(r.admission.onVerdict)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.options.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](200*time.Millisecond, 30*time.Second),
		}).
		Complete(r)
}

// newsSource is a source of reconciles that are asked for by a function call.
func newsSource(subscribe func(func(types.NamespacedName))) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		subscribe(func(name types.NamespacedName) { queue.Add(reconcile.Request{NamespacedName: name}) })
		return nil
	})
}

// Reconcile takes one job as far as it gets now and writes its status once, but for the attempt's record that must be
// written before its task is started.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	job := &scanv1.ScanJob{}
	if err := r.client.Get(ctx, request.NamespacedName, job); err != nil {
		if apierrors.IsNotFound(err) {
			r.observer.ForgetOwner(request.NamespacedName)
			r.conflicts.Forget(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.memory.stale(job) {
		return ctrl.Result{}, nil // its newer version is on the way, and asks for a reconcile itself
	}
	if finished(job) && !controllerutil.ContainsFinalizer(job, scanv1.FinalizerStopTask) {
		r.memory.forget(job.UID)
	}
	s := newScope(job, r.options.Clock.Now())
	if s.deleting() && !controllerutil.ContainsFinalizer(job, scanv1.FinalizerStopTask) {
		r.observer.ForgetOwner(request.NamespacedName)
		r.memory.forget(job.UID)
		return ctrl.Result{}, nil
	}

	advanceErr := r.advance(ctx, s)
	if advanceErr == nil && deferrable(s) {
		r.conflicts.Forget(request.NamespacedName)
		return ctrl.Result{RequeueAfter: s.requeueAfter()}, nil
	}
	writeErr := r.write(ctx, s)
	if writeErr == nil {
		r.forget(s)
	}
	if advanceErr == nil && writeErr == nil {
		writeErr = r.release(ctx, s)
	}
	if err := errors.Join(ignoreConflict(advanceErr), ignoreConflict(writeErr)); err != nil {
		return ctrl.Result{}, err
	}
	if advanceErr != nil || writeErr != nil {
		// Somebody else wrote meanwhile. Nothing is lost: what was done can be done again and names the same task.
		return ctrl.Result{RequeueAfter: r.conflicts.When(request.NamespacedName)}, nil
	}
	r.conflicts.Forget(request.NamespacedName)
	return ctrl.Result{RequeueAfter: s.requeueAfter()}, nil
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// advance is the life of a job in its order. Each step sees what the ones before it changed in the scope.
func (r *Reconciler) advance(ctx context.Context, s *scope) error {
	for _, step := range []func(context.Context, *scope) error{
		r.prepare,
		r.observe,
		r.interrupt,
		r.identify,
		r.conclude,
		r.admit,
		r.report,
	} {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// write puts the scope's status into the cluster, if it differs from what is there.
func (r *Reconciler) write(ctx context.Context, s *scope) error {
	summarize(s.job)
	if equality.Semantic.DeepEqual(s.written, &s.job.Status) {
		return nil
	}
	// Before the job's own status, whose change is what it is told by: a crash in between tells it twice, which changes nothing.
	untold := r.tellEnvironment(ctx, s)
	if err := r.client.Status().Patch(ctx, s.job, s.changes()); err != nil {
		return errors.Join(untold, fmt.Errorf("write status: %w", err))
	}
	r.memory.wrote(s.job)
	r.options.Metrics.observe(s.written, s.job)
	if attempt := missedLate(s.written, &s.job.Status); attempt != nil {
		r.admission.report(s.job, attempt, errors.New(attempt.Reason))
	}
	if attempt := ranNow(s.written, &s.job.Status); attempt != nil {
		r.admission.circuits.ran(circuitKey{environmentOf(s.job), attempt.OnDemandFallback})
	}
	for _, n := range append(news(s.written, &s.job.Status), s.notes...) {
		r.recorder.Eventf(s.job, nil, n.kind, n.reason, n.action, "%s", shorten(n.message, maxNote))
	}
	s.written, s.notes = s.job.Status.DeepCopy(), nil
	return untold
}

func (r *Reconciler) log(ctx context.Context) logr.Logger { return ctrl.LoggerFrom(ctx) }
