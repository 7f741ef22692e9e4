// Package install tests how the operator gets into a cluster and what it may do there: that the Helm chart and the kustomize
// tree are the same, that releases can be upgraded and removed without losing anything, that the pods pass the restricted
// Pod Security standard, and that the rights in config/rbac are enough and none too many. The API server and Helm are real.
package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var plane *testplane.Plane

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if plane, err = testplane.Start(testplane.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := plane.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// root is the repository.
func root(t *testing.T) string {
	t.Helper()
	path, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func chart(t *testing.T) string { return filepath.Join(root(t), "charts", "scanjob") }

// binary is the path of a program that make builds.
func binary(t *testing.T, name, target string) string {
	t.Helper()
	path := filepath.Join(root(t), "bin", name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is not built: run `make %s`", path, target)
	}
	return path
}

// helm runs the pinned Helm against the control plane, away from the user's own settings. It also works in a test's cleanup.
func helm(t *testing.T, arguments ...string) (stdout string, err error) {
	t.Helper()
	home := t.TempDir()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), binary(t, "helm", "tools"), arguments...)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + plane.Kubeconfig()}
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("helm %s: %w: %s", arguments[0], err, problems.String())
	}
	return out.String(), nil
}

// mustHelm is helm where it must succeed.
func mustHelm(t *testing.T, arguments ...string) string {
	t.Helper()
	stdout, err := helm(t, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

// build is `kubectl kustomize` of a folder under config/.
func build(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := testplane.Kustomize(folder)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// objects reads a stream of YAML documents.
func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for document := range strings.SplitSeq(text, "\n---") {
		content, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		if string(content) == "null" {
			continue
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(content); err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		list = append(list, object)
	}
	return list
}

// find returns the only object of a kind.
func find(t *testing.T, list []*unstructured.Unstructured, kind string) *unstructured.Unstructured {
	t.Helper()
	var found *unstructured.Unstructured
	for _, object := range list {
		if object.GetKind() != kind {
			continue
		}
		if found != nil {
			t.Fatalf("there are two objects of kind %s", kind)
		}
		found = object
	}
	if found == nil {
		t.Fatalf("there is no object of kind %s", kind)
	}
	return found
}
