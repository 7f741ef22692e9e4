package scanjob

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func throttled() *awslocal.Error {
	return &awslocal.Error{Status: http.StatusBadRequest, Code: "ThrottlingException", Message: "Rate exceeded"}
}

func withFinalizer(job *scanv1.ScanJob) { job.Finalizers = []string{scanv1.FinalizerStopTask} }

// unanswered is an attempt whose task is not known.
func unanswered(attempt *scanv1.Attempt) { attempt.TaskARN, attempt.AcceptedAt = "", nil }

func TestARefusalAfterALostAnswerLosesNoTask(t *testing.T) {
	r := newRig(t, newJob())
	r.admit()
	r.aws.Faults().LoseAnswer("ecs", "RunTask", 1)
	r.aws.Faults().After("ecs", "RunTask", 1, func(awslocal.Call) {
		r.aws.Faults().Fail("ecs", "RunTask", 1, &awslocal.Error{Status: http.StatusBadRequest, Code: "ClientException", Message: "Too many tasks in PROVISIONING state"})
	})
	for range 3 {
		if _, err := r.reconcile(); err != nil {
			t.Log(err)
		}
	}
	tasks := r.aws.Tasks()
	if attempt := r.attempt(); len(tasks) != 1 || attempt.Number != 1 || attempt.TaskARN != tasks[0].ARN || attempt.StoppedAt != nil {
		t.Errorf("the attempt is %+v, the tasks are %+v", attempt, tasks)
	}
}

func TestATaskThatIsNotListedYetIsWaitedForHoweverOldTheRecordIs(t *testing.T) {
	r := newRig(t, newJob())
	r.admit()
	throttle := r.aws.Faults().Fail("ecs", "RunTask", awslocal.Forever, throttled())
	if _, err := r.reconcile(); err == nil {
		t.Fatal("throttling is no error")
	}
	r.clock.Step(6 * time.Minute)
	throttle.Clear()
	r.aws.Faults().LoseAnswer("ecs", "RunTask", 1)
	// The throttle answer has emptied the budget, which fills again in real time.
	for limit := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		if _, err := r.reconcile(); err != nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("a lost answer is no error")
		}
	}
	r.change(cancelled)
	r.aws.Faults().Unlisted(1)
	r.succeed()
	if attempt := r.attempt(); attempt.StoppedAt != nil {
		t.Fatalf("the attempt was closed while its task is %s: %+v", r.aws.Tasks()[0].LastStatus, attempt)
	}
	r.clock.Step(lookAgainAfter)
	r.succeed()
	if attempt := r.attempt(); attempt.TaskARN != r.aws.Tasks()[0].ARN || attempt.StopRequestedAt == nil || attempt.UnlistedSince != nil {
		t.Errorf("the task was not found and stopped: %+v", attempt)
	}
}

func TestAnAttemptWithoutATaskIsClosedAfterFiveMinutesOfLooking(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*scanv1.ScanJob)
		age    time.Duration
		class  scanv1.FailureClass
	}{
		{"its token is too old to be used again", func(*scanv1.ScanJob) {}, replayWithin, scanv1.ClassInfrastructure},
		{"no task is wanted any more", cancelled, 0, scanv1.ClassCancelled},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, newJob(row.change, admittedAt(0), withFinalizer, withAttempts(running(unanswered))))
			r.clock.Step(row.age)
			if again := r.succeed().RequeueAfter; again == 0 || again > lookAgainAfter+time.Second {
				t.Errorf("it is looked for again after %s", again)
			}
			r.clock.Step(settledAfter - time.Second)
			r.succeed()
			if attempt := r.attempt(); attempt.StoppedAt != nil {
				t.Fatalf("the attempt was closed too soon: %+v", attempt)
			}
			r.clock.Step(time.Second)
			r.succeed()
			if attempt := r.attempt(); attempt.StoppedAt == nil || attempt.Class != row.class || !strings.Contains(attempt.Reason, "no task") {
				t.Errorf("the attempt is %+v", attempt)
			}
			if calls := r.aws.CallCount("ecs", "RunTask"); calls != 0 {
				t.Errorf("RunTask was called %d times", calls)
			}
		})
	}
}

