package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestArgoOffersWhatAScanAllows(t *testing.T) {
	suspended := func(job *v1alpha1.ScanJob) { job.Spec.Suspend = true }
	cancelled := func(job *v1alpha1.ScanJob) { job.Spec.Cancel = true }
	for _, row := range []struct {
		name string
		job  *v1alpha1.ScanJob
		want map[string]bool
	}{
		{"new", aJob(func(job *v1alpha1.ScanJob) { job.Status = v1alpha1.ScanJobStatus{} }), map[string]bool{"rerun": false, "cancel": true, "suspend": true}},
		{"running", aJob(admitted(v1alpha1.PhaseRunning)), map[string]bool{"rerun": false, "cancel": true, "suspend": true}},
		{"suspended", aJob(suspended), map[string]bool{"rerun": false, "cancel": true, "resume": true}},
		{"being cancelled", aJob(admitted(v1alpha1.PhaseRunning), cancelled), map[string]bool{"rerun": false, "cancel": false, "suspend": false}},
		{"done", aJob(complete(v1alpha1.ResultClean)), map[string]bool{"rerun": true, "cancel": false, "suspend": false}},
		{"failed", aJob(failed(v1alpha1.ReasonConfiguration, "no")), map[string]bool{"rerun": true, "cancel": false, "suspend": false}},
		{"failed while suspended", aJob(failed(v1alpha1.ReasonCancelled, "no"), suspended), map[string]bool{"rerun": true, "cancel": false, "resume": false}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, offered(t, live(t, row.job))); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArgoSuspendsAndResumes(t *testing.T) {
	namespace := plane.Namespace(t)
	for _, k := range []kind{scanJob(), scanTrigger(), scanSchedule()} {
		t.Run(k.name, func(t *testing.T) {
			client := k.client(t, namespace)
			object, err := client.Create(t.Context(), k.object(t), metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct {
				action  string
				suspend bool
			}{{"suspend", true}, {"resume", false}} {
				if actions := offered(t, object); !actions[step.action] {
					t.Fatalf("%s is not offered: %v", step.action, actions)
				}
				patch := patchOf(t, object, step.action)
				want := map[string]any{"spec": map[string]any{"suspend": step.suspend}}
				if diff := cmp.Diff(want, parse(t, string(patch))); diff != "" {
					t.Errorf("%s changes (-want +got):\n%s", step.action, diff)
				}
				if object, err = client.Patch(t.Context(), subject, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestArgoCancelsAScan(t *testing.T) {
	client := scanJob().client(t, plane.Namespace(t))
	object, err := client.Create(t.Context(), scanJob().object(t), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patch := patchOf(t, object, "cancel")
	if diff := cmp.Diff(parse(t, `spec: {cancel: true}`), parse(t, string(patch))); diff != "" {
		t.Errorf("cancel changes (-want +got):\n%s", diff)
	}
	if _, err := client.Patch(t.Context(), subject, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Error(err)
	}
}

func TestArgoChecksAnEnvironment(t *testing.T) {
	client := scanEnvironment().client(t, plane.Namespace(t))
	object, err := client.Create(t.Context(), scanEnvironment().object(t), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"check": true}, offered(t, object)); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	changed, err := client.Patch(t.Context(), subject, types.MergePatchType, patchOf(t, object, "check"), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(changed.GetAnnotations()) != 1 || changed.GetGeneration() != object.GetGeneration() {
		t.Errorf("annotations %v, generation %d after %d", changed.GetAnnotations(), changed.GetGeneration(), object.GetGeneration())
	}
}

// created is what Argo CD creates of what an action returns.
func created(t *testing.T, object *unstructured.Unstructured, action string) *unstructured.Unstructured {
	t.Helper()
	var impacted []struct {
		Operation string                    `json:"operation"`
		Resource  unstructured.Unstructured `json:"resource"`
	}
	if err := json.Unmarshal(runAction(t, object, action), &impacted); err != nil {
		t.Fatal(err)
	}
	if len(impacted) != 1 || impacted[0].Operation != "create" {
		t.Fatalf("%s returns %+v", action, impacted)
	}
	return &impacted[0].Resource
}

func TestArgoScansAgain(t *testing.T) {
	namespace := plane.Namespace(t)
	client := scanJob().client(t, namespace)
	first, err := client.Create(t.Context(), scanJob().object(t, `
metadata:
  labels: {scanjob.dev/trigger: pull-requests, scanjob.dev/repository: payments, scanjob.dev/pull-request: "42", app.kubernetes.io/instance: scans}
  annotations: {scanjob.dev/event-id: e-1, scanjob.dev/gate: "true", argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/tracking-id: scans}
  ownerReferences: [{apiVersion: scanjob.dev/v1alpha1, kind: ScanTrigger, name: pull-requests, uid: 0b7a3f4e-0000-4000-8000-000000000001, controller: true, blockOwnerDeletion: false}]
spec:
  mode: History
  suspend: true
  cancel: true
  priority: 5
  container: {command: ["-v", "2"], env: [{name: LEVEL, value: "3"}]}
  resources: {cpu: "4", memory: 8Gi, ephemeralStorage: 100Gi}`), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}

	made, err := client.Create(t.Context(), created(t, first, "rerun"), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.GetName(), subject+"-20") {
		t.Errorf("its name is %s", made.GetName())
	}
	want := first.DeepCopy()
	for _, field := range []string{"suspend", "cancel"} {
		if err := unstructured.SetNestedField(want.Object, false, "spec", field); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.Object["spec"], made.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	t.Run("it is found by what it scans, and Argo CD does not take it for one in Git", func(t *testing.T) {
		labels := map[string]string{v1alpha1.LabelRepository: "payments", v1alpha1.LabelPullRequest: "42"}
		if diff := cmp.Diff(labels, made.GetLabels()); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{v1alpha1.AnnotationRerunOf: subject}, made.GetAnnotations()); diff != "" {
			t.Errorf("annotations (-want +got):\n%s", diff)
		}
	})
	t.Run("it belongs to the trigger, which does not take it for its own", func(t *testing.T) {
		owner := metav1.OwnerReference{APIVersion: "scanjob.dev/v1alpha1", Kind: "ScanTrigger", Name: "pull-requests", UID: "0b7a3f4e-0000-4000-8000-000000000001"}
		if diff := cmp.Diff([]metav1.OwnerReference{owner}, made.GetOwnerReferences()); diff != "" {
			t.Errorf("owners (-want +got):\n%s", diff)
		}
	})
	t.Run("a third one has the name of the first", func(t *testing.T) {
		third := created(t, made, "rerun")
		if !strings.HasPrefix(third.GetName(), subject+"-20") || len(third.GetName()) != len(made.GetName()) {
			t.Errorf("its name is %s", third.GetName())
		}
	})
	t.Run("a part of the spec that is empty is left out, for Lua has no empty objects", func(t *testing.T) {
		empty, err := client.Create(t.Context(), scanJob().object(t, `{metadata: {name: empty}, spec: {container: {}, resources: {}}}`), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Create(t.Context(), created(t, empty, "rerun"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestArgoOffersToSuspendOrToResume(t *testing.T) {
	for _, k := range []kind{scanTrigger(), scanSchedule()} {
		for suspended, want := range map[*bool]map[string]bool{
			nil:           {"suspend": true},
			ptr.To(false): {"suspend": true},
			ptr.To(true):  {"resume": true},
		} {
			object := k.object(t)
			if suspended != nil {
				if err := unstructured.SetNestedField(object.Object, *suspended, "spec", "suspend"); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, offered(t, object)); diff != "" {
				t.Errorf("%s, suspend %v (-want +got):\n%s", k.name, suspended, diff)
			}
		}
	}
}
