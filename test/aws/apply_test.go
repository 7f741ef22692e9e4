package aws

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// warnings gathers what kubectl would print.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

// strictClient refuses unknown fields, as `kubectl apply` does.
func strictClient(t *testing.T) (client.Client, *warnings) {
	t.Helper()
	w := &warnings{}
	config := rest.CopyConfig(plane.Config)
	config.WarningHandler = w
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client.WithFieldValidation(c, metav1.FieldValidationStrict), w
}

// apply is `kubectl apply --server-side -n NAMESPACE`.
func apply(t *testing.T, c client.Client, namespace string, object *unstructured.Unstructured, options ...client.ApplyOption) error {
	t.Helper()
	placed := object.DeepCopy()
	placed.SetNamespace(namespace)
	options = append(options, client.FieldOwner("kubectl"), client.ForceOwnership)
	return c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(placed), options...)
}

func TestEveryVariantIsAcceptedByTheAPIServer(t *testing.T) {
	if !testplane.HasACKSchemas() {
		t.Logf("%s is not set: the fields of ACK's objects are not compared with ACK's own definitions", testplane.EnvACKDefinitions)
	}
	for _, kind := range lacking {
		t.Logf("%s has no definition of %s: its fields are not compared with ACK's own", testplane.EnvACKDefinitions, kind.GroupKind())
	}
	namespace := plane.Namespace(t)
	for _, v := range append(variants(), iamVariants()...) {
		t.Run(v.name(), func(t *testing.T) {
			c, warned := strictClient(t)
			for _, object := range objectsOf(t, v) {
				if object.GetNamespace() != "" {
					t.Errorf("%s %s is bound to namespace %s", object.GetKind(), object.GetName(), object.GetNamespace())
				}
				if err := apply(t, c, namespace, object, client.DryRunAll); err != nil {
					t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
				}
			}
			if len(warned.texts) != 0 {
				t.Errorf("the API server warns: %s", strings.Join(warned.texts, "; "))
			}
		})
	}
}

// TestAMisspeltFieldIsRefused shows that the test above can fail.
func TestAMisspeltFieldIsRefused(t *testing.T) {
	if !testplane.HasACKSchemas() {
		t.Skipf("%s is not set: the minimal definitions take every field", testplane.EnvACKDefinitions)
	}
	c, _ := strictClient(t)
	queue := objectsOf(t, variant{}).get(t, "Queue", "scan-inbox")
	if err := unstructured.SetNestedField(queue.Object, "60", "spec", "visibilityTimeOut"); err != nil {
		t.Fatal(err)
	}
	err := apply(t, c, plane.Namespace(t), queue, client.DryRunAll)
	if !apierrors.IsBadRequest(err) && !apierrors.IsInvalid(err) && (err == nil || !strings.Contains(err.Error(), "visibilityTimeOut")) {
		t.Errorf("error %v, want one that names visibilityTimeOut", err)
	}
}

// common is what is made whatever the network.
func common() []string {
	return []string{
		"Bucket scan-reports", "Cluster scans", "LogGroup scanner", "Queue scan-inbox", "Queue scan-inbox-dead", "Repository scanner",
		"Role scanjob-execution", "Role scanjob-manager", "Role scanjob-task",
		"Rule scanjob-pull-requests", "Rule scanjob-pushes", "Rule scanjob-tasks",
		"ScanEnvironment default", "ScanTrigger pull-requests", "SecurityGroup scans",
		"Subscription scan-findings-email", "Subscription scan-findings-inbox", "TaskDefinition scanner", "Topic scan-findings",
	}
}

func TestWhatEachNetworkMakes(t *testing.T) {
	vpc := []string{"RouteTable private", "Subnet private-a", "Subnet private-b", "VPC scans", "VPCEndpoint s3"}
	for network, more := range map[string][]string{
		networkExisting: {},
		networkEndpoints: append([]string{
			"SecurityGroup endpoints", "VPCEndpoint ecr-api", "VPCEndpoint ecr-dkr", "VPCEndpoint git-codecommit", "VPCEndpoint logs", "VPCEndpoint sns",
		}, vpc...),
		networkNAT: append([]string{
			"ElasticIPAddress scans-nat", "InternetGateway scans", "NATGateway scans", "RouteTable public", "Subnet public-a", "Subnet public-b",
		}, vpc...),
	} {
		t.Run(network, func(t *testing.T) {
			want := slices.Sorted(slices.Values(append(common(), more...)))
			if diff := cmp.Diff(want, objectsOf(t, variant{network: network}).names()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// referent is the kind that a reference field of ACK, or of a ScanEnvironment, leads to.
func referent(field string) string {
	return map[string]string{
		"topicRef": "Topic", "vpcRef": "VPC", "subnetRef": "Subnet", "subnetRefs": "Subnet", "securityGroupRefs": "SecurityGroup",
		"routeTableRefs": "RouteTable", "gatewayRef": "InternetGateway", "natGatewayRef": "NATGateway", "allocationRef": "ElasticIPAddress", "roleRef": "Role",
		"cluster": "Cluster", "taskDefinition": "TaskDefinition", "subnets": "Subnet", "securityGroups": "SecurityGroup",
		"queue": "Queue", "topic": "Topic", "bucket": "Bucket",
	}[field]
}

// references lists what an object refers to by from, as KIND NAME.
func references(object *unstructured.Unstructured) []string {
	var found []string
	var walk func(field string, value any)
	walk = func(field string, value any) {
		switch value := value.(type) {
		case []any:
			for _, item := range value {
				walk(field, item)
			}
		case map[string]any:
			if from, ok := value["from"].(map[string]any); ok {
				found = append(found, referent(field)+" "+from["name"].(string))
				return
			}
			for _, key := range slices.Sorted(maps.Keys(value)) {
				walk(key, value[key])
			}
		}
	}
	walk("", object.Object["spec"])
	return found
}

func TestEveryReferenceLeadsToAnObjectOfTheSameVariant(t *testing.T) {
	for _, v := range append(variants(), iamVariants()...) {
		t.Run(v.name(), func(t *testing.T) {
			objects := objectsOf(t, v)
			names := objects.names()
			count := 0
			for _, object := range objects {
				for _, reference := range references(object) {
					count++
					if !slices.Contains(names, reference) {
						t.Errorf("%s %s refers to %s, which is not there", object.GetKind(), object.GetName(), reference)
					}
				}
			}
			if count < 8 {
				t.Errorf("only %d references were found", count)
			}
		})
	}
}
