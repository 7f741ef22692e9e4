package scanjob

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func TestWhatAnObservationDoesToTheAttempt(t *testing.T) {
	runs := func(t *fargate.Task) {
		t.PullStartedAt, t.StartedAt, t.CapacityProvider = noon().Add(30*time.Second), noon().Add(time.Minute+700*time.Millisecond), "FARGATE_SPOT"
	}
	wasRunning := func(a *scanv1.Attempt) { a.TaskStatus, a.TaskVersion, a.StartedAt = "RUNNING", 4, at(time.Minute) }
	stopRequested := func(class scanv1.FailureClass) func(*scanv1.Attempt) {
		return func(a *scanv1.Attempt) { a.StopRequestedFor, a.StopRequestedAt = class, at(time.Minute) }
	}
	found := func(attempt int32) func(*scanv1.ScanJob) {
		return func(job *scanv1.ScanJob) { job.Status.Findings = &scanv1.Findings{Attempt: attempt, Total: 1} }
	}
	stoppedAs := func(code, reason string, exitCode *int32) func(*fargate.Task) {
		return func(t *fargate.Task) {
			t.StopCode, t.StoppedReason, t.StoppedAt = code, reason, noon().Add(3*time.Minute)
			t.Containers = []fargate.Container{{Name: "scanner", ExitCode: exitCode}}
		}
	}
	one37 := int32(137)

	for _, row := range []struct {
		name string
		job  *scanv1.ScanJob
		seen fargate.Observation
		now  time.Duration
		open bool
		want scanv1.Attempt
	}{
		{name: "nothing is known yet", job: newJob(withAttempts(running())), open: true},
		{name: "another task's news is not this one's", job: newJob(withAttempts(running())), open: true,
			seen: fargate.Observation{Task: task(9, "STOPPED", exited(0), func(t *fargate.Task) { t.ARN += "-other" })}},
		{name: "the container runs", job: newJob(withAttempts(running())), seen: fargate.Observation{Task: task(4, "RUNNING", runs)}, open: true,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute), CapacityProvider: "FARGATE_SPOT"}},
		{name: "the container has run, as only a later state tells", job: newJob(withAttempts(running())), seen: fargate.Observation{Task: task(6, "STOPPING", runs)}, open: true,
			want: scanv1.Attempt{TaskStatus: "STOPPING", TaskVersion: 6, StartedAt: at(time.Minute), CapacityProvider: "FARGATE_SPOT"}},
		{name: "a task that has exited and is being taken down is not at its end", job: newJob(withAttempts(running(wasRunning))),
			seen: fargate.Observation{Task: task(7, "DEPROVISIONING", runs, exited(0))}, open: true,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute)}},
		{name: "older news changes nothing", job: newJob(withAttempts(running(wasRunning))), seen: fargate.Observation{Task: task(2, "PENDING")}, open: true,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute)}},
		{name: "older news changes nothing even where it tells of an end", job: newJob(withAttempts(running(wasRunning))), seen: fargate.Observation{Task: task(3, "STOPPED", exited(1))}, open: true,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute)}},

		{name: "the scan came to its end", job: newJob(withAttempts(running(wasRunning))), seen: fargate.Observation{Task: task(8, "STOPPED", runs, exited(10))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StartedAt: at(time.Minute), CapacityProvider: "FARGATE_SPOT",
				StoppedAt: at(3 * time.Minute), StopCode: "EssentialContainerExited", ExitCode: ptrTo(10)}},
		{name: "all that is ever seen is the end", job: newJob(withAttempts(running())), seen: fargate.Observation{Task: task(8, "STOPPED", runs, exited(0))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StartedAt: at(time.Minute), CapacityProvider: "FARGATE_SPOT",
				StoppedAt: at(3 * time.Minute), StopCode: "EssentialContainerExited", ExitCode: ptrTo(0)}},
		{name: "the task was seen as deleted, a moment after it stopped", job: newJob(withAttempts(running())), seen: fargate.Observation{Task: task(9, "DELETED", runs, exited(0))},
			want: scanv1.Attempt{TaskStatus: "DELETED", TaskVersion: 9, StartedAt: at(time.Minute), CapacityProvider: "FARGATE_SPOT",
				StoppedAt: at(3 * time.Minute), StopCode: "EssentialContainerExited", ExitCode: ptrTo(0)}},
		{name: "the scan crashed", job: newJob(withAttempts(running())), seen: fargate.Observation{Task: task(8, "STOPPED", exited(1))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StoppedAt: at(3 * time.Minute), StopCode: "EssentialContainerExited",
				ExitCode: ptrTo(1), Class: scanv1.ClassScan, Reason: "crashed"}},
		{name: "the container never ran", job: newJob(withAttempts(running())),
			seen: fargate.Observation{Task: task(3, "STOPPED", stoppedAs("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete.", nil))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 3, StoppedAt: at(3 * time.Minute), StopCode: "TaskFailedToStart",
				Class: scanv1.ClassInfrastructure, Reason: "network interface"}},
		{name: "Spot was reclaimed", job: newJob(withAttempts(running(wasRunning))),
			seen: fargate.Observation{Task: task(8, "STOPPED", stoppedAs("SpotInterruption", "Your Spot Task was interrupted.", &one37))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StartedAt: at(time.Minute), StoppedAt: at(3 * time.Minute), StopCode: "SpotInterruption", ExitCode: &one37,
				Class: scanv1.ClassInfrastructure, CapacityMissed: true, Reason: "interrupted"}},
		{name: "it was stopped as requested", job: newJob(withAttempts(running(wasRunning, stopRequested(scanv1.ClassSuperseded)))),
			seen: fargate.Observation{Task: task(8, "STOPPED", stoppedAs("UserInitiated", "ScanJob scans/payments-42: superseded", &one37))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StartedAt: at(time.Minute), StopRequestedFor: scanv1.ClassSuperseded, StopRequestedAt: at(time.Minute),
				StoppedAt: at(3 * time.Minute), StopCode: "UserInitiated", ExitCode: &one37, Class: scanv1.ClassSuperseded, Reason: "superseded"}},
		{name: "it came to its end although its stop was requested", job: newJob(withAttempts(running(wasRunning, stopRequested(scanv1.ClassDeadlineExceeded)))),
			seen: fargate.Observation{Task: task(8, "STOPPED", exited(10))},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StartedAt: at(time.Minute), StopRequestedFor: scanv1.ClassDeadlineExceeded, StopRequestedAt: at(time.Minute),
				StoppedAt: at(3 * time.Minute), StopCode: "EssentialContainerExited", ExitCode: ptrTo(10)}},
		{name: "the end has no time, so it is the time at which it was learned", job: newJob(withAttempts(running())), now: 5 * time.Minute,
			seen: fargate.Observation{Task: task(8, "STOPPED", exited(0), func(t *fargate.Task) { t.StoppedAt = time.Time{} })},
			want: scanv1.Attempt{TaskStatus: "STOPPED", TaskVersion: 8, StoppedAt: at(5 * time.Minute), StopCode: "EssentialContainerExited", ExitCode: ptrTo(0)}},

		{name: "missing right after RunTask means nothing", job: newJob(withAttempts(running())), seen: fargate.Observation{Missing: 20}, now: 5 * time.Minute, open: true},
		{name: "missing once means nothing, however long ago it was accepted: this manager may be a new one", job: newJob(withAttempts(running())), seen: fargate.Observation{Missing: 2}, now: time.Hour, open: true},
		{name: "missing three times after five minutes and never seen means that it is gone", job: newJob(withAttempts(running())), seen: fargate.Observation{Missing: 3}, now: 5*time.Minute + time.Second,
			want: scanv1.Attempt{StoppedAt: at(5*time.Minute + time.Second), Class: scanv1.ClassInfrastructure, Reason: "does not know the task"}},
		{name: "not missing and never seen means that nobody has asked yet", job: newJob(withAttempts(running())), now: time.Hour, open: true},
		{name: "a task that was seen is not gone after two polls that miss it", job: newJob(withAttempts(running(wasRunning))), seen: fargate.Observation{Missing: 2}, now: time.Hour, open: true,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute)}},
		{name: "a task that was seen is gone after three polls that miss it", job: newJob(withAttempts(running(wasRunning))), seen: fargate.Observation{Missing: 3}, now: time.Hour,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute), StoppedAt: at(time.Hour),
				Class: scanv1.ClassInfrastructure, Reason: "how it ended is unknown"}},
		{name: "a task that was seen before its container ran is gone after three polls that miss it too", job: newJob(withAttempts(running())),
			seen: fargate.Observation{Task: task(2, "PENDING"), Missing: 3}, now: time.Hour,
			want: scanv1.Attempt{StoppedAt: at(time.Hour), Class: scanv1.ClassInfrastructure, Reason: "how it ended is unknown"}},
		{name: "and not within five minutes of RunTask's answer: ECS forgets no task so soon, its replicas differ", job: newJob(withAttempts(running())),
			seen: fargate.Observation{Task: task(2, "PENDING"), Missing: 20}, now: 5 * time.Minute, open: true},
		{name: "and not after two, however long ago it was accepted", job: newJob(withAttempts(running())), seen: fargate.Observation{Task: task(2, "PENDING"), Missing: 2}, now: time.Hour, open: true},
		{name: "a task that is gone after its stop was requested ended for that", job: newJob(withAttempts(running(wasRunning, stopRequested(scanv1.ClassSuspended)))),
			seen: fargate.Observation{Missing: 3}, now: time.Hour,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute), StopRequestedFor: scanv1.ClassSuspended, StopRequestedAt: at(time.Minute),
				StoppedAt: at(time.Hour), Class: scanv1.ClassSuspended, Reason: "does not know the task"}},
		{name: "a task that is gone after its findings arrived had done its scan", job: newJob(found(1), withAttempts(running(wasRunning))), seen: fargate.Observation{Missing: 3}, now: time.Hour,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute), StoppedAt: at(time.Hour), Reason: "its findings had arrived"}},
		{name: "an earlier attempt's findings say nothing of this one", job: newJob(found(1), withAttempts(spoiledBy(scanv1.ClassScan), running(wasRunning))),
			seen: fargate.Observation{Missing: 3}, now: time.Hour,
			want: scanv1.Attempt{TaskStatus: "RUNNING", TaskVersion: 4, StartedAt: at(time.Minute), StoppedAt: at(time.Hour),
				Class: scanv1.ClassInfrastructure, Reason: "how it ended is unknown"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			attempt := openAttempt(row.job)
			want := row.want
			want.Number, want.RecordedAt, want.ClusterARN, want.TaskARN, want.AcceptedAt = attempt.Number, *at(0), testCluster, testTask, at(0)
			want.ContainerName = "scanner"
			fold(row.job, attempt, row.seen, noon().Add(row.now))
			if !strings.Contains(attempt.Reason, want.Reason) {
				t.Errorf("reason %q does not contain %q", attempt.Reason, want.Reason)
			}
			want.Reason = attempt.Reason
			if diff := cmp.Diff(want, *attempt); diff != "" {
				t.Errorf("the attempt differs (-want +got):\n%s", diff)
			}
			if got := openAttempt(row.job) != nil; got != row.open {
				t.Errorf("the attempt is open: %t", got)
			}
		})
	}
}

