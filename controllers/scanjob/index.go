package scanjob

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// The cache's indexes of ScanJobs. They hold the unfinished ones only: there are ten times as many others.
const (
	// indexUID finds an unfinished job by its UID.
	indexUID = "unfinishedUID"
	// indexUnfinished finds the unfinished jobs of an environment by its name.
	indexUnfinished = "unfinishedOfEnvironment"
)

func addIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &scanv1.ScanJob{}, indexUID, unfinishedBy(func(job *scanv1.ScanJob) string { return string(job.UID) })); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &scanv1.ScanJob{}, indexUnfinished, unfinishedBy(func(job *scanv1.ScanJob) string { return job.Spec.EnvironmentName }))
}

// unfinishedBy indexes the jobs that are not finished, or have an open attempt.
func unfinishedBy(key func(*scanv1.ScanJob) string) client.IndexerFunc {
	return func(object client.Object) []string {
		job, ok := object.(*scanv1.ScanJob)
		if !ok || (finished(job) && openAttempt(job) == nil) {
			return nil
		}
		return []string{key(job)}
	}
}

// jobsWaitingFor returns the unfinished jobs of an environment.
func (r *Reconciler) jobsWaitingFor(ctx context.Context, environment client.Object) []reconcile.Request {
	jobs, err := unfinishedJobs(ctx, r.client, client.ObjectKeyFromObject(environment))
	if err != nil {
		r.log(ctx).Error(err, "cannot list the jobs of an environment", "environment", environment.GetName())
		return nil
	}
	requests := make([]reconcile.Request, 0, len(jobs))
	for i := range jobs {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&jobs[i])})
	}
	return requests
}

func unfinishedJobs(ctx context.Context, reader client.Reader, environment client.ObjectKey) ([]scanv1.ScanJob, error) {
	jobs := &scanv1.ScanJobList{}
	err := reader.List(ctx, jobs, client.InNamespace(environment.Namespace), client.MatchingFields{indexUnfinished: environment.Name}, client.UnsafeDisableDeepCopy)
	return jobs.Items, err
}

// environmentChanged passes what matters to jobs: spec, conditions and resolved identifiers, not the time of a check.
func environmentChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*scanv1.ScanEnvironment)
		if !ok {
			return true
		}
		after, ok := e.ObjectNew.(*scanv1.ScanEnvironment)
		if !ok {
			return true
		}
		return before.Generation != after.Generation || before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			before.Status.ObservedGeneration != after.Status.ObservedGeneration ||
			!equality.Semantic.DeepEqual(before.Status.Conditions, after.Status.Conditions) ||
			!equality.Semantic.DeepEqual(before.Status.Resolved, after.Status.Resolved)
	}}
}
