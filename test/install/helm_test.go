package install

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

const jobsDefinition = "scanjobs.scanjob.dev"

// admin is a client of the cluster's administrator.
func admin(t *testing.T) client.Client {
	t.Helper()
	scheme, err := controllers.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	made, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// eventually polls until check says true, and fails the test with what it waited for.
func eventually(t *testing.T, what string, check func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// requireEmptyCluster is for what installs and removes the CustomResourceDefinitions.
func requireEmptyCluster(t *testing.T, kube client.Client) {
	t.Helper()
	if plane.Kind() == testplane.KindCluster {
		t.Skip("this would remove CustomResourceDefinitions from your cluster; unset " + testplane.EnvKubeconfig + " to test with bin/devplane")
	}
	removeDefinitions(t, kube)
}

// removeDefinitions returns when the kinds are gone.
func removeDefinitions(t *testing.T, kube client.Client) {
	t.Helper()
	for _, object := range build(t, "crd") {
		if err := kube.Delete(t.Context(), object); client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the CustomResourceDefinitions are gone", func(ctx context.Context) (bool, error) {
		list := &apiextensionsv1.CustomResourceDefinitionList{}
		err := kube.List(ctx, list)
		for _, definition := range list.Items {
			if definition.Spec.Group == scanv1.GroupVersion.Group {
				return false, err
			}
		}
		return err == nil, err
	})
}

// established waits until a kind is served.
func established(t *testing.T, kube client.Client) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	definition := &apiextensionsv1.CustomResourceDefinition{}
	eventually(t, "ScanJobs are served", func(ctx context.Context) (bool, error) {
		if err := kube.Get(ctx, types.NamespacedName{Name: jobsDefinition}, definition); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		for _, condition := range definition.Status.Conditions {
			if condition.Type == apiextensionsv1.Established {
				return condition.Status == apiextensionsv1.ConditionTrue, nil
			}
		}
		return false, nil
	})
	return definition
}

// earlierChart is the chart as a release before this one might have been: its ScanJobs have no field priority.
func earlierChart(t *testing.T) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "scanjob")
	if err := os.CopyFS(copied, os.DirFS(chart(t))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(copied, "files", "crds", "scanjob.dev_scanjobs.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(text, definition); err != nil {
		t.Fatal(err)
	}
	if !has(definition, "priority") {
		t.Fatal("ScanJobs have no field priority, so nothing can be proved with it")
	}
	delete(definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties, "priority")
	if text, err = yaml.Marshal(definition); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

func has(definition *apiextensionsv1.CustomResourceDefinition, field string) bool {
	_, ok := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties[field]
	return ok
}

func scanJob(namespace, name string) *scanv1.ScanJob {
	return &scanv1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: scanv1.ScanJobSpec{
			EnvironmentName: "default",
			Source: scanv1.ScanSource{
				CodeCommit: &scanv1.CodeCommitSource{Repository: "payments"},
				Revision:   "6f1c2d3e4b5a69788796a5b4c3d2e1f00f1e2d3c",
			},
		},
	}
}

func TestAReleaseIsInstalledUpgradedAndRemovedWithoutLosingAScan(t *testing.T) {
	kube := admin(t)
	requireEmptyCluster(t, kube)
	team, system := plane.Namespace(t), plane.Namespace(t)
	t.Cleanup(func() {
		if _, err := helm(t, "uninstall", release, "--namespace", system, "--ignore-not-found"); err != nil {
			t.Error(err)
		}
	})
	with := []string{"--namespace", system, "--set", "image.repository=registry.example.com/scanjob-manager"}

	mustHelm(t, append([]string{"install", release, earlierChart(t)}, with...)...)
	if has(established(t, kube), "priority") {
		t.Fatal("the earlier release has the field already")
	}
	if err := kube.Create(t.Context(), scanJob(team, "kept")); err != nil {
		t.Fatal(err)
	}

	mustHelm(t, "upgrade", release, chart(t), "--set", "replicas=3", "--namespace", system, "--reset-then-reuse-values")
	if !has(established(t, kube), "priority") {
		t.Error("helm upgrade left the CustomResourceDefinition as it was")
	}
	deployment := &appsv1.Deployment{}
	if err := kube.Get(t.Context(), types.NamespacedName{Namespace: system, Name: "scanjob-controller-manager"}, deployment); err != nil {
		t.Fatal(err)
	}
	if *deployment.Spec.Replicas != 3 {
		t.Errorf("%d replicas, want 3", *deployment.Spec.Replicas)
	}

	mustHelm(t, "uninstall", release, "--namespace", system)
	if err := kube.Get(t.Context(), types.NamespacedName{Namespace: system, Name: "scanjob-controller-manager"}, deployment); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment outlives the release: %v", err)
	}
	if err := kube.Get(t.Context(), types.NamespacedName{Namespace: team, Name: "kept"}, scanJob(team, "kept")); err != nil {
		t.Errorf("the ScanJob is lost with the release: %v", err)
	}

	mustHelm(t, append([]string{"install", release, chart(t)}, with...)...)
	mustHelm(t, append([]string{"upgrade", release, chart(t), "--set", "crds.keep=false"}, with...)...)
	mustHelm(t, "uninstall", release, "--namespace", system)
	eventually(t, "with crds.keep=false the kinds go with the release", func(ctx context.Context) (bool, error) {
		err := kube.Get(ctx, types.NamespacedName{Name: jobsDefinition}, &apiextensionsv1.CustomResourceDefinition{})
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

func TestHelmTakesOverWhatKustomizeInstalled(t *testing.T) {
	kube := admin(t)
	requireEmptyCluster(t, kube)
	install(t, kube, build(t, "default"))
	established(t, kube)
	with := []string{"install", release, chart(t), "--namespace", namespace, "--set", "image.repository=registry.example.com/scanjob-manager"}
	if _, err := helm(t, with...); err == nil {
		t.Error("Helm takes over what it did not make without being told to")
	}
	mustHelm(t, append(with, "--take-ownership", "--force-conflicts")...)
	deployment := &appsv1.Deployment{}
	if err := kube.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "scanjob-controller-manager"}, deployment); err != nil {
		t.Fatal(err)
	}
	if image := deployment.Spec.Template.Spec.Containers[0].Image; image != "registry.example.com/scanjob-manager:0.1.0" {
		t.Errorf("the Deployment still runs %s", image)
	}
	mustHelm(t, "uninstall", release, "--namespace", namespace)
}
