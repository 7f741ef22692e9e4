package scanschedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/codecommit"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestARunMakesOneJobPerRepository(t *testing.T) {
	w := newWorld(t)
	w.environment()
	payments, dns := w.repository("payments"), w.repository("infra-dns")
	w.repository("tools")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) {
		spec.Repositories = []string{"payments", "infra-*"}
		spec.Template.Metadata.Labels = map[string]string{"team": "security"}
		spec.Template.Spec.Priority = -5
	})
	w.states(schedule, "infra-dns", "payments")
	if jobs := w.jobs(schedule); len(jobs) != 0 {
		t.Fatalf("%d jobs before the first run", len(jobs))
	}
	payments = w.commit("payments", "main", payments)

	due := w.next(schedule)
	w.states(schedule, "infra-dns main Created", "payments main Created")
	jobs := w.jobs(schedule)
	if len(jobs) != 2 {
		t.Fatalf("%d jobs, want 2", len(jobs))
	}
	for i, want := range []struct{ repository, head string }{{"infra-dns", dns}, {"payments", payments}} {
		job := jobs[i].job
		name, err := jobName("hourly", scan{run: due, repository: want.repository, branch: "main"})
		if err != nil {
			t.Fatal(err)
		}
		if job.Name != name || jobs[i].repository != want.repository || job.Spec.Source.Revision != want.head || job.Spec.Source.BaseRevision != "" {
			t.Errorf("job %s of %s at %s; want %s, %s", job.Name, jobs[i].repository, job.Spec.Source.Revision, name, want.head)
		}
		if job.Labels["team"] != "security" || job.Labels[v1alpha1.LabelSchedule] != "hourly" || job.Spec.Priority != -5 || !metav1.IsControlledBy(job, schedule) {
			t.Errorf("job %+v", job)
		}
		if schedule.Status.Targets[i].JobName != name {
			t.Errorf("the status names job %q", schedule.Status.Targets[i].JobName)
		}
	}
	w.eventually("wait for the status", schedule, func() string {
		status := schedule.Status
		if status.ActiveJobs != 2 || status.NextScheduleTime == nil || !status.NextScheduleTime.Time.Equal(due.Add(time.Hour)) {
			return "not yet"
		}
		return ""
	})
	if message := w.ready(schedule, v1alpha1.ReasonScheduled); message != "Scanning 2 branches" {
		t.Errorf("message %q", message)
	}
	for range 3 {
		w.pass(schedule, time.Minute)
	}
	w.finish(jobs[0].job, v1alpha1.ConditionComplete, definition7)
	w.eventually("wait for the end of one", schedule, func() string {
		if schedule.Status.ActiveJobs != 1 || schedule.Status.LastSuccessfulTime == nil {
			return "not yet"
		}
		return ""
	})
	if again := w.jobs(schedule); len(again) != 2 {
		t.Errorf("%d jobs, want the same 2", len(again))
	}
}

func TestARunScansEachNamedBranch(t *testing.T) {
	w := newWorld(t)
	w.environment()
	first := w.repository("payments")
	w.branch("payments", "release/1", first)
	release := w.commit("payments", "release/1", first)
	schedule := w.schedule("branches", func(spec *v1alpha1.ScanScheduleSpec) { spec.Branches = []string{"main", "refs/heads/release/1"} })
	w.next(schedule)
	w.states(schedule, "payments main Created", "payments release/1 Created")
	jobs := w.jobs(schedule)
	if len(jobs) != 2 || jobs[0].job.Spec.Source.Revision != first || jobs[1].job.Spec.Source.Revision != release || jobs[1].branch != "release/1" {
		t.Errorf("jobs %+v", jobs)
	}
}

// A run that is cut short between the creation of its jobs and the write of the status is repeated, and finds them.
func TestARunThatIsCutShortIsRepeatedWithoutASecondJob(t *testing.T) {
	w := newWorld(t)
	w.environment()
	head := w.repository("payments")
	w.repository("tools")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"payments", "tools"} })
	w.crash.Store(2)
	fault := w.aws.Faults().After("codecommit", "GetBranch", 1, func(awslocalCall) { w.commit("payments", "main", head) })
	w.next(schedule)
	w.states(schedule, "payments main Created", "tools main Created")
	if w.crash.Load() != 0 || fault.Used() != 1 {
		t.Fatalf("%d crashes are left, the branch moved %d times", w.crash.Load(), fault.Used())
	}
	jobs := w.jobs(schedule)
	if len(jobs) != 2 || jobs[0].job.Spec.Source.Revision != head {
		t.Errorf("%d jobs, the first at %s; want 2, at the head that was there when the run began, %s", len(jobs), jobs[0].job.Spec.Source.Revision, head)
	}
}

func TestOnlyTheLatestMissedRunStarts(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly")
	first := schedule.Status.NextScheduleTime.Time
	w.pass(schedule, 7*time.Hour)
	w.states(schedule, "payments main Created")
	jobs := w.jobs(schedule)
	if latest := first.Add(6 * time.Hour); len(jobs) != 1 || !jobs[0].run.Equal(latest) {
		t.Errorf("jobs %+v, want one of the run of %s", jobs, latest)
	}
}

