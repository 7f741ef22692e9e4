package scanschedule

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// incremental scans the history, each time from where it ended.
func incremental(spec *v1alpha1.ScanScheduleSpec) { spec.Template.Spec.Mode = v1alpha1.ScanModeHistory }

// last returns the newest job of a schedule.
func (w *world) last(schedule *v1alpha1.ScanSchedule) *v1alpha1.ScanJob {
	w.t.Helper()
	jobs := w.jobs(schedule)
	if len(jobs) == 0 {
		w.t.Fatal("there is no job")
	}
	return jobs[len(jobs)-1].job
}

// scannedUpTo waits until the history of the schedule's first target ends at a commit.
func (w *world) scannedUpTo(schedule *v1alpha1.ScanSchedule, commit string) {
	w.t.Helper()
	w.eventually("wait for the history", schedule, func() string {
		if history := schedule.Status.Targets[0].History; history == nil || history.Revision != commit {
			return fmt.Sprintf("%+v, want %s", history, commit)
		}
		return ""
	})
}

func TestAHistoryScanGoesOnFromTheLastCompleteOne(t *testing.T) {
	w := newWorld(t)
	w.environment()
	first := w.repository("payments")
	schedule := w.schedule("hourly", incremental)
	expect := func(what, head, base string) *v1alpha1.ScanJob {
		t.Helper()
		w.states(schedule, "payments main Created")
		job := w.last(schedule)
		if source := job.Spec.Source; source.Revision != head || source.BaseRevision != base {
			t.Fatalf("%s: source %+v, want %s from %q on", what, source, head, base)
		}
		return job
	}
	w.next(schedule)
	w.finish(expect("the first scan is of everything", first, ""), v1alpha1.ConditionFailed, definition7)

	second := w.commit("payments", "main", first)
	w.next(schedule)
	w.finish(expect("a scan that failed does not count", second, ""), v1alpha1.ConditionComplete, definition7)
	w.scannedUpTo(schedule, second)

	third := w.commit("payments", "main", second)
	w.next(schedule)
	w.finish(expect("a complete one is gone on from", third, second), v1alpha1.ConditionFailed, definition7)

	w.next(schedule)
	w.finish(expect("a failed one leaves the base as it was", third, second), v1alpha1.ConditionComplete, definition7)
	w.scannedUpTo(schedule, third)

	before := len(w.jobs(schedule))
	w.next(schedule)
	w.states(schedule, "payments main Unchanged")
	if now := len(w.jobs(schedule)); now != before {
		t.Errorf("%d jobs of a branch that has not moved, want %d", now, before)
	}
	if message, want := schedule.Status.Targets[0].Message, "the branch is still at "+third+", up to which everything was scanned"; message != want {
		t.Errorf("message %q", message)
	}

	// A newer scanner has more rules: it sees everything, also where nothing was pushed.
	w.resolve(definition8)
	w.next(schedule)
	w.finish(expect("another scanner scans everything", third, ""), v1alpha1.ConditionComplete, definition8)
	w.eventually("wait for the history", schedule, func() string {
		if got, want := schedule.Status.Targets[0].History.Scanner, mustScanner(t, definition8, nil); got != want {
			return got
		}
		return ""
	})
	w.next(schedule)
	w.states(schedule, "payments main Unchanged")
}

func TestWithoutIncrementalEverythingIsScannedEachTime(t *testing.T) {
	w := newWorld(t)
	w.environment()
	head := w.repository("payments")
	schedule := w.schedule("hourly", incremental, func(spec *v1alpha1.ScanScheduleSpec) { spec.Incremental = ptr.To(false) })
	for range 2 {
		w.next(schedule)
		w.states(schedule, "payments main Created")
		job := w.last(schedule)
		if job.Spec.Source.BaseRevision != "" {
			t.Errorf("it goes on from %s", job.Spec.Source.BaseRevision)
		}
		w.finish(job, v1alpha1.ConditionComplete, definition7)
		w.scannedUpTo(schedule, head)
	}
	if jobs := w.jobs(schedule); len(jobs) != 2 {
		t.Errorf("%d jobs, want 2", len(jobs))
	}
}

