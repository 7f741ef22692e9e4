package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// build is `kustomize build config/lambda`, after pairs of texts in its one file were replaced.
func build(t *testing.T, pairs ...string) []*unstructured.Unstructured {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	source, files := filepath.Join(root, "config", "lambda"), filesys.MakeFsInMemory()
	err = filepath.WalkDir(source, func(path string, file os.DirEntry, err error) error {
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
		if relative == "kustomization.yaml" {
			text = []byte(strings.NewReplacer(pairs...).Replace(string(text)))
		}
		return files.WriteFile(filepath.Join("/lambda", relative), text)
	})
	if err != nil {
		t.Fatal(err)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/lambda")
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLToJSONDecoder(bytes.NewReader(text))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

// unchecked are objects of the kinds of ACK whose definitions are not among those that tests are given.
func unchecked(object *unstructured.Unstructured) bool {
	return testplane.HasACKSchemas() && (object.GetKind() == "Alias" || object.GetKind() == "AccessEntry")
}

func TestManifestsAreAcceptedByTheAPIServer(t *testing.T) {
	objects := build(t)
	var kinds []schema.GroupVersionKind
	for _, object := range objects {
		kind := object.GroupVersionKind()
		if strings.HasSuffix(kind.Group, ".services.k8s.aws") && !slices.Contains(kinds, kind) && !unchecked(object) {
			kinds = append(kinds, kind)
		}
	}
	if err := plane.InstallACK(kinds...); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	strict := client.WithFieldValidation(admin, metav1.FieldValidationStrict)
	namespace := plane.Namespace(t)
	checked := 0
	for _, object := range objects {
		if unchecked(object) {
			continue
		}
		checked++
		object.SetNamespace(namespace)
		err := strict.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership, client.DryRunAll)
		if err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	t.Logf("%d of %d objects", checked, len(objects))
}

func TestValuesOfTheOneFileReachEveryObject(t *testing.T) {
	objects := build(t,
		"ACCOUNT=111122223333", "ACCOUNT=444455556666", "REGION=us-east-1", "REGION=cn-north-1", "PARTITION=aws\n", "PARTITION=aws-cn\n",
		"lambda-code-111122223333-us-east-1", "code", "scanjob/lambda.zip", "zip", "CLUSTER_NAME=main", "CLUSTER_NAME=other",
		"https://0123456789ABCDEF0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com", "https://cluster", "LS0tLS1CRUdJTi4uLg==", "authority",
		"NAMESPACE=scans", "NAMESPACE=elsewhere", "FUNCTION=scanjob-events", "FUNCTION=f", "ROLE=scanjob-function", "ROLE=r",
		"DEAD_LETTERS=scanjob-function-dead", "DEAD_LETTERS=d", "PULL_REQUESTS=scanjob-function-pull-requests", "PULL_REQUESTS=p", "PUSHES=scanjob-function-pushes", "PUSHES=u",
	)
	for _, object := range objects {
		text, err := json.Marshal(object.Object["spec"])
		if err != nil {
			t.Fatal(err)
		}
		for _, old := range []string{"111122223333", "us-east-1", "arn:aws:", "function-dead", ":scanjob-", "/scanjob-", "lambda.zip", "LS0t", `"main"`, `"scans"`} {
			if strings.Contains(string(text), old) {
				t.Errorf("%s %s still has %s: %s", object.GetKind(), object.GetName(), old, text)
			}
		}
	}
	for path, want := range map[string]string{
		"Function scanjob-events spec.deadLetterConfig.targetARN": "arn:aws-cn:sqs:cn-north-1:444455556666:d",
		"Function scanjob-events spec.code.s3Bucket":              "code",
		"AccessEntry scanjob-function spec.principalARN":          "arn:aws-cn:iam::444455556666:role/r",
		"AccessEntry scanjob-function spec.clusterName":           "other",
		"Queue scanjob-function-dead spec.queueName":              "d",
	} {
		fields := strings.Fields(path)
		i := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == fields[0] && o.GetName() == fields[1] })
		got, _, err := unstructured.NestedString(objects[i].Object, strings.Split(fields[2], ".")...)
		if err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", path, got, want, err)
		}
	}
}

func TestRulesFunctionAndPermissionsFitTogether(t *testing.T) {
	arns := map[string]bool{}
	var targets []string
	for _, object := range build(t) {
		switch object.GetKind() {
		case "Alias":
			permissions, _, err := unstructured.NestedSlice(object.Object, "spec", "permissions")
			if err != nil {
				t.Fatal(err)
			}
			for _, permission := range permissions {
				fields, ok := permission.(map[string]any)
				if !ok || fields["action"] != "lambda:InvokeFunction" || fields["principal"] != "events.amazonaws.com" {
					t.Fatalf("permission %v", permission)
				}
				arns[fields["sourceARN"].(string)] = true
			}
		case "Rule":
			name, _, err := unstructured.NestedString(object.Object, "spec", "name")
			if err != nil {
				t.Fatal(err)
			}
			targets = append(targets, "arn:aws:events:us-east-1:111122223333:rule/"+name)
		case "Function":
			architectures, _, err := unstructured.NestedStringSlice(object.Object, "spec", "architectures")
			if err != nil || !slices.Equal(architectures, []string{"arm64"}) {
				t.Errorf("architectures %v (%v)", architectures, err)
			}
		}
		for field, text := range policies(t, object) {
			if !json.Valid([]byte(text)) {
				t.Errorf("%s %s: %s is no JSON: %s", object.GetKind(), object.GetName(), field, text)
			}
		}
	}
	for _, rule := range targets {
		if !arns[rule] {
			t.Errorf("%s may not call the function; %v may", rule, arns)
		}
	}
	if len(targets) != 2 || len(arns) != 2 {
		t.Errorf("rules %v, permissions for %v", targets, arns)
	}
}

// policies are the texts of an object that must be JSON.
func policies(t *testing.T, object *unstructured.Unstructured) map[string]string {
	t.Helper()
	found, _, err := unstructured.NestedStringMap(object.Object, "spec", "inlinePolicies")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, text := range found {
		texts["inlinePolicies."+name] = text
	}
	for _, field := range []string{"policy", "assumeRolePolicyDocument", "eventPattern"} {
		text, ok, err := unstructured.NestedString(object.Object, "spec", field)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			texts[field] = text
		}
	}
	return texts
}
