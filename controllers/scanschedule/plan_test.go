package scanschedule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

// plan is what follows from a schedule, its children and a time, before anybody else is asked: the run that begins, the
// targets whose scans start, those that do not with their reasons, the jobs that make room or are deleted, and when the
// schedule looks again.
type plan struct {
	Begins            string
	Missed            string
	Starts            []string
	Waits             []string
	Replaces, Deletes []string
	Next, Wakes       string
	ActiveJobs        int32
}

func clockTime(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("15:04:05")
}

// planOf goes through a reconcile without the steps that ask CodeCommit and the API server.
func planOf(t *testing.T, schedule *v1alpha1.ScanSchedule, list []v1alpha1.ScanJob, now time.Time) plan {
	t.Helper()
	s := &scope{schedule: schedule, now: now, children: childrenOf(list), settled: map[v1alpha1.TargetState]int{}, repositories: &codecommit.Client{}}
	begun := clockTime(schedule.Status.LastScheduleTime)
	s.readSpec()
	s.begin(s.dueRun())
	p := plan{Missed: clockTime(schedule.Status.LastMissedTime)}
	if at := clockTime(schedule.Status.LastScheduleTime); at != begun {
		p.Begins = at
	}
	if !schedule.Spec.Suspend {
		for _, target := range s.due() {
			if !s.clear(target) {
				p.Waits = append(p.Waits, nameOf(target)+" "+string(target.State)+" "+target.Reason)
				continue
			}
			p.Starts = append(p.Starts, nameOf(target))
			if schedule.Spec.ConcurrencyPolicy == v1alpha1.ConcurrencyReplace {
				for _, job := range s.unfinished(target) {
					p.Replaces = append(p.Replaces, job.Name)
				}
			}
		}
	}
	s.conclude()
	for _, job := range excess(&schedule.Spec, s.children) {
		p.Deletes = append(p.Deletes, job.Name)
	}
	p.Next, p.ActiveJobs = clockTime(schedule.Status.NextScheduleTime), schedule.Status.ActiveJobs
	if !s.wake.IsZero() {
		p.Wakes = s.wake.UTC().Format("15:04:05")
	}
	return p
}

// hourly is a schedule with two targets that was created a minute before noon.
func hourly(change ...func(*v1alpha1.ScanSchedule)) *v1alpha1.ScanSchedule {
	schedule := &v1alpha1.ScanSchedule{
		ObjectMeta: metav1.ObjectMeta{Name: "hourly", UID: "uid", CreationTimestamp: metav1.NewTime(noon().Add(-time.Minute))},
		Spec: v1alpha1.ScanScheduleSpec{
			Schedule: "0 * * * *", ConcurrencyPolicy: v1alpha1.ConcurrencyForbid, Branches: []string{"main"},
			SuccessfulJobsHistoryLimit: ptr.To[int32](1), FailedJobsHistoryLimit: ptr.To[int32](1),
		},
		Status: v1alpha1.ScanScheduleStatus{Targets: []v1alpha1.ScheduleTarget{{Repository: "payments", Branch: "main"}, {Repository: "tools", Branch: "main"}}},
	}
	for _, alter := range change {
		alter(schedule)
	}
	return schedule
}

func policy(policy v1alpha1.ConcurrencyPolicy) func(*v1alpha1.ScanSchedule) {
	return func(schedule *v1alpha1.ScanSchedule) { schedule.Spec.ConcurrencyPolicy = policy }
}

func deadline(seconds int64) func(*v1alpha1.ScanSchedule) {
	return func(schedule *v1alpha1.ScanSchedule) { schedule.Spec.StartingDeadlineSeconds = ptr.To(seconds) }
}

func suspended(schedule *v1alpha1.ScanSchedule) { schedule.Spec.Suspend = true }

// began lets the run of noon have begun, with the targets in a state.
func began(state v1alpha1.TargetState) func(*v1alpha1.ScanSchedule) {
	return func(schedule *v1alpha1.ScanSchedule) {
		run := ptr.To(metav1.NewTime(noon()))
		schedule.Status.LastScheduleTime = run
		for i := range schedule.Status.Targets {
			target := &schedule.Status.Targets[i]
			target.State, target.ScheduleTime = state, run
			if state == v1alpha1.TargetWaiting {
				target.NextAttemptTime = run
			}
		}
	}
}

