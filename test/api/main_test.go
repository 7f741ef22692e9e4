// Package api tests what a user meets at the Kubernetes API: what the four kinds accept and refuse and with which words,
// what they default to, how they are listed, and that the folders under config/ can be applied. Everything is asked of a
// real API server.
package api

import (
	"fmt"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var plane *testplane.Plane

func TestMain(m *testing.M) {
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		return nil
	}))
}

// kind is one of the four, with the smallest spec that is accepted.
type kind struct {
	name, plural, shortName string
	minimal                 string
}

const (
	revision = "6f1c2d3e4b5a69788796a5b4c3d2e1f00f1e2d3c"
	base     = "0b9a1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b"
)

func scanEnvironment() kind {
	return kind{"ScanEnvironment", "scanenvironments", "senv", `
spec:
  cluster: {id: scans}
  taskDefinition: {id: "scanner:7"}
  network: {subnets: [{id: subnet-0abc}]}
`}
}

func scanJob() kind {
	return kind{"ScanJob", "scanjobs", "sj", `
spec:
  environmentName: default
  source: {codeCommit: {repository: payments}, revision: ` + revision + `}
`}
}

func scanTrigger() kind {
	return kind{"ScanTrigger", "scantriggers", "strig", `
spec:
  environmentName: default
`}
}

func scanSchedule() kind {
	return kind{"ScanSchedule", "scanschedules", "ssched", `
spec:
  environmentName: default
  schedule: "@daily"
  repositories: [payments]
  template: {spec: {mode: Tree}}
`}
}

func kinds() []kind {
	return []kind{scanEnvironment(), scanJob(), scanTrigger(), scanSchedule()}
}

// subject is the name of every object here. Almost all requests are dry runs, and the rest have a namespace of their own.
const subject = "subject"

// object is the minimal object of the kind, changed by JSON merge patches (RFC 7386) that are written in YAML.
func (k kind) object(t *testing.T, patches ...string) *unstructured.Unstructured {
	t.Helper()
	content := map[string]any{
		"apiVersion": "scanjob.dev/v1alpha1",
		"kind":       k.name,
		"metadata":   map[string]any{"name": subject},
	}
	for _, patch := range append([]string{k.minimal}, patches...) {
		merge(content, parse(t, patch))
	}
	return &unstructured.Unstructured{Object: content}
}

func (k kind) client(t *testing.T, namespace string) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	resource := schema.GroupVersionResource{Group: "scanjob.dev", Version: "v1alpha1", Resource: k.plural}
	return client.Resource(resource).Namespace(namespace)
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return content
}

// merge applies a JSON merge patch: objects are merged, null removes, anything else replaces.
func merge(target, patch map[string]any) {
	for key, value := range patch {
		change, isObject := value.(map[string]any)
		current, wasObject := target[key].(map[string]any)
		switch {
		case value == nil:
			delete(target, key)
		case isObject && wasObject:
			merge(current, change)
		case isObject:
			made := map[string]any{}
			merge(made, change)
			target[key] = made
		default:
			target[key] = value
		}
	}
}

func dryRunCreate() metav1.CreateOptions {
	return metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
}

// unchecked is what the API server adds, in these words, whenever a schema rule was broken: its CEL rules come after.
const unchecked = ", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; " +
	"correct the existing errors to complete validation]"

// refusal is what a user reads when the API server refuses an object, without the object's name before it and without the
// hint of unchecked rules after it. It is empty where the object was accepted.
func (k kind) refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	if !apierrors.IsInvalid(err) {
		t.Fatalf("the API server said something else than that the object is invalid: %v", err)
	}
	opening := fmt.Sprintf("%s.scanjob.dev %q is invalid: ", k.name, subject)
	text, ok := strings.CutPrefix(err.Error(), opening)
	if !ok {
		t.Fatalf("%q does not open with %q", err, opening)
	}
	if inner, ok := strings.CutSuffix(text, unchecked); ok {
		return strings.TrimPrefix(inner, "[")
	}
	return text
}
