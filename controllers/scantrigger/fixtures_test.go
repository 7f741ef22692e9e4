package scantrigger

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const (
	commitA = "6669fb1fca2bfc7e52b5ffd6805b15554ec601bf"
	commitB = "b63ae6ede087fe187888db24b0dacb4b9ad64c5a"
	commitM = "a7f719bf74e49f78da1a4edfed258b184a7054ff"
	bot     = "arn:aws:sts::111122223333:assumed-role/bot/renovate"
)

var noon = time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC)

// pullRequest is the event that opened pull request 42 of payments, from feature/capture to release/1.2.
func pullRequest() events.PullRequest {
	return events.PullRequest{
		EventKind:    events.PullRequestCreated,
		Repository:   "payments",
		ID:           "42",
		Title:        "Capture twice, charge once",
		AuthorARN:    bot,
		CallerARN:    bot,
		SourceBranch: "feature/capture",
		TargetBranch: "release/1.2",
		SourceCommit: commitA,
		TargetCommit: commitM,
		RevisionID:   "revision-a",
		Account:      "111122223333",
		Region:       "us-east-1",
		Time:         noon,
		EventID:      "event-a",
	}
}

func push() events.Push {
	return events.Push{
		EventKind: events.PushUpdated, Repository: "payments", Branch: "main", Commit: commitB, OldCommit: commitA,
		CallerARN: bot, Account: "111122223333", Region: "us-east-1", Time: noon, EventID: "event-p",
	}
}

func mustChange(t *testing.T, e events.PullRequest) triggers.Change {
	t.Helper()
	c, ok := triggers.OfPullRequest(e, noon.Add(2*time.Second))
	if !ok {
		t.Fatalf("%+v is no change", e)
	}
	return c
}

func mustExpressions(t *testing.T) *triggers.Expressions {
	t.Helper()
	x, err := triggers.NewExpressions()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// jobAt is an unfinished job for a commit whose event happened so many seconds after noon.
func jobAt(name, commit string, seconds int, edits ...func(*v1alpha1.ScanJob)) v1alpha1.ScanJob {
	job := v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{
			v1alpha1.AnnotationEventTime: noon.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339Nano),
			v1alpha1.AnnotationEventID:   "event-" + name,
		}},
		Spec: v1alpha1.ScanJobSpec{Source: v1alpha1.ScanSource{
			CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments", PullRequestID: "42"}, Revision: commit,
		}},
	}
	for _, edit := range edits {
		edit(&job)
	}
	return job
}

func finished(condition string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) {
		job.Status.Conditions = append(job.Status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue})
	}
}

func cancelled(job *v1alpha1.ScanJob) { job.Spec.Cancel = true }
