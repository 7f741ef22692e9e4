// Package e2e runs the whole operator against a real API server and the local AWS: the paths that users rely on, and the
// ways in which they can be broken.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// plane is the control plane of this test binary.
var plane *testplane.Plane

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	started, err := testplane.Start(testplane.Options{CRDs: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the control plane:", err)
		return 1
	}
	plane = started
	code := m.Run()
	if err := plane.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the control plane:", err)
		return 1
	}
	return code
}
