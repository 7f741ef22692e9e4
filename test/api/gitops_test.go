package api

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// manifest reads an object from a file under config/.
func manifest(t *testing.T, path ...string) *unstructured.Unstructured {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(append([]string{root, "config"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(text, &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

// difference is what kubectl apply, and Argo CD without server-side diff, would send to bring a custom resource from what
// it is to what is in Git, which is also what was applied last. "{}" is no drift.
func difference(t *testing.T, git, live *unstructured.Unstructured) string {
	t.Helper()
	wanted, err := json.Marshal(git)
	if err != nil {
		t.Fatal(err)
	}
	current, err := json.Marshal(live)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(wanted, wanted, current)
	if err != nil {
		t.Fatal(err)
	}
	return string(patch)
}

// operate writes what the operator writes to an object: a finalizer and a status.
func operate(t *testing.T, a *applier, object *unstructured.Unstructured, namespace string) {
	t.Helper()
	options := metav1.PatchOptions{FieldManager: "manager"}
	resource := a.resource(t, object, namespace)
	finalizer := []byte(`{"metadata":{"finalizers":["scanjob.dev/in-use"]}}`)
	if _, err := resource.Patch(t.Context(), object.GetName(), types.MergePatchType, finalizer, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		none := []byte(`{"metadata":{"finalizers":null}}`)
		if _, err := resource.Patch(context.Background(), object.GetName(), types.MergePatchType, none, options); err != nil {
			t.Error(err)
		}
	})
	status := []byte(`{"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2026-11-24T10:00:00Z"}]}}`)
	if _, err := resource.Patch(t.Context(), object.GetName(), types.MergePatchType, status, options, "status"); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsInGitDoesNotDrift(t *testing.T) {
	namespace := plane.Namespace(t)
	a := newApplier(t)
	for _, git := range append(build(t, "samples"), manifest(t, "argocd", "gate.yaml")) {
		t.Run(git.GetKind()+" "+git.GetName(), func(t *testing.T) {
			git.SetNamespace(namespace)
			resource := a.resource(t, git, namespace)
			if err := a.apply(t, git, namespace); err != nil {
				t.Fatal(err)
			}
			operate(t, a, git, namespace)
			// What the action suspend does stays, where Git does not say otherwise.
			if git.GetKind() != "ScanEnvironment" {
				suspend := []byte(`{"spec":{"suspend":true}}`)
				if _, err := resource.Patch(t.Context(), git.GetName(), types.MergePatchType, suspend, metav1.PatchOptions{FieldManager: "argocd-server"}); err != nil {
					t.Fatal(err)
				}
			}
			before, err := resource.Get(t.Context(), git.GetName(), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}

			if err := a.apply(t, git, namespace); err != nil {
				t.Fatal(err)
			}
			after, err := resource.Get(t.Context(), git.GetName(), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// The server writes nothing where nothing changes: the resource version, too, is what it was.
			if diff := cmp.Diff(before.Object, after.Object); diff != "" {
				t.Errorf("a second server-side apply changes (-before +after):\n%s", diff)
			}
			if patch := difference(t, git, after); patch != "{}" {
				t.Errorf("a second client-side apply sends %s", patch)
			}
		})
	}
}

// TestDefaultsInListsMustBeInGit holds docs/gitops.md to its one exception.
func TestDefaultsInListsMustBeInGit(t *testing.T) {
	namespace := plane.Namespace(t)
	a := newApplier(t)
	git := scanEnvironment().object(t, `{spec: {capacity: {strategy: [{capacityProvider: FARGATE_SPOT, weight: 1}]}}}`)
	if err := a.apply(t, git, namespace); err != nil {
		t.Fatal(err)
	}
	live, err := a.resource(t, git, namespace).Get(t.Context(), subject, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if patch := difference(t, git, live); !strings.Contains(patch, "strategy") {
		t.Errorf("a strategy without base does not drift any more: %s", patch)
	}
}

// The sync waves are strings, and Argo CD goes through them by number.
func TestSamplesAreAppliedInTheOrderOfTheirNeeds(t *testing.T) {
	wave := map[string]string{}
	for _, object := range build(t, "samples") {
		wave[object.GetKind()] = object.GetAnnotations()["argocd.argoproj.io/sync-wave"]
	}
	want := map[string]string{"ScanEnvironment": "1", "ScanTrigger": "2", "ScanSchedule": "2", "ScanJob": "3"}
	if diff := cmp.Diff(want, wave); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
}

func TestArgoRunsTheGateBeforeItDeploys(t *testing.T) {
	gate := manifest(t, "argocd", "gate.yaml")
	want := map[string]string{
		"argocd.argoproj.io/hook":               "PreSync",
		"argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
		v1alpha1.AnnotationGate:                 "true",
	}
	if diff := cmp.Diff(want, gate.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	gate.Object["status"] = live(t, aJob(found)).Object["status"]
	gate.SetGeneration(2)
	if health := healthOf(t, gate); health.Status != "Degraded" {
		t.Errorf("a gate with findings is %+v", health)
	}
}

func TestTheApplicationIsForTheSamplesNamespace(t *testing.T) {
	application := manifest(t, "argocd", "application.yaml")
	namespace, _, err := unstructured.NestedString(application.Object, "spec", "destination", "namespace")
	if err != nil || namespace != manifest(t, "argocd", "gate.yaml").GetNamespace() {
		t.Errorf("the Application is for namespace %q (%v), the gate for another", namespace, err)
	}
	options, _, err := unstructured.NestedStringSlice(application.Object, "spec", "syncPolicy", "syncOptions")
	if err != nil || !slices.Contains(options, "ServerSideApply=true") {
		t.Errorf("sync options %v (%v)", options, err)
	}
}

// ACK writes identifiers into the routes; without the option, Argo CD would write its own over them at every sync.
func TestTheApplicationLeavesTheRoutesToACK(t *testing.T) {
	application := manifest(t, "argocd", "application.yaml")
	ignored, _, err := unstructured.NestedSlice(application.Object, "spec", "ignoreDifferences")
	want := []any{map[string]any{"group": "ec2.services.k8s.aws", "kind": "RouteTable", "jsonPointers": []any{"/spec/routes"}}}
	if diff := cmp.Diff(want, ignored); diff != "" || err != nil {
		t.Errorf("ignored differences (-want +got), %v:\n%s", err, diff)
	}
	options, _, err := unstructured.NestedStringSlice(application.Object, "spec", "syncPolicy", "syncOptions")
	if err != nil || !slices.Contains(options, "RespectIgnoreDifferences=true") {
		t.Errorf("sync options %v (%v)", options, err)
	}
}

// customizations are the keys of config/argocd/argocd-cm.yaml, read back from the Lua files that it is made of.
func customizations(t *testing.T) map[string]string {
	t.Helper()
	data := map[string]string{}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, k := range kinds() {
		data["resource.customizations.health.scanjob.dev_"+k.name] = read(customization(t, k.name, "health.lua"))
		var definitions []map[string]string
		scripts, err := filepath.Glob(customization(t, k.name, "actions", "*", "action.lua"))
		if err != nil {
			t.Fatal(err)
		}
		for _, script := range scripts {
			definitions = append(definitions, map[string]string{"name": filepath.Base(filepath.Dir(script)), "action.lua": read(script)})
		}
		text, err := yaml.Marshal(map[string]any{"discovery.lua": read(customization(t, k.name, "actions", "discovery.lua")), "definitions": definitions})
		if err != nil {
			t.Fatal(err)
		}
		data["resource.customizations.actions.scanjob.dev_"+k.name] = string(text)
	}
	return data
}

func TestArgosConfigMapIsMadeOfTheLuaFiles(t *testing.T) {
	patch := &corev1.ConfigMap{}
	text, err := json.Marshal(manifest(t, "argocd", "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, patch); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(customizations(t), patch.Data); diff != "" {
		t.Errorf("run make argocd (-files +ConfigMap):\n%s", diff)
	}
}

// argoConfigMap is Argo CD's own, with something in it.
const argoConfigMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data: {url: "https://argocd.example.com"}
`

func TestArgosConfigMapKeepsWhatIsInIt(t *testing.T) {
	want := customizations(t)
	want["url"] = "https://argocd.example.com"
	t.Run("by kustomize", func(t *testing.T) {
		root, err := testplane.ModuleRoot()
		if err != nil {
			t.Fatal(err)
		}
		files := filesys.MakeFsOnDisk()
		overlay := t.TempDir()
		component, err := filepath.Rel(overlay, filepath.Join(root, "config", "argocd"))
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"argocd-cm.yaml": argoConfigMap, "kustomization.yaml": "resources: [argocd-cm.yaml]\ncomponents: [" + component + "]\n"} {
			if err := files.WriteFile(filepath.Join(overlay, name), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, overlay)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, built.Resources()[0].GetDataMap()); diff != "" || built.Size() != 1 {
			t.Errorf("%d objects, data (-want +got):\n%s", built.Size(), diff)
		}
	})
	t.Run("by kubectl patch", func(t *testing.T) {
		namespace := plane.Namespace(t)
		a := newApplier(t)
		object := &unstructured.Unstructured{Object: parse(t, argoConfigMap)}
		object.SetNamespace(namespace)
		if err := a.apply(t, object, namespace); err != nil {
			t.Fatal(err)
		}
		patch, err := json.Marshal(manifest(t, "argocd", "argocd-cm.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		patched, err := a.resource(t, object, namespace).Patch(t.Context(), "argocd-cm", types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := unstructured.NestedStringMap(patched.Object, "data")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	})
}
