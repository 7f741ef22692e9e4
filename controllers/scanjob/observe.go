package scanjob

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers/inbox"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

const (
	// missingAfterStart is how long after RunTask's answer ECS may still not know the task, seen before or not
	// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html, on eventual consistency).
	missingAfterStart = 5 * time.Minute
	// missingPolls is how many polls in a row must miss a task: ECS forgets a task an hour after it stopped, but answers
	// from different replicas may differ for a moment.
	missingPolls = 3
)

// observe takes over what is known of the open attempt's task.
func (r *Reconciler) observe(_ context.Context, s *scope) error {
	attempt := openAttempt(s.job)
	if attempt == nil {
		return nil
	}
	startedBy := fargate.StartedBy(string(s.job.UID), attempt.Number)
	if arn, acceptedAt, ok := r.memory.task(s.job, attempt); ok && attempt.TaskARN == "" {
		adopt(s.job, attempt, arn, acceptedAt)
	}
	if attempt.TaskARN == "" {
		task, ok := r.observer.StartedBy(startedBy)
		if !ok || task.ClusterARN != attempt.ClusterARN {
			return nil
		}
		adopt(s.job, attempt, task.ARN, s.now)
	}
	observation := r.observer.Watch(fargate.Target{
		TaskARN: attempt.TaskARN, ClusterARN: attempt.ClusterARN, StartedBy: startedBy,
		Client: r.tasksOf(s, attempt), Owner: client.ObjectKeyFromObject(s.job),
	})
	s.askedAt = observation.AskedAt
	fold(s.job, attempt, observation, s.now)
	tellRefusal(s, attempt, observation.Refused)
	if attempt.StoppedAt != nil {
		chargeTask(s.job, observation.Task, architectureOf(s.environment))
	}
	return nil
}

// tellRefusal says that ECS does not tell of the attempt's task, and takes it back once it does.
func tellRefusal(s *scope, attempt *scanv1.Attempt, refused error) {
	const operation = "DescribeTasks"
	condition := meta.FindStatusCondition(s.job.Status.Conditions, scanv1.ConditionAdmitted)
	switch {
	case attempt.StoppedAt != nil:
	case refused != nil:
		hindered(s, attempt, operation, refused)
	case condition != nil && strings.Contains(condition.Message, "; "+operation+": "):
		admitted(s.job, attempt)
	}
}

// forget ends the observation of a task whose end is written. Before that it is still needed: a status write that meets a
// conflict is made again from it.
func (r *Reconciler) forget(s *scope) {
	if last := lastAttempt(s.job); last != nil && last.StoppedAt != nil && last.TaskARN != "" {
		r.observer.Forget(last.TaskARN)
	}
}

// adopt notes the task of an attempt.
func adopt(job *scanv1.ScanJob, attempt *scanv1.Attempt, taskARN string, now time.Time) {
	accepted := metav1.NewTime(now)
	attempt.TaskARN = taskARN
	attempt.AcceptedAt = &accepted
	attempt.UnlistedSince, attempt.Reason = nil, ""
	job.Status.Timeline.RunTaskTime = &accepted
	admitted(job, attempt)
}

// fold brings an observation into the attempt. It can be repeated, and older news changes nothing.
func fold(job *scanv1.ScanJob, attempt *scanv1.Attempt, seen fargate.Observation, now time.Time) {
	if task := seen.Task; task.ARN == attempt.TaskARN && task.Version >= attempt.TaskVersion {
		if newsworthy(attempt, task) {
			takeOver(job, attempt, task)
		}
		if task.Stopped() {
			settle(job, attempt, task, now)
			return
		}
	}
	if !vanished(attempt, seen, now) {
		return
	}
	if job.Status.Findings != nil && job.Status.Findings.Attempt == attempt.Number {
		// Its report came: the scan was done, only ECS has forgotten the task meanwhile.
		closeAttempt(job, attempt, "", "ECS does not know the task any more; its findings had arrived", now)
		return
	}
	class := scanv1.ClassInfrastructure
	if attempt.StopRequestedFor != "" {
		class = attempt.StopRequestedFor
	}
	closeAttempt(job, attempt, class, "ECS does not know the task any more, so how it ended is unknown", now)
}

// newsworthy says whether a change of the task is worth a write: that its container runs, and that it has stopped. A task
// goes through eight states, and a cluster has thousands of them.
func newsworthy(attempt *scanv1.Attempt, task fargate.Task) bool {
	return task.Stopped() || (attempt.StartedAt == nil && !task.StartedAt.IsZero())
}

func takeOver(job *scanv1.ScanJob, attempt *scanv1.Attempt, task fargate.Task) {
	attempt.TaskStatus = task.LastStatus
	attempt.TaskVersion = task.Version
	if task.CapacityProvider != "" {
		attempt.CapacityProvider = task.CapacityProvider
	}
	if started := apiTime(task.StartedAt); started != nil {
		attempt.StartedAt = started
		job.Status.Timeline.RunningTime = started
	}
	if pulled := apiTime(task.PullStartedAt); pulled != nil {
		job.Status.Timeline.PullStartedTime = pulled
	}
}

// settle closes an attempt whose task has stopped.
func settle(job *scanv1.ScanJob, attempt *scanv1.Attempt, task fargate.Task, now time.Time) {
	verdict := fargate.Judge(task, attempt.ContainerName, attempt.StopRequestedFor)
	closeAttempt(job, attempt, verdict.Class, verdict.Message, now)
	if stopped := apiTime(task.StoppedAt); stopped != nil {
		attempt.StoppedAt = stopped
		job.Status.Timeline.StoppedTime = stopped
	}
	attempt.StopCode = task.StopCode
	attempt.ExitCode = verdict.ExitCode
	attempt.CapacityMissed = verdict.Capacity
}

// vanished says whether MISSING is to be believed.
func vanished(attempt *scanv1.Attempt, seen fargate.Observation, now time.Time) bool {
	return seen.Missing >= missingPolls && attempt.AcceptedAt != nil && now.Sub(attempt.AcceptedAt.Time) > missingAfterStart
}

func apiTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	stamp := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &stamp
}

// ObserveTask hands a task state-change event to the job that it belongs to. Events of tasks without a job are dropped:
// they are hints, and what they tell is learned by polling as well. So are those that come through the queue of another
// environment than the job's: it may be another tenant's.
func (r *Reconciler) ObserveTask(ctx context.Context, queueURL string, event events.TaskState) error {
	uid, _, ok := fargate.ParseStartedBy(event.Task.StartedBy)
	if !ok {
		return nil
	}
	jobs := &scanv1.ScanJobList{}
	if err := r.client.List(ctx, jobs, client.MatchingFields{indexUID: uid}, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range jobs.Items {
		ours, err := inbox.Serves(ctx, r.client, queueURL, &jobs.Items[i])
		if err != nil {
			return err
		}
		if ours {
			r.observer.Offer(event.Task, client.ObjectKeyFromObject(&jobs.Items[i]))
		}
	}
	return nil
}
