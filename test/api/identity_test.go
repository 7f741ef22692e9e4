package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The overlays are config/default with another service account: the rest of it is tested where that is.
func TestConfigIdentityIsTheDefaultWithAnIdentity(t *testing.T) {
	const role = "eks.amazonaws.com/role-arn"
	byName := func(objects []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
		named := map[string]*unstructured.Unstructured{}
		for _, object := range objects {
			named[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = object
		}
		return named
	}
	const account = "ServiceAccount " + operatorNamespace + "/scanjob-controller-manager"
	for overlay, want := range map[string]map[string]string{
		"identity/irsa":         {role: "arn:aws:iam::111122223333:role/scanjob-manager"},
		"identity/pod-identity": nil,
	} {
		t.Run(overlay, func(t *testing.T) {
			defaults, objects := byName(build(t, "default")), byName(build(t, overlay))
			if objects[account] == nil {
				t.Fatalf("there is no %s", account)
			}
			if got := objects[account].GetAnnotations(); got[role] != want[role] || len(got) != len(want) {
				t.Errorf("the annotations are %v, want %v", got, want)
			}
			objects[account].SetAnnotations(nil)
			defaults[account].SetAnnotations(nil)
			if diff := cmp.Diff(defaults, objects); diff != "" {
				t.Errorf("config/default (-) and config/%s (+) differ:\n%s", overlay, diff)
			}
		})
	}
}
