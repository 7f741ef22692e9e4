package install

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	release   = "scanjob"
	namespace = "scanjob-system"
)

// template renders the chart as `helm install` would.
func template(t *testing.T, arguments ...string) []*unstructured.Unstructured {
	t.Helper()
	arguments = append([]string{"template", release, chart(t), "--namespace", namespace, "--set", "image.repository=controller,image.tag=latest"}, arguments...)
	return objects(t, mustHelm(t, arguments...))
}

// byName indexes objects by what they are.
func byName(list []*unstructured.Unstructured) map[string]map[string]any {
	index := map[string]map[string]any{}
	for _, object := range list {
		index[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = object.Object
	}
	return index
}

// likeKustomize takes away what a chart says about itself, which is all that may differ: who manages the object, which chart
// it is of, and that the CustomResourceDefinitions outlive the release.
func likeKustomize(t *testing.T, list []*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	for _, object := range list {
		labels := object.GetLabels()
		if labels["app.kubernetes.io/managed-by"] != "Helm" || !strings.HasPrefix(labels["helm.sh/chart"], "scanjob-") {
			t.Errorf("%s %s has labels %v, which do not say that Helm made it", object.GetKind(), object.GetName(), labels)
		}
		labels["app.kubernetes.io/managed-by"] = "kustomize"
		delete(labels, "helm.sh/chart")
		object.SetLabels(labels)
		annotations := object.GetAnnotations()
		if keep := annotations["helm.sh/resource-policy"] == "keep"; keep != (object.GetKind() == "CustomResourceDefinition") {
			t.Errorf("%s %s is kept when the release is uninstalled: %t", object.GetKind(), object.GetName(), keep)
		}
		delete(annotations, "helm.sh/resource-policy")
		if len(annotations) == 0 {
			annotations = nil
		}
		object.SetAnnotations(annotations)
	}
	return list
}

func TestTheChartInstallsWhatKustomizeInstalls(t *testing.T) {
	want := byName(build(t, "default"))
	// Helm makes the namespace of a release, or the user does; docs/install.md has the labels.
	delete(want, "Namespace /"+namespace)
	got := byName(likeKustomize(t, template(t)))
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("config/default has %s, the chart does not", name)
		}
	}
	for name, object := range got {
		wanted, ok := want[name]
		if !ok {
			t.Errorf("the chart has %s, config/default does not", name)
			continue
		}
		if difference := cmp.Diff(normal(t, wanted), normal(t, object)); difference != "" {
			t.Errorf("%s differs (- config/default, + the chart):\n%s", name, difference)
		}
	}
}

// normal is an object as JSON has it, whatever its numbers were read as.
func normal(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestGeneratedFilesOfTheChartAreCurrent(t *testing.T) {
	definitions := filepath.Join(root(t), "config", "crd", "bases")
	entries, err := os.ReadDir(definitions)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]string{filepath.Join("files", "role.yaml"): filepath.Join(root(t), "config", "rbac", "role.yaml")}
	for _, entry := range entries {
		pairs[filepath.Join("files", "crds", entry.Name())] = filepath.Join(definitions, entry.Name())
	}
	for copied, source := range pairs {
		want, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(chart(t), copied)); err != nil || string(got) != string(want) {
			t.Errorf("%s of the chart is not %s; run `make manifests`: %v", copied, source, err)
		}
	}
	if copies, err := os.ReadDir(filepath.Join(chart(t), "files", "crds")); err != nil || len(copies) != len(entries) {
		t.Errorf("the chart has %d CustomResourceDefinitions, config/crd/bases %d; run `make manifests`: %v", len(copies), len(entries), err)
	}
}

// valueSchema is the part of JSON Schema that the chart's values use.
type valueSchema struct {
	Description          string                 `json:"description"`
	Type                 string                 `json:"type"`
	Properties           map[string]valueSchema `json:"properties"`
	AdditionalProperties any                    `json:"additionalProperties"`
}

func TestEveryValueIsDocumentedAndHasItsDefault(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chart(t), "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var documented valueSchema
	if err := json.Unmarshal(text, &documented); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(filepath.Join(chart(t), "values.yaml")); err != nil {
		t.Fatal(err)
	}
	var defaults map[string]any
	if err := yaml.Unmarshal(text, &defaults); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(filepath.Join(root(t), "docs", "install.md")); err != nil {
		t.Fatal(err)
	}
	delete(documented.Properties, "global")
	compareValues(t, string(text), "", documented, defaults)
}

