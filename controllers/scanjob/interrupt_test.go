package scanjob

import (
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestWhyAnOpenAttemptMustBeStopped(t *testing.T) {
	started := func(a *scanv1.Attempt) { a.StartedAt = at(time.Minute) }
	noAnswer := func(a *scanv1.Attempt) { a.TaskARN, a.AcceptedAt = "", nil }
	stopping := func(class scanv1.FailureClass) func(*scanv1.Attempt) {
		return func(a *scanv1.Attempt) { a.StopRequestedFor = class }
	}
	for _, row := range []struct {
		name string
		job  *scanv1.ScanJob
		now  time.Duration
		// silent is set where ECS has not told of the task since the start deadline.
		silent  bool
		class   scanv1.FailureClass
		message string
		// due is when a deadline will give a reason; 0 where none will.
		due time.Duration
	}{
		{name: "nothing: its container has until the start deadline", job: newJob(admittedAt(0), withAttempts(running())), due: 10 * time.Minute},
		{name: "nothing: its container runs and the job has until its deadline", job: newJob(admittedAt(0), withAttempts(running(started))), due: time.Hour},
		{name: "nothing: RunTask's answer is not known, so the start deadline does not run yet", job: newJob(admittedAt(0), withAttempts(running(noAnswer))), due: time.Hour},
		{name: "nothing: there is no deadline before the job is admitted", job: newJob(withAttempts(running(started)))},
		{name: "nothing a second before the start deadline", job: newJob(admittedAt(0), withAttempts(running())), now: 10*time.Minute - time.Second, due: 10 * time.Minute},
		{name: "nothing: the job's deadline comes before the start deadline", due: 2 * time.Minute,
			job: newJob(admittedAt(0), withAttempts(running()), func(job *scanv1.ScanJob) { job.Spec.ActiveDeadlineSeconds = ptr.To[int64](120) })},
		{name: "nothing yet: nobody could ask ECS since the start deadline, so its container may be running", now: 11 * time.Minute, silent: true,
			job: newJob(admittedAt(0), withAttempts(running())), due: 11*time.Minute + askAgainAfter},
		{name: "nothing new: it is being stopped for a suspension that was taken back, which is not Fargate's fault", now: 11 * time.Minute,
			job: newJob(admittedAt(0), withAttempts(running(stopping(scanv1.ClassSuspended)))), due: time.Hour},

		{name: "deleted", job: newJob(deleted, admittedAt(0), withAttempts(running())), class: scanv1.ClassCancelled, message: "deleted"},
		{name: "cancelled", job: newJob(cancelled, admittedAt(0), withAttempts(running())), class: scanv1.ClassCancelled, message: "spec.cancel"},
		{name: "cancelled while RunTask's answer is not known", job: newJob(cancelled, admittedAt(0), withAttempts(running(noAnswer))), class: scanv1.ClassCancelled, message: "spec.cancel"},
		{name: "superseded", job: newJob(superseded, admittedAt(0), withAttempts(running(started))), class: scanv1.ClassSuperseded, message: "payments-43"},
		{name: "suspended", job: newJob(suspended, admittedAt(0), withAttempts(running(started))), class: scanv1.ClassSuspended, message: "spec.suspend", due: time.Hour},
		{name: "the job's time is over", job: newJob(admittedAt(0), withAttempts(running(started))), now: time.Hour, class: scanv1.ClassDeadlineExceeded, message: "activeDeadlineSeconds (3600)"},
		{name: "the deadline was brought forward", now: 3 * time.Minute, class: scanv1.ClassDeadlineExceeded, message: "activeDeadlineSeconds (120)",
			job: newJob(admittedAt(0), withAttempts(running(started)), func(job *scanv1.ScanJob) { job.Spec.ActiveDeadlineSeconds = ptr.To[int64](120) })},
		{name: "its container did not run in time", job: newJob(admittedAt(0), withAttempts(running())), now: 10 * time.Minute,
			class: scanv1.ClassInfrastructure, message: "startDeadlineSeconds (600)", due: time.Hour},
		{name: "its container still does not run while it is being stopped for that", job: newJob(admittedAt(0), withAttempts(running(stopping(scanv1.ClassInfrastructure)))), now: 11 * time.Minute,
			class: scanv1.ClassInfrastructure, message: "startDeadlineSeconds", due: time.Hour},

		{name: "deleted counts more than superseded", job: newJob(deleted, superseded, withAttempts(running())), class: scanv1.ClassCancelled, message: "deleted"},
		{name: "cancelled counts more than suspended", job: newJob(cancelled, suspended, withAttempts(running())), class: scanv1.ClassCancelled, message: "spec.cancel"},
		{name: "cancelled counts more than a deadline that passed too", job: newJob(cancelled, admittedAt(0), withAttempts(running())), now: 2 * time.Hour, class: scanv1.ClassCancelled},
		{name: "the job's deadline counts more than suspended", job: newJob(suspended, admittedAt(0), withAttempts(running())), now: time.Hour, class: scanv1.ClassDeadlineExceeded},
		{name: "the job's deadline counts more than the start deadline", job: newJob(admittedAt(0), withAttempts(running())), now: time.Hour, class: scanv1.ClassDeadlineExceeded},
		{name: "suspended counts more than the start deadline", job: newJob(suspended, admittedAt(0), withAttempts(running())), now: 11 * time.Minute,
			class: scanv1.ClassSuspended, due: time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			askedAt := noon().Add(row.now)
			if row.silent {
				askedAt = noon().Add(time.Minute)
			}
			reason, due := interruptionOf(row.job, openAttempt(row.job), askedAt, noon().Add(row.now))
			switch {
			case reason == nil && row.class != "":
				t.Errorf("there is no reason, want %s", row.class)
			case reason != nil && (reason.class != row.class || !strings.Contains(reason.message, row.message)):
				t.Errorf("the reason is %s (%s), want %q", reason.class, reason.message, row.class)
			}
			var want time.Time
			if row.due > 0 {
				want = noon().Add(row.due)
			}
			if !due.Equal(want) {
				t.Errorf("the next deadline is at %s, want %s", due, want)
			}
		})
	}
}

