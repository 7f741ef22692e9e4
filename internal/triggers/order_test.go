package triggers

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

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

func supersededBy(job *v1alpha1.ScanJob) { job.Annotations[v1alpha1.AnnotationSupersededBy] = "b" }

func TestSuperseded(t *testing.T) {
	tests := map[string]struct {
		jobs   []v1alpha1.ScanJob
		newest string
		older  []string
		head   string
	}{
		"one job alone stays":                                     {[]v1alpha1.ScanJob{jobAt("a", commitA, 0)}, "a", nil, ""},
		"the later event wins":                                    {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("b", commitB, 1)}, "b", []string{"a"}, ""},
		"all older ones give way":                                 {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("b", commitB, 1), jobAt("c", commitM, 2)}, "c", []string{"a", "b"}, ""},
		"within one second nobody gives way":                      {[]v1alpha1.ScanJob{jobAt("b", commitB, 0), jobAt("a", commitA, 0)}, "b", nil, ""},
		"both of one second take the place of older ones":         {[]v1alpha1.ScanJob{jobAt("b", commitB, 1), jobAt("a", commitA, 1), jobAt("m", commitM, 0)}, "b", []string{"m"}, ""},
		"a finished job does not give way":                        {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, finished(v1alpha1.ConditionComplete)), jobAt("b", commitB, 1)}, "b", nil, ""},
		"a failed job does not give way":                          {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, finished(v1alpha1.ConditionFailed)), jobAt("b", commitB, 1)}, "b", nil, ""},
		"a job gives way to a finished newer one":                 {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("b", commitB, 1, finished(v1alpha1.ConditionComplete))}, "b", []string{"a"}, ""},
		"a job that is being cancelled is not again":              {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, cancelled), jobAt("b", commitB, 1)}, "b", nil, ""},
		"a second job of the same revision stays":                 {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("a2", commitA, 1)}, "a2", nil, ""},
		"within one second the host tells which is the head":      {[]v1alpha1.ScanJob{jobAt("b", commitB, 0), jobAt("a", commitA, 0)}, "a", []string{"b"}, commitA},
		"what the host says does not undo the order of seconds":   {[]v1alpha1.ScanJob{jobAt("b", commitB, 1), jobAt("a", commitA, 0)}, "b", []string{"a"}, commitA},
		"a head that has no job decides nothing":                  {[]v1alpha1.ScanJob{jobAt("b", commitB, 0), jobAt("a", commitA, 0)}, "b", nil, commitM},
		"fractions of a second do not count, as events have none": {[]v1alpha1.ScanJob{jobAt("b", commitB, 0), jobAt("a", commitA, 0, fraction)}, "b", nil, ""},
		"a spoiled annotation counts from creation": {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("b", commitB, 0, func(job *v1alpha1.ScanJob) {
			job.Annotations[v1alpha1.AnnotationEventTime] = "yesterday"
			job.CreationTimestamp = metav1.NewTime(noon.Add(-time.Hour))
		})}, "a", []string{"b"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				newest, older := Superseded(test.jobs, test.head)
				var names []string
				for _, job := range older {
					names = append(names, job.Name)
				}
				slices.Sort(names)
				if newest.Name != test.newest || !slices.Equal(names, test.older) {
					t.Errorf("newest %s, older %v; want %s, %v", newest.Name, names, test.newest, test.older)
				}
				slices.Reverse(test.jobs)
			}
		})
	}
}

func fraction(job *v1alpha1.ScanJob) {
	job.Annotations[v1alpha1.AnnotationEventTime] = EventTime(job).Add(900 * time.Millisecond).Format(time.RFC3339Nano)
}

func TestUndecided(t *testing.T) {
	for name, test := range map[string]struct {
		jobs []v1alpha1.ScanJob
		want bool
	}{
		"one job alone":                                {[]v1alpha1.ScanJob{jobAt("a", commitA, 0)}, false},
		"two seconds":                                  {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("b", commitB, 1)}, false},
		"two revisions of the newest second":           {[]v1alpha1.ScanJob{jobAt("a", commitA, 1), jobAt("b", commitB, 1)}, true},
		"two of a second that is not the newest":       {[]v1alpha1.ScanJob{jobAt("a", commitA, 0), jobAt("b", commitB, 0), jobAt("m", commitM, 1)}, false},
		"two jobs for one revision":                    {[]v1alpha1.ScanJob{jobAt("a", commitA, 1), jobAt("a2", commitA, 1)}, false},
		"one of them was scanned and the other is not": {[]v1alpha1.ScanJob{jobAt("a", commitA, 1, finished(v1alpha1.ConditionComplete)), jobAt("b", commitB, 1)}, true},
		"both were scanned":                            {[]v1alpha1.ScanJob{jobAt("a", commitA, 1, finished(v1alpha1.ConditionComplete)), jobAt("b", commitB, 1, finished(v1alpha1.ConditionFailed))}, false},
		"both are being cancelled":                     {[]v1alpha1.ScanJob{jobAt("a", commitA, 1, cancelled), jobAt("b", commitB, 1, cancelled)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				if got := Undecided(test.jobs); got != test.want {
					t.Errorf("%v, want %v", got, test.want)
				}
				slices.Reverse(test.jobs)
			}
		})
	}
}

