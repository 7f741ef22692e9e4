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
// events arrive. Of two revisions of one second the one that stays is head, the commit that the host says is the pull
// request's now. Where that is not known, and head is empty, both stay, because a scan too many is cheaper than a head that
// nobody looks at.
func Superseded(list []v1alpha1.ScanJob, head string) (newest *v1alpha1.ScanJob, older []*v1alpha1.ScanJob) {
	newest = newestOf(list, head)
	for i := range list {
		job := &list[i]
		if job.Spec.Source.Revision == newest.Spec.Source.Revision || jobs.Finished(job) || job.Spec.Cancel {
			continue
		}
		if EventTime(job).Before(EventTime(newest)) || newest.Spec.Source.Revision == head {
			older = append(older, job)
		}
	}
	return newest, older
}

// Undecided says whether the times of events do not tell which unfinished jobs of a pull request have to give way: jobs for
// several revisions are of the newest second.
func Undecided(list []v1alpha1.ScanJob) bool {
	newest := newestOf(list, "")
	several, underWay := false, false
	for i := range list {
		job := &list[i]
		if !EventTime(job).Equal(EventTime(newest)) {
			continue
		}
		several = several || job.Spec.Source.Revision != newest.Spec.Source.Revision
		underWay = underWay || !jobs.Finished(job) && !job.Spec.Cancel
	}
	return several && underWay
}

// Overtaken returns a job for another revision whose event happened after the change, nil where there is none: the change
// is old news then.
func Overtaken(list []v1alpha1.ScanJob, c Change) *v1alpha1.ScanJob {
	for i := range list {
		if list[i].Spec.Source.Revision != c.Commit && EventTime(&list[i]).After(second(c.Happened)) {
			return &list[i]
		}
	}
	return nil
}

// newestOf returns the job for the newest revision, nil where there is no job. Within the newest second it is that of the
// head, and otherwise always the same one.
func newestOf(list []v1alpha1.ScanJob, head string) (newest *v1alpha1.ScanJob) {
	for i := range list {
		job := &list[i]
		isHead := job.Spec.Source.Revision == head
		switch {
		case newest == nil, EventTime(job).After(EventTime(newest)):
			newest = job
		case EventTime(job).Before(EventTime(newest)):
		case isHead != (newest.Spec.Source.Revision == head):
			if isHead {
				newest = job
			}
		case CompareRevisions(job, newest) > 0:
			newest = job
		}
	}
	return newest
}

// CompareRevisions orders jobs by the time of their events, and within one second in some order that is always the same.
func CompareRevisions(a, b *v1alpha1.ScanJob) int {
	return cmp.Or(
		EventTime(a).Compare(EventTime(b)),
		cmp.Compare(a.Spec.Source.Revision, b.Spec.Source.Revision),
		cmp.Compare(a.Name, b.Name),
	)
}

// EventTime is when the event happened that a job stands for, in whole seconds, which is what hosts tell. A job whose
// annotation somebody spoiled counts from its own creation.
func EventTime(job *v1alpha1.ScanJob) time.Time {
	at, err := time.Parse(time.RFC3339Nano, job.Annotations[v1alpha1.AnnotationEventTime])
	if err != nil {
		return second(job.CreationTimestamp.Time)
	}
	return second(at)
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// Rescan says whether a change asks for another scan of a commit that has a job already. A branch that went on and was
// set back to an earlier commit has a head whose scan was cancelled on the way; without another one nobody would look at
// what is going to be merged.
func Rescan(existing *v1alpha1.ScanJob, c Change) bool {
	switch at := EventTime(existing); {
	case !existing.Spec.Cancel, jobs.Complete(existing):
		// A scan can be done before it hears that it is not needed.
		return false
	case c.EventID != "" && existing.Annotations[v1alpha1.AnnotationEventID] == c.EventID:
		return false
	case second(c.Happened).Equal(at):
		// Within one second either can be the later. A scan that somebody cancelled by hand stays cancelled.
		return existing.Annotations[v1alpha1.AnnotationSupersededBy] != ""
	default:
		return c.Happened.After(at)
	}
}

// Scanned returns the job of a list that makes another scan of the change's commit needless, nil where there is none. A branch
// that was set back to a commit twice has its second scan under the name of the first time. list are the trigger's jobs for
// the pull request.
func Scanned(list []v1alpha1.ScanJob, c Change) *v1alpha1.ScanJob {
	for i := range list {
		if list[i].Spec.Source.Revision == c.Commit && !Rescan(&list[i], c) {
			return &list[i]
		}
	}
	return nil
}

// Scans tells apart the scans of one commit, in the order in which their jobs are made; see JobName. The first is the usual
// one. The others are for a commit that a branch was set back to: by revision, so that every event about that state of the
// pull request finds the same job, and by event, or its time where there is none, where a host names the state as it did before. A replay has one of its own.
func Scans(c Change) []string {
	if c.Replay != "" {
		return []string{"replay " + c.Replay}
	}
	again := []string{""}
	event := c.EventID
	if event == "" {
		// Nothing but the time tells a sweep's change from what the state was before.
		event = second(c.Happened).Format(time.RFC3339)
	}
	for _, name := range []string{c.RevisionID, event} {
		if name != "" {
			again = append(again, name)
		}
	}
	return again
}

// JobsOfPullRequest keeps the jobs that a trigger made for one pull request. Labels alone would also let in what somebody
// labelled by hand.
func JobsOfPullRequest(list []v1alpha1.ScanJob, trigger *v1alpha1.ScanTrigger, repository, pullRequestID string) []v1alpha1.ScanJob {
	var kept []v1alpha1.ScanJob
	for _, job := range list {
		source := job.Spec.Source.CodeCommit
		if metav1.IsControlledBy(&job, trigger) && source != nil && source.Repository == repository && source.PullRequestID == pullRequestID {
			kept = append(kept, job)
		}
	}
	return kept
}
