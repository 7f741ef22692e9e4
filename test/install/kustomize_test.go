package install

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// install is `kubectl apply --server-side` of objects, until the test ends.
func install(t *testing.T, kube client.Client, list []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range list {
		t.Cleanup(func() {
			if err := kube.Delete(context.Background(), object); client.IgnoreNotFound(err) != nil {
				t.Errorf("delete %s %s: %v", object.GetKind(), object.GetName(), err)
			}
		})
		applied := client.ApplyConfigurationFromUnstructured(object.DeepCopy())
		if err := kube.Apply(t.Context(), applied, client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// TestTheManagersPodsPassTheRestrictedStandard asks the API server's own admission plugin, on a namespace with the labels of
// config/default.
func TestTheManagersPodsPassTheRestrictedStandard(t *testing.T) {
	kube := admin(t)
	list := build(t, "default")
	labels := find(t, list, "Namespace").GetLabels()
	if labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Fatalf("the namespace has labels %v and enforces nothing", labels)
	}
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "restricted-", Labels: labels}}
	if err := kube.Create(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.Delete(context.Background(), restricted); err != nil {
			t.Error(err)
		}
	})
	for source, objects := range map[string][]*unstructured.Unstructured{"config/default": list, "the chart": template(t)} {
		pod := func() *corev1.Pod {
			content, _, err := unstructured.NestedMap(find(t, objects, "Deployment").Object, "spec", "template")
			if err != nil {
				t.Fatal(err)
			}
			made := &corev1.Pod{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(content, made, true); err != nil {
				t.Fatal(err)
			}
			made.Namespace, made.GenerateName = restricted.Name, "manager-"
			return made
		}
		for name, change := range map[string]func(*corev1.Pod, *corev1.SecurityContext){
			"a privilege more":            func(_ *corev1.Pod, c *corev1.SecurityContext) { c.AllowPrivilegeEscalation = nil },
			"a capability more":           func(_ *corev1.Pod, c *corev1.SecurityContext) { c.Capabilities = nil },
			"root":                        func(p *corev1.Pod, _ *corev1.SecurityContext) { p.Spec.SecurityContext.RunAsNonRoot = nil },
			"no seccomp profile":          func(p *corev1.Pod, _ *corev1.SecurityContext) { p.Spec.SecurityContext.SeccompProfile = nil },
			"the network of its own node": func(p *corev1.Pod, _ *corev1.SecurityContext) { p.Spec.HostNetwork = true },
		} {
			changed := pod()
			change(changed, changed.Spec.Containers[0].SecurityContext)
			if err := kube.Create(t.Context(), changed, client.DryRunAll); !apierrors.IsForbidden(err) {
				t.Errorf("with %s the pod of %s is not refused, so that nothing is proved: %v", name, source, err)
			}
		}
		accepted := pod()
		if err := kube.Create(t.Context(), accepted, client.DryRunAll); err != nil {
			t.Errorf("the pod of %s: %v", source, err)
		}
		if container := accepted.Spec.Containers[0].SecurityContext; container.ReadOnlyRootFilesystem == nil || !*container.ReadOnlyRootFilesystem {
			t.Errorf("the manager of %s may write to its root file system", source)
		}
	}
}

// A drain must find the budget satisfied by the pods that there are.
func TestADrainTakesOneOfTheTwoManagersAtATime(t *testing.T) {
	list := build(t, "default")
	deployment, budget := find(t, list, "Deployment").Object, find(t, list, "PodDisruptionBudget").Object
	replicas, _, err := unstructured.NestedInt64(deployment, "spec", "replicas")
	if err != nil || replicas != 2 {
		t.Errorf("%d managers, want 2: %v", replicas, err)
	}
	unavailable, _, err := unstructured.NestedInt64(budget, "spec", "maxUnavailable")
	if err != nil || unavailable != 1 {
		t.Errorf("a drain may take %d managers at once, want 1: %v", unavailable, err)
	}
	selector, _, err := unstructured.NestedStringMap(budget, "spec", "selector", "matchLabels")
	if err != nil || len(selector) == 0 {
		t.Fatalf("the budget selects %v: %v", selector, err)
	}
	labels, _, err := unstructured.NestedStringMap(deployment, "spec", "template", "metadata", "labels")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range selector {
		if labels[key] != value {
			t.Errorf("the budget selects %s=%s, the pods have %q", key, value, labels[key])
		}
	}
}
