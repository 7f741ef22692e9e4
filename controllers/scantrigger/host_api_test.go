package scantrigger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/events"
)

func noSweep(trigger *v1alpha1.ScanTrigger) { trigger.Spec.SweepIntervalSeconds = ptr.To[int32](0) }

func TestEventOlderThanThePullRequestsStateIsDroppedAndTold(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.trigger("main", noSweep)
	o := w.repository("payments")
	id, first := o.open("feature")
	old := o.event(events.PullRequestCreated, id)
	head := o.commit("feature", first, "more.txt")

	w.handle(old)
	if got := w.running(); len(got) != 0 {
		t.Errorf("running: %v; the event's commit is not the head any more", got)
	}
	w.awaitTold("main", v1alpha1.ReasonStaleEvent, "pull request "+id+" of payments", first[:12], head[:12])
	w.handle(o.event(events.PullRequestUpdated, id))
	w.handle(old)
	if got := w.running(); !slices.Equal(got, []string{head}) {
		t.Errorf("running: %v, want the head %s alone", got, head)
	}
	if got := w.outcomes("PullRequestCreated"); got["stale"] != 2 {
		t.Errorf("counted %v", got)
	}
}

func TestTwoPushesOfOneSecondAreToldApartByTheHost(t *testing.T) {
	for name, order := range map[string][]int{"in order": {0, 1}, "in reverse": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			w := newHostedWorld(t)
			w.environment(account)
			w.trigger("main", noSweep)
			o := w.repository("payments")
			id, first := o.open("feature")
			both := []events.PullRequest{o.event(events.PullRequestCreated, id)}
			// The host cannot be asked while the first is handled, as if it were handled before the second push.
			head := o.commit("feature", first, "more.txt")
			both = append(both, o.event(events.PullRequestUpdated, id))
			both[1].Time = both[0].Time
			for _, i := range order {
				if i == 0 {
					fault := w.aws.Faults().Deny("*", "codecommit:GetPullRequest")
					w.handle(both[0])
					fault.Clear()
					continue
				}
				w.handle(both[1])
			}
			// Whoever comes last finds both and asks.
			w.handle(both[1])
			if got := w.running(); !slices.Equal(got, []string{head}) {
				t.Errorf("running: %v, want the head %s alone", got, head)
			}
		})
	}
}

func TestHostThatCannotBeAskedHoldsNoEventUp(t *testing.T) {
	for name, fault := range map[string]func(*awslocal.Faults){
		"it refuses": func(f *awslocal.Faults) { f.Deny("*", "codecommit:GetPullRequest") },
		"it throttles": func(f *awslocal.Faults) {
			f.Fail("codecommit", "GetPullRequest", awslocal.Forever, awslocal.Throttled())
		},
		"it is silent": func(f *awslocal.Faults) { f.Delay("codecommit", "GetPullRequest", awslocal.Forever, time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newHostedWorld(t)
			w.environment(account)
			w.trigger("main", noSweep)
			o := w.repository("payments")
			id, first := o.open("feature")
			created := o.event(events.PullRequestCreated, id)
			head := o.commit("feature", first, "more.txt")
			updated := o.event(events.PullRequestUpdated, id)
			updated.Time = created.Time.Add(time.Second)
			fault(w.aws.Faults())
			for _, e := range []events.PullRequest{updated, created} {
				w.handle(e)
			}
			if got := w.running(); !slices.Equal(got, []string{head}) {
				t.Errorf("running: %v, want the newer revision by the times of the events", got)
			}
			if name == "it refuses" {
				w.awaitTold("main", v1alpha1.ReasonPullRequestUnknown, "Allow codecommit:GetPullRequest")
			}
			w.aws.Faults().Clear()
		})
	}
}

func TestEventOfAPullRequestThatIsClosedOrGoneEndsItsScans(t *testing.T) {
	for name, end := range map[string]func(o *origin, id string){
		"closed":                 func(o *origin, id string) { o.close(id) },
		"its repository is gone": func(o *origin, _ string) { o.remove() },
		"its source branch is gone": func(o *origin, _ string) {
			// The pull request stays open at the commit that it had.
			o.w.deleteBranch(o.name, "feature")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHostedWorld(t)
			w.environment(account)
			w.trigger("main", noSweep)
			o := w.repository("payments")
			id, first := o.open("feature")
			w.handle(o.event(events.PullRequestCreated, id))
			head := o.commit("feature", first, "more.txt")
			late := o.event(events.PullRequestUpdated, id)
			end(o, id)
			w.handle(late)
			switch name {
			case "its source branch is gone":
				if got := w.running(); !slices.Equal(got, []string{head}) {
					t.Errorf("running: %v, want the head", got)
				}
			default:
				if got := w.running(); len(got) != 0 {
					t.Errorf("running: %v, want none", got)
				}
			}
			if name == "its repository is gone" {
				w.awaitTold("main", v1alpha1.ReasonPullRequestGone, "pull request "+id+" of payments", "Was the repository deleted?")
			}
		})
	}
}

