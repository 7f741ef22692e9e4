package aws

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/scanjob-dev/scanjob/test/iam"
)

// TestKubectlBuildsTheSame asks the kustomize that is built into kubectl, which is older than the one that the tests use.
func TestKubectlBuildsTheSame(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl to compare with")
	}
	for _, v := range []variant{
		{networkEndpoints, others(), []string{iam.PodIdentity}}, {networkNAT, others(), []string{iam.IRSA}}, {networkExisting, others(), []string{iam.Environment}},
	} {
		t.Run(v.network, func(t *testing.T) {
			files, err := v.files()
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			err = files.Walk(filepath.Dir(entryPath), func(path string, info os.FileInfo, err error) error {
				if err != nil || info.IsDir() {
					return err
				}
				text, err := files.ReadFile(path)
				if err != nil {
					return err
				}
				if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(path)), 0o755); err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(folder, path), text, 0o600)
			})
			if err != nil {
				t.Fatal(err)
			}
			output, err := exec.CommandContext(t.Context(), kubectl, "kustomize", filepath.Join(folder, filepath.Dir(entryPath))).Output()
			if err != nil {
				var exit *exec.ExitError
				errors.As(err, &exit)
				t.Fatalf("kubectl kustomize: %v: %s", err, exit.Stderr)
			}
			var built inventory
			decoder := yaml.NewYAMLToJSONDecoder(bytes.NewReader(output))
			for {
				object := &unstructured.Unstructured{}
				if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				built = append(built, object)
			}
			want := objectsOf(t, v)
			if diff := cmp.Diff(want.names(), built.names()); diff != "" {
				t.Fatal(diff)
			}
			for _, object := range want {
				if other := built.get(t, object.GetKind(), object.GetName()); !equalJSON(t, object, other) {
					t.Errorf("%s differs:\n%s", key(object), cmp.Diff(object.Object, other.Object))
				}
			}
		})
	}
}
