package aws

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// decodeSpec is decode for code that is no test by itself.
func decodeSpec(object *unstructured.Unstructured, into any) error {
	encoded, err := json.Marshal(object.Object["spec"])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(encoded, into); err != nil {
		return fmt.Errorf("the spec of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// defaults are the values that are in the file.
func defaults(t *testing.T) map[string]string {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	e, err := readEntry(files)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, literal := range e.ConfigMapGenerator[0].Literals {
		key, value, ok := strings.Cut(literal, "=")
		if !ok || values[key] != "" {
			t.Fatalf("%q is no value, or is given twice", literal)
		}
		values[key] = value
	}
	return values
}

// others are values that differ from the file's in every part.
func others() map[string]string {
	return map[string]string{
		"ACCOUNT": "444455556666", "REGION": "eu-west-3", "PARTITION": "aws-us-gov", "EMAIL": "people@example.org",
		"IMAGE_DIGEST": "sha256:" + strings.Repeat("b", 64), "CPU_ARCHITECTURE": "X86_64",
		"BUCKET": "acme-sarif", "ECR_REPOSITORY": "acme/tools/leaks", "CLUSTER": "acme-cluster", "TASK_FAMILY": "acme-family",
		"INBOX": "acme-in", "DEAD_LETTERS": "acme-dlq", "TOPIC": "acme-found", "LOG_GROUP": "/acme/logs",
		"RULE_PULL_REQUESTS": "acme-rule-pr", "RULE_PUSHES": "acme-rule-git", "RULE_TASKS": "acme-rule-ecs",
		"EKS_CLUSTER": "acme-eks", "OIDC_ISSUER": "oidc.eks.eu-west-3.amazonaws.com/id/ACME0123456789",
		"EXECUTION_ROLE": "acme-exec", "TASK_ROLE": "acme-run", "MANAGER_ROLE": "acme-operator",
		"REPOSITORIES_A": "acme-shop", "REPOSITORIES_B": "acme-*-code",
		"ZONE_A": "eu-west-3b", "ZONE_B": "eu-west-3c", "VPC_CIDR": "172.20.0.0/16",
		"PRIVATE_A_CIDR": "172.20.1.0/24", "PRIVATE_B_CIDR": "172.20.2.0/24", "PUBLIC_A_CIDR": "172.20.3.0/24", "PUBLIC_B_CIDR": "172.20.4.0/24",
		"VPC_ID": "vpc-0fedcba9876543210", "SUBNET_A": "subnet-0fedcba9876543210", "SUBNET_B": "subnet-0edcba9876543210f",
	}
}

// leaf is a text in an object's spec, or in JSON that a text holds.
type leaf struct {
	path, text string
	// json is the JSON that holds it, empty for none.
	json string
}

// leaves lists the texts of a spec, but for those that are not AWS's: names of objects of ACK, of containers and volumes,
// tags, and descriptions.
func leaves(object *unstructured.Unstructured) []leaf {
	var found []leaf
	var walk func(path string, value any, document string)
	walk = func(path string, value any, document string) {
		switch value := value.(type) {
		case map[string]any:
			for key, below := range value {
				switch key {
				case "from", "tags", "description", "volumes", "mountPoints", "containerName":
				default:
					walk(path+"."+key, below, document)
				}
			}
		case []any:
			for i, below := range value {
				walk(fmt.Sprintf("%s.%d", path, i), below, document)
			}
		case string:
			var inner any
			if strings.HasPrefix(value, "{") && json.Unmarshal([]byte(value), &inner) == nil {
				walk(path, inner, value)
				return
			}
			found = append(found, leaf{path, value, document})
		}
	}
	walk(object.GetKind()+" "+object.GetName()+": spec", object.Object["spec"], "")
	return found
}

// String is where the text is, for JSON with the index that a replacement needs.
func (l leaf) String() string {
	if l.json == "" {
		return l.path
	}
	var indexes []string
	for i, piece := range strings.Split(l.json, `"`) {
		if piece == l.text {
			indexes = append(indexes, strconv.Itoa(i))
		}
	}
	return l.path + ` (delimiter '"', index ` + strings.Join(indexes, " or ") + ")"
}

// isOurs says whether a text is the same for everybody, although it equals a value by chance.
func (l leaf) isOurs() bool {
	return l.path == "TaskDefinition scanner: spec.containerDefinitions.0.name" ||
		l.path == "Rule scanjob-tasks: spec.eventPattern.detail.startedBy.0.prefix" ||
		strings.HasPrefix(l.path, "SecurityGroup") && strings.HasSuffix(l.path, ": spec.name")
}

// parts cuts a text into the parts of ARNs, paths and names of images.
func (l leaf) parts() []string {
	return strings.FieldsFunc(l.text, func(r rune) bool { return strings.ContainsRune(":/@", r) })
}

// TestEveryValueReachesTheObjects changes all values at once, so that nothing of the file's own may be left anywhere.
func TestEveryValueReachesTheObjects(t *testing.T) {
	before, after := defaults(t), others()
	var all []leaf
	for _, v := range []variant{
		{networkEndpoints, after, []string{iam.PodIdentity}}, {networkNAT, after, []string{iam.IRSA}}, {network: networkExisting, values: after},
	} {
		for _, object := range objectsOf(t, v) {
			all = append(all, leaves(object)...)
		}
	}
	for key, old := range before {
		if after[key] == "" || after[key] == old {
			t.Errorf("this test does not change %s", key)
		}
		for _, l := range all {
			whole := l.text == old || slices.Contains(l.parts(), old)
			within := len(old) > len("aws") && strings.ContainsAny(old, "0123456789/") && strings.Contains(l.text, old)
			if (whole || within) && !l.isOurs() {
				t.Errorf("%s still has %s of %s: %s", l, old, key, l.text)
			}
		}
	}
	for key, value := range after {
		if _, ok := before[key]; !ok {
			t.Errorf("the file has no value %s", key)
		}
		if !slices.ContainsFunc(all, func(l leaf) bool { return strings.Contains(l.text, value) }) {
			t.Errorf("%s is in no object", key)
		}
	}
}

// TestValuesAreReadAndNotApplied keeps the ConfigMaps of values out of the cluster.
func TestValuesAreReadAndNotApplied(t *testing.T) {
	if found := objectsOf(t, variant{}).of("ConfigMap"); len(found) != 0 {
		t.Errorf("built %v", found.names())
	}
}

// TestTheSameNamesAreUsedEverywhere compares what is in the file with the demo's AWS and with config/samples.
func TestTheSameNamesAreUsedEverywhere(t *testing.T) {
	values, names := defaults(t), awslocal.DefaultNames()
	for key, want := range map[string]string{
		"CLUSTER": names.Cluster, "TASK_FAMILY": names.TaskFamily, "TASK_ROLE": names.TaskRole, "EXECUTION_ROLE": names.ExecutionRole,
		"INBOX": names.Queue, "DEAD_LETTERS": names.DeadLetterQueue, "TOPIC": names.Topic, "EMAIL": names.Email, "BUCKET": names.Bucket,
		"LOG_GROUP": names.LogGroup, "RULE_PULL_REQUESTS": names.PullRequestRule, "RULE_PUSHES": names.PushRule, "RULE_TASKS": names.TaskRule,
	} {
		if values[key] != want {
			t.Errorf("%s is %s, and %s in the demo", key, values[key], want)
		}
	}
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := os.ReadFile(filepath.Join(root, "config", "samples", "scanenvironment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sample := map[string]any{}
	if err := yaml.Unmarshal(encoded, &sample); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, objectsOf(t, variant{}).get(t, "ScanEnvironment", "default").Object); diff != "" {
		t.Errorf("config/samples/scanenvironment.yaml and the environment here differ:\n%s", diff)
	}
}