func ptrTo(code int32) *int32 { return &code }

func TestTheTimelineHasTheTasksMoments(t *testing.T) {
	job := newJob(withAttempts(running()))
	seen := task(8, "STOPPED", exited(0), func(t *fargate.Task) {
		t.PullStartedAt, t.StartedAt, t.StoppedAt = noon().Add(10*time.Second), noon().Add(20*time.Second), noon().Add(30*time.Second+999*time.Millisecond)
	})
	fold(job, openAttempt(job), fargate.Observation{Task: seen}, noon())
	want := scanv1.Timeline{PullStartedTime: at(10 * time.Second), RunningTime: at(20 * time.Second), StoppedTime: at(30 * time.Second)}
	if diff := cmp.Diff(want, job.Status.Timeline); diff != "" {
		t.Errorf("the timeline differs (-want +got):\n%s", diff)
	}
}

func TestAnAttemptThatIsRecordedBeginsItsOwnPartOfTheTimeline(t *testing.T) {
	first := at(0)
	job := newJob(withAttempts(spoiledBy(scanv1.ClassScan)), func(job *scanv1.ScanJob) {
		job.Status.Timeline = scanv1.Timeline{
			CreatedTime: first, AdmittedTime: first, RunTaskTime: first, PullStartedTime: first, RunningTime: first, StoppedTime: first,
		}
	})
	s := newScope(job, noon().Add(time.Hour))
	s.environment = newEnvironment()
	record(s, (&Reconciler{}).draft(s))
	if diff := cmp.Diff(scanv1.Timeline{CreatedTime: first, AdmittedTime: first}, s.job.Status.Timeline); diff != "" {
		t.Errorf("the timeline differs (-want +got):\n%s", diff)
	}
	attempt := openAttempt(s.job)
	if attempt == nil || attempt.Number != 2 || attempt.ClientToken != fargate.ClientToken(testUID, 2) || !attempt.RecordedAt.Equal(at(time.Hour)) ||
		attempt.ClusterARN != testCluster || attempt.TaskDefinitionARN != s.environment.Status.Resolved.TaskDefinitionARN {
		t.Errorf("the attempt is %+v", attempt)
	}
	adopt(s.job, attempt, testTask, noon().Add(time.Hour+time.Second))
	if got := s.job.Status.Timeline.RunTaskTime; !got.Equal(at(time.Hour+time.Second)) || !attempt.AcceptedAt.Equal(got) || attempt.TaskARN != testTask {
		t.Errorf("RunTask was accepted at %v, the attempt is %+v", got, attempt)
	}
}

func TestReasonsAndMessagesStayWithinTheAPIsBounds(t *testing.T) {
	job := newJob(withAttempts(running()))
	long := strings.Repeat("é", 5000)
	fold(job, openAttempt(job), fargate.Observation{Task: task(8, "STOPPED", exited(1), func(t *fargate.Task) { t.StoppedReason = long })}, noon())
	if got := lastAttempt(job).Reason; len(got) != maxReason || strings.ToValidUTF8(got, "") != got {
		t.Errorf("the reason has %d bytes, or is cut within a character", len(got))
	}
	setCondition(job, scanv1.ConditionFailed, metav1.ConditionTrue, scanv1.ReasonConfiguration, strings.Repeat("é", maxMessage))
	if got := job.Status.Conditions[0].Message; len(got) != maxMessage || strings.ToValidUTF8(got, "") != got {
		t.Errorf("the message has %d bytes, or is cut within a character", len(got))
	}
}
