package scanjob

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func wantMessage(t *testing.T, job *scanv1.ScanJob, kind, text string) {
	t.Helper()
	if condition := meta.FindStatusCondition(job.Status.Conditions, kind); condition == nil || !strings.Contains(condition.Message, text) {
		t.Errorf("condition %s does not say %q: %+v", kind, text, condition)
	}
}

func TestAContainerThatBeganToRunWhileNoManagerLookedIsNotStopped(t *testing.T) {
	r := newRig(t, newJob())
	r.start()
	r.taskRuns()
	r.clock.Step(11 * time.Minute)
	r.restart()
	if again := r.succeed().RequeueAfter; again == 0 || again > askAgainAfter+time.Second {
		t.Errorf("it is looked at again after %s", again)
	}
	r.poll()
	r.succeed()
	if attempt := r.attempt(); attempt.StartedAt == nil || attempt.StopRequestedFor != "" || r.aws.CallCount("ecs", "StopTask") != 0 {
		t.Errorf("the attempt is %+v, StopTask was called %d times", attempt, r.aws.CallCount("ecs", "StopTask"))
	}
}

func TestAContainerThatDoesNotRunByTheStartDeadlineIsStoppedByTheNextManager(t *testing.T) {
	r := newRig(t, newJob())
	r.aws.Faults().MissingTask(awslocal.Any, awslocal.Forever)
	r.start()
	r.clock.Step(11 * time.Minute)
	r.restart()
	r.succeed()
	r.poll()
	r.succeed()
	if attempt := r.attempt(); attempt.StopRequestedFor != scanv1.ClassInfrastructure || attempt.StopRequestedAt == nil {
		t.Errorf("the attempt is %+v", attempt)
	}
}

func TestOneAnswerThatATaskIsMissingAfterARestartClosesNothing(t *testing.T) {
	r := newRig(t, newJob(func(job *scanv1.ScanJob) { job.Spec.StartDeadlineSeconds = ptr.To[int64](3600) }))
	r.start()
	r.clock.Step(6 * time.Minute)
	r.restart()
	r.aws.Faults().MissingTask(awslocal.Any, 1)
	r.succeed()
	r.poll()
	r.succeed()
	if attempt := r.attempt(); attempt.StoppedAt != nil {
		t.Errorf("the attempt was closed while its task is %s: %+v", r.aws.Tasks()[0].LastStatus, attempt)
	}
}

func TestTheDeadlineWakesAJobThatWaits(t *testing.T) {
	r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(spoiledBy(scanv1.ClassInfrastructure)), func(job *scanv1.ScanJob) {
		job.Status.Timeline.CreatedTime = at(0)
	}))
	environment := newEnvironment()
	if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
		t.Fatal(err)
	}
	meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionReady).Status = "False"
	if err := r.kube.Status().Update(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	r.clock.Step(10 * time.Minute)
	if again := r.succeed().RequeueAfter; again == 0 || again > 50*time.Minute+time.Second {
		t.Errorf("nobody wakes the job at its deadline, but after %s", again)
	}
	r.clock.Step(50 * time.Minute)
	r.succeed()
	if !finished(r.job()) {
		t.Errorf("the job outlives its deadline: %+v", r.job().Status.Conditions)
	}
}

func TestAFinishedJobHasNoFinalizer(t *testing.T) {
	r := newRig(t, newJob(withFinalizer, withAttempts(done(0))))
	r.succeed()
	if job := r.job(); !finished(job) || len(job.Finalizers) != 0 {
		t.Errorf("finished: %t, finalizers %v", finished(job), job.Finalizers)
	}
	r.succeed()
	if job := r.job(); len(job.Finalizers) != 0 {
		t.Errorf("the finalizer came back: %v", job.Finalizers)
	}
}

// A manager that stops a task and dies must not come back and find that "somebody" has stopped it.
func TestTheReasonOfAStopIsOnRecordBeforeTheTaskIsStopped(t *testing.T) {
	r := newRig(t, newJob())
	r.start()
	r.change(suspended)
	var recorded scanv1.FailureClass
	r.aws.Faults().Before("ecs", "StopTask", 1, func(awslocal.Call) {
		if attempt := lastAttempt(r.job()); attempt != nil {
			recorded = attempt.StopRequestedFor
		}
	})
	r.succeed()
	if recorded != scanv1.ClassSuspended {
		t.Errorf("StopTask was called while the record said %q", recorded)
	}
	if r.attempt().StopRequestedAt == nil {
		t.Error("the stop is not on record")
	}
}

// A task that ECS may not be asked about would run unseen, and its job hang without a word.
func TestAJobSaysThatItsTaskMayNotBeLookedAt(t *testing.T) {
	r := newRig(t, newJob())
	r.start()
	r.taskRuns()
	denied := r.aws.Faults().Deny("*", "ecs:DescribeTasks")
	r.succeed()
	r.poll()
	r.succeed()
	wantMessage(t, r.job(), scanv1.ConditionAdmitted, "DescribeTasks")
	denied.Clear()
	r.poll()
	r.succeed()
	condition := meta.FindStatusCondition(r.job().Status.Conditions, scanv1.ConditionAdmitted)
	if condition == nil || strings.Contains(condition.Message, "DescribeTasks") {
		t.Errorf("the refusal is still told: %+v", condition)
	}
	if r.attempt().StartedAt == nil {
		t.Error("the running container was not seen")
	}
}

// A manager that was stopped for longer than its Lease lasts goes on where it was, and writes a record that the one in its
// place has not counted.
func TestNoTaskIsStartedByAManagerThatMayHaveLostItsLease(t *testing.T) {
	r := newRig(t, newJob())
	leading := false
	r.reconciler.options.Leading = func() bool { return leading }
	r.admit()
	r.succeed()
	r.clock.Step(holdBack)
	r.succeed()
	if attempt := r.attempt(); attempt.TaskARN != "" || r.aws.CallCount("ecs", "RunTask") != 0 {
		t.Errorf("RunTask was called %d times; the attempt is %+v", r.aws.CallCount("ecs", "RunTask"), attempt)
	}
	leading = true
	for range 2 { // the answer is held back at first
		r.clock.Step(holdBack)
		r.succeed()
	}
	if attempt := r.attempt(); attempt.TaskARN == "" || r.aws.CallCount("ecs", "RunTask") != 1 {
		t.Errorf("the leader did not start it: %+v", attempt)
	}
}
