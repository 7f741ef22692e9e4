package triggers

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// Superseded returns, of a trigger's jobs for one pull request, the one for the newest revision and the unfinished ones
// that have to give way to it. The order is by the time of the event, so the result does not depend on the order in which
// events arrive. Hosts tell that time in whole seconds: of two revisions of one second nobody knows which is the head, and
// both stay, because a scan too many is cheaper than a head that nobody looks at.
func Superseded(jobs []v1alpha1.ScanJob) (newest *v1alpha1.ScanJob, older []*v1alpha1.ScanJob) {
	for i := range jobs {
		if newest == nil || CompareRevisions(&jobs[i], newest) > 0 {
			newest = &jobs[i]
		}
	}
	for i := range jobs {
		job := &jobs[i]
		if job.Spec.Source.Revision != newest.Spec.Source.Revision && EventTime(job).Before(EventTime(newest)) && unfinished(job) && !job.Spec.Cancel {
			older = append(older, job)
		}
	}
	return newest, older
}

// CompareRevisions orders jobs by the time of their events, and within one second in some order that is always the same.
func CompareRevisions(a, b *v1alpha1.ScanJob) int {
	return cmp.Or(
		EventTime(a).Compare(EventTime(b)),
		cmp.Compare(a.Spec.Source.Revision, b.Spec.Source.Revision),
		cmp.Compare(a.Name, b.Name),
	)
}

// EventTime is when the event happened that a job stands for. A job whose annotation somebody spoiled counts from its own
// creation.
func EventTime(job *v1alpha1.ScanJob) time.Time {
	at, err := time.Parse(time.RFC3339Nano, job.Annotations[v1alpha1.AnnotationEventTime])
	if err != nil {
		return job.CreationTimestamp.UTC()
	}
	return at.UTC()
}

// unfinished says whether a job is neither Complete nor Failed.
func unfinished(job *v1alpha1.ScanJob) bool {
	return !jobs.Finished(job)
}

// Rescan says whether a change asks for another scan of a commit that has a job already. A branch that went on and was
// set back to an earlier commit has a head whose scan was cancelled on the way; without another one nobody would look at
// what is going to be merged.
func Rescan(existing *v1alpha1.ScanJob, c Change) bool {
	return existing.Spec.Cancel && !c.Happened.Before(EventTime(existing)) && existing.Annotations[v1alpha1.AnnotationEventID] != c.EventID
}

// Scans tells apart the scans of one commit, in the order in which their jobs are made; see JobName. The first is the usual
// one. The others are for a commit that a branch was set back to: by revision, so that every event about that state of the
// pull request finds the same job, and by event where a host names the state as it did before.
func Scans(c Change) []string {
	again := []string{""}
	for _, name := range []string{c.RevisionID, c.EventID} {
		if name != "" {
			again = append(again, name)
		}
	}
	return again
}

// JobsOfPullRequest keeps the jobs that a trigger made for one pull request. Labels alone would also let in what somebody
// labelled by hand.
func JobsOfPullRequest(jobs []v1alpha1.ScanJob, trigger *v1alpha1.ScanTrigger, repository, pullRequestID string) []v1alpha1.ScanJob {
	var kept []v1alpha1.ScanJob
	for _, job := range jobs {
		source := job.Spec.Source.CodeCommit
		if metav1.IsControlledBy(&job, trigger) && source != nil && source.Repository == repository && source.PullRequestID == pullRequestID {
			kept = append(kept, job)
		}
	}
	return kept
}