func TestHowTheTaskOfAnAttemptWithoutAnARNIsFoundOut(t *testing.T) {
	checked := func(e *scanv1.ScanEnvironment) { e.Generation++ }
	notReady := func(e *scanv1.ScanEnvironment) { e.Status.Conditions[0].Status = metav1.ConditionFalse }
	elsewhere := func(e *scanv1.ScanEnvironment) { e.Status.Resolved.ClusterARN += "-2" }
	for _, row := range []struct {
		name        string
		attempt     scanv1.Attempt
		environment *scanv1.ScanEnvironment
		age         time.Duration
		want        identification
	}{
		{"by calling RunTask", running(unanswered), newEnvironment(), 0, replay},
		{"so while the token lives", running(unanswered), newEnvironment(), replayWithin - time.Second, replay},
		{"but not longer", running(unanswered), newEnvironment(), replayWithin, search},
		{"not where no task is wanted", running(unanswered, func(a *scanv1.Attempt) { a.StopRequestedFor = scanv1.ClassCancelled }), newEnvironment(), 0, search},
		{"not once it was looked for", running(unanswered, func(a *scanv1.Attempt) { a.UnlistedSince = at(0) }), newEnvironment(), 0, search},
		{"an edit of the environment is waited for", running(unanswered), newEnvironment(checked), time.Minute, await},
		{"so is one that is not Ready", running(unanswered), newEnvironment(notReady), time.Minute, await},
		{"and one that was made anew", running(unanswered), newEnvironment(func(e *scanv1.ScanEnvironment) { e.Status = scanv1.ScanEnvironmentStatus{} }), 0, await},
		{"but not longer than the token lives", running(unanswered), newEnvironment(checked), replayWithin, search},
		{"not in another cluster", running(unanswered), newEnvironment(elsewhere), 0, search},
		{"nor when that is being checked", running(unanswered), newEnvironment(checked, elsewhere), 0, search},
		{"not with another role", running(unanswered), newEnvironment(checked, func(e *scanv1.ScanEnvironment) { e.Spec.AssumeRoleARN = "other" }), 0, search},
		{"not where the environment is being deleted", running(unanswered), newEnvironment(func(e *scanv1.ScanEnvironment) { e.DeletionTimestamp = at(0) }), 0, search},
		{"not where it is gone", running(unanswered), nil, 0, search},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := nextStep(&row.attempt, row.environment, false, noon().Add(row.age)); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

// Somebody changes the limit while RunTask is throttled.
func TestAnEditOfTheEnvironmentCostsNoAttempt(t *testing.T) {
	r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running(unanswered))))
	check := func(change func(*scanv1.ScanEnvironment)) {
		t.Helper()
		environment := &scanv1.ScanEnvironment{}
		if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
			t.Fatal(err)
		}
		change(environment)
		if err := r.kube.Status().Update(t.Context(), environment); err != nil {
			t.Fatal(err)
		}
	}
	check(func(e *scanv1.ScanEnvironment) { e.Status.ObservedGeneration-- })
	if again := r.succeed().RequeueAfter; again == 0 || again > replayWithin+time.Second {
		t.Errorf("the job is looked at again after %s", again)
	}
	r.clock.Step(10 * time.Minute)
	r.succeed()
	if attempt := r.attempt(); attempt.StoppedAt != nil || attempt.UnlistedSince != nil || r.aws.CallCount("ecs", "RunTask") != 0 {
		t.Fatalf("the attempt is %+v, RunTask was called %d times", attempt, r.aws.CallCount("ecs", "RunTask"))
	}
	check(func(e *scanv1.ScanEnvironment) { e.Status.ObservedGeneration++ })
	r.succeed()
	r.clock.Step(holdBack)
	r.succeed()
	if attempt := r.attempt(); attempt.Number != 1 || attempt.TaskARN == "" || r.aws.CallCount("ecs", "RunTask") != 1 {
		t.Errorf("the attempt is %+v, RunTask was called %d times", attempt, r.aws.CallCount("ecs", "RunTask"))
	}
}

