package scantrigger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// askSweep asks for a sweep and waits until it was tried.
func (w *world) askSweep(trigger *v1alpha1.ScanTrigger) v1alpha1.ScanTriggerStatus {
	w.t.Helper()
	return w.ask(trigger, v1alpha1.AnnotationSweep, fmt.Sprint("request-", time.Now().UnixNano()))
}

// ask sets an annotation and waits until the sweeper has answered to it.
func (w *world) ask(trigger *v1alpha1.ScanTrigger, annotation, value string) v1alpha1.ScanTriggerStatus {
	w.t.Helper()
	w.reload(trigger)
	before := trigger.DeepCopy()
	metav1.SetMetaDataAnnotation(&trigger.ObjectMeta, annotation, value)
	w.patch(trigger, before)
	w.eventually("wait for the answer to "+annotation, func() string {
		w.reload(trigger)
		status := trigger.Status
		if status.LastHandledSweep == value || status.Replay != nil && status.Replay.Since == value {
			return ""
		}
		return fmt.Sprintf("status %+v", status)
	})
	return trigger.Status
}

func (w *world) reload(trigger *v1alpha1.ScanTrigger) {
	w.t.Helper()
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
		w.t.Fatal(err)
	}
}

// firstSweep waits for the sweep that a new trigger begins with.
func (w *world) firstSweep(trigger *v1alpha1.ScanTrigger) v1alpha1.ScanTriggerStatus {
	w.t.Helper()
	w.eventually("wait for the first sweep", func() string {
		w.reload(trigger)
		if trigger.Status.Sweep == nil {
			return "no sweep"
		}
		return ""
	})
	return trigger.Status
}

// end gives the jobs for a commit a condition that ends them.
func (w *world) end(commit, condition string) {
	w.t.Helper()
	for _, job := range w.jobs() {
		if job.Spec.Source.Revision != commit {
			continue
		}
		w.finish(&job, condition)
	}
}

// complete has a job be done.
func (w *world) complete(job *v1alpha1.ScanJob) {
	w.t.Helper()
	w.finish(job, v1alpha1.ConditionComplete)
}

func (w *world) finish(job *v1alpha1.ScanJob, condition string) {
	w.t.Helper()
	meta.SetStatusCondition(&job.Status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: "Test"})
	if err := w.client.Status().Update(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
}

// forget deletes the jobs for a commit, as a limit or a person would.
func (w *world) forget(commit string) {
	w.t.Helper()
	for _, job := range w.jobs() {
		if job.Spec.Source.Revision == commit {
			if err := w.client.Delete(w.t.Context(), &job); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.eventually("the cache knows", func() string {
		var list v1alpha1.ScanJobList
		if err := w.cached.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
			return err.Error()
		}
		for _, job := range list.Items {
			if job.Spec.Source.Revision == commit {
				return job.Name + " is there"
			}
		}
		return ""
	})
}

// age moves what the trigger remembers of its last sweep, so that everything until now was before it.
func (w *world) age(trigger *v1alpha1.ScanTrigger) {
	w.t.Helper()
	w.reload(trigger)
	before := trigger.DeepCopy()
	later := metav1.NewTime(time.Now().Add(sweepOverlap + time.Second))
	trigger.Status.LastSweepTime = &later
	if err := w.client.Status().Patch(w.t.Context(), trigger, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantRunning(what string, commits ...string) {
	w.t.Helper()
	slices.Sort(commits)
	if got := w.running(); !slices.Equal(got, commits) {
		w.t.Errorf("%s: running %v, want %v", what, got, commits)
	}
}

func TestNewTriggerScansWhatIsOpen(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	var heads []string
	for i := range 7 {
		_, head := o.open(fmt.Sprint("feature-", i))
		heads = append(heads, head)
	}
	done, _ := o.open("done")
	o.close(done)
	w.repository("infra").open("elsewhere")
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"pay*"} })
	status := w.firstSweep(trigger)
	w.wantRunning("after the first sweep", heads...)
	if status.Sweep.Repositories != 1 || status.Sweep.PullRequests != 7 || status.Sweep.Missed != 7 || status.MissedHeads != 0 {
		t.Errorf("status %+v, missed in all %d: nothing was missed before there was a trigger", status.Sweep, status.MissedHeads)
	}
	if status.LastSweepTime == nil || status.NextSweepTime == nil {
		t.Fatalf("last %v, next %v", status.LastSweepTime, status.NextSweepTime)
	}
	if in := status.NextSweepTime.Sub(status.LastSweepTime.Time); in < 540*time.Second || in > 600*time.Second {
		t.Errorf("the next sweep is %v after the last", in)
	}
	for _, job := range w.jobs() {
		if job.Annotations[v1alpha1.AnnotationEventTime] == "" || job.Spec.Source.BaseRevision != o.main || job.Spec.Source.CodeCommit.PullRequestID == "" {
			t.Errorf("job %s: %v, %+v", job.Name, job.Annotations, job.Spec.Source)
		}
	}
}

