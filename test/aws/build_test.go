package aws

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// The networks that config/aws offers.
const (
	networkEndpoints = "network/endpoints"
	networkNAT       = "network/nat"
	networkExisting  = "network/existing"
)

// variant is config/aws as a user fills it in: a network, and values in place of those that are in the file.
type variant struct {
	network string
	values  map[string]string
	// iam are components of iam/ that are added.
	iam []string
}

func (v variant) name() string {
	return strings.Join(append(strings.Fields(v.network+" "+v.values["CPU_ARCHITECTURE"]), v.iam...), " ")
}

// iamVariants are the file with each of the components of iam/.
func iamVariants() []variant {
	var all []variant
	for _, component := range []string{iam.PodIdentity, iam.IRSA, iam.AssumeEnvironments, iam.Environment} {
		all = append(all, variant{iam: []string{component}})
	}
	return all
}

// variants are all networks and architectures that can be chosen.
func variants() []variant {
	var all []variant
	for _, network := range []string{networkEndpoints, networkNAT, networkExisting} {
		for _, architecture := range []string{"ARM64", "X86_64"} {
			all = append(all, variant{network: network, values: map[string]string{"CPU_ARCHITECTURE": architecture}})
		}
	}
	return all
}

func isACK(object *unstructured.Unstructured) bool {
	return strings.HasSuffix(object.GroupVersionKind().Group, ".services.k8s.aws")
}

// entry is the file to fill in, as far as a variant changes it.
type entry struct {
	ConfigMapGenerator []struct {
		Name     string         `json:"name"`
		Options  map[string]any `json:"options"`
		Literals []string       `json:"literals"`
	} `json:"configMapGenerator"`
	Resources  []string `json:"resources"`
	Components []string `json:"components"`
}

const entryPath = "/aws/kustomization.yaml"

// build is `kustomize build` of config/aws after the file was filled in.
func (v variant) build() ([]*unstructured.Unstructured, error) {
	files, err := v.files()
	if err != nil {
		return nil, err
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, filepath.Dir(entryPath))
	if err != nil {
		return nil, fmt.Errorf("kustomize: %w", err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &object.Object); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// files are config/aws with the file filled in.
func (v variant) files() (filesys.FileSystem, error) {
	files, err := tree()
	if err != nil {
		return nil, err
	}
	return files, v.fillIn(files)
}

// tree is config/aws in memory, so that a test can change it.
func tree() (filesys.FileSystem, error) {
	root, err := testplane.ModuleRoot()
	if err != nil {
		return nil, err
	}
	source, files := filepath.Join(root, "config", "aws"), filesys.MakeFsInMemory()
	err = filepath.WalkDir(source, func(path string, file fs.DirEntry, err error) error {
		if err != nil || file.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return files.WriteFile(filepath.Join(filepath.Dir(entryPath), relative), text)
	})
	return files, err
}

func readEntry(files filesys.FileSystem) (entry, error) {
	var e entry
	text, err := files.ReadFile(entryPath)
	if err != nil {
		return e, err
	}
	if err := yaml.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("%s: %w", entryPath, err)
	}
	if len(e.ConfigMapGenerator) != 1 || len(e.Components) != 2 {
		return e, fmt.Errorf("%s has %d generators and the components %v, want one and the network before values", entryPath, len(e.ConfigMapGenerator), e.Components)
	}
	return e, nil
}

func (v variant) fillIn(files filesys.FileSystem) error {
	e, err := readEntry(files)
	if err != nil {
		return err
	}
	if v.network != "" {
		e.Components[0] = v.network
	}
	for _, component := range v.iam {
		e.Components = slices.Insert(e.Components, 1, "iam/"+component)
	}
	literals := e.ConfigMapGenerator[0].Literals
	for _, key := range slices.Sorted(maps.Keys(v.values)) {
		i := slices.IndexFunc(literals, func(literal string) bool { return strings.HasPrefix(literal, key+"=") })
		if i < 0 {
			return fmt.Errorf("%s has no value %s", entryPath, key)
		}
		literals[i] = key + "=" + v.values[key]
	}
	text, err := yaml.Marshal(e)
	if err != nil {
		return err
	}
	return files.WriteFile(entryPath, text)
}

// inventory is what a variant makes.
type inventory []*unstructured.Unstructured

func objectsOf(t *testing.T, v variant) inventory {
	t.Helper()
	objects, err := v.build()
	if err != nil {
		t.Fatalf("%s: %v", v.name(), err)
	}
	return objects
}

// get returns the object of a kind and name.
func (i inventory) get(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range i {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// of returns the objects of a kind.
func (i inventory) of(kind string) inventory {
	return slices.DeleteFunc(slices.Clone(i), func(object *unstructured.Unstructured) bool { return object.GetKind() != kind })
}

// waves are the objects in the order that Argo CD's annotation gives them, as the guide applies them too.
func (i inventory) waves(t *testing.T) []inventory {
	t.Helper()
	byNumber := map[int]inventory{}
	for _, object := range i {
		number := 0
		if wave, ok := object.GetAnnotations()["argocd.argoproj.io/sync-wave"]; ok {
			var err error
			if number, err = strconv.Atoi(wave); err != nil {
				t.Fatalf("the wave of %s: %v", key(object), err)
			}
		}
		byNumber[number] = append(byNumber[number], object)
	}
	var waves []inventory
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		waves = append(waves, byNumber[number])
	}
	return waves
}

// names lists the objects as KIND NAME.
func (i inventory) names() []string {
	var names []string
	for _, object := range i {
		names = append(names, object.GetKind()+" "+object.GetName())
	}
	slices.Sort(names)
	return names
}

// text returns a text field.
func text(t *testing.T, object *unstructured.Unstructured, path ...string) string {
	t.Helper()
	value, found, err := unstructured.NestedString(object.Object, path...)
	if err != nil || !found {
		t.Fatalf("%s %s has no text at %s: %v", object.GetKind(), object.GetName(), strings.Join(path, "."), err)
	}
	return value
}

// decode reads an object's spec into a struct of the fields that a test looks at. encoding/json does not mind the case
// of keys, which is how ACK's names (taskRoleARN) and AWS's (taskRoleArn) differ.
func decode(t *testing.T, object *unstructured.Unstructured, into any) {
	t.Helper()
	if err := decodeSpec(object, into); err != nil {
		t.Fatal(err)
	}
}
