package scantrigger

import (
	"maps"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// triggerKind is the kind of the owner of the jobs.
const triggerKind = "ScanTrigger"

// newJob returns the ScanJob that a trigger makes of a change.
func newJob(trigger *v1alpha1.ScanTrigger, c change, name string) *v1alpha1.ScanJob {
	job := jobs.New(trigger, triggerKind, name, trigger.Spec.EnvironmentName, trigger.Spec.Template, v1alpha1.ScanSource{
		CodeCommit:   &v1alpha1.CodeCommitSource{Repository: c.repository, PullRequestID: c.pullRequestID},
		Revision:     c.commit,
		BaseRevision: c.base,
	})
	maps.Copy(job.Labels, changeLabels(trigger.Name, c.repository, c.pullRequestID))
	annotateEvent(job, c)
	job.Annotations[v1alpha1.AnnotationReceivedTime] = c.received.UTC().Format(time.RFC3339Nano)
	return job
}

// annotateEvent writes on a job which event it stands for.
func annotateEvent(job *v1alpha1.ScanJob, c change) {
	if job.Annotations == nil {
		job.Annotations = map[string]string{}
	}
	job.Annotations[v1alpha1.AnnotationEventTime] = c.happened.UTC().Format(time.RFC3339Nano)
	job.Annotations[v1alpha1.AnnotationEventID] = c.eventID
}

// changeLabels are the labels of a trigger's jobs for a repository and, where it has one, a pull request.
func changeLabels(trigger, repository, pullRequestID string) map[string]string {
	labels := map[string]string{
		v1alpha1.LabelTrigger:    jobs.LabelValue(trigger),
		v1alpha1.LabelRepository: jobs.LabelValue(repository),
	}
	if pullRequestID != "" {
		labels[v1alpha1.LabelPullRequest] = jobs.LabelValue(pullRequestID)
	}
	return labels
}
