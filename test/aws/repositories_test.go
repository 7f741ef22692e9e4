package aws

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// repositoriesOf are the names in a role's policy read-repositories.
func repositoriesOf(t *testing.T, role *unstructured.Unstructured) []string {
	t.Helper()
	var policy struct{ Statement []struct{ Resource any } }
	if err := json.Unmarshal([]byte(text(t, role, "spec", "inlinePolicies", "read-repositories")), &policy); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, statement := range policy.Statement {
		resources, ok := statement.Resource.([]any)
		if !ok {
			continue // ListRepositories, which knows no resource
		}
		for _, resource := range resources {
			arn := strings.Split(resource.(string), ":")
			names = append(names, arn[len(arn)-1])
		}
	}
	return names
}

// A trigger that wants more than the roles allow makes scans that fail.
func TestTheTriggerWantsTheRepositoriesThatTheRolesAllow(t *testing.T) {
	for name, values := range map[string]map[string]string{
		"two, by the file": nil,
		"one alone":        {"REPOSITORIES_A": "acme-shop", "REPOSITORIES_B": "*.git"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := objectsOf(t, variant{values: values})
			trigger := objects.get(t, "ScanTrigger", "pull-requests")
			wanted, _, err := unstructured.NestedStringSlice(trigger.Object, "spec", "repositories")
			if err != nil || len(wanted) != 2 {
				t.Fatalf("the trigger wants %v: %v", wanted, err)
			}
			for _, role := range []string{"scanjob-manager", "scanjob-task"} {
				if diff := cmp.Diff(wanted, repositoriesOf(t, objects.get(t, "Role", role))); diff != "" {
					t.Errorf("the trigger (-) and %s (+):\n%s", role, diff)
				}
			}
			c, _ := strictClient(t)
			if err := apply(t, c, plane.Namespace(t), trigger, client.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
}

// That is why the file's advice for one repository is a pattern that stands for none.
func TestARepositoryThatIsWrittenTwiceIsRefused(t *testing.T) {
	trigger := objectsOf(t, variant{values: map[string]string{"REPOSITORIES_B": "payments"}}).get(t, "ScanTrigger", "pull-requests")
	c, _ := strictClient(t)
	err := apply(t, c, plane.Namespace(t), trigger, client.DryRunAll)
	if err == nil || apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "uplicate") {
		t.Errorf("error %v, want one that names the duplicate", err)
	}
}