func compareValues(t *testing.T, guide, path string, documented valueSchema, defaults map[string]any) {
	t.Helper()
	if documented.AdditionalProperties != false {
		t.Errorf("a misspelt value in %q is not refused", path)
	}
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		if _, ok := documented.Properties[name]; !ok {
			t.Errorf("values.schema.json does not know %s%s", path, name)
		}
	}
	for name, property := range documented.Properties {
		value, ok := defaults[name]
		if !ok {
			t.Errorf("values.yaml has no default of %s%s", path, name)
			continue
		}
		if property.Description == "" || property.Type == "" {
			t.Errorf("values.schema.json does not say what %s%s is", path, name)
		}
		// What Kubernetes defines is taken as it is.
		if inner, ok := value.(map[string]any); ok && property.AdditionalProperties == false && name != "resources" {
			compareValues(t, guide, path+name+".", property, inner)
			continue
		}
		if row := "| `" + path + name + "` | "; !strings.Contains(guide, row) || !strings.Contains(guide, strings.TrimSuffix(property.Description, ".")+" |") {
			t.Errorf("docs/install.md does not say of %s%s what values.schema.json says: %s", path, name, property.Description)
		}
	}
}

func TestBadValuesAreRefusedBeforeAnythingIsInstalled(t *testing.T) {
	for _, row := range []struct{ name, set, want string }{
		{"no image", "image.repository=", "image.repository is required: the repository that `make image` pushed"},
		{"a tag in the repository", "image.repository=registry.example.com/scanjob:1.0", "image"},
		{"a digest that is none", "image.digest=sha256:0123", "digest"},
		{"an unknown pull policy", "image.pullPolicy=Sometimes", "pullPolicy"},
		{"a misspelt value", "replica=3", "replica"},
		{"a misspelt value inside another", "networkPolicy.enable=false", "enable"},
		{"replicas as text", "replicas=two", "replicas"},
		{"fewer replicas than none", "replicas=-1", "replicas"},
		{"a role of no account", `serviceAccount.annotations.eks\.amazonaws\.com/role-arn=scanjob-manager`, "role-arn"},
		{"no service account at all", "serviceAccount.create=false", "serviceAccount.name is required where serviceAccount.create is false"},
		{"a region that is an availability zone", "awsRegion=eu-central-1a", "awsRegion"},
		{"a flag without dashes", "extraArgs[0]=aws-region=eu-central-1", "extraArgs"},
		{"a variable without a name", "env[0].value=x", "env"},
		{"a label that selects the pods", "podLabels.control-plane=other", "'control-plane'"},
		{"a network policy of text", "networkPolicy.metricsFrom=monitoring", "metricsFrom"},
		{"an interval without a unit", "serviceMonitor.interval=30", "interval"},
		{"a switch that is no switch", "crds.keep=always", "keep"},
		{"a name that is none", "fullnameOverride=Scan_Job", "fullnameOverride"},
	} {
		t.Run(row.name, func(t *testing.T) {
			stdout, err := helm(t, "template", release, chart(t), "--set", "image.repository=controller", "--set", row.set)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want one that names %q; rendered %d bytes", err, row.want, len(stdout))
			}
		})
	}
}

