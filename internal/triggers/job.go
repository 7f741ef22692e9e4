package triggers

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// Kind is the kind of the owner of the jobs.
const Kind = "ScanTrigger"

// sweepSlack is what a finished job is kept beyond two sweeps.
const sweepSlack = 5 * time.Minute

// NewJob returns the ScanJob that a trigger makes of a change. To a sweep, a job is the sign that its head was scanned, so
// a trigger that sweeps keeps its jobs until the sweep after them.
func NewJob(trigger *v1alpha1.ScanTrigger, c Change, name string) *v1alpha1.ScanJob {
	job := jobs.New(trigger, Kind, name, trigger.Spec.EnvironmentName, trigger.Spec.Template, v1alpha1.ScanSource{
		CodeCommit:   &v1alpha1.CodeCommitSource{Repository: c.Repository, PullRequestID: c.PullRequestID},
		Revision:     c.Commit,
		BaseRevision: c.Base,
	})
	if ttl, interval := job.Spec.TTLSecondsAfterFinished, ptr.Deref(trigger.Spec.SweepIntervalSeconds, 0); ttl != nil && interval > 0 {
		*ttl = max(*ttl, 2*interval+int32(sweepSlack/time.Second))
	}
	maps.Copy(job.Labels, Labels(trigger.Name, c.Repository, c.PullRequestID))
	Annotate(job, c)
	job.Annotations[v1alpha1.AnnotationReceivedTime] = c.Received.UTC().Format(time.RFC3339Nano)
	return job
}

// Annotate writes on a job which event it stands for.
func Annotate(job *v1alpha1.ScanJob, c Change) {
	if job.Annotations == nil {
		job.Annotations = map[string]string{}
	}
	job.Annotations[v1alpha1.AnnotationEventTime] = c.Happened.UTC().Format(time.RFC3339Nano)
	if c.EventID == "" {
		delete(job.Annotations, v1alpha1.AnnotationEventID)
		return
	}
	job.Annotations[v1alpha1.AnnotationEventID] = c.EventID
}

// Labels are the labels of a trigger's jobs for a repository and, where it has one, a pull request.
func Labels(trigger, repository, pullRequestID string) map[string]string {
	labels := map[string]string{
		v1alpha1.LabelTrigger:    jobs.LabelValue(trigger),
		v1alpha1.LabelRepository: jobs.LabelValue(repository),
	}
	if pullRequestID != "" {
		labels[v1alpha1.LabelPullRequest] = jobs.LabelValue(pullRequestID)
	}
	return labels
}

// NotBefore is the earliest time at which a change is scanned, nil where it is scanned at once. A change that others may
// follow waits for them, so that of several pushes in a row only the last is scanned. Where the host has named the change's
// commit as the head, nothing can have followed it yet, and the wait counts from the push; otherwise what followed may be on
// its way, and it counts from when the change became known.
func NotBefore(spec *v1alpha1.ScanTriggerSpec, c Change, confirmed bool) *metav1.Time {
	wait := time.Duration(ptr.Deref(spec.DebounceSeconds, 0)) * time.Second
	if wait == 0 || c.PullRequestID == "" || !ptr.Deref(spec.Supersede, true) {
		return nil
	}
	from := c.Received
	if confirmed {
		from = c.Happened
	}
	start := metav1.NewTime(from.Add(wait).Truncate(time.Second))
	if !start.After(c.Received) {
		return nil
	}
	return &start
}
