package scanjob

import (
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// handled is what jobHandler puts into a controller's queue.
type handled struct {
	t     *testing.T
	jobs  *Reconciler
	queue priorityqueue.PriorityQueue[reconcile.Request]
}

func newHandled(t *testing.T) *handled {
	queue := priorityqueue.New(t.Name(), func(o *priorityqueue.Opts[reconcile.Request]) {
		o.Log = logr.Discard()
		o.RateLimiter = workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()
	})
	t.Cleanup(queue.ShutDown)
	return &handled{t: t, jobs: &Reconciler{options: Options{Clock: clocktesting.NewFakeClock(noon())}.withDefaults()}, queue: queue}
}

// found tells of a job as the cache does of one that was there before the manager.
func (h *handled) found(name string, change ...func(*scanv1.ScanJob)) {
	h.jobs.jobHandler().Create(h.t.Context(), event.CreateEvent{Object: jobNamed(name, change...), IsInInitialList: true}, h.queue)
}

func jobNamed(name string, change ...func(*scanv1.ScanJob)) *scanv1.ScanJob {
	job := newJob(change...)
	job.Name, job.ResourceVersion = name, "1"
	return job
}

// order is the jobs that are in the queue, first one first.
func (h *handled) order() []string {
	h.t.Helper()
	var names []string
	// The last one: all that may come at once has come before it.
	end := reconcile.Request{}
	h.queue.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(-1000)}, end)
	for {
		item, _, _ := h.queue.GetWithPriority()
		h.queue.Done(item)
		if item == end {
			return names
		}
		names = append(names, item.Name)
	}
}

func finishedAt(t time.Time) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) {
		setCondition(job, scanv1.ConditionComplete, "True", scanv1.ReasonScanned, "scanned")
		job.Status.Timeline.FinishedTime = apiTime(t)
		job.Spec.TTLSecondsAfterFinished = ptr.To[int32](3600)
	}
}

func TestANewManagerLooksAtRunningJobsFirstAndNotAtFinishedOnes(t *testing.T) {
	h := newHandled(t)
	h.found("finished", withAttempts(done(0)), finishedAt(noon()))
	h.found("expired", withAttempts(done(0)), finishedAt(noon().Add(-2*time.Hour)))
	h.found("waiting")
	h.found("running", withAttempts(scanv1.Attempt{RecordedAt: *at(0)}))
	h.found("forever", withAttempts(done(0)), finishedAt(noon()), func(job *scanv1.ScanJob) { job.Spec.TTLSecondsAfterFinished = nil })
	h.found("kept", withFinalizer, withAttempts(done(0)), finishedAt(noon()))
	if got, want := h.order(), []string{"running", "waiting", "expired", "kept"}; !slices.Equal(got, want) && !slices.Equal(got, []string{"running", "waiting", "kept", "expired"}) {
		t.Errorf("the order is %v, want %v, the last two in either order", got, want)
	}
}

func TestNewsOfAFinishedJobIsLookedAt(t *testing.T) {
	h := newHandled(t)
	before, after := jobNamed("finished", withAttempts(done(0)), finishedAt(noon())), jobNamed("finished", withAttempts(done(0)), finishedAt(noon()))
	after.ResourceVersion = "2"
	h.jobs.jobHandler().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, h.queue)
	if got := h.order(); !slices.Equal(got, []string{"finished"}) {
		t.Errorf("the queue has %v", got)
	}
}

func TestAFinishedJobThatTheCacheTellsOfAgainIsNotLookedAt(t *testing.T) {
	h := newHandled(t)
	job := jobNamed("finished", withAttempts(done(0)), finishedAt(noon()))
	h.jobs.jobHandler().Update(t.Context(), event.UpdateEvent{ObjectOld: job, ObjectNew: job}, h.queue)
	if got := h.order(); len(got) != 0 {
		t.Errorf("the queue has %v", got)
	}
}