func TestValuesChangeWhatTheySay(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for _, row := range []struct {
		name string
		set  string
		kind string
		path []string
		want string
	}{
		{"the tag is the chart's version unless it is given", "image.tag=null", "Deployment", []string{"spec", "template", "spec", "containers"}, `"image":"controller:0.1.0"`},
		{"a digest takes the place of the tag", "image.digest=" + digest, "Deployment", []string{"spec", "template", "spec", "containers"}, `"image":"controller@` + digest + `"`},
		{"a role for IRSA", `serviceAccount.annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::111122223333:role/scanjob-manager`, "ServiceAccount", []string{"metadata", "annotations"}, `"eks.amazonaws.com/role-arn":"arn:aws:iam::111122223333:role/scanjob-manager"`},
		{"a region", "awsRegion=eu-central-1", "Deployment", []string{"spec", "template", "spec", "containers"}, `"--aws-region=eu-central-1"`},
		{"a flag", "extraArgs[0]=--scanjob-workers=4", "Deployment", []string{"spec", "template", "spec", "containers"}, `"--scanjob-workers=4"`},
		{"a variable", "env[0].name=HTTPS_PROXY,env[0].value=http://proxy:3128", "Deployment", []string{"spec", "template", "spec", "containers"}, `"name":"HTTPS_PROXY"`},
		{"a label of the pods", "podLabels.team=platform", "Deployment", []string{"spec", "template", "metadata", "labels"}, `"team":"platform"`},
		{"who may read the metrics", "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring", "NetworkPolicy", []string{"spec", "ingress"}, `"from":[{"namespaceSelector":{"matchLabels":{"team":"monitoring"}}}]`},
		{"a proxy that the pods may reach", "networkPolicy.extraEgress[0].ports[0].port=3128", "NetworkPolicy", []string{"spec", "egress"}, `{"ports":[{"port":3128}]}`},
		{"a ServiceMonitor", "serviceMonitor.enabled=true,serviceMonitor.labels.release=prometheus", "ServiceMonitor", []string{"metadata", "labels"}, `"release":"prometheus"`},
		{"names of one's own", "fullnameOverride=scans", "Deployment", []string{"metadata", "name"}, `"scans-controller-manager"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, found, err := unstructured.NestedFieldNoCopy(find(t, template(t, "--set", row.set), row.kind).Object, row.path...)
			if err != nil || !found {
				t.Fatalf("%v is not there: %v", row.path, err)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), row.want) {
				t.Errorf("%s, want %s", text, row.want)
			}
		})
	}
}

func TestWhatIsSwitchedOffIsNotInstalled(t *testing.T) {
	for set, kind := range map[string]string{
		"crds.enabled=false":                                         "CustomResourceDefinition",
		"networkPolicy.enabled=false":                                "NetworkPolicy",
		"podDisruptionBudget.enabled=false":                          "PodDisruptionBudget",
		"serviceMonitor.enabled=false":                               "ServiceMonitor",
		"serviceAccount.create=false,serviceAccount.name=controller": "ServiceAccount",
	} {
		for _, object := range template(t, "--set", set) {
			if object.GetKind() == kind {
				t.Errorf("with %s there still is %s %s", set, kind, object.GetName())
			}
		}
	}
	for _, object := range template(t, "--set", "aggregatedRoles=false") {
		for label := range object.GetLabels() {
			if strings.Contains(label, "aggregate-to-") {
				t.Errorf("with aggregatedRoles=false there still is %s %s", object.GetKind(), object.GetName())
			}
		}
	}
	for _, object := range template(t, "--set", "crds.keep=false") {
		if object.GetAnnotations()["helm.sh/resource-policy"] != "" {
			t.Errorf("with crds.keep=false %s is kept", object.GetName())
		}
	}
}

// Everything that is namespaced is in the release's namespace, and all that refers to it as well.
func TestAReleaseOfAnotherNameInAnotherNamespaceIsWhole(t *testing.T) {
	list := objects(t, mustHelm(t, "template", "leaks", chart(t), "--namespace", "security", "--set", "image.repository=controller"))
	account := find(t, list, "ServiceAccount")
	if account.GetName() != "leaks-scanjob-controller-manager" || account.GetNamespace() != "security" {
		t.Errorf("the service account is %s/%s", account.GetNamespace(), account.GetName())
	}
	names := byName(list)
	for name, object := range names {
		if strings.Contains(name, namespace) || strings.Contains(name, " /scanjob-") {
			t.Errorf("%s does not follow the release's name and namespace", name)
		}
		reference, bound := object["roleRef"].(map[string]any)
		if !bound {
			continue
		}
		role, _ := reference["kind"].(string)
		where := ""
		if role == "Role" {
			where = "security"
		}
		if _, ok := names[role+" "+where+"/"+reference["name"].(string)]; !ok {
			t.Errorf("%s binds %v, which is not there", name, reference)
		}
		subject := object["subjects"].([]any)[0].(map[string]any)
		if subject["name"] != account.GetName() || subject["namespace"] != "security" {
			t.Errorf("%s is for %v", name, subject)
		}
	}
}
