package scantrigger

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// keptForSweep bounds how long a job is kept for a sweep that does not come, because it cannot reach CodeCommit.
const keptForSweep = 24 * time.Hour

// excess returns the jobs to delete: those beyond the history limits. To a sweep, a job is the sign that its head was
// scanned, so a job stays until a sweep has passed it.
func excess(trigger *v1alpha1.ScanTrigger, list []v1alpha1.ScanJob, now time.Time) []*v1alpha1.ScanJob {
	all := make([]*v1alpha1.ScanJob, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	var beyond []*v1alpha1.ScanJob
	for _, job := range jobs.Excess(all, trigger.Spec.SuccessfulJobsHistoryLimit, trigger.Spec.FailedJobsHistoryLimit) {
		if !awaitsSweep(trigger, job, now) {
			beyond = append(beyond, job)
		}
	}
	var gone []*v1alpha1.ScanJob
	for _, job := range beyond {
		if !isProof(job, all, beyond) {
			gone = append(gone, job)
		}
	}
	return gone
}

// isProof says whether a job shows that a commit was scanned of which a cancelled job stays: without it, that commit would be
// scanned again.
func isProof(job *v1alpha1.ScanJob, all, beyond []*v1alpha1.ScanJob) bool {
	if !jobs.Complete(job) {
		return false
	}
	source := job.Spec.Source.CodeCommit
	return slices.ContainsFunc(all, func(other *v1alpha1.ScanJob) bool {
		with := other.Spec.Source.CodeCommit
		return other.Spec.Cancel && other != job && source != nil && with != nil && *source == *with && source.PullRequestID != "" &&
			other.Spec.Source.Revision == job.Spec.Source.Revision && !slices.Contains(beyond, other)
	})
}

// awaitsSweep says whether a sweep is still to come that would take a job's head for one that nobody scanned, were the job
// not there.
func awaitsSweep(trigger *v1alpha1.ScanTrigger, job *v1alpha1.ScanJob, now time.Time) bool {
	if ptr.Deref(trigger.Spec.SweepIntervalSeconds, 0) == 0 || now.Sub(job.CreationTimestamp.Time) > keptForSweep {
		return false
	}
	source := job.Spec.Source.CodeCommit
	return source != nil && source.PullRequestID != "" && triggers.EventTime(job).After(sweptUntil(&trigger.Status, source.Repository))
}

// prune deletes the jobs beyond the history limits.
func (r *Reconciler) prune(ctx context.Context, trigger *v1alpha1.ScanTrigger, list []v1alpha1.ScanJob) error {
	for _, job := range excess(trigger, list, r.clock.Now()) {
		err := r.client.Delete(ctx, job.DeepCopy(), client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &job.UID})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ScanJob %s, which is beyond the history limit: %w", job.Name, err)
		}
	}
	return nil
}
