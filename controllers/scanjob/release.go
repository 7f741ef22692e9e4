package scanjob

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// release takes the finalizer off once no task of the job can run and none will be started, so that neither the job nor
// its namespace waits for a manager that may be gone by then, and deletes a finished job whose time is over.
func (r *Reconciler) release(ctx context.Context, s *scope) error {
	if (s.deleting() || finished(s.job)) && openAttempt(s.job) == nil && controllerutil.ContainsFinalizer(s.job, scanv1.FinalizerStopTask) {
		before := s.job.DeepCopy()
		controllerutil.RemoveFinalizer(s.job, scanv1.FinalizerStopTask)
		err := r.client.Patch(ctx, s.job, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("remove finalizer: %w", err)
		}
	}
	if s.deleting() {
		if openAttempt(s.job) == nil {
			r.memory.forget(s.job.UID)
		}
		return nil
	}
	expiry := expiryOf(s.job)
	if expiry.IsZero() {
		return nil
	}
	if s.now.Before(expiry) {
		s.wakeAt(expiry)
		return nil
	}
	err := r.client.Delete(ctx, s.job, client.PropagationPolicy(metav1.DeletePropagationBackground),
		client.Preconditions{UID: &s.job.UID, ResourceVersion: &s.job.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete after ttlSecondsAfterFinished: %w", err)
	}
	return nil
}

// expiryOf returns when a finished job is to be deleted; zero where it is not, or not yet known.
func expiryOf(job *scanv1.ScanJob) time.Time {
	if !finished(job) || job.Spec.TTLSecondsAfterFinished == nil || job.Status.Timeline.FinishedTime == nil || awaitsFindings(job) {
		return time.Time{}
	}
	return job.Status.Timeline.FinishedTime.Add(time.Duration(*job.Spec.TTLSecondsAfterFinished) * time.Second)
}
