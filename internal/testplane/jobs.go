package testplane

import (
	"context"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// ReleaseScanJobs takes the finalizer off the ScanJobs of a namespace that are finished or being deleted, as their
// controller does, until the test ends; then off all of them. It is for tests in which that controller does not run.
func (p *Plane) ReleaseScanJobs(t testing.TB, namespace string) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	kube, err := client.NewWithWatch(p.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// A watch that the API server ends is begun anew; it starts with all that there is.
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			events, err := kube.Watch(ctx, &v1alpha1.ScanJobList{}, client.InNamespace(namespace))
			if err != nil {
				return
			}
			for event := range events.ResultChan() {
				if job, ok := event.Object.(*v1alpha1.ScanJob); ok && done(job) {
					if err := release(ctx, kube, job); err != nil && ctx.Err() == nil {
						t.Errorf("release ScanJob %s: %v", job.Name, err)
					}
				}
			}
		}, watchAgainAfter)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		jobs := &v1alpha1.ScanJobList{}
		if err := kube.List(context.Background(), jobs, client.InNamespace(namespace)); err != nil {
			t.Errorf("list the ScanJobs of namespace %s: %v", namespace, err)
		}
		for i := range jobs.Items {
			if err := release(context.Background(), kube, &jobs.Items[i]); err != nil {
				t.Errorf("release ScanJob %s: %v", jobs.Items[i].Name, err)
			}
		}
	})
}

// watchAgainAfter is between the end of a watch, or its refusal, and the next one.
const watchAgainAfter = 100 * time.Millisecond

func done(job *v1alpha1.ScanJob) bool {
	return !job.DeletionTimestamp.IsZero() || meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionComplete) ||
		meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionFailed)
}

// release takes the finalizer off a job that has no other. The job may be gone.
func release(ctx context.Context, kube client.Client, job *v1alpha1.ScanJob) error {
	if !slices.Equal(job.Finalizers, []string{v1alpha1.FinalizerStopTask}) {
		return nil
	}
	return client.IgnoreNotFound(kube.Patch(ctx, &v1alpha1.ScanJob{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}},
		client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
}