func TestSweepMakesGoodWhatEventsDidNotBring(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	pushed, first := o.open("pushed")
	_, still := o.open("still")
	closed, closedHead := o.open("closed")
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	w.wantRunning("at first", first, still, closedHead)

	second := o.commit("pushed", first, "more.txt")
	_, opened := o.open("opened")
	o.close(closed)
	status := w.askSweep(trigger)
	w.wantRunning("after the sweep", second, still, opened)
	if status.Sweep.Missed != 2 || status.MissedHeads != 2 || status.Sweep.Closed != 1 || status.Sweep.PullRequests != 3 {
		t.Errorf("status %+v, missed in all %d", status.Sweep, status.MissedHeads)
	}
	w.awaitTold("main", v1alpha1.ReasonHeadsMissed, "2 heads")
	for _, job := range w.jobs() {
		by := job.Annotations[v1alpha1.AnnotationSupersededBy]
		if (by != "") != (job.Spec.Source.Revision == first) {
			t.Errorf("%s is superseded by %q", job.Spec.Source.Revision, by)
		}
	}
	names := slices.Sorted(maps.Keys(w.jobs()))

	status = w.askSweep(trigger)
	if status.Sweep.Missed != 0 || status.MissedHeads != 2 || status.Sweep.Closed != 0 || !slices.Equal(slices.Sorted(maps.Keys(w.jobs())), names) {
		t.Errorf("a sweep over what is well found %+v", status.Sweep)
	}

	t.Run("and the event that comes after all makes no other job", func(t *testing.T) {
		w.handle(o.event("Updated", pushed))
		if !slices.Equal(slices.Sorted(maps.Keys(w.jobs())), names) {
			t.Errorf("jobs %v", slices.Sorted(maps.Keys(w.jobs())))
		}
	})
	t.Run("nor is a head scanned again whose job is gone", func(t *testing.T) {
		w.end(second, v1alpha1.ConditionComplete)
		w.age(trigger)
		w.forget(second)
		// Talk moves the pull request's last activity.
		o.comment(pushed, second)
		status := w.askSweep(trigger)
		w.wantRunning("after another sweep", still, opened)
		if status.Sweep.Missed != 0 {
			t.Errorf("status %+v", status.Sweep)
		}
	})
	t.Run("but one that the branch was set back to is", func(t *testing.T) {
		w.deleteBranch("payments", "pushed")
		w.makeBranch("payments", "pushed", first)
		status := w.askSweep(trigger)
		w.wantRunning("after the branch was set back", first, still, opened)
		if status.Sweep.Missed != 1 {
			t.Errorf("status %+v", status.Sweep)
		}
	})
}

func TestSweepWantsWhatEventsWouldHaveBeenWantedFor(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	_, docs := o.open("docs", "docs/a.md")
	_, code := o.open("code", "src/a.go")
	byExpression := w.trigger("expression", func(trigger *v1alpha1.ScanTrigger) {
		trigger.Spec.Expression = `!event.actor.endsWith("user/developer") || event.sourceBranch == "docs"`
	})
	byPath := w.trigger("paths", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.PathsIgnore = []string{"docs/**"} })
	byBranch := w.trigger("branches", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.TargetBranches = []string{"release/*"} })
	asleep := w.trigger("asleep", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Suspend = true })
	pushes := w.trigger("pushes", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Events = []v1alpha1.TriggerEvent{v1alpha1.EventPush} })
	for _, trigger := range []*v1alpha1.ScanTrigger{byExpression, byPath, byBranch, pushes} {
		w.firstSweep(trigger)
	}
	for range 2 {
		got := map[string]string{}
		for _, job := range w.jobs() {
			got[job.Labels[v1alpha1.LabelTrigger]] += job.Spec.Source.Revision
		}
		if want := map[string]string{"expression": docs, "paths": code}; !maps.Equal(got, want) {
			t.Errorf("jobs %v, want %v", got, want)
		}
		if status := w.askSweep(byPath); status.Sweep.PullRequests != 2 {
			t.Errorf("status %+v", status.Sweep)
		}
	}
	w.reload(asleep)
	if asleep.Status.Sweep != nil || asleep.Status.NextSweepTime != nil {
		t.Errorf("a suspended trigger sweeps: %+v", asleep.Status)
	}
	t.Run("a trigger that is resumed scans what was pushed meanwhile", func(t *testing.T) {
		w.edit(asleep, func(spec *v1alpha1.ScanTriggerSpec) { spec.Suspend = false })
		w.firstSweep(asleep)
		got := 0
		for _, job := range w.jobs() {
			if job.Labels[v1alpha1.LabelTrigger] == "asleep" {
				got++
			}
		}
		if got != 2 {
			t.Errorf("%d jobs, want one for each head", got)
		}
	})
}