func TestLateEventOfABranchThatWasSetBackScansNoClosedPullRequest(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.trigger("main", noSweep)
	o := w.repository("payments")
	id, first := o.open("feature")
	created := o.event(events.PullRequestCreated, id)
	w.handle(created)
	head := o.commit("feature", first, "more.txt")
	updated := o.event(events.PullRequestUpdated, id)
	updated.Time = created.Time.Add(10 * time.Second)
	w.handle(updated)
	w.wantRunning("after the push", head)
	w.deleteBranch(o.name, "feature")
	w.makeBranch(o.name, "feature", first)
	late := o.event(events.PullRequestUpdated, id)
	late.Time = created.Time.Add(20 * time.Second)
	o.close(id)
	w.handle(late)
	w.wantRunning("after an event of before the end")
}

func TestPullRequestOfAnotherRepositoryTellsNothingOfThisOne(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.trigger("main", noSweep)
	o, other := w.repository("payments"), w.repository("infra")
	id, _ := other.open("feature")
	other.close(id)
	e := at(events.PullRequestCreated, o.main, 0)
	e.ID = id
	w.handle(e)
	if got := w.running(); !slices.Equal(got, []string{o.main}) {
		t.Errorf("running: %v, want what the event tells of", got)
	}
	w.awaitTold("main", v1alpha1.ReasonPullRequestUnknown, "infra")
}

func TestBranchThatWasForcePushedWhileItsEventWasQueuedIsScannedAtItsHead(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.trigger("main", noSweep)
	o := w.repository("payments")
	id, _ := o.open("feature")
	queued := o.event(events.PullRequestCreated, id)
	w.deleteBranch(o.name, "feature")
	w.makeBranch(o.name, "feature", o.main)
	forced := o.commit("feature", o.main, "other.txt")
	w.handle(queued)
	w.handle(o.event(events.PullRequestUpdated, id))
	if got := w.running(); !slices.Equal(got, []string{forced}) {
		t.Errorf("running: %v, want %s", got, forced)
	}
}

func TestTriggerOfAnySupersedeScansEveryRevisionWhereItIsAskedTo(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.trigger("main", noSweep, func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Supersede = ptr.To(false) })
	o := w.repository("payments")
	id, first := o.open("feature")
	old := o.event(events.PullRequestCreated, id)
	head := o.commit("feature", first, "more.txt")
	w.handle(o.event(events.PullRequestUpdated, id))
	w.handle(old)
	want := []string{first, head}
	slices.Sort(want)
	if got := w.running(); !slices.Equal(got, want) {
		t.Errorf("running: %v, want both", got)
	}
}

