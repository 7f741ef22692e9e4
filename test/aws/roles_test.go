package aws

import (
	"strings"
	"testing"

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
