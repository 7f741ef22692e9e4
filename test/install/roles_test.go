package install

import (
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// The API server brings the roles view, edit and admin along, with selectors of the roles that are added to them.
func TestTheClustersOwnRolesAreExtended(t *testing.T) {
	kube := admin(t)
	var ours []rbacv1.ClusterRole
	for _, object := range build(t, "default") {
		if object.GetKind() != "ClusterRole" {
			continue
		}
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			t.Fatal(err)
		}
		ours = append(ours, role)
	}
	// grants says what the cluster's role gets from ours.
	grants := func(name, verb, resource string) bool {
		t.Helper()
		role := &rbacv1.ClusterRole{}
		if err := kube.Get(t.Context(), types.NamespacedName{Name: name}, role); err != nil {
			t.Fatal(err)
		}
		for _, added := range ours {
			for _, selector := range role.AggregationRule.ClusterRoleSelectors {
				selects, err := metav1.LabelSelectorAsSelector(&selector)
				if err != nil {
					t.Fatal(err)
				}
				if selects.Matches(labels.Set(added.Labels)) && allows(added.Rules, verb, "scanjob.dev", resource) {
					return true
				}
			}
		}
		return false
	}
	for _, row := range []struct {
		role     string
		verb     string
		resource string
		want     bool
	}{
		{"view", "get", "scanenvironments", true},
		{"view", "list", "scanjobs", true},
		{"view", "watch", "scantriggers", true},
		{"view", "list", "scanschedules", true},
		{"view", "create", "scanjobs", false},
		{"view", "delete", "scanjobs", false},
		{"edit", "list", "scanenvironments", true},
		{"edit", "create", "scanjobs", true},
		{"edit", "patch", "scanjobs", true},
		{"edit", "deletecollection", "scanjobs", true},
		{"edit", "create", "scantriggers", true},
		{"edit", "update", "scanschedules", true},
		// An environment names the AWS role that the manager assumes.
		{"edit", "create", "scanenvironments", false},
		{"edit", "patch", "scanenvironments", false},
		{"admin", "create", "scanenvironments", true},
		{"admin", "delete", "scanenvironments", true},
		{"admin", "create", "scanjobs", true},
		{"admin", "get", "scanschedules", true},
		// Who could write a status could fake a clean scan.
		{"admin", "patch", "scanjobs/status", false},
		{"edit", "update", "scanjobs/status", false},
	} {
		if got := grants(row.role, row.verb, row.resource); got != row.want {
			t.Errorf("who has the role %s may %s %s: %t, want %t", row.role, row.verb, row.resource, got, row.want)
		}
	}
}

func allows(rules []rbacv1.PolicyRule, verb, group, resource string) bool {
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
		return slices.Contains(rule.Verbs, verb) && slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource)
	})
}