func TestAStartingDeadlineThatPassedIsAMissedRun(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.StartingDeadlineSeconds = ptr.To[int64](60) })
	due := schedule.Status.NextScheduleTime.Time
	w.clock.SetTime(due.Add(2 * time.Minute))
	w.poke(schedule)
	w.eventually("wait for the missed run", schedule, func() string {
		if missed := schedule.Status.LastMissedTime; missed == nil || !missed.Time.Equal(due) {
			return "not missed"
		}
		return ""
	})
	w.warned(schedule, "MissedRun", stamp(due))
	w.next(schedule)
	w.states(schedule, "payments main Created")
	if jobs := w.jobs(schedule); len(jobs) != 1 {
		t.Errorf("%d jobs, want only that of the next run", len(jobs))
	}
}

func TestSuspendKeepsRunsFromStartingAndTheLatestStartsAfterIt(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.Suspend = true })
	if message := w.ready(schedule, v1alpha1.ReasonScheduled); !strings.HasPrefix(message, "Suspended") || schedule.Status.NextScheduleTime != nil {
		t.Errorf("message %q, next run %v", message, schedule.Status.NextScheduleTime)
	}
	w.pass(schedule, 3*time.Hour)
	w.change(schedule, func(spec *v1alpha1.ScanScheduleSpec) { spec.TimeZone = "Europe/Berlin" })
	w.seen(schedule)
	if jobs := w.jobs(schedule); len(jobs) != 0 {
		t.Fatalf("%d jobs while it is suspended", len(jobs))
	}
	w.change(schedule, func(spec *v1alpha1.ScanScheduleSpec) { spec.Suspend = false })
	w.states(schedule, "payments main Created")
	if jobs := w.jobs(schedule); len(jobs) != 1 {
		t.Errorf("%d jobs, want one", len(jobs))
	}
}

func TestJitterStartsEachRepositoryAtItsOwnMoment(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	w.repository("tools")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) {
		spec.Repositories, spec.JitterSeconds = []string{"payments", "tools"}, 1200
	})
	due := w.next(schedule)
	window := 20 * time.Minute
	moments := []time.Time{due.Add(delay(schedule.UID, "payments", 1200, window)), due.Add(delay(schedule.UID, "tools", 1200, window))}
	for i, target := range schedule.Status.Targets {
		if next := target.NextAttemptTime; moments[i].After(w.clock.Now()) && (next == nil || !next.Time.Equal(moments[i])) {
			t.Errorf("%s starts at %v, want %v", target.Repository, next, moments[i])
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	for i, moment := range moments {
		w.clock.SetTime(moment)
		w.poke(schedule)
		w.eventually("wait for the moment", schedule, func() string {
			created := 0
			for _, target := range schedule.Status.Targets {
				if target.State == v1alpha1.TargetCreated {
					created++
				}
			}
			if created < i+1 {
				return fmt.Sprintf("%d created", created)
			}
			return ""
		})
	}
	if jobs := w.jobs(schedule); len(jobs) != 2 || !jobs[0].run.Equal(due) || !jobs[1].run.Equal(due) {
		t.Errorf("jobs %+v", jobs)
	}
}

// More branches than one reconcile asks about, at the rate of the account: all of them start.
func TestARunOfManyBranchesGoesOnUntilAllHaveStarted(t *testing.T) {
	w := newWorld(t)
	w.environment()
	var branches, want []string
	for _, repository := range []string{"one", "two"} {
		head := w.repository(repository)
		for i := range 15 {
			name := fmt.Sprintf("b%02d", i)
			w.branch(repository, name, head)
			want = append(want, repository+" "+name+" Created")
			if repository == "one" {
				branches = append(branches, name)
			}
		}
	}
	schedule := w.schedule("many", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories, spec.Branches = []string{"*"}, branches })
	w.next(schedule)
	w.states(schedule, want...)
	if jobs := w.jobs(schedule); len(jobs) != len(want) || int(schedule.Status.ActiveJobs) != len(want) {
		t.Errorf("%d jobs, %d active; want %d", len(jobs), schedule.Status.ActiveJobs, len(want))
	}
}

func TestJobsGoWithTheirSchedule(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly")
	w.next(schedule)
	w.states(schedule, "payments main Created")
	job := w.jobs(schedule)[0].job
	if err := w.client.Delete(t.Context(), schedule); err != nil {
		t.Fatal(err)
	}
	again := w.newSchedule("hourly")
	w.create(again)
	w.seen(again)
	w.eventually("wait for the collection", again, func() string {
		if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(job), &v1alpha1.ScanJob{}); client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Sprintf("the job is there: %v", err)
		}
		return ""
	})
}

func TestADefaultBranchThatIsRenamedIsFollowed(t *testing.T) {
	w := newWorld(t)
	w.environment()
	head := w.repository("payments")
	schedule := w.schedule("hourly", incremental)
	w.next(schedule)
	w.states(schedule, "payments main Created")
	w.finish(w.jobs(schedule)[0].job, v1alpha1.ConditionComplete, definition7)
	w.branch("payments", "trunk", head)
	trunk := w.commit("payments", "trunk", head)
	_, err := w.code.UpdateDefaultBranch(t.Context(), &sdk.UpdateDefaultBranchInput{RepositoryName: ptr.To("payments"), DefaultBranchName: ptr.To("trunk")})
	if err != nil {
		t.Fatal(err)
	}
	w.next(schedule)
	w.states(schedule, "payments trunk Created")
	jobs := w.jobs(schedule)
	if source := jobs[len(jobs)-1].job.Spec.Source; source.Revision != trunk || source.BaseRevision != head {
		t.Errorf("source %+v, want %s from %s on", source, trunk, head)
	}
}
