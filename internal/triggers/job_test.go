package triggers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func name(t *testing.T, trigger string, c Change, again string) string {
	t.Helper()
	got, err := JobName(trigger, c, again)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestJobNameIsAFunctionOfTriggerRepositoryPullRequestAndCommit(t *testing.T) {
	base := mustChange(t, pullRequest())
	want := name(t, "main", base, "")
	if !strings.HasPrefix(want, "main-payments-pr42-") {
		t.Errorf("name %q does not open with trigger, repository and pull request", want)
	}
	for what, edit := range map[string]func(*Change){
		"another event about the same commit": func(c *Change) { c.EventID, c.Event = "event-z", v1alpha1.EventPullRequestUpdated },
		"another time of arrival":             func(c *Change) { c.Received = c.Received.Add(time.Hour) },
		"another time of the event":           func(c *Change) { c.Happened = c.Happened.Add(time.Hour) },
		"another target":                      func(c *Change) { c.Base, c.TargetBranch = commitB, "main" },
	} {
		c := base
		edit(&c)
		if got := name(t, "main", c, ""); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	pushed, _ := OfPush(push(), noon)
	otherBranch, otherCommit := pushed, pushed
	otherBranch.TargetBranch, otherCommit.Commit = "release/1.2", commitM
	seen := map[string]string{want: "the first"}
	for what, other := range map[string]string{
		"another trigger":      name(t, "all", base, ""),
		"another repository":   name(t, "main", withChange(base, func(c *Change) { c.Repository = "infra" }), ""),
		"another pull request": name(t, "main", withChange(base, func(c *Change) { c.PullRequestID = "43" }), ""),
		"another commit":       name(t, "main", withChange(base, func(c *Change) { c.Commit = commitB }), ""),
		"a later scan":         name(t, "main", base, "revision-c"),
		"a push":               name(t, "main", pushed, ""),
		"another branch":       name(t, "main", otherBranch, ""),
		"another push":         name(t, "main", otherCommit, ""),
		"shifted parts":        name(t, "mainp", withChange(base, func(c *Change) { c.Repository = "ayments" }), ""),
	} {
		if before, ok := seen[other]; ok {
			t.Errorf("%s has the name of %s", what, before)
		}
		seen[other] = what
	}
}

func TestJobNameIsADNSLabel(t *testing.T) {
	tests := map[string]struct {
		trigger, repository, branch, prefix string
	}{
		"capitals and dots":        {"Main.Trigger", "Pay_ments.v2", "main", "main-trigger-pay-ments-v2-main-"},
		"long parts":               {strings.Repeat("t", 253), strings.Repeat("r", 100), strings.Repeat("b", 256), strings.Repeat("t", 16) + "-" + strings.Repeat("r", 16) + "-" + strings.Repeat("b", 12) + "-"},
		"parts cut at a separator": {"a234567890123456", "r--------------------x", "feature/ide/x", "a234567890123456-r-feature-ide-"},
		"nothing readable":         {"t", "___", "日本語", "t-"},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			c, _ := OfPush(push(), noon)
			c.Repository, c.TargetBranch = test.repository, test.branch
			got := name(t, test.trigger, c, "")
			if problems := validation.IsDNS1123Label(got); len(problems) > 0 {
				t.Errorf("%q: %v", got, problems)
			}
			if !strings.HasPrefix(got, test.prefix) {
				t.Errorf("%q does not open with %q", got, test.prefix)
			}
		})
	}
}

