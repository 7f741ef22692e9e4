package testplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// The plane is started once and shared: a start takes seconds, and 300 MB of memory.
var plane *Plane

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if plane, err = Start(Options{CRDs: true}); err != nil {
		println(err.Error())
		return 1
	}
	code := m.Run()
	if err := plane.Stop(); err != nil {
		println(err.Error())
		return 1
	}
	return code
}

func newClient(t *testing.T) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// eventually polls until check says true, and fails the test with what it waited for.
func eventually(t *testing.T, what string, check func(ctx context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func configMap(name string, owners ...metav1.OwnerReference) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: owners}}
}

func TestStartServesTheCustomResourceDefinitions(t *testing.T) {
	client := newClient(t)
	resources, err := client.Discovery().ServerResourcesForGroupVersion("scanjob.dev/v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, resource := range resources.APIResources {
		served[resource.Name] = true
	}
	for _, name := range []string{"scanenvironments", "scanjobs", "scantriggers", "scanschedules"} {
		if !served[name] {
			t.Errorf("%s is not served", name)
		}
	}
}

func TestRestartKeepsObjectsForTheSameClient(t *testing.T) {
	if plane.Kind() != KindDevplane {
		if err := plane.Restart(t.Context()); !errors.Is(err, ErrNotRestartable) {
			t.Fatalf("Restart = %v, want ErrNotRestartable", err)
		}
		return
	}
	for name, how := range map[string]Shutdown{"after a graceful stop": Graceful, "after SIGKILL": Kill} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			namespace := plane.Namespace(t)
			made, err := client.CoreV1().ConfigMaps(namespace).Create(t.Context(), configMap("kept"), metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}

			if err := plane.Halt(t.Context(), how); err != nil {
				t.Fatal(err)
			}
			if _, err := client.CoreV1().ConfigMaps(namespace).Get(t.Context(), "kept", metav1.GetOptions{}); err == nil {
				t.Fatal("the halted control plane answered")
			}
			if err := plane.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}

			found, err := client.CoreV1().ConfigMaps(namespace).Get(t.Context(), "kept", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if found.UID != made.UID {
				t.Fatalf("uid = %s, want %s", found.UID, made.UID)
			}
		})
	}
}

func TestOwnedObjectsAreCollected(t *testing.T) {
	requireControllers(t)
	client := newClient(t)
	maps := client.CoreV1().ConfigMaps(plane.Namespace(t))
	owner, err := maps.Create(t.Context(), configMap("owner"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	reference := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}
	if _, err := maps.Create(t.Context(), configMap("owned", reference), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := maps.Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned object is collected", func(ctx context.Context) (bool, error) {
		_, err := maps.Get(ctx, "owned", metav1.GetOptions{})
		return apierrors.IsNotFound(err), ignoreNotFound(err)
	})
}

func TestADeletedNamespaceEnds(t *testing.T) {
	requireControllers(t)
	client := newClient(t)
	name := plane.Namespace(t)
	if _, err := client.CoreV1().ConfigMaps(name).Create(t.Context(), configMap("inside"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace ends", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), ignoreNotFound(err)
	})
}

func TestAMissingBinarySaysHowToBuildIt(t *testing.T) {
	missing := &process{binary: filepath.Join(t.TempDir(), "devplane"), dir: t.TempDir()}
	err := missing.start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "make devplane") {
		t.Fatalf("error = %v, want one that says `make devplane`", err)
	}
}

func TestAProcessThatEndsAtOnceIsReportedWithItsLog(t *testing.T) {
	script := filepath.Join(t.TempDir(), "devplane")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho the port is taken >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	broken := &process{binary: script, dir: t.TempDir()}
	err := broken.start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "the port is taken") {
		t.Fatalf("error = %v, want the exit status and the log", err)
	}
}

// requireControllers is for what the controllers of a control plane do; envtest has none.
func requireControllers(t *testing.T) {
	t.Helper()
	if plane.Kind() == KindEnvtest {
		t.Skip("envtest runs no controllers; unset " + EnvAssets + " to test with bin/devplane")
	}
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