func TestChangedPathsDecide(t *testing.T) {
	for name, test := range map[string]struct {
		paths, ignore []string
		touched       []string
		wanted        bool
	}{
		"a file that is looked for":                  {[]string{"src/**"}, nil, []string{"docs/a.md", "src/a.go"}, true},
		"none that is looked for":                    {[]string{"src/**"}, nil, []string{"docs/a.md", "b.go"}, false},
		"only what is ignored":                       {nil, []string{"docs/**"}, []string{"docs/a.md", "docs/b/c.md"}, false},
		"something else too":                         {nil, []string{"docs/**"}, []string{"docs/a.md", "z.go"}, true},
		"one that is looked for, on the third page":  {[]string{"z/*"}, nil, []string{"a", "b", "c", "d", "e", "f", "g", "z/a"}, true},
		"one that is looked for but ignored as well": {[]string{"src/**"}, []string{"**/*.md"}, []string{"src/a.md"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHostedWorld(t)
			w.environment(account)
			w.trigger("main", noSweep, func(trigger *v1alpha1.ScanTrigger) {
				trigger.Spec.Paths, trigger.Spec.PathsIgnore = test.paths, test.ignore
			})
			o := w.repository("payments")
			id, _ := o.open("feature", test.touched...)
			// What happens on main meanwhile is not of the pull request.
			o.commit("main", o.main, "src/other.go", "z/other")
			for range 2 {
				w.handle(o.event(events.PullRequestCreated, id))
			}
			if got := len(w.running()) == 1; got != test.wanted {
				t.Errorf("scanned %v, want %v", got, test.wanted)
			}
			if got := w.told("main"); len(got) != 0 {
				t.Errorf("told %v", got)
			}
		})
	}
	t.Run("of a push", func(t *testing.T) {
		w := newHostedWorld(t)
		w.environment(account)
		w.trigger("main", noSweep, func(trigger *v1alpha1.ScanTrigger) {
			trigger.Spec.Events, trigger.Spec.Paths = []v1alpha1.TriggerEvent{v1alpha1.EventPush}, []string{"src/**"}
		})
		o := w.repository("payments")
		docs := o.commit("main", o.main, "docs/a.md")
		code := o.commit("main", docs, "src/a.go")
		for i, commits := range [][2]string{{"", o.main}, {o.main, docs}, {docs, code}} {
			e := push()
			e.OldCommit, e.Commit, e.EventID = commits[0], commits[1], fmt.Sprint("event-", i)
			if err := w.handler.HandlePush(t.Context(), w.queueURL, e, noon); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{o.main, code}
		slices.Sort(want)
		if got := w.running(); !slices.Equal(got, want) {
			t.Errorf("running: %v, want the new branch and the push that touches src", got)
		}
	})
}

func TestPathsThatCannotBeLookedAt(t *testing.T) {
	look := func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Paths = []string{"src/**"} }
	t.Run("for good: the change is scanned, and people are told", func(t *testing.T) {
		w := newHostedWorld(t)
		w.environment(account)
		w.trigger("main", noSweep, look)
		o := w.repository("payments")
		id, head := o.open("feature", "docs/a.md")
		w.aws.Faults().Deny("*", "codecommit:GetDifferences")
		w.handle(o.event(events.PullRequestCreated, id))
		if got := w.running(); !slices.Equal(got, []string{head}) {
			t.Errorf("running: %v, want the head", got)
		}
		w.awaitTold("main", v1alpha1.ReasonPathsUnknown, "AccessDenied", "codecommit:GetDifferences")
	})
	t.Run("too many: the same", func(t *testing.T) {
		w := newHostedWorld(t)
		w.environment(account)
		w.trigger("main", noSweep, look)
		o := w.repository("payments")
		var paths []string
		for i := range 100 {
			paths = append(paths, fmt.Sprint("docs/", i))
		}
		id, first := o.open("feature", paths...)
		for i := range paths {
			paths[i] += "b"
		}
		head := o.commit("feature", first, paths...)
		w.handle(o.event(events.PullRequestUpdated, id))
		if got := w.running(); !slices.Equal(got, []string{head}) {
			t.Errorf("running: %v, want the head", got)
		}
		w.awaitTold("main", v1alpha1.ReasonPathsUnknown, "too many files")
	})
	t.Run("for the moment: the event comes again", func(t *testing.T) {
		for _, operation := range []string{"GetDifferences", "GetPullRequest"} {
			w := newHostedWorld(t)
			w.environment(account)
			w.trigger("main", noSweep, look)
			o := w.repository("payments")
			id, head := o.open("feature", "src/a.go")
			e := o.event(events.PullRequestCreated, id)
			fault := w.aws.Faults().Fail("codecommit", operation, awslocal.Forever, awslocal.Throttled())
			if err := w.handler.HandlePullRequest(t.Context(), w.queueURL, e, time.Now()); err == nil || !strings.Contains(err.Error(), "payments") {
				t.Errorf("%s: error = %v, want one, so that the message stays", operation, err)
			}
			if got := w.running(); len(got) != 0 {
				t.Errorf("%s: running: %v", operation, got)
			}
			fault.Clear()
			w.handle(e)
			if got := w.running(); !slices.Equal(got, []string{head}) {
				t.Errorf("%s: running: %v, want the head", operation, got)
			}
		}
	})
}

func TestDebounceDelaysPullRequestsOnly(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.trigger("debounced", noSweep, func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.DebounceSeconds = ptr.To[int32](300) })
	w.trigger("at-once", noSweep, func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.DebounceSeconds = ptr.To[int32](0) })
	o := w.repository("payments")
	id, _ := o.open("feature")
	e := o.event(events.PullRequestCreated, id)
	w.handle(e)
	for _, job := range w.jobs() {
		owner := job.Labels[v1alpha1.LabelTrigger]
		if owner == "at-once" != (job.Spec.NotBefore == nil) {
			t.Errorf("%s is not before %v", job.Name, job.Spec.NotBefore)
		}
		if until := job.Spec.NotBefore; until != nil && !until.Equal(ptr.To(metaTime(e.Time.Add(300*time.Second)))) {
			t.Errorf("%s is not before %v, want 300 s after the push", job.Name, until)
		}
	}
}
