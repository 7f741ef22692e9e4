package aws

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/test/iam"
)

// What the policies of the roles say is tested in test/iam. Here ACK's API takes the roles with every component.
func TestTheRolesAreAcceptedByTheAPIServer(t *testing.T) {
	role := schema.GroupVersionKind{Group: "iam.services.k8s.aws", Version: "v1alpha1", Kind: "Role"}
	if err := plane.InstallACK(role); err != nil {
		t.Fatal(err)
	}
	namespace := plane.Namespace(t)
	for _, components := range [][]string{nil, {iam.PodIdentity}, {iam.IRSA}, {iam.IRSA, iam.AssumeEnvironments}, {iam.Environment}} {
		t.Run("with "+strings.Join(components, " and "), func(t *testing.T) {
			objects, err := iam.Manifests{Components: components}.Build()
			if err != nil {
				t.Fatal(err)
			}
			c, warned := strictClient(t)
			roles := 0
			for _, object := range objects {
				if object.GroupVersionKind() != role {
					continue // ACK's controller for EKS is not among those that the tests know
				}
				roles++
				if err := apply(t, c, namespace, object, client.DryRunAll); err != nil {
					t.Errorf("%s: %v", object.GetName(), err)
				}
			}
			if roles != 3 || len(warned.texts) != 0 {
				t.Errorf("%d roles, want 3; the API server warns: %s", roles, strings.Join(warned.texts, "; "))
			}
		})
	}
}

// The roles that are proved are those of iam/ alone. With the values of the file, config/aws has the same ones.
func TestTheValuesOfTheFileLeaveTheRolesAsTheyAreProved(t *testing.T) {
	for _, components := range [][]string{
		nil, {iam.PodIdentity}, {iam.IRSA}, {iam.AssumeEnvironments}, {iam.IRSA, iam.AssumeEnvironments}, {iam.Environment},
	} {
		t.Run("with "+strings.Join(components, " and "), func(t *testing.T) {
			alone, err := iam.Manifests{Components: components}.Build()
			if err != nil {
				t.Fatal(err)
			}
			all := objectsOf(t, variant{iam: components})
			for _, role := range alone {
				if diff := cmp.Diff(role.Object, all.get(t, role.GetKind(), role.GetName()).Object); diff != "" {
					t.Errorf("%s %s in iam (-) and in config/aws (+):\n%s", role.GetKind(), role.GetName(), diff)
				}
			}
			if got := len(all.of("Role")); got != 3 {
				t.Errorf("config/aws has %d roles, want 3", got)
			}
		})
	}
}