func TestSweepTellsOfRepositoriesThatThereAreNot(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	gone := w.repository("tools")
	_, head := o.open("feature")
	_, left := gone.open("feature")
	patterns := w.trigger("patterns", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"pay*", "infra-*"} })
	names := w.trigger("names", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"tools", "nowhere"} })
	for trigger, want := range map[*v1alpha1.ScanTrigger]string{patterns: "infra-*", names: "nowhere"} {
		status := w.firstSweep(trigger)
		if !slices.Equal(status.Sweep.UnmatchedPatterns, []string{want}) || len(status.Sweep.Problems) != 0 || status.LastSweepTime == nil {
			t.Errorf("status %+v", status.Sweep)
		}
		w.awaitTold(trigger.Name, v1alpha1.ReasonRepositoryUnmatched, want)
		w.eventually("wait for Ready to tell", func() string {
			w.reload(trigger)
			ready := meta.FindStatusCondition(trigger.Status.Conditions, v1alpha1.ConditionReady)
			if ready.Status != metav1.ConditionTrue || !strings.Contains(ready.Message, want) {
				return ready.Message
			}
			return ""
		})
	}
	w.wantRunning("before", head, left)
	gone.remove()
	status := w.askSweep(names)
	w.wantRunning("after the repository was deleted", head)
	if status.Sweep.Closed != 1 || !slices.Equal(status.Sweep.UnmatchedPatterns, []string{"nowhere", "tools"}) {
		t.Errorf("status %+v", status.Sweep)
	}
}

// The times of events are of EventBridge's clock, and the head is the host's word.
func TestSweepScansTheHeadAlsoWhereAnOlderEventSeemsToBeLater(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"payments"} })
	w.firstSweep(trigger)
	id, first := o.open("feature")
	old := o.event("Created", id)
	w.handle(old)
	head := o.commit("feature", first, "more.txt")
	for name, job := range w.jobs() {
		before := job.DeepCopy()
		job.Annotations[v1alpha1.AnnotationEventTime] = time.Now().Add(30 * time.Second).UTC().Format(time.RFC3339Nano)
		if err := w.client.Patch(t.Context(), &job, client.MergeFrom(before)); err != nil {
			t.Fatal(name, err)
		}
	}
	// The sweeper's cache must have the later time, or there is nothing to be misled by.
	w.eventually("the cache knows", func() string {
		var list v1alpha1.ScanJobList
		if err := w.cached.List(t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
			return err.Error()
		}
		for i := range list.Items {
			if !triggers.EventTime(&list.Items[i]).After(time.Now()) {
				return list.Items[i].Name + " has its old time"
			}
		}
		return ""
	})
	status := w.askSweep(trigger)
	w.wantRunning("after the sweep", head)
	if status.Sweep.Missed != 1 {
		t.Errorf("status %+v", status.Sweep)
	}
}

func TestTriggerThatIsResumedIsSweptAtOnce(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	_, head := o.open("feature")
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.SweepIntervalSeconds = ptr.To[int32](86400) })
	w.firstSweep(trigger)
	w.edit(trigger, func(spec *v1alpha1.ScanTriggerSpec) { spec.Suspend = true })
	w.eventually("wait until it rests", func() string {
		w.reload(trigger)
		if !trigger.Status.Sweep.Paused || trigger.Status.NextSweepTime != nil {
			return fmt.Sprintf("status %+v", trigger.Status)
		}
		return ""
	})
	_, opened := o.open("opened")
	w.edit(trigger, func(spec *v1alpha1.ScanTriggerSpec) { spec.Suspend = false })
	w.eventually("wait for the sweep", func() string {
		w.reload(trigger)
		if trigger.Status.Sweep.Paused || trigger.Status.NextSweepTime == nil {
			return fmt.Sprintf("status %+v", trigger.Status)
		}
		return ""
	})
	w.wantRunning("after it was resumed", head, opened)
}

func TestTriggerOfPushesTellsOfRepositoriesThatThereAreNot(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.repository("payments")
	trigger := w.trigger("pushes", func(trigger *v1alpha1.ScanTrigger) {
		trigger.Spec.Events = []v1alpha1.TriggerEvent{v1alpha1.EventPush}
		trigger.Spec.Repositories = []string{"payments", "nowhere"}
	})
	status := w.firstSweep(trigger)
	if !slices.Equal(status.Sweep.UnmatchedPatterns, []string{"nowhere"}) || status.Sweep.Repositories != 0 {
		t.Errorf("status %+v", status.Sweep)
	}
	w.awaitTold("pushes", v1alpha1.ReasonRepositoryUnmatched, "nowhere")
}

