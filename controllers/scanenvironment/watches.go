package scanenvironment

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

// referenceIndex is the cache index of environments by the ACK objects that they refer to.
const referenceIndex = "scanenvironment.references"

// indexKey is the same for the reference and for the object. Both are in one namespace.
func indexKey(kind ack.Kind, name string) string { return string(kind) + "/" + name }

// indexReferences lists the index keys of an environment.
func indexReferences(object client.Object) []string {
	environment, ok := object.(*v1alpha1.ScanEnvironment)
	if !ok {
		return nil
	}
	var keys []string
	for _, ref := range referencesOf(environment.Spec) {
		if name := ref.objectName(); name != "" {
			keys = append(keys, indexKey(ref.kind, name))
		}
	}
	return keys
}

// ackWatches starts a watch of an ACK kind when the first environment refers to it and the kind is installed, which may
// be long after the manager started. The watch is of metadata alone: every status write changes the resource version,
// and the object itself is read when it is needed.
type ackWatches struct {
	controller controller.Controller
	cache      cache.Cache
	client     client.Client

	mu      sync.Mutex
	started map[ack.Kind]bool
}

// start watches a kind that is known to be installed. Objects that are there already come as events too, so nothing that
// changes between a read and the start is missed. Without watches, as for a look that is not repeated, nothing is started.
func (w *ackWatches) start(kind ack.Kind) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started[kind] {
		return nil
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind.GroupVersionKind())
	enqueue := delayed(func(ctx context.Context, object *metav1.PartialObjectMetadata) []reconcile.Request {
		return w.referrers(ctx, kind, object)
	})
	changed := predicate.TypedResourceVersionChangedPredicate[*metav1.PartialObjectMetadata]{}
	if err := w.controller.Watch(source.Kind(w.cache, object, enqueue, changed)); err != nil {
		return fmt.Errorf("watch %s: %w", kind.GroupVersionKind().GroupKind(), err)
	}
	w.started[kind] = true
	return nil
}

// gathering is how long a change of an ACK object waits for others. ACK writes an object several times in a row, and
// objects that are applied together become synced together.
const gathering = time.Second

// delayed asks for the reconciles of what an object maps to, one for all changes of a moment.
func delayed(requests func(context.Context, *metav1.PartialObjectMetadata) []reconcile.Request) handler.TypedEventHandler[*metav1.PartialObjectMetadata, reconcile.Request] {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	add := func(ctx context.Context, object *metav1.PartialObjectMetadata, q queue) {
		for _, request := range requests(ctx, object) {
			q.AddAfter(request, gathering)
		}
	}
	return handler.TypedFuncs[*metav1.PartialObjectMetadata, reconcile.Request]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[*metav1.PartialObjectMetadata], q queue) {
			add(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[*metav1.PartialObjectMetadata], q queue) {
			add(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[*metav1.PartialObjectMetadata], q queue) {
			add(ctx, e.Object, q)
		},
	}
}

// referrers names the environments that refer to an ACK object.
func (w *ackWatches) referrers(ctx context.Context, kind ack.Kind, object *metav1.PartialObjectMetadata) []reconcile.Request {
	environments := &v1alpha1.ScanEnvironmentList{}
	err := w.client.List(ctx, environments, client.InNamespace(object.Namespace),
		client.MatchingFields{referenceIndex: indexKey(kind, object.Name)})
	if err != nil {
		// The list is of the cache and fails only with the manager; the periodic check finds the change all the same.
		log.FromContext(ctx).Error(err, "List the environments that refer to an ACK object", "kind", kind, "object", client.ObjectKeyFromObject(object))
		return nil
	}
	requests := make([]reconcile.Request, 0, len(environments.Items))
	for i := range environments.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&environments.Items[i])})
	}
	return requests
}

// deletedEnvironmentOf names the environment of a job if it is waiting to be deleted, which the end of the job's task may
// allow. All other environments have nothing to learn from a job.
func (r *Reconciler) deletedEnvironmentOf(ctx context.Context, object client.Object) []reconcile.Request {
	job, ok := object.(*v1alpha1.ScanJob)
	if !ok {
		return nil
	}
	key := types.NamespacedName{Namespace: job.Namespace, Name: job.Spec.EnvironmentName}
	environment := &v1alpha1.ScanEnvironment{}
	if err := r.client.Get(ctx, key, environment); err != nil || environment.DeletionTimestamp.IsZero() {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// healthSource wakes the environments for whose queue the inbox has news.
func healthSource(inbox Inbox) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		inbox.OnHealth(func(environment types.NamespacedName) { queue.Add(reconcile.Request{NamespacedName: environment}) })
		return nil
	})
}
