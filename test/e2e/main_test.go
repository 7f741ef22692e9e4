// Package e2e runs the whole operator against a real API server and the local AWS: the paths that users rely on, and the
// ways in which they can be broken.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/test/iam"
)

var (
	// plane is the control plane of this test binary.
	plane *testplane.Plane
	// roles are those of config/aws/iam. They bind in every world.
	roles []awslocal.Role
	// used is what the calls of all worlds needed.
	used permissions
)

func TestMain(m *testing.M) {
	code := testplane.Main(m, func(started *testplane.Plane) (err error) {
		plane = started
		roles, err = iam.Manifests{Components: []string{iam.AssumeEnvironments}}.Roles(iam.Account)
		return err
	})
	if code == 0 && wholeSuite() {
		for _, problem := range used.findings(roles) {
			fmt.Fprintln(os.Stderr, "config/aws/iam:", problem)
			code = 1
		}
	}
	os.Exit(code)
}