func TestEventThatComesWhenItsJobIsLongGoneScansNothingAgain(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	id, head := o.open("feature")
	late := o.event("Created", id)
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	w.end(head, v1alpha1.ConditionComplete)
	w.longAgo(trigger)
	w.forget(head)
	w.handle(late)
	w.wantRunning("after the event of what was scanned")
}

func TestSweepTellsOfJobsThatCannotBeMade(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	id, head := o.open("feature")
	other, otherHead := o.open("other")
	_ = other
	c, _ := triggers.OfPullRequest(o.event("Created", id), noon)
	name, err := triggers.JobName("main", c, "")
	if err != nil {
		t.Fatal(err)
	}
	taken := triggers.NewJob(w.newTrigger("somebody", func(trigger *v1alpha1.ScanTrigger) { trigger.UID = "uid-1" }), c, name)
	taken.OwnerReferences = nil
	w.create(taken)
	trigger := w.trigger("main")
	status := w.firstSweep(trigger)
	if len(status.Sweep.Problems) != 1 || status.Sweep.Problems[0].Reason != v1alpha1.ReasonJobNotCreated || !strings.Contains(status.Sweep.Problems[0].Message, name) {
		t.Fatalf("status %+v", status.Sweep)
	}
	w.wantRunning("beside the one in the way", head, otherHead)
	if err := w.client.Delete(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	w.eventually("wait for a sweep that makes it", func() string {
		if status := w.askSweep(trigger); len(status.Sweep.Problems) != 0 {
			return fmt.Sprint(status.Sweep.Problems)
		}
		return ""
	})
	if job := w.jobs()[name]; !metav1.IsControlledBy(&job, trigger) {
		t.Errorf("job %+v", job.ObjectMeta)
	}
}

func TestReplayMakesScansAgain(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	_, forgotten := o.open("forgotten")
	_, failed := o.open("failed")
	_, scanned := o.open("scanned")
	trigger := w.trigger("main", noSweep)
	w.askSweep(trigger)
	w.end(forgotten, v1alpha1.ConditionComplete)
	w.end(failed, v1alpha1.ConditionFailed)
	w.end(scanned, v1alpha1.ConditionComplete)
	w.age(trigger)
	w.forget(forgotten)
	w.askSweep(trigger)
	if jobs := w.jobs(); len(jobs) != 2 {
		t.Fatalf("%d jobs before the replay", len(jobs))
	}
	w.age(trigger)

	status := w.ask(trigger, v1alpha1.AnnotationReplaySince, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	if jobs := w.jobs(); len(jobs) != 2 || status.Replay.Jobs != 0 {
		t.Errorf("%d jobs after a replay since a time after all", len(jobs))
	}
	since := time.Now().Add(-time.Hour)
	for i, zone := range []*time.Location{time.UTC, time.FixedZone("", 3600)} {
		w.age(trigger)
		value := since.In(zone).Format(time.RFC3339)
		status := w.ask(trigger, v1alpha1.AnnotationReplaySince, value)
		commits := []string{}
		for _, job := range w.jobs() {
			commits = append(commits, job.Spec.Source.Revision)
		}
		slices.Sort(commits)
		want := []string{failed, failed, forgotten, scanned}
		slices.Sort(want)
		if !slices.Equal(commits, want) {
			t.Errorf("replay %d: jobs for %v, want %v", i, commits, want)
		}
		if made := []int32{2, 0}[i]; status.Replay.Jobs != made || status.Replay.Message != "" || status.MissedHeads != 0 {
			t.Errorf("replay %d made %+v, want %d jobs", i, status.Replay, made)
		}
	}
	status = w.ask(trigger, v1alpha1.AnnotationReplaySince, "yesterday")
	if !strings.Contains(status.Replay.Message, `"yesterday" is not an RFC 3339 time`) {
		t.Errorf("replay %+v", status.Replay)
	}
	w.awaitTold("main", v1alpha1.ReasonInvalidReplay, "yesterday")
}

func TestSweepWorksForAnEnvironmentWithoutAnInbox(t *testing.T) {
	w := newHostedWorld(t)
	environment := w.environment(account)
	before := environment.DeepCopy()
	environment.Spec.Inbox = nil
	w.patch(environment, before)
	o := w.repository("payments")
	_, head := o.open("feature")
	trigger := w.newTrigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.SweepIntervalSeconds = ptr.To[int32](60) })
	w.create(trigger)
	w.firstSweep(trigger)
	w.wantRunning("without an inbox", head)
}
