package triggers

import (
	"maps"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// Kind is the kind of the owner of the jobs.
const Kind = "ScanTrigger"

// NewJob returns the ScanJob that a trigger makes of a change.
func NewJob(trigger *v1alpha1.ScanTrigger, c Change, name string) *v1alpha1.ScanJob {
	job := jobs.New(trigger, Kind, name, trigger.Spec.EnvironmentName, trigger.Spec.Template, v1alpha1.ScanSource{
		CodeCommit:   &v1alpha1.CodeCommitSource{Repository: c.Repository, PullRequestID: c.PullRequestID},
		Revision:     c.Commit,
		BaseRevision: c.Base,
	})
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
