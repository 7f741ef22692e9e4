package scanjob

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// The priorities of the jobs that a new manager finds. News of a job, whichever, has priority 0.
const (
	priorityOpen     = 0
	priorityWaiting  = -50
	priorityFinished = -100
)

// firstLook says when a new manager is to look at a job that it finds, and how urgently; no is true where nothing can come
// of it.
func firstLook(job *scanv1.ScanJob, now time.Time) (after time.Duration, priority int, no bool) {
	switch {
	case openAttempt(job) != nil:
		return 0, priorityOpen, false
	case !finished(job) || !job.DeletionTimestamp.IsZero():
		return 0, priorityWaiting, false
	case controllerutil.ContainsFinalizer(job, scanv1.FinalizerStopTask) || awaitsFindings(job):
		return 0, priorityFinished, false
	}
	expiry := expiryOf(job)
	if expiry.IsZero() {
		return 0, 0, true
	}
	return max(expiry.Sub(now), 0), priorityFinished, false
}

// jobHandler asks for the reconcile of a job that has changed. Of those that a new manager finds, the ones whose tasks run
// come first, and the finished ones not before their time is over; so do those that the cache only tells of again.
func (r *Reconciler) jobHandler() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	news := func(object client.Object, q queue) {
		q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList || !r.addFound(e.Object, q) {
				news(e.Object, q)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			if e.ObjectOld.GetResourceVersion() != e.ObjectNew.GetResourceVersion() || !r.addFound(e.ObjectNew, q) {
				news(e.ObjectNew, q)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { news(e.Object, q) },
	}
}

// addFound asks for the first look at a job. It returns false where that cannot be told from news.
func (r *Reconciler) addFound(object client.Object, q workqueue.TypedRateLimitingInterface[reconcile.Request]) bool {
	job, ok := object.(*scanv1.ScanJob)
	prioritised, able := q.(priorityqueue.PriorityQueue[reconcile.Request])
	if !ok || !able {
		return false
	}
	if after, priority, no := firstLook(job, r.options.Clock.Now()); !no {
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(job)}
		prioritised.AddWithOpts(priorityqueue.AddOpts{After: after, Priority: ptr.To(priority)}, request)
	}
	return true
}
