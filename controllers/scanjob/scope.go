package scanjob

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// scope is what the steps of one reconcile share.
type scope struct {
	// job is a copy that the steps change.
	job *scanv1.ScanJob
	// written is the status as it is in the cluster.
	written *scanv1.ScanJobStatus
	// environment is the job's, nil where there is none.
	environment *scanv1.ScanEnvironment
	// now is the same moment for all steps, in whole seconds, as the API stores it.
	now time.Time
	// askedAt is when ECS last told of the open attempt's task; zero where this process has not heard of it.
	askedAt time.Time
	// pending says that the admission loop has not said anything yet that the job should be told.
	pending bool
	// notes are Kubernetes events to be recorded with the next write, beside those that follow from the status.
	notes []note

	wake time.Time
}

func newScope(job *scanv1.ScanJob, now time.Time) *scope {
	return &scope{job: job.DeepCopy(), written: job.Status.DeepCopy(), now: now.Truncate(time.Second)}
}

// changes is the patch from what is in the cluster to the job's status. It fails with a conflict where somebody else wrote
// meanwhile. What the cache does not hold of the status stays as it is.
func (s *scope) changes() client.Patch {
	before := *s.job
	before.Status = *s.written
	return client.MergeFromWithOptions(&before, client.MergeFromWithOptimisticLock{})
}

func (s *scope) deleting() bool { return !s.job.DeletionTimestamp.IsZero() }

// wakeAt asks for another reconcile at that time or before.
func (s *scope) wakeAt(t time.Time) {
	if s.wake.IsZero() || t.Before(s.wake) {
		s.wake = t
	}
}

// requeueAfter is how long the next reconcile may wait; 0 where only news can change anything.
func (s *scope) requeueAfter() time.Duration {
	if s.wake.IsZero() {
		return 0
	}
	// now is truncated: without the second a wake-up could come early and find nothing to do.
	return max(s.wake.Sub(s.now), 0) + time.Second
}

// stamp is now in the API's form.
func (s *scope) stamp() *metav1.Time {
	t := metav1.NewTime(s.now)
	return &t
}
