package scanjob

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// sweeper compares the tasks that ECS runs with the jobs of this cluster, and stops those that no job wants: of a job that
// was deleted with its finalizer taken off, of an attempt that was closed as lost, of a cluster that was restored from an
// older backup. The other way, a job whose task has vanished, is found by the observer; see vanished and lookUp.
type sweeper struct {
	reconciler *Reconciler
	log        logr.Logger
}

// Start sweeps at once and every SweepInterval until ctx ends.
func (s *sweeper) Start(ctx context.Context) error {
	ticker := s.reconciler.options.Clock.NewTicker(s.reconciler.options.SweepInterval)
	defer ticker.Stop()
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error(err, "cannot compare the tasks of ECS with the ScanJobs; trying again at the next sweep")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// NeedLeaderElection is true: the jobs of this cluster are compared once.
func (s *sweeper) NeedLeaderElection() bool { return true }

// clusterOf is where an environment's tasks are, through a client.
type clusterOf struct {
	client  *fargate.Client
	cluster string
}

func (s *sweeper) sweep(ctx context.Context) error {
	environments := &scanv1.ScanEnvironmentList{}
	if err := s.reconciler.client.List(ctx, environments); err != nil {
		return fmt.Errorf("list the ScanEnvironments: %w", err)
	}
	ours := map[string]*scanv1.ScanEnvironment{}
	clusters := map[clusterOf]bool{}
	for i := range environments.Items {
		environment := &environments.Items[i]
		if environment.Status.Resolved == nil {
			continue
		}
		ours[string(environment.UID)] = environment
		clusters[clusterOf{s.clientOf(environment), environment.Status.Resolved.ClusterARN}] = true
	}
	var problems []error
	for cluster := range clusters {
		problems = append(problems, s.sweepCluster(ctx, cluster, ours))
	}
	return errors.Join(problems...)
}

func (s *sweeper) clientOf(environment *scanv1.ScanEnvironment) *fargate.Client {
	resolved := environment.Status.Resolved
	return s.reconciler.tasks.For(fargate.Place{
		Scope:   awsclient.Scope{Region: regionOf(resolved.ClusterARN), RoleARN: environment.Spec.AssumeRoleARN, ExternalID: environment.Spec.ExternalID},
		Account: accountOf(resolved.ClusterARN),
	})
}

// sweepCluster looks at the tasks that no job of this process watches.
func (s *sweeper) sweepCluster(ctx context.Context, in clusterOf, ours map[string]*scanv1.ScanEnvironment) error {
	arns, err := in.client.Live(ctx, in.cluster)
	if err != nil {
		return err
	}
	arns = slices.DeleteFunc(arns, s.reconciler.observer.Watches)
	var problems []error
	for batch := range slices.Chunk(arns, fargate.DescribeBatch) {
		tasks, _, err := in.client.DescribeTagged(ctx, in.cluster, batch)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for i := range tasks {
			problems = append(problems, s.look(ctx, in, &tasks[i], ours[tasks[i].Tags[tagEnvironmentUID]]))
		}
	}
	return errors.Join(problems...)
}

// look stops a task that no job wants.
func (s *sweeper) look(ctx context.Context, in clusterOf, task *fargate.Task, environment *scanv1.ScanEnvironment) error {
	uid, number, ok := fargate.ParseStartedBy(task.StartedBy)
	if !ok || environment == nil {
		return nil
	}
	age := s.reconciler.options.Clock.Since(task.CreatedAt)
	if job, err := s.cached(ctx, uid); err != nil || job != nil && orphaned(task, job, number, age, s.reconciler.options.OrphanAfter) == "" {
		return err
	}
	// The cache may be behind what another manager has written, and that one may lead now.
	job, err := s.read(ctx, task, uid)
	if err != nil {
		return err
	}
	why := orphaned(task, job, number, age, s.reconciler.options.OrphanAfter)
	if why == "" || !s.reconciler.options.Leading() {
		return nil
	}
	if err := in.client.Stop(ctx, in.cluster, task.ARN, "ScanJob operator: "+why); err != nil {
		return err
	}
	s.reconciler.options.Metrics.orphanStopped(environment)
	s.log.Info("stopped a task that no ScanJob wants", "task", task.ARN, "startedBy", task.StartedBy, "why", why)
	s.reconciler.recorder.Eventf(environment, nil, corev1.EventTypeWarning, "OrphanStopped", "StopTask", "%s",
		shorten(fmt.Sprintf("task %s was stopped: %s", fargate.TaskID(task.ARN), why), maxNote))
	return nil
}

// cached returns the job of a UID as the cache has it; nil where it has none.
func (s *sweeper) cached(ctx context.Context, uid string) (*scanv1.ScanJob, error) {
	jobs := &scanv1.ScanJobList{}
	if err := s.reconciler.client.List(ctx, jobs, client.MatchingFields{indexUID: uid}); err != nil || len(jobs.Items) == 0 {
		return nil, err
	}
	return &jobs.Items[0], nil
}

// read returns the job that a task was started for as the API server has it; nil where there is none.
func (s *sweeper) read(ctx context.Context, task *fargate.Task, uid string) (*scanv1.ScanJob, error) {
	job := &scanv1.ScanJob{}
	name := types.NamespacedName{Namespace: task.Tags["scanjob.dev/namespace"], Name: task.Tags["scanjob.dev/name"]}
	err := s.reconciler.live.Get(ctx, name, job)
	switch {
	case apierrors.IsNotFound(err), err == nil && string(job.UID) != uid:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read ScanJob %s: %w", name, err)
	}
	return job, nil
}

// orphaned says why no job wants a task; empty where one does, or may. job is the one that the task was started for, nil
// where there is none any more.
func orphaned(task *fargate.Task, job *scanv1.ScanJob, number int32, age, orphanAfter time.Duration) string {
	if task.DesiredStatus == fargate.StatusStopped || age < orphanAfter {
		return ""
	}
	if job == nil {
		return "its ScanJob is gone"
	}
	for i := range job.Status.Attempts {
		attempt := &job.Status.Attempts[i]
		switch {
		case attempt.Number != number:
		case attempt.TaskARN != "" && attempt.TaskARN != task.ARN:
			return fmt.Sprintf("attempt %d of its ScanJob has another task", number)
		case attempt.StoppedAt != nil:
			return fmt.Sprintf("attempt %d of its ScanJob is closed", number)
		default:
			return ""
		}
	}
	return fmt.Sprintf("its ScanJob has no attempt %d", number)
}
