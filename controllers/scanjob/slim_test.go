package scanjob

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// whole is a job that has something in every list.
func whole() *scanv1.ScanJob {
	return newJob(withFinalizer, withAttempts(spoiledBy(scanv1.ClassInfrastructure), done(2)), finishedAt(noon()), func(job *scanv1.ScanJob) {
		job.Labels = map[string]string{scanv1.LabelTrigger: "main"}
		job.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "{}", scanv1.AnnotationEventTime: "2026-11-25T12:00:00Z"}
		job.Status.Attempts[0].Subnets = []string{"subnet-0123456789abcdef0"}
		job.Status.Deliveries = []scanv1.Delivery{{Sink: scanv1.SinkTopic, State: scanv1.DeliveryDelivered}}
		job.Status.Findings = &scanv1.Findings{Attempt: 2, Total: 1, New: 1, BySeverity: map[string]int32{"high": 1},
			Items: []scanv1.Finding{{Rule: "aws-access-key-id", Severity: "high", Path: "a.txt", Fingerprint: "f"}}}
		job.Status.Cost = &scanv1.Cost{VCPUSeconds: 60, EstimatedUSD: "0.001"}
		job.Spec.Container = &scanv1.ContainerOverrides{Command: []string{"scan"}, Env: []scanv1.EnvVar{{Name: "A", Value: "b"}}}
	})
}

func TestTheCacheKeepsEverythingOfAJobButItsFindingsAndWhoWroteIt(t *testing.T) {
	whole := whole()
	whole.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: metav1.ManagedFieldsOperationApply}}
	want := whole.DeepCopy()
	want.ManagedFields = nil
	delete(want.Annotations, corev1.LastAppliedConfigAnnotation)
	want.Status.Findings.Items = nil
	for _, times := range []string{"once", "again"} {
		job := whole.DeepCopy()
		got, err := Slim(job)
		if err == nil && times == "again" {
			got, err = Slim(job)
		}
		if err != nil {
			t.Fatal(err)
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("%s: what is kept differs from what should be (-want +got):\n%s", times, difference)
		}
	}
}

func TestTheCacheLeavesWhatIsNoJobAsItIs(t *testing.T) {
	gone := cache.DeletedFinalStateUnknown{Key: "scans/payments-42", Obj: whole()}
	got, err := Slim(gone)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(gone, got); difference != "" {
		t.Error(difference)
	}
}

// A job that is read slim and written must keep in the cluster what the cache does not hold of it.
func TestAWriteKeepsTheFindingsThatTheCacheDoesNotHold(t *testing.T) {
	r := newRig(t, whole())
	before := r.job()
	slim := before.DeepCopy()
	if _, err := Slim(slim); err != nil {
		t.Fatal(err)
	}
	s := newScope(slim, noon())
	s.job.Status.Attempts[1].Reason = "said later"
	if err := r.reconciler.write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	after := r.job()
	if difference := cmp.Diff(before.Status.Findings, after.Status.Findings); difference != "" {
		t.Errorf("the write changed the findings:\n%s", difference)
	}
	if reason := after.Status.Attempts[1].Reason; reason != "said later" {
		t.Errorf("the write is lost: %q", reason)
	}
}

func TestAWriteOfAJobThatSomebodyElseHasWrittenIsAConflict(t *testing.T) {
	r := newRig(t, whole())
	s := newScope(r.job(), noon())
	r.change(func(job *scanv1.ScanJob) { job.Spec.Priority = 5 })
	s.job.Status.Attempts[1].Reason = "said too late"
	if err := r.reconciler.write(t.Context(), s); !apierrors.IsConflict(err) {
		t.Errorf("the write's error is %v", err)
	}
}