func TestOvertaken(t *testing.T) {
	c := Change{Commit: commitA, Happened: noon.Add(5*time.Second + 400*time.Millisecond)}
	for name, test := range map[string]struct {
		jobs []v1alpha1.ScanJob
		want string
	}{
		"no other job":                          {nil, ""},
		"an older revision":                     {[]v1alpha1.ScanJob{jobAt("b", commitB, 4)}, ""},
		"one of the same second":                {[]v1alpha1.ScanJob{jobAt("b", commitB, 5)}, ""},
		"a newer one":                           {[]v1alpha1.ScanJob{jobAt("m", commitM, 4), jobAt("b", commitB, 6)}, "b"},
		"a newer one that was scanned":          {[]v1alpha1.ScanJob{jobAt("b", commitB, 6, finished(v1alpha1.ConditionComplete))}, "b"},
		"a later event about the same revision": {[]v1alpha1.ScanJob{jobAt("a", commitA, 9)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if by := Overtaken(test.jobs, c); by != nil {
				got = by.Name
			}
			if got != test.want {
				t.Errorf("overtaken by %q, want %q", got, test.want)
			}
		})
	}
}

func TestScanned(t *testing.T) {
	c := Change{Commit: commitA, Happened: noon.Add(40 * time.Second), EventID: "event-c"}
	done := finished(v1alpha1.ConditionComplete)
	for name, test := range map[string]struct {
		jobs []v1alpha1.ScanJob
		want string
	}{
		"no job":                               {nil, ""},
		"only one that was superseded":         {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, cancelled, supersededBy)}, ""},
		"that, and one that was done":          {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, cancelled, supersededBy), jobAt("a2", commitA, 20, done)}, "a2"},
		"that, and one under way":              {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, cancelled, supersededBy), jobAt("a2", commitA, 20)}, "a2"},
		"two that were superseded":             {[]v1alpha1.ScanJob{jobAt("a", commitA, 0, cancelled, supersededBy), jobAt("a2", commitA, 20, cancelled, supersededBy)}, ""},
		"one of another revision that is done": {[]v1alpha1.ScanJob{jobAt("b", commitB, 30, done)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if job := Scanned(test.jobs, c); job != nil {
				got = job.Name
			}
			if got != test.want {
				t.Errorf("scanned by %q, want %q", got, test.want)
			}
		})
	}
}

func TestRescan(t *testing.T) {
	back := func(seconds int, eventID string) Change {
		return Change{Commit: commitA, Happened: noon.Add(time.Duration(seconds) * time.Second), EventID: eventID}
	}
	tests := map[string]struct {
		existing v1alpha1.ScanJob
		c        Change
		want     bool
	}{
		"the branch was set back to a commit whose scan was cancelled":  {jobAt("a", commitA, 0, cancelled), back(5, "event-c"), true},
		"the same within one second":                                    {jobAt("a", commitA, 0, cancelled, supersededBy), back(0, "event-c"), true},
		"the same within one second for a scan that somebody cancelled": {jobAt("a", commitA, 0, cancelled), back(0, "event-c"), false},
		"a sweep finds the branch set back":                             {jobAt("a", commitA, 0, cancelled, supersededBy), back(0, ""), true},
		"a sweep finds a scan that somebody cancelled":                  {jobAt("a", commitA, 0, cancelled), back(0, ""), false},
		"the event of the cancelled scan comes again":                   {jobAt("a", commitA, 0, cancelled), back(0, "event-a"), false},
		"an older event comes late":                                     {jobAt("a", commitA, 5, cancelled), back(0, "event-c"), false},
		"the scan was not cancelled":                                    {jobAt("a", commitA, 0), back(5, "event-c"), false},
		"the scan was done before it was cancelled":                     {jobAt("a", commitA, 0, cancelled, supersededBy, finished(v1alpha1.ConditionComplete)), back(5, "event-c"), false},
		"the scan was done":                                             {jobAt("a", commitA, 0, finished(v1alpha1.ConditionComplete)), back(5, "event-c"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Rescan(&test.existing, test.c); got != test.want {
				t.Errorf("rescan = %v, want %v", got, test.want)
			}
		})
	}
}

func TestOfPullRequest(t *testing.T) {
	trigger := &v1alpha1.ScanTrigger{ObjectMeta: metav1.ObjectMeta{Name: "main", UID: "uid-1"}}
	owned := func(uid string) func(*v1alpha1.ScanJob) {
		return func(job *v1alpha1.ScanJob) {
			job.OwnerReferences = []metav1.OwnerReference{{UID: trigger.UID, Controller: ptr.To(true)}}
			job.OwnerReferences[0].UID = "uid-2"
			if uid != "" {
				job.OwnerReferences[0].UID = trigger.UID
			}
		}
	}
	jobs := []v1alpha1.ScanJob{
		jobAt("ours", commitA, 0, owned("uid-1")),
		jobAt("of-the-trigger-before", commitA, 0, owned("")),
		jobAt("by-hand", commitA, 0),
		jobAt("other-pull-request", commitA, 0, owned("uid-1"), func(job *v1alpha1.ScanJob) { job.Spec.Source.CodeCommit.PullRequestID = "43" }),
		jobAt("other-repository", commitA, 0, owned("uid-1"), func(job *v1alpha1.ScanJob) { job.Spec.Source.CodeCommit.Repository = "infra" }),
		jobAt("git", commitA, 0, owned("uid-1"), func(job *v1alpha1.ScanJob) { job.Spec.Source.CodeCommit = nil }),
	}
	got := JobsOfPullRequest(jobs, trigger, "payments", "42")
	if len(got) != 1 || got[0].Name != "ours" {
		t.Errorf("kept %v, want only the job that the trigger made for the pull request", got)
	}
}
