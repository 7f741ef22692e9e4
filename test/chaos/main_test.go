// Package chaos runs many scans while everything around them goes wrong at random: managers are killed and paused, AWS
// throttles, loses answers and takes capacity back, events are lost, repeated and reordered, and the API server is cut off.
// Whatever happens, the invariants of docs/decisions and of docs/scanjob.md hold: see verify_test.go.
//
// All choices of a run follow from its seed, which is printed; moments do not, since several processes run at once. To
// repeat the choices of a run, use CHAOS_SEED.
package chaos

import (
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// plane is the control plane of this test binary.
var plane *testplane.Plane

func TestMain(m *testing.M) {
	// The managers are this program, too: as processes, so that they can be killed, with settings that no flag offers.
	if settings := os.Getenv(managerVariable); settings != "" {
		os.Exit(runManager(settings))
	}
	ctrl.SetLogger(logr.Discard())
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		return nil
	}))
}
