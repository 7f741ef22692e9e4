package scanenvironment

import (
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// runningJob makes a job of an environment whose first attempt has not stopped.
func (w *world) runningJob(name, environment string) *v1alpha1.ScanJob {
	w.t.Helper()
	job := &v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace},
		Spec: v1alpha1.ScanJobSpec{
			EnvironmentName: environment,
			Source: v1alpha1.ScanSource{
				CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"},
				Revision:   strings.Repeat("6f1c", 10),
			},
			ScanJobOptions: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeTree},
		},
	}
	w.create(job)
	before := job.DeepCopy()
	job.Status.Attempts = []v1alpha1.Attempt{{Number: 1, RecordedAt: metav1.Now(), ClientToken: strings.Repeat("ab", 32)}}
	if err := w.client.Status().Patch(w.t.Context(), job, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
	return job
}

func (w *world) delete(name string) {
	w.t.Helper()
	if err := w.client.Delete(w.t.Context(), w.get(name)); err != nil {
		w.t.Fatal(err)
	}
}

func TestADeletedEnvironmentStaysUntilItsTasksHaveStopped(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	w.create(w.plainEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)
	job := w.runningJob("scan-42", "default")

	w.delete("default")
	held := w.await("default", ReasonDeleting)
	if ready := readiness(held); ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "scan-42") {
		t.Errorf("condition %+v", ready)
	}
	if w.inbox.url(w.namespace, "default") != w.made.QueueURL {
		t.Error("the inbox lost the queue that the task reports to")
	}
	eventually(t, "an event says it", func() string {
		list := &eventsv1.EventList{}
		if err := w.client.List(t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			if list.Items[i].Reason == ReasonDeleting && strings.Contains(list.Items[i].Note, "scan-42") {
				return ""
			}
		}
		return "no such event"
	})
	if w.gone("default") {
		t.Fatal("the environment is gone while its task may run")
	}

	before := job.DeepCopy()
	stopped := metav1.Now()
	job.Status.Attempts[0].StoppedAt = &stopped
	if err := w.client.Status().Patch(t.Context(), job, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the environment goes", func() string {
		if !w.gone("default") {
			return "it is still there"
		}
		return ""
	})
	eventually(t, "the inbox forgets the queue", func() string { return w.inbox.url(w.namespace, "default") })
}

func TestADeletedEnvironmentWithoutTasksGoes(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	w.create(w.plainEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)
	w.create(w.plainEnvironment("other"))
	w.await("other", v1alpha1.ReasonReady)
	w.runningJob("elsewhere", "other")

	w.delete("default")
	eventually(t, "the environment goes", func() string {
		if !w.gone("default") {
			return "it is still there"
		}
		return ""
	})
	if w.gone("other") || w.inbox.url(w.namespace, "other") == "" {
		t.Error("the other environment went too")
	}
}

func TestAnEnvironmentThatWasNeverReadyGoesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	environment := w.plainEnvironment("default")
	environment.Spec.Cluster = plain("gone")
	w.create(environment)
	w.await("default", "ClusterNotFound")
	w.delete("default")
	if !w.gone("default") {
		t.Errorf("it is held by %v", w.get("default").Finalizers)
	}
}