func TestAnAttemptWithoutATaskIsMarkedForItsStopBeforeItsTaskIsKnown(t *testing.T) {
	job := newJob(cancelled, admittedAt(0), withAttempts(running(func(a *scanv1.Attempt) { a.TaskARN, a.AcceptedAt = "", nil })))
	s := newScope(job, noon())
	if err := (&Reconciler{}).interrupt(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if attempt := openAttempt(s.job); attempt == nil || attempt.StopRequestedFor != scanv1.ClassCancelled || attempt.StopRequestedAt != nil {
		t.Errorf("the attempt is %+v", attempt)
	}
}

func TestAJobWithoutAnOpenAttemptIsNotInterrupted(t *testing.T) {
	job := newJob(cancelled, withAttempts(spoiledBy(scanv1.ClassScan)))
	s := newScope(job, noon().Add(time.Hour))
	if err := (&Reconciler{}).interrupt(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if attempt := lastAttempt(s.job); attempt.StopRequestedFor != "" || attempt.StopRequestedAt != nil {
		t.Errorf("the attempt is %+v", attempt)
	}
}

func TestAStopIsRepeatedOnlyAfterTheContainersTimeIsOver(t *testing.T) {
	stopped := func(a *scanv1.Attempt) { a.StopRequestedFor, a.StopRequestedAt = scanv1.ClassCancelled, at(0) }
	s := newScope(newJob(cancelled, withAttempts(running(stopped))), noon().Add(repeatStopAfter-time.Second))
	// Without a client a call of StopTask would panic.
	if err := (&Reconciler{}).interrupt(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if !s.wake.Equal(noon().Add(repeatStopAfter)) {
		t.Errorf("the stop is repeated at %s", s.wake)
	}
}