func TestNewJob(t *testing.T) {
	trigger := &v1alpha1.ScanTrigger{
		ObjectMeta: metav1.ObjectMeta{Name: "main", Namespace: "scans", UID: "uid-1"},
		Spec: v1alpha1.ScanTriggerSpec{
			EnvironmentName: "default",
			Template: v1alpha1.ScanJobTemplate{
				Metadata: v1alpha1.TemplateMetadata{
					Labels:      map[string]string{"team": "payments", "tier": "not a label", "not a name": "x", v1alpha1.LabelTrigger: "forged"},
					Annotations: map[string]string{"note": "hello", "not a name": "x", v1alpha1.AnnotationEventTime: "forged", v1alpha1.AnnotationSupersededBy: "forged"},
				},
				Spec: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeTree, Priority: 7, BackoffLimit: ptr.To[int32](1)},
			},
		},
	}
	t.Run("of a pull request", func(t *testing.T) {
		want := &v1alpha1.ScanJob{
			ObjectMeta: metav1.ObjectMeta{
				Name: "the-name", Namespace: "scans",
				Labels: map[string]string{
					"team": "payments", v1alpha1.LabelTrigger: "main", v1alpha1.LabelRepository: "payments", v1alpha1.LabelPullRequest: "42",
				},
				Annotations: map[string]string{
					"note":                          "hello",
					v1alpha1.AnnotationEventTime:    "2026-11-09T12:00:00Z",
					v1alpha1.AnnotationReceivedTime: "2026-11-09T12:00:02.5Z",
					v1alpha1.AnnotationEventID:      "event-a",
				},
				Finalizers: []string{v1alpha1.FinalizerStopTask},
				OwnerReferences: []metav1.OwnerReference{{
					APIVersion: "scanjob.dev/v1alpha1", Kind: "ScanTrigger", Name: "main", UID: "uid-1",
					Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(false),
				}},
			},
			Spec: v1alpha1.ScanJobSpec{
				EnvironmentName: "default",
				Source: v1alpha1.ScanSource{
					CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments", PullRequestID: "42"},
					Revision:   commitA, BaseRevision: commitM,
				},
				ScanJobOptions: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeTree, Priority: 7, BackoffLimit: ptr.To[int32](1)},
			},
		}
		c := mustChange(t, pullRequest())
		c.Received = noon.Add(2500 * time.Millisecond)
		got := NewJob(trigger, c, "the-name")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("of a push", func(t *testing.T) {
		c, _ := OfPush(push(), noon)
		got := NewJob(trigger, c, "the-name")
		if _, ok := got.Labels[v1alpha1.LabelPullRequest]; ok {
			t.Error("it has the label of a pull request")
		}
		source := got.Spec.Source
		if source.CodeCommit.PullRequestID != "" || source.Revision != commitB || source.BaseRevision != commitA {
			t.Errorf("source = %+v", source)
		}
	})
	t.Run("of a trigger that is used again", func(t *testing.T) {
		NewJob(trigger, mustChange(t, pullRequest()), "x").Labels["team"] = "spoiled"
		if trigger.Spec.Template.Metadata.Labels["team"] != "payments" {
			t.Error("the job shares the trigger's labels")
		}
	})
}

func withChange(c Change, edit func(*Change)) Change {
	edit(&c)
	return c
}

func TestJobsAreKeptUntilTheSweepAfterThem(t *testing.T) {
	for name, test := range map[string]struct {
		ttl, interval *int32
		want          *int32
	}{
		"a job that is kept long is kept as long":          {ptr.To[int32](604800), ptr.To[int32](600), ptr.To[int32](604800)},
		"one that is kept shorter than the sweeps is kept": {ptr.To[int32](60), ptr.To[int32](600), ptr.To[int32](1500)},
		"where nothing is swept it goes when it is to go":  {ptr.To[int32](60), ptr.To[int32](0), ptr.To[int32](60)},
		"one that is kept for good stays so":               {nil, ptr.To[int32](600), nil},
	} {
		t.Run(name, func(t *testing.T) {
			trigger := &v1alpha1.ScanTrigger{Spec: v1alpha1.ScanTriggerSpec{SweepIntervalSeconds: test.interval}}
			trigger.Spec.Template.Spec.TTLSecondsAfterFinished = test.ttl
			before := ptr.Deref(test.ttl, 0)
			job := NewJob(trigger, mustChange(t, pullRequest()), "x")
			if diff := cmp.Diff(test.want, job.Spec.TTLSecondsAfterFinished); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if ptr.Deref(test.ttl, 0) != before {
				t.Error("the template was changed")
			}
		})
	}
}

func TestNotBefore(t *testing.T) {
	late := withChange(mustChange(t, pullRequest()), func(c *Change) { c.Happened, c.Received = noon, noon.Add(3*time.Second) })
	pushed, _ := OfPush(push(), noon)
	for name, test := range map[string]struct {
		c                    Change
		debounce             int32
		supersede, confirmed bool
		want                 string
	}{
		"the head waits from its push on":                    {late, 5, true, true, "12:00:05"},
		"and no longer where that was long enough ago":       {late, 3, true, true, ""},
		"what may not be the head waits from its arrival on": {late, 5, true, false, "12:00:08"},
		"a trigger that does not debounce waits for nothing": {late, 0, true, false, ""},
		"nor does one that scans every revision":             {late, 5, false, false, ""},
		"nor does a push, which nothing takes the place of":  {pushed, 5, true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if at := NotBefore(&v1alpha1.ScanTriggerSpec{DebounceSeconds: &test.debounce, Supersede: &test.supersede}, test.c, test.confirmed); at != nil {
				got = at.Format(time.TimeOnly)
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestAnnotateTellsOfNoEventWhereThereWasNone(t *testing.T) {
	job := NewJob(&v1alpha1.ScanTrigger{}, mustChange(t, pullRequest()), "x")
	Annotate(job, withChange(mustChange(t, pullRequest()), func(c *Change) { c.EventID, c.Happened = "", noon.Add(time.Minute) }))
	if _, there := job.Annotations[v1alpha1.AnnotationEventID]; there || job.Annotations[v1alpha1.AnnotationEventTime] != "2026-11-09T12:01:00Z" {
		t.Errorf("annotations %v", job.Annotations)
	}
}