func TestPlan(t *testing.T) {
	both := []string{"payments main", "tools main"}
	// The delays of the two in a schedule of this UID with a jitter of 600 s.
	jitter := func(schedule *v1alpha1.ScanSchedule) { schedule.Spec.JitterSeconds = 600 }
	payments, tools := noon().Add(delay("uid", "payments", 600, 10*time.Minute)), noon().Add(delay("uid", "tools", 600, 10*time.Minute))
	first, last := payments, tools
	early := []string{"payments main"}
	if last.Before(first) {
		first, last = last, first
		early = []string{"tools main"}
	}
	clockOf := func(t time.Time) string { return t.Format("15:04:05") }
	for name, row := range map[string]struct {
		schedule *v1alpha1.ScanSchedule
		jobs     []v1alpha1.ScanJob
		minutes  float64 // after noon
		want     plan
	}{
		"before its time, nothing happens":                         {hourly(), nil, -0.5, plan{Next: "12:00:00", Wakes: "12:00:00"}},
		"at its time, all start":                                   {hourly(), nil, 0, plan{Begins: "12:00:00", Starts: both, Next: "13:00:00", Wakes: "13:00:00"}},
		"what was started does not start again":                    {hourly(began(v1alpha1.TargetCreated)), nil, 1, plan{Next: "13:00:00", Wakes: "13:00:00"}},
		"of five missed runs, the latest starts":                   {hourly(), nil, 4*60 + 20, plan{Begins: "16:00:00", Starts: both, Next: "17:00:00", Wakes: "17:00:00"}},
		"what was interrupted goes on":                             {hourly(began(v1alpha1.TargetWaiting)), nil, 5, plan{Starts: both, Next: "13:00:00", Wakes: "13:00:00"}},
		"while it is suspended, nothing starts and nothing is due": {hourly(suspended), nil, 20, plan{}},
		"what waits does not start while it is suspended":          {hourly(suspended, began(v1alpha1.TargetWaiting)), nil, 5, plan{}},
		"a run within its deadline starts, and looks again when that is over": {
			hourly(deadline(600)), nil, 10, plan{Begins: "12:00:00", Starts: both, Next: "13:00:00", Wakes: "12:10:01"},
		},
		"a run after its deadline is missed": {hourly(deadline(600)), nil, 11, plan{Missed: "12:00:00", Next: "13:00:00", Wakes: "13:00:00"}},
		"a scan after its deadline is missed": {
			hourly(deadline(600), began(v1alpha1.TargetWaiting)), nil, 11,
			plan{Waits: []string{"payments main Missed StartingDeadlineExceeded", "tools main Missed StartingDeadlineExceeded"}, Next: "13:00:00", Wakes: "13:00:00"},
		},
		"with jitter, each starts at its own moment": {
			hourly(jitter), nil, 0, plan{Begins: "12:00:00", Next: "13:00:00", Wakes: clockOf(first)},
		},
		"with jitter, one starts before the other": {
			hourly(jitter), nil, first.Sub(noon()).Minutes(), plan{Begins: "12:00:00", Starts: early, Next: "13:00:00", Wakes: clockOf(last)},
		},
		"with jitter, the deadline counts from the moment": {
			hourly(jitter, deadline(60)), nil, last.Sub(noon()).Minutes() + 1,
			plan{Begins: "12:00:00", Starts: slices.DeleteFunc(slices.Clone(both), func(name string) bool { return name == early[0] }),
				Waits: []string{early[0] + " Missed StartingDeadlineExceeded"}, Next: "13:00:00", Wakes: clockOf(last.Add(61 * time.Second))},
		},
		"Forbid: a branch whose scan is unfinished waits, the others do not": {
			hourly(began(v1alpha1.TargetCreated)), []v1alpha1.ScanJob{jobOf("slow", 0)}, 60,
			plan{Begins: "13:00:00", Starts: []string{"tools main"}, Waits: []string{"payments main Waiting ScanUnfinished"}, Next: "14:00:00", Wakes: "14:00:00", ActiveJobs: 1},
		},
		"Forbid: a scan that is finished does not hold up the next": {
			hourly(began(v1alpha1.TargetCreated)), []v1alpha1.ScanJob{jobOf("done", 0, complete())}, 60,
			plan{Begins: "13:00:00", Starts: both, Next: "14:00:00", Wakes: "14:00:00"},
		},
		"Forbid: the job of the run itself does not hold it up": {
			hourly(began(v1alpha1.TargetWaiting)), []v1alpha1.ScanJob{jobOf("own", 0)}, 1, plan{Starts: both, Next: "13:00:00", Wakes: "13:00:00", ActiveJobs: 1},
		},
		"Forbid: another branch of the same repository does not hold it up": {
			hourly(began(v1alpha1.TargetCreated)), []v1alpha1.ScanJob{jobOf("other", 0, func(job *v1alpha1.ScanJob) { job.Annotations[v1alpha1.AnnotationBranch] = "develop" })}, 60,
			plan{Begins: "13:00:00", Starts: both, Next: "14:00:00", Wakes: "14:00:00", ActiveJobs: 1},
		},
		"Allow: the new scan starts beside the old one": {
			hourly(policy(v1alpha1.ConcurrencyAllow), began(v1alpha1.TargetCreated)), []v1alpha1.ScanJob{jobOf("slow", 0)}, 60,
			plan{Begins: "13:00:00", Starts: both, Next: "14:00:00", Wakes: "14:00:00", ActiveJobs: 1},
		},
		"Replace: the new scan takes the place of the old ones": {
			hourly(policy(v1alpha1.ConcurrencyReplace), began(v1alpha1.TargetCreated)), []v1alpha1.ScanJob{jobOf("slow", 0), jobOf("slower", -1), jobOf("done", -2, complete())}, 60,
			plan{Begins: "13:00:00", Starts: both, Replaces: []string{"slower", "slow"}, Next: "14:00:00", Wakes: "14:00:00", ActiveJobs: 2},
		},
		"finished jobs beyond the limits are deleted, branch by branch": {
			hourly(began(v1alpha1.TargetCreated)),
			[]v1alpha1.ScanJob{
				jobOf("c3", -1, complete()), jobOf("c2", -2, complete()), jobOf("c1", -3, complete()), jobOf("f2", -4, ended(v1alpha1.ConditionFailed)),
				jobOf("f1", -5, ended(v1alpha1.ConditionFailed)), jobOf("running", -6),
				jobOf("other", -7, complete(), func(job *v1alpha1.ScanJob) { job.Annotations[v1alpha1.AnnotationBranch] = "develop" }),
			}, 1, plan{Deletes: []string{"c1", "c2", "f1"}, Next: "13:00:00", Wakes: "13:00:00", ActiveJobs: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon().Add(time.Duration(row.minutes * float64(time.Minute)).Round(time.Second))
			if diff := cmp.Diff(row.want, planOf(t, row.schedule, row.jobs, now)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTheDefaultBranchWaitsForWhateverBranchItWas(t *testing.T) {
	schedule := hourly(began(v1alpha1.TargetCreated), func(schedule *v1alpha1.ScanSchedule) { schedule.Spec.Branches = nil })
	renamed := jobOf("slow", 0, func(job *v1alpha1.ScanJob) { job.Annotations[v1alpha1.AnnotationBranch] = "master" })
	got := planOf(t, schedule, []v1alpha1.ScanJob{renamed}, noon().Add(time.Hour))
	if diff := cmp.Diff([]string{"payments main Waiting ScanUnfinished"}, got.Waits); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestATooDenseScheduleComesRoundToAllOfItsTargets(t *testing.T) {
	schedule := hourly(began(v1alpha1.TargetWaiting))
	schedule.Status.Targets[0].State, schedule.Status.Targets[0].NextAttemptTime = v1alpha1.TargetCreated, nil
	got := planOf(t, schedule, nil, noon().Add(time.Hour))
	if want := []string{"tools main", "payments main"}; !slices.Equal(got.Starts, want) {
		t.Errorf("the order is %v, want %v: what the last run did not come to is first", got.Starts, want)
	}
}

func TestWhatASpecIsRefusedFor(t *testing.T) {
	for name, row := range map[string]struct {
		spec   v1alpha1.ScanScheduleSpec
		reason string
		says   string
	}{
		"a bad cron line":                 {v1alpha1.ScanScheduleSpec{Schedule: "0 25 * * *"}, v1alpha1.ReasonInvalidSchedule, "25"},
		"a day that never comes":          {v1alpha1.ScanScheduleSpec{Schedule: "0 0 31 2 *"}, v1alpha1.ReasonInvalidSchedule, "never due"},
		"a bad zone":                      {v1alpha1.ScanScheduleSpec{Schedule: "0 2 * * *", TimeZone: "Europe/Atlantis"}, v1alpha1.ReasonUnknownTimeZone, "Europe/Atlantis"},
		"a pattern that cannot be read":   {v1alpha1.ScanScheduleSpec{Schedule: "0 2 * * *", Repositories: []string{"a*", "infra-["}}, v1alpha1.ReasonInvalidPattern, `spec.repositories[1] is "infra-["`},
		"a pattern that would take hours": {v1alpha1.ScanScheduleSpec{Schedule: "0 2 * * *", Repositories: []string{strings.Repeat("{a,b}", 36)}}, v1alpha1.ReasonInvalidPattern, "more than 64 patterns"},
		"a label that no object can have": {
			v1alpha1.ScanScheduleSpec{Schedule: "0 2 * * *", Template: v1alpha1.ScanJobTemplate{Metadata: v1alpha1.TemplateMetadata{Labels: map[string]string{"team": "not a label"}}}},
			v1alpha1.ReasonInvalidTemplate, "not a label",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scope{schedule: &v1alpha1.ScanSchedule{Spec: row.spec}, now: noon()}
			s.readSpec()
			s.conclude()
			ready := s.schedule.Status.Conditions[0]
			if ready.Status != metav1.ConditionFalse || ready.Reason != row.reason || !strings.Contains(ready.Message, row.says) {
				t.Errorf("%s %s: %s; want %s that says %s", ready.Status, ready.Reason, ready.Message, row.reason, row.says)
			}
		})
	}
}
