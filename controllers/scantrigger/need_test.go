package scantrigger

import (
	"testing"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

// theSweep is a sweep at 12:30 by a trigger whose sweep before was at 12:20 and so saw what happened until 12:18.
func theSweep(edits ...func(*sweep)) *sweep {
	trigger := sweeping(swept(20 * 60))
	trigger.Spec.Events = []v1alpha1.TriggerEvent{v1alpha1.EventPullRequestCreated, v1alpha1.EventPullRequestUpdated}
	environment := readyEnvironment(func(e *v1alpha1.ScanEnvironment) {
		e.Status.Resolved.Account, e.Status.Resolved.Region = account, "us-east-1"
	})
	trigger.Status.SweptSelection = selection(&trigger.Spec, scopeOf(environment))
	s := newSweep(nil, nil, Listener{Trigger: trigger, Environment: environment}, demand{}, noon.Add(30*time.Minute), nil)
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func never(s *sweep) { s.sweptBefore = false }

func replaying(minute int) func(*sweep) {
	return func(s *sweep) {
		s.demand.since = noon.Add(time.Duration(minute) * time.Minute)
		s.demand.replay = s.demand.since.Format(time.RFC3339)
	}
}

func events1(kind v1alpha1.TriggerEvent) func(*sweep) {
	return func(s *sweep) { s.listener.Trigger.Spec.Events = []v1alpha1.TriggerEvent{kind} }
}

func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

func TestWhatAHeadNeeds(t *testing.T) {
	const pushed, talked = 5, 25 // minutes
	complete, failed := finished(v1alpha1.ConditionComplete), finished(v1alpha1.ConditionFailed)
	superseded := func(job *v1alpha1.ScanJob) {
		cancelled(job)
		job.Annotations[v1alpha1.AnnotationSupersededBy] = "b"
	}
	type jobs = []v1alpha1.ScanJob
	for name, test := range map[string]struct {
		sweep        *sweep
		pushed, last int // minutes
		jobs         jobs
		want         need
	}{
		"a head without a job, pushed since the last sweep":       {theSweep(), 19, 19, nil, needScan},
		"one that was pushed before it, and its job is gone":      {theSweep(), pushed, pushed, nil, needNothing},
		"one that people have talked about since":                 {theSweep(), pushed, talked, nil, needNothing},
		"one that was pushed before, to the first sweep of all":   {theSweep(never), pushed, pushed, nil, needScan},
		"a head that is being scanned":                            {theSweep(), 19, 19, jobs{jobAt("a", commitA, 0)}, needNothing},
		"one that was scanned":                                    {theSweep(), 19, 19, jobs{jobAt("a", commitA, 0, complete)}, needNothing},
		"one whose scan failed, which people can see":             {theSweep(), 19, 19, jobs{jobAt("a", commitA, 0, failed)}, needNothing},
		"one of another revision alone":                           {theSweep(), 19, 19, jobs{jobAt("b", commitB, 0, complete)}, needScan},
		"a head that the branch was set back to":                  {theSweep(), 19, 19, jobs{jobAt("a", commitA, 0, superseded), jobAt("b", commitB, 60)}, needRescan},
		"one whose scan was done before it was superseded":        {theSweep(), 19, 19, jobs{jobAt("a", commitA, 0, superseded, complete), jobAt("b", commitB, 60)}, needNothing},
		"one that was set back long ago":                          {theSweep(), pushed, talked, jobs{jobAt("a", commitA, 0, superseded)}, needRescan},
		"one that was set back, and is being scanned again":       {theSweep(), 19, 19, jobs{jobAt("a", commitA, 0, superseded), jobAt("a2", commitA, 19*60)}, needNothing},
		"one whose scan somebody cancelled":                       {theSweep(), 0, 19, jobs{jobAt("a", commitA, 0, cancelled, failed)}, needNothing},
		"one that was superseded by a push of the same second":    {theSweep(), 0, 19, jobs{jobAt("a", commitA, 0, superseded)}, needRescan},
		"a replay brings back what has no job":                    {theSweep(replaying(3)), pushed, pushed, nil, needScan},
		"a replay leaves what had no activity since":              {theSweep(replaying(10)), pushed, pushed, nil, needNothing},
		"a replay goes by the activity, not by the push":          {theSweep(replaying(10)), pushed, talked, nil, needScan},
		"a replay repeats what failed":                            {theSweep(replaying(3)), pushed, pushed, jobs{jobAt("a", commitA, 0, failed)}, needReplay},
		"a replay repeats what somebody cancelled":                {theSweep(replaying(3)), pushed, pushed, jobs{jobAt("a", commitA, 0, cancelled, failed)}, needReplay},
		"a replay leaves what was scanned":                        {theSweep(replaying(3)), pushed, pushed, jobs{jobAt("a", commitA, 0, complete)}, needNothing},
		"a replay leaves what failed first and was scanned later": {theSweep(replaying(3)), pushed, pushed, jobs{jobAt("a", commitA, 0, failed), jobAt("a2", commitA, 0, complete)}, needNothing},
		"a replay leaves what is being scanned":                   {theSweep(replaying(3)), pushed, pushed, jobs{jobAt("a", commitA, 0)}, needNothing},
	} {
		t.Run(name, func(t *testing.T) {
			pr := codecommit.PullRequest{ID: "42", Repository: "payments", Open: true, SourceCommit: commitA, Created: noon, LastActivity: minute(test.last)}
			got := test.sweep.needOf(pr, test.jobs)
			if got != needNothing {
				c, ok := test.sweep.changeOf(pr, codecommit.Push{Time: minute(test.pushed)}, test.jobs)
				if !ok || !test.sweep.stillNeeds(got, c, c.Happened, pr, test.jobs) {
					got = needNothing
				}
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestChangeOfAHead(t *testing.T) {
	pr := codecommit.PullRequest{
		ID: "42", Repository: "payments", Open: true, Title: "A change", AuthorARN: bot, SourceReference: "refs/heads/feature/x", TargetReference: "refs/heads/main",
		SourceCommit: commitA, TargetCommit: commitM, RevisionID: "revision-a", Created: minute(25), LastActivity: minute(26),
	}
	updated := codecommit.Push{Time: minute(26).Add(400 * time.Millisecond), ActorARN: bot}
	opened := codecommit.Push{Time: minute(25), ActorARN: bot, Opened: true}
	other := []v1alpha1.ScanJob{jobAt("b", commitB, 0)}
	for name, test := range map[string]struct {
		sweep *sweep
		push  codecommit.Push
		jobs  []v1alpha1.ScanJob
		want  v1alpha1.TriggerEvent
	}{
		"a push":                                                           {theSweep(), updated, nil, v1alpha1.EventPullRequestUpdated},
		"a pull request that was opened with it":                           {theSweep(), opened, nil, v1alpha1.EventPullRequestCreated},
		"one for a trigger that wants updates only":                        {theSweep(events1(v1alpha1.EventPullRequestUpdated)), opened, nil, ""},
		"a push for a trigger that wants new pull requests only":           {theSweep(events1(v1alpha1.EventPullRequestCreated)), updated, other, ""},
		"the same, where the event of the new pull request was lost":       {theSweep(events1(v1alpha1.EventPullRequestCreated)), updated, nil, v1alpha1.EventPullRequestCreated},
		"the same, where the pull request was there before the last sweep": {theSweep(events1(v1alpha1.EventPullRequestCreated)), updated, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			subject := pr
			if test.want == "" && test.jobs == nil && !test.push.Opened {
				subject.Created = minute(5)
			}
			c, ok := test.sweep.changeOf(subject, test.push, test.jobs)
			if ok != (test.want != "") || c.Event != test.want {
				t.Fatalf("%v %s, want %q", ok, c.Event, test.want)
			}
			if !ok {
				return
			}
			if c.Commit != commitA || c.Base != commitM || c.TargetBranch != "main" || c.EventID != "" || c.Fields["actor"] != bot ||
				c.Fields["sourceBranch"] != "feature/x" || c.Fields["account"] != account || !c.Happened.Equal(test.push.Time.Truncate(time.Second)) {
				t.Errorf("change %+v", c)
			}
		})
	}
}
