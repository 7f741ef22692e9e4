package scanjob

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

const (
	// replayWithin is how old an attempt's record may be for RunTask to be repeated. ECS keeps a token for the task's life
	// plus an hour, at most 24 hours; after that the same request would start a second task.
	replayWithin = 45 * time.Minute
	// settledAfter is how long a task that was started may stay unlisted, counted from the first look at the lists; RunTask
	// is not called after that.
	settledAfter = 5 * time.Minute
	// lookAgainAfter spaces the look-ups until then: each lists the tasks of the family that stopped within the last hour.
	lookAgainAfter = 30 * time.Second
)

// identify finds out the task of an attempt that was recorded and has no ARN: the manager stopped between the record and
// RunTask's answer, or the answer was lost. Repeating RunTask names the same task, while the token lives; where it does
// not, or no task is wanted any more, the task is looked for.
func (r *Reconciler) identify(ctx context.Context, s *scope) error {
	attempt := openAttempt(s.job)
	if attempt == nil || attempt.TaskARN != "" {
		return nil
	}
	switch nextStep(attempt, s.environment, r.memory.keptBack(s.job.UID, attempt.Number), s.now) {
	case replay:
		if !r.mayStart(s, attempt) {
			return nil
		}
		if !r.mayReplay(s, attempt) {
			return nil
		}
		return r.start(ctx, s, attempt, true)
	case await:
		awaitEnvironment(s, attempt)
		return nil
	}
	return r.lookUp(ctx, s, attempt)
}

// identification is how to find out the task of an attempt without an ARN.
type identification int

const (
	// search looks for the task in ECS's lists.
	search identification = iota
	// replay calls RunTask, once more if it was called before.
	replay
	// await leaves the attempt alone until its environment is Ready again.
	await
)

// nextStep says how to go on with an attempt without an ARN. RunTask may be called for it while its token lives, a task is
// wanted, the environment is the one that it was recorded in, and its task was not looked for yet: after a look-up a
// repetition would begin the time anew in which a task may be unlisted. An environment that is being checked, as after each
// edit, or that is not Ready for the moment, is waited for as long: RunTask may never have been called. Where keptBack says
// that it certainly was not, the token's life has not begun.
func nextStep(attempt *scanv1.Attempt, environment *scanv1.ScanEnvironment, keptBack bool, now time.Time) identification {
	tooOld := now.Sub(attempt.RecordedAt.Time) >= replayWithin && !keptBack
	if attempt.StopRequestedFor != "" || attempt.UnlistedSince != nil || tooOld {
		return search
	}
	if environment == nil || !environment.DeletionTimestamp.IsZero() || environment.Spec.AssumeRoleARN != attempt.RoleARN {
		return search
	}
	if resolved := environment.Status.Resolved; resolved != nil && resolved.ClusterARN != attempt.ClusterARN {
		return search
	}
	if ok, _, _ := ready(environment, environment.Name); !ok {
		return await
	}
	return replay
}

// awaitEnvironment says what an attempt waits for, but for a check: that takes a second. The environment's change wakes the
// job; the time is for when it does not change.
func awaitEnvironment(s *scope, attempt *scanv1.Attempt) {
	if _, _, message := ready(s.environment, s.environment.Name); !strings.HasSuffix(message, beingChecked) {
		setCondition(s.job, scanv1.ConditionAdmitted, metav1.ConditionTrue, scanv1.ReasonAttemptRecorded,
			fmt.Sprintf("attempt %d is recorded; its task is started when its environment is Ready: %s", attempt.Number, message))
	}
	if old := attempt.RecordedAt.Add(replayWithin); old.After(s.now) {
		s.wakeAt(old)
	}
}

// mayReplay takes what another call of RunTask costs from the account's budget, and says whether it was there. Where it was
// not, it is kept back from new admissions, and asked for again soon. The first call was paid for by the admission loop.
func (r *Reconciler) mayReplay(s *scope, attempt *scanv1.Attempt) bool {
	launch := fargate.Launch{OnDemand: true}
	if !attempt.OnDemandFallback {
		launch = launchOf(s.environment)
	}
	budget := r.tasks.Budget(accountOf(attempt.ClusterARN), regionOf(attempt.ClusterARN))
	wait := budget.Claim(launch, string(s.job.UID), time.Now()) // AWS counts in real time
	if wait > 0 {
		s.wakeAt(s.now.Add(wait))
	}
	return wait == 0
}

// start calls RunTask. replay says that an earlier call for this attempt may have been made.
func (r *Reconciler) start(ctx context.Context, s *scope, attempt *scanv1.Attempt, replay bool) error {
	input, err := r.request(s, attempt).Input()
	if err != nil {
		closeAttempt(s.job, attempt, scanv1.ClassConfiguration, err.Error(), s.now)
		return nil
	}
	r.memory.keepsBack(s.job.UID, 0)
	arn, err := r.tasksOf(s, attempt).Start(ctx, input)
	var rejection *fargate.Rejection
	switch {
	case errors.As(err, &rejection) && (rejection.Final || !replay) && !rejection.TokenUsed:
		closeAttempt(s.job, attempt, rejection.Class, rejection.Error(), s.now)
		attempt.CapacityMissed = rejection.Capacity
		if rejection.Capacity {
			r.admission.report(s.job, attempt, rejection)
		}
		return nil
	case errors.As(err, &rejection):
		// An earlier call may have started a task all the same.
		attempt.Reason = shorten(rejection.Error(), maxReason)
		return r.lookUp(ctx, s, attempt)
	case err != nil:
		hindered(s, attempt, "RunTask", err)
		return fmt.Errorf("attempt %d: %w", attempt.Number, err)
	}
	// The call may have waited for its turn since the job was looked at.
	adopt(s.job, attempt, arn, r.options.Clock.Now().Truncate(time.Second))
	r.memory.started(s.job, attempt)
	r.options.Metrics.started(s.job, attempt, r.options.Clock.Now())
	r.admission.report(s.job, attempt, nil)
	// What an event told before the answer came is taken over at once.
	return r.observe(ctx, s)
}

// lookUp searches ECS for the attempt's task and closes the attempt when there is certainly none.
func (r *Reconciler) lookUp(ctx context.Context, s *scope, attempt *scanv1.Attempt) error {
	task, err := r.tasksOf(s, attempt).Find(ctx, attempt.ClusterARN, attempt.TaskDefinitionARN, fargate.StartedBy(string(s.job.UID), attempt.Number))
	if err != nil {
		hindered(s, attempt, "ListTasks", err)
		return fmt.Errorf("look for the task of attempt %d: %w", attempt.Number, err)
	}
	if task != nil {
		adopt(s.job, attempt, task.ARN, s.now)
		r.observer.Offer(*task, client.ObjectKeyFromObject(s.job))
		if err := r.observe(ctx, s); err != nil {
			return err
		}
		return r.interrupt(ctx, s)
	}
	if attempt.UnlistedSince == nil {
		attempt.UnlistedSince = s.stamp()
	}
	if s.now.Sub(attempt.UnlistedSince.Time) < r.options.ListsLag {
		s.wakeAt(s.now.Add(min(lookAgainAfter, r.options.ListsLag/10)))
		return nil
	}
	class, reason := scanv1.ClassInfrastructure, "RunTask's answer was lost, and ECS has no task of this attempt"
	if attempt.StopRequestedFor != "" {
		class, reason = attempt.StopRequestedFor, "ECS has no task of this attempt"
	}
	if attempt.Reason != "" {
		reason += "; RunTask was answered: " + attempt.Reason
	}
	closeAttempt(s.job, attempt, class, reason, s.now)
	return nil
}