func TestRunTaskIsNotRepeatedInAnotherCluster(t *testing.T) {
	r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running(unanswered, func(a *scanv1.Attempt) {
		a.ClusterARN = "arn:aws:ecs:us-east-1:111122223333:cluster/before"
	}))))
	r.succeed()
	if attempt := r.attempt(); attempt.UnlistedSince == nil || r.aws.CallCount("ecs", "RunTask") != 0 {
		t.Errorf("the attempt is %+v, RunTask was called %d times", attempt, r.aws.CallCount("ecs", "RunTask"))
	}
}

func TestATokenThatWasUsedForATaskThatECSDoesNotNameIsLookedUp(t *testing.T) {
	r := newRig(t, newJob())
	r.admit()
	r.aws.Faults().Fail("ecs", "RunTask", awslocal.Forever, &awslocal.Error{Status: http.StatusBadRequest, Code: "ConflictException", Message: "the token was used"})
	r.succeed()
	if attempt := r.attempt(); attempt.StoppedAt != nil || attempt.UnlistedSince == nil {
		t.Fatalf("the attempt is %+v", attempt)
	}
	r.clock.Step(settledAfter)
	r.succeed()
	if attempt := r.attempt(); attempt.StoppedAt == nil || !strings.Contains(attempt.Reason, "the token was used") {
		t.Errorf("the attempt is %+v", attempt)
	}
	if calls := r.aws.CallCount("ecs", "RunTask"); calls != 1 {
		t.Errorf("RunTask was called %d times", calls)
	}
}

func TestAClusterThatIsGoneHoldsNothingUp(t *testing.T) {
	elsewhere := func(a *scanv1.Attempt) { a.ClusterARN = "arn:aws:ecs:us-east-1:111122223333:cluster/gone" }
	for name, attempt := range map[string]scanv1.Attempt{
		"with a task":            running(elsewhere),
		"with an unknown answer": running(elsewhere, unanswered),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, newJob(cancelled, admittedAt(0), withFinalizer, withAttempts(attempt)))
			r.clock.Step(10 * time.Minute)
			for range missingPolls {
				r.succeed()
				if attempt.TaskARN != "" {
					r.poll()
				}
				r.clock.Step(settledAfter)
			}
			r.succeed()
			job := r.job()
			if got := lastAttempt(job); got.StoppedAt == nil || got.Class != scanv1.ClassCancelled || !finished(job) || len(job.Finalizers) != 0 {
				t.Errorf("the job is %+v with finalizers %v", job.Status, job.Finalizers)
			}
		})
	}
}

func TestWhatAWSAnswersIsSaidWhileTheCallIsRepeated(t *testing.T) {
	r := newRig(t, newJob())
	r.admit()
	fault := r.aws.Faults().Fail("ecs", "RunTask", awslocal.Forever, &awslocal.Error{Status: http.StatusBadRequest, Code: "UnrecognizedClientException", Message: "The security token is invalid."})
	for range 3 {
		if _, err := r.reconcile(); err == nil {
			t.Fatal("no error, so no repetition")
		}
	}
	wantMessage(t, r.job(), scanv1.ConditionAdmitted, "RunTask: UnrecognizedClientException: The security token is invalid.")
	if len(r.recorder.Events) != 1 {
		t.Errorf("%d events for the same answer, want 1", len(r.recorder.Events))
	}
	fault.Clear()
	r.succeed()
	wantMessage(t, r.job(), scanv1.ConditionAdmitted, "attempt 1 is recorded")

	r.aws.Faults().Fail("ecs", "StopTask", 1, &awslocal.Error{Status: http.StatusBadRequest, Code: "AccessDeniedException", Message: "not allowed"})
	r.change(cancelled)
	if _, err := r.reconcile(); err == nil {
		t.Fatal("no error, so no repetition")
	}
	wantMessage(t, r.job(), scanv1.ConditionAdmitted, "StopTask: AccessDeniedException: not allowed")
}
