package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

const operatorNamespace = "scanjob-system"

// build is `kubectl kustomize` of a folder under config/.
func build(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := testplane.Kustomize(folder)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// applier applies objects as `kubectl apply --server-side` does, with unknown fields refused, and gathers warnings.
type applier struct {
	client dynamic.Interface
	mapper meta.RESTMapper

	lock     sync.Mutex
	warnings []string
}

// HandleWarningHeader keeps what kubectl would print.
func (a *applier) HandleWarningHeader(_ int, _ string, text string) {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.warnings = append(a.warnings, text)
}

func newApplier(t *testing.T) *applier {
	t.Helper()
	a := &applier{}
	config := rest.CopyConfig(plane.Config)
	config.WarningHandler = a
	discovered, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	a.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovered))
	if a.client, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *applier) resource(t *testing.T, object *unstructured.Unstructured, namespace string) dynamic.ResourceInterface {
	t.Helper()
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		t.Fatal(err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return a.client.Resource(mapping.Resource)
	}
	if own := object.GetNamespace(); own != "" {
		namespace = own
	}
	return a.client.Resource(mapping.Resource).Namespace(namespace)
}

func (a *applier) apply(t *testing.T, object *unstructured.Unstructured, namespace string, dryRun ...string) error {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.resource(t, object, namespace).Patch(t.Context(), object.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{
		DryRun:          dryRun,
		FieldManager:    "kubectl",
		FieldValidation: metav1.FieldValidationStrict,
	})
	return err
}

// deploy applies the namespace and the access rules for real and takes them back when the test ends.
func (a *applier) deploy(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		kind := object.GetKind()
		if kind != "Namespace" && kind != "ServiceAccount" && !strings.Contains(kind, "Role") {
			continue
		}
		if err := a.apply(t, object, ""); err != nil {
			t.Fatalf("%s %s: %v", kind, object.GetName(), err)
		}
		if kind == "Namespace" || strings.HasPrefix(kind, "Cluster") {
			t.Cleanup(func() {
				ctx := context.Background()
				if err := a.resource(t, object, "").Delete(ctx, object.GetName(), metav1.DeleteOptions{}); err != nil {
					t.Errorf("delete %s %s: %v", kind, object.GetName(), err)
				}
			})
		}
	}
}

func TestConfigDefaultCanBeApplied(t *testing.T) {
	objects := build(t, "default")
	a := newApplier(t)
	a.deploy(t, objects)

	for _, object := range objects {
		t.Run(object.GetKind()+" "+object.GetName(), func(t *testing.T) {
			if err := a.apply(t, object, "", metav1.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
	if len(a.warnings) != 0 {
		t.Errorf("the API server warns, the pod security standard restricted included: %s", strings.Join(a.warnings, "; "))
	}
	t.Run("the service account may do what the manager does, and no more", func(t *testing.T) { checkAccess(t) })
	t.Run("the metrics service reaches the manager's pods", func(t *testing.T) { checkMetricsService(t, objects) })
}

// checkMetricsService compares selectors and labels, which kustomize rewrites.
func checkMetricsService(t *testing.T, objects []*unstructured.Unstructured) {
	var service corev1.Service
	var labels map[string]string
	for _, object := range objects {
		switch object.GetKind() {
		case "Service":
			text, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &service); err != nil {
				t.Fatal(err)
			}
		case "Deployment":
			found, _, err := unstructured.NestedStringMap(object.Object, "spec", "template", "metadata", "labels")
			if err != nil {
				t.Fatal(err)
			}
			labels = found
		}
	}
	if len(service.Spec.Selector) == 0 {
		t.Fatal("the service selects nothing")
	}
	for key, value := range service.Spec.Selector {
		if labels[key] != value {
			t.Errorf("the service selects %s=%s, the pods have %q", key, value, labels[key])
		}
	}
}

func TestConfigSamplesCanBeApplied(t *testing.T) {
	namespace := plane.Namespace(t)
	a := newApplier(t)
	var found []string
	for _, object := range build(t, "samples") {
		found = append(found, object.GetKind())
		t.Run(object.GetKind()+" "+object.GetName(), func(t *testing.T) {
			object.SetNamespace(namespace)
			if err := a.apply(t, object, namespace, metav1.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
	slices.Sort(found)
	if want := []string{"ScanEnvironment", "ScanJob", "ScanSchedule", "ScanTrigger"}; !slices.Equal(found, want) {
		t.Errorf("samples of %v, want %v", found, want)
	}
	if len(a.warnings) != 0 {
		t.Errorf("the API server warns: %s", strings.Join(a.warnings, "; "))
	}
}

// TestConfigPrometheusCanBeBuilt only builds: the kind belongs to the Prometheus Operator.
func TestConfigPrometheusCanBeBuilt(t *testing.T) {
	objects := build(t, "prometheus")
	if len(objects) != 1 || objects[0].GetKind() != "ServiceMonitor" || objects[0].GetNamespace() != operatorNamespace {
		t.Errorf("built %v, want one ServiceMonitor in %s", objects, operatorNamespace)
	}
}