func TestForbidStartsTheWaitingScanWhenTheOldOneEnds(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	w.repository("tools")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"payments", "tools"} })
	w.next(schedule)
	w.states(schedule, "payments main Created", "tools main Created")
	slow, quick := w.jobs(schedule)[0].job, w.jobs(schedule)[1].job
	w.finish(quick, v1alpha1.ConditionComplete, definition7)
	due := w.next(schedule)
	w.states(schedule, "payments main Waiting ScanUnfinished", "tools main Created")
	if message := schedule.Status.Targets[0].Message; message != "ScanJob "+slow.Name+" of an earlier run is unfinished" {
		t.Errorf("message %q", message)
	}
	w.finish(slow, v1alpha1.ConditionFailed, definition7)
	w.states(schedule, "payments main Created", "tools main Created")
	jobs := w.jobs(schedule)
	if len(jobs) != 4 || !jobs[2].run.Equal(due) || jobs[2].repository != "payments" {
		t.Errorf("%d jobs, want one more for payments in the run of %s", len(jobs), due)
	}
}

func TestAScanThatStillWaitsWhenTheNextRunIsDueIsMissed(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly")
	w.next(schedule)
	w.states(schedule, "payments main Created")
	overtaken := w.next(schedule)
	w.states(schedule, "payments main Waiting ScanUnfinished")
	w.next(schedule)
	w.warned(schedule, "MissedScans", "1 scans of the run of "+stamp(overtaken)+" had not started")
}

func TestReplaceCancelsTheOldScan(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.ConcurrencyPolicy = v1alpha1.ConcurrencyReplace })
	w.next(schedule)
	w.states(schedule, "payments main Created")
	due := w.next(schedule)
	w.eventually("wait for the second job", schedule, func() string {
		if jobs := w.jobs(schedule); len(jobs) != 2 || !jobs[1].run.Equal(due) {
			return fmt.Sprintf("%d jobs", len(jobs))
		}
		return ""
	})
	w.states(schedule, "payments main Created")
	jobs := w.jobs(schedule)
	if older := jobs[0].job; !older.Spec.Cancel || older.Annotations[v1alpha1.AnnotationSupersededBy] != jobs[1].job.Name || jobs[1].job.Spec.Cancel {
		t.Errorf("cancel %t by %q, the new one %t", older.Spec.Cancel, older.Annotations[v1alpha1.AnnotationSupersededBy], jobs[1].job.Spec.Cancel)
	}
}

func TestAllowStartsTheNewScanBesideTheOldOne(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.ConcurrencyPolicy = v1alpha1.ConcurrencyAllow })
	for range 3 {
		w.next(schedule)
		w.states(schedule, "payments main Created")
	}
	jobs := w.jobs(schedule)
	if len(jobs) != 3 || jobs[0].job.Spec.Cancel || schedule.Status.ActiveJobs != 3 {
		t.Errorf("%d jobs, %d active; want 3 that run", len(jobs), schedule.Status.ActiveJobs)
	}
}

// A limit of zero deletes a job as soon as it is finished, and not before its end is on record.
func TestHistoryLimitsDeleteWhatIsOnRecord(t *testing.T) {
	w := newWorld(t)
	w.environment()
	head := w.repository("payments")
	schedule := w.schedule("hourly", incremental, func(spec *v1alpha1.ScanScheduleSpec) {
		spec.SuccessfulJobsHistoryLimit, spec.FailedJobsHistoryLimit = ptr.To[int32](0), ptr.To[int32](1)
	})
	for range 2 {
		w.next(schedule)
		w.states(schedule, "payments main Created")
		w.finish(w.last(schedule), v1alpha1.ConditionFailed, definition7)
		w.eventually("wait for the end", schedule, func() string {
			if schedule.Status.ActiveJobs != 0 {
				return "active"
			}
			return ""
		})
	}
	w.next(schedule)
	w.states(schedule, "payments main Created")
	w.crash.Store(1)
	w.finish(w.last(schedule), v1alpha1.ConditionComplete, definition7)
	w.scannedUpTo(schedule, head)
	w.eventually("wait for the deletions", schedule, func() string {
		jobs := w.jobs(schedule)
		if len(jobs) != 1 || jobs[0].job.Status.Conditions[0].Type != v1alpha1.ConditionFailed {
			return fmt.Sprintf("%d jobs, want the newest that failed", len(jobs))
		}
		return ""
	})
	if schedule.Status.LastSuccessfulTime == nil || schedule.Status.LastSuccessfulTime.After(w.clock.Now().Add(time.Second)) {
		t.Errorf("last success %v", schedule.Status.LastSuccessfulTime)
	}
}
