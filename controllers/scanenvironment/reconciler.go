// Package scanenvironment reconciles ScanEnvironments: it finds what their references lead to, checks that with AWS, and
// says in status what jobs can use and what stands in the way.
package scanenvironment

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

const (
	controllerName = "scanenvironment"
	// concurrentReconciles lets healthy environments pass one whose account answers slowly.
	concurrentReconciles = 4
	// checkTimeout bounds all AWS calls of one check, retries included.
	checkTimeout = 30 * time.Second
)

// Inbox learns which queue belongs to which environment.
type Inbox interface {
	// Set makes the environment use a queue. It is called at every reconcile, mostly with the same queue.
	Set(environment types.NamespacedName, queue inbox.Queue)
	// Remove ends the environment's use of a queue, if it uses one.
	Remove(environment types.NamespacedName)
	// Health returns how the consumption of the environment's queue goes.
	Health(environment types.NamespacedName) inbox.Health
	// OnHealth sets what is called for each environment whose Health has changed. That does not block.
	OnHealth(notify func(environment types.NamespacedName))
}

// Options are what a Reconciler stands on. All fields but Clock are required.
type Options struct {
	// Clients reach AWS.
	Clients *awsclient.Factory
	// Inbox gets the queues of the environments.
	Inbox Inbox
	// Clock tells the time. Default: the real one.
	Clock clock.PassiveClock
}

// Reconciler reconciles ScanEnvironments.
type Reconciler struct {
	clients *awsclient.Factory
	// inbox is nil in a preflight, which consumes nothing.
	inbox Inbox
	clock clock.PassiveClock

	// The rest comes from the Manager.
	client   client.Client
	reader   client.Reader
	recorder events.EventRecorder
	watches  *ackWatches
}

// New returns a Reconciler that works once it is set up with a Manager.
func New(options Options) *Reconciler {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	return &Reconciler{clients: options.Clients, inbox: options.Inbox, clock: options.Clock}
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments/status,verbs=patch
// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch
// +kubebuilder:rbac:groups=ecs.services.k8s.aws,resources=clusters;taskdefinitions,verbs=get;list;watch
// +kubebuilder:rbac:groups=ec2.services.k8s.aws,resources=subnets;securitygroups,verbs=get;list;watch
// +kubebuilder:rbac:groups=sqs.services.k8s.aws,resources=queues,verbs=get;list;watch
// +kubebuilder:rbac:groups=sns.services.k8s.aws,resources=topics,verbs=get;list;watch
// +kubebuilder:rbac:groups=s3.services.k8s.aws,resources=buckets,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager adds the controller to a Manager. The kinds of ACK are watched from the moment that an environment
// refers to one that is installed.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.client = mgr.GetClient()
	r.reader = mgr.GetAPIReader()
	r.recorder = mgr.GetEventRecorder(controllerName)
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.ScanEnvironment{}, referenceIndex, indexReferences)
	if err != nil {
		return fmt.Errorf("index ScanEnvironments by their references: %w", err)
	}
	// Status writes are not among what wakes it: they are its own.
	asked := predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	made, err := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.ScanEnvironment{}, builder.WithPredicates(asked)).
		Watches(&v1alpha1.ScanJob{}, handler.EnqueueRequestsFromMapFunc(r.deletedEnvironmentOf)).
		WatchesRawSource(healthSource(r.inbox)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrentReconciles}).
		Build(r)
	if err != nil {
		return fmt.Errorf("set up the ScanEnvironment controller: %w", err)
	}
	r.watches = &ackWatches{controller: made, cache: mgr.GetCache(), client: r.client, started: map[ack.Kind]bool{}}
	return nil
}

// Reconcile brings one environment's status up to date. It asks the API server itself and not the cache, which may still
// have the status from before the last write: where that equals what is true again, nothing would be written, and nothing
// would wake it later.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	environment := &v1alpha1.ScanEnvironment{}
	if err := r.reader.Get(ctx, request.NamespacedName, environment); err != nil {
		if apierrors.IsNotFound(err) {
			r.inbox.Remove(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	result, err := r.advance(ctx, environment)
	if apierrors.IsConflict(err) {
		// Somebody changed it meanwhile.
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	return result, client.IgnoreNotFound(err)
}

func (r *Reconciler) advance(ctx context.Context, environment *v1alpha1.ScanEnvironment) (ctrl.Result, error) {
	if !environment.DeletionTimestamp.IsZero() {
		return r.release(ctx, environment)
	}
	references, err := r.resolve(ctx, environment)
	if err != nil {
		return ctrl.Result{}, err
	}
	status := r.inspect(ctx, environment, references)
	if err := r.hold(ctx, environment, status); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.write(ctx, environment, status); err != nil {
		return ctrl.Result{}, err
	}
	r.listen(environment)
	return ctrl.Result{RequeueAfter: wait.Jitter(nextCheck(status.Conditions, references, r.clock.Now()), jitter)}, nil
}

// inspect checks the references with AWS and draws the conclusion.
func (r *Reconciler) inspect(ctx context.Context, environment *v1alpha1.ScanEnvironment, references []reference) v1alpha1.ScanEnvironmentStatus {
	region := r.region(environment)
	if region == "" {
		return unaskable(environment, references, r.clock.Now())
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	asked := check{
		clients: r.clientsOf(environment),
		spec:    environment.Spec,
		found:   v1alpha1.ResolvedEnvironment{Region: region},
	}
	if r.inbox != nil {
		asked.health = r.inbox.Health(client.ObjectKeyFromObject(environment))
	}
	if environment.Observed() {
		asked.last = environment.Status.References
	}
	asked.all(ctx, references)
	return conclude(environment, references, asked.found, r.clock.Now())
}

// write stores a status that differs from what is there, and tells a change of condition Ready as an event.
func (r *Reconciler) write(ctx context.Context, environment *v1alpha1.ScanEnvironment, status v1alpha1.ScanEnvironmentStatus) error {
	if equality.Semantic.DeepEqual(environment.Status, status) {
		return nil
	}
	before := environment.DeepCopy()
	environment.Status = status
	if err := r.client.Status().Patch(ctx, environment, locked(before)); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return nil
	}
	kind := corev1.EventTypeWarning
	if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) || is.Reason == ReasonDeleting {
		kind = corev1.EventTypeNormal
	}
	r.recorder.Eventf(environment, nil, kind, is.Reason, "Check", "%s", shorten(is.Message))
	return nil
}

// listen tells the inbox which queue the environment uses: the one that was resolved last, whatever else is wrong by now.
func (r *Reconciler) listen(environment *v1alpha1.ScanEnvironment) {
	key := client.ObjectKeyFromObject(environment)
	if resolved := environment.Status.Resolved; resolved != nil && resolved.QueueURL != "" {
		r.inbox.Set(key, inbox.Queue{URL: resolved.QueueURL, Client: r.clientsOf(environment).SQS})
		return
	}
	r.inbox.Remove(key)
}

func (r *Reconciler) region(environment *v1alpha1.ScanEnvironment) string {
	if environment.Spec.Region != "" {
		return environment.Spec.Region
	}
	return r.clients.DefaultRegion()
}

func (r *Reconciler) clientsOf(environment *v1alpha1.ScanEnvironment) *awsclient.Clients {
	return r.clients.For(awsclient.ScopeOf(environment.Spec))
}

// locked makes a patch that fails if the object is no longer what was read.
func locked(before client.Object) client.Patch {
	return client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
}
