package scanjob

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestWhatFollowsFromTheAttemptsSoFar(t *testing.T) {
	const (
		scan           = scanv1.ClassScan
		infrastructure = scanv1.ClassInfrastructure
	)
	exactly := Backoff{Scan: 10 * time.Second, ScanMax: time.Minute, Infrastructure: 30 * time.Second, InfrastructureMax: 2 * time.Minute}
	limits := func(scans, infrastructures int32) func(*scanv1.ScanJob) {
		return func(job *scanv1.ScanJob) {
			job.Spec.BackoffLimit, job.Spec.InfrastructureBackoffLimit = &scans, &infrastructures
		}
	}
	for _, row := range []struct {
		name        string
		job         *scanv1.ScanJob
		environment *scanv1.ScanEnvironment
		now         time.Duration
		condition   string
		reason      string
		message     string
		// retry is the class whose retry-th wait must follow the last stop; 0 means that the next attempt may come at once.
		retry      int32
		retryClass scanv1.FailureClass
	}{
		{name: "a job without attempts may start", job: newJob()},
		{name: "a scan that found nothing completes the job", job: newJob(withAttempts(done(0))),
			condition: scanv1.ConditionComplete, reason: scanv1.ReasonScanned, message: "attempt 1 "},
		{name: "a scan that found something completes the job", job: newJob(withAttempts(done(10))),
			condition: scanv1.ConditionComplete, reason: scanv1.ReasonScanned, message: "attempt 1 "},
		{name: "a scan that came to its end completes the job whatever was spoiled before",
			job: newJob(limits(0, 0), withAttempts(spoiledBy(scan), spoiledBy(infrastructure), done(0))), condition: scanv1.ConditionComplete, reason: scanv1.ReasonScanned, message: "attempt 3 "},
		{name: "a scan that came to its end completes the job although it was cancelled", job: newJob(cancelled, withAttempts(done(10))),
			condition: scanv1.ConditionComplete, reason: scanv1.ReasonScanned},
		{name: "a scan that came to its end completes the job although its time is over", job: newJob(admittedAt(0), withAttempts(done(0))), now: 2 * time.Hour,
			condition: scanv1.ConditionComplete, reason: scanv1.ReasonScanned},

		{name: "a cancelled job fails before its first attempt", job: newJob(cancelled), condition: scanv1.ConditionFailed, reason: scanv1.ReasonCancelled, message: "spec.cancel"},
		{name: "a cancelled job fails instead of being repeated", job: newJob(cancelled, withAttempts(spoiledBy(scan))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonCancelled},
		{name: "a superseded job names its successor", job: newJob(superseded, withAttempts(spoiledBy(scanv1.ClassSuperseded))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonSuperseded, message: "payments-43"},
		{name: "a job that was stopped for its deletion fails", job: newJob(deleted, withAttempts(spoiledBy(scanv1.ClassCancelled))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonCancelled, message: "why it was spoiled"},

		{name: "a job fails at its deadline", job: newJob(admittedAt(0), withAttempts(spoiledBy(scan))), now: time.Hour,
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonDeadlineExceeded, message: "activeDeadlineSeconds (3600)"},
		{name: "a job that was admitted and never started fails at its deadline", job: newJob(admittedAt(0)), now: time.Hour,
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonDeadlineExceeded, message: "no attempt was started"},
		{name: "a job waits before its deadline", job: newJob(admittedAt(0), withAttempts(spoiledBy(scan))), now: time.Hour - time.Second, retry: 1, retryClass: scan},
		{name: "a job that was never admitted has no deadline", job: newJob(), now: 100 * time.Hour},
		{name: "cancelling counts more than a deadline that passed too", job: newJob(cancelled, admittedAt(0), withAttempts(spoiledBy(scan))), now: 2 * time.Hour,
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonCancelled},
		{name: "an attempt that was stopped at the deadline fails the job although the deadline was moved", job: newJob(withAttempts(spoiledBy(scanv1.ClassDeadlineExceeded))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonDeadlineExceeded},

		{name: "a wrong configuration fails the job at once", job: newJob(limits(10, 20), withAttempts(spoiledBy(scanv1.ClassConfiguration))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonConfiguration, message: "attempt 1 to scan payments at 6f1c0e6a8b9d4c3f2e1d0c9b8a7f6e5d4c3b2a19: why it was spoiled"},

		{name: "the first spoiled scan is repeated after the first wait", job: newJob(withAttempts(spoiledBy(scan))), retry: 1, retryClass: scan},
		{name: "the second spoiled scan is repeated after the second wait", job: newJob(withAttempts(spoiledBy(scan), spoiledBy(scan))), retry: 2, retryClass: scan},
		{name: "one spoiled scan more than the limit fails the job", job: newJob(withAttempts(spoiledBy(scan), spoiledBy(scan), spoiledBy(scan))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonBackoffLimitExceeded, message: "backoffLimit is 2"},
		{name: "a limit of 0 allows no repetition", job: newJob(limits(0, 6), withAttempts(spoiledBy(scan))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonBackoffLimitExceeded},
		{name: "what Fargate spoiled does not count against the scan's limit",
			job: newJob(limits(1, 6), withAttempts(spoiledBy(infrastructure), spoiledBy(infrastructure), spoiledBy(scan))), retry: 1, retryClass: scan},
		{name: "what the scan spoiled does not count against Fargate's limit",
			job: newJob(limits(6, 1), withAttempts(spoiledBy(scan), spoiledBy(scan), spoiledBy(infrastructure))), retry: 1, retryClass: infrastructure},
		{name: "the limit counts attempts that are not in a row",
			job:       newJob(limits(1, 6), withAttempts(spoiledBy(scan), spoiledBy(infrastructure), spoiledBy(scan))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonBackoffLimitExceeded},
		{name: "one attempt more than Fargate's limit fails the job", job: newJob(limits(2, 1), withAttempts(spoiledBy(infrastructure), spoiledBy(infrastructure))),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonInfrastructureBackoffLimitExceeded, message: "infrastructureBackoffLimit is 1"},

		{name: "a suspended attempt counts against nothing and the next may come at once",
			job: newJob(limits(0, 0), withAttempts(spoiledBy(scanv1.ClassSuspended), spoiledBy(scanv1.ClassSuspended)))},

		{name: "a job without Spot capacity falls back to On-Demand at once instead of failing",
			job: newJob(limits(2, 1), withAttempts(missedCapacity(), missedCapacity())), environment: newEnvironment(onSpot)},
		{name: "but not before it has used up its attempts", job: newJob(limits(2, 1), withAttempts(missedCapacity())), environment: newEnvironment(onSpot),
			retry: 1, retryClass: infrastructure},
		{name: "and not a second time", job: newJob(limits(2, 1), withAttempts(missedCapacity(), missedCapacity(), onDemand(missedCapacity()))), environment: newEnvironment(onSpot),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonInfrastructureBackoffLimitExceeded},
		{name: "and not where the last attempt failed for something else", job: newJob(limits(2, 1), withAttempts(missedCapacity(), spoiledBy(infrastructure))),
			environment: newEnvironment(onSpot), condition: scanv1.ConditionFailed, reason: scanv1.ReasonInfrastructureBackoffLimitExceeded},
		{name: "and not where the environment has no Spot", job: newJob(limits(2, 1), withAttempts(missedCapacity(), missedCapacity())),
			environment: newEnvironment(), condition: scanv1.ConditionFailed, reason: scanv1.ReasonInfrastructureBackoffLimitExceeded},
		{name: "and not where the environment is gone", job: newJob(limits(2, 1), withAttempts(missedCapacity(), missedCapacity())),
			condition: scanv1.ConditionFailed, reason: scanv1.ReasonInfrastructureBackoffLimitExceeded},
		{name: "and not where the environment forbids it", job: newJob(limits(2, 1), withAttempts(missedCapacity(), missedCapacity())),
			environment: newEnvironment(onSpot, func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.OnDemandFallback = ptr.To(false) }),
			condition:   scanv1.ConditionFailed, reason: scanv1.ReasonInfrastructureBackoffLimitExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := noon().Add(max(row.now, 2*time.Minute))
			got := conclusionOf(row.job, row.environment, now, exactly)
			if got.condition != row.condition || got.reason != row.reason {
				t.Fatalf("condition %q with reason %q and message %q", got.condition, got.reason, got.message)
			}
			if !strings.Contains(got.message, row.message) {
				t.Errorf("message %q does not contain %q", got.message, row.message)
			}
			var want time.Time
			if row.retry > 0 {
				want = noon().Add(time.Minute + exactly.after(row.retryClass, row.retry, testUID))
			}
			if !got.retryAt.Equal(want) {
				t.Errorf("the next attempt at %s, want %s", got.retryAt, want)
			}
		})
	}
}

func onDemand(attempt scanv1.Attempt) scanv1.Attempt {
	attempt.OnDemandFallback = true
	return attempt
}

func TestConcludeWritesTheEndOrTheTimeOfTheNextAttempt(t *testing.T) {
	r := &Reconciler{options: Options{Backoff: DefaultBackoff()}}
	conclude := func(job *scanv1.ScanJob, now time.Duration) *scanv1.ScanJob {
		t.Helper()
		s := newScope(job, noon().Add(now))
		if err := r.conclude(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return s.job
	}
	t.Run("the end", func(t *testing.T) {
		job := conclude(newJob(withAttempts(done(0))), 2*time.Minute)
		if !finished(job) || !job.Status.Timeline.FinishedTime.Equal(at(2*time.Minute)) || job.Status.NextAttemptTime != nil {
			t.Errorf("conditions %+v, finished at %v, next attempt at %v", job.Status.Conditions, job.Status.Timeline.FinishedTime, job.Status.NextAttemptTime)
		}
		if admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted); admitted == nil || admitted.Reason != scanv1.ReasonFinished {
			t.Errorf("condition Admitted is %+v", admitted)
		}
		if again := conclude(job, time.Hour); !again.Status.Timeline.FinishedTime.Equal(at(2 * time.Minute)) {
			t.Errorf("a finished job was finished again at %v", again.Status.Timeline.FinishedTime)
		}
	})
	t.Run("the wait and its end", func(t *testing.T) {
		job := conclude(newJob(withAttempts(spoiledBy(scanv1.ClassScan))), time.Minute)
		wait := DefaultBackoff().after(scanv1.ClassScan, 1, testUID)
		if job.Status.NextAttemptTime == nil || !job.Status.NextAttemptTime.Time.Equal(noon().Add(time.Minute+wait)) {
			t.Fatalf("the next attempt is at %v", job.Status.NextAttemptTime)
		}
		if job = conclude(job, 2*time.Minute); job.Status.NextAttemptTime != nil || finished(job) {
			t.Errorf("after the wait the next attempt is still at %v, conditions %+v", job.Status.NextAttemptTime, job.Status.Conditions)
		}
	})
	t.Run("nothing while an attempt is open", func(t *testing.T) {
		if job := conclude(newJob(cancelled, withAttempts(running())), 100*time.Hour); finished(job) {
			t.Errorf("the job ended while its task may run: %+v", job.Status.Conditions)
		}
	})
}
