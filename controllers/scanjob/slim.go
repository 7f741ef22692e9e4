package scanjob

import (
	"unique"

	corev1 "k8s.io/api/core/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Slim takes off a ScanJob, before the cache keeps it, what no reader of the cache looks at, and has texts that many jobs
// share take memory once. What is written from such an object must be the difference of two versions of it: an Update would
// delete in the cluster what is missing here. Anything but a ScanJob is left as it is.
func Slim(object any) (any, error) {
	job, ok := object.(*scanv1.ScanJob)
	if !ok {
		return object, nil // a tombstone: the last known state of an object that is gone
	}
	job.ManagedFields = nil
	delete(job.Annotations, corev1.LastAppliedConfigAnnotation)
	if findings := job.Status.Findings; findings != nil {
		findings.Items = nil
	}
	job.Finalizers = exact(job.Finalizers)
	job.Status.Attempts = exact(job.Status.Attempts)
	job.Status.Conditions = exact(job.Status.Conditions)
	job.Status.Deliveries = exact(job.Status.Deliveries)
	shareTexts(job)
	return job, nil
}

// exact returns a list without room for more: a decoder makes some for four items.
func exact[T any](list []T) []T {
	if len(list) == cap(list) {
		return list
	}
	return append(make([]T, 0, len(list)), list...)
}

// shareTexts has equal texts of different jobs share their memory, where most are equal.
func shareTexts(job *scanv1.ScanJob) {
	share(&job.Namespace)
	share(&job.APIVersion)
	share(&job.Kind)
	share(&job.Spec.EnvironmentName)
	share(&job.Spec.Mode)
	share(&job.Spec.FailOn)
	if source := job.Spec.Source.CodeCommit; source != nil {
		share(&source.Repository)
	}
	for i := range job.Finalizers {
		share(&job.Finalizers[i])
	}
	job.Labels = sharedKeys(job.Labels)
	job.Annotations = sharedKeys(job.Annotations)
	shareStatus(&job.Status)
}

func shareStatus(status *scanv1.ScanJobStatus) {
	share(&status.Phase)
	share(&status.Result)
	for i := range status.Conditions {
		condition := &status.Conditions[i]
		share(&condition.Type)
		share((*string)(&condition.Status))
		share(&condition.Reason)
		share(&condition.Message)
	}
	for i := range status.Attempts {
		attempt := &status.Attempts[i]
		for _, text := range []*string{
			&attempt.ClusterARN, &attempt.TaskDefinitionARN, &attempt.RoleARN, &attempt.ExternalID, &attempt.ContainerName,
			&attempt.CapacityProvider, &attempt.TaskStatus, &attempt.StopCode, &attempt.Reason,
		} {
			share(text)
		}
		attempt.Subnets = exact(attempt.Subnets)
		for n := range attempt.Subnets {
			share(&attempt.Subnets[n])
		}
	}
	for i := range status.Deliveries {
		share(&status.Deliveries[i].Sink)
		share(&status.Deliveries[i].State)
	}
	if status.Cost != nil {
		share(&status.Cost.EstimatedUSD)
	}
}

// share replaces a text by the one copy of it that is kept as long as anybody holds it.
func share[T ~string](text *T) {
	if *text != "" {
		*text = T(unique.Make(string(*text)).Value())
	}
}

// sharedKeys returns a map of the same texts with shared keys.
func sharedKeys(texts map[string]string) map[string]string {
	if texts == nil {
		return nil
	}
	shared := make(map[string]string, len(texts))
	for key, value := range texts {
		share(&key)
		shared[key] = value
	}
	return shared
}
