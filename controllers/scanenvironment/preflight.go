package scanenvironment

import (
	"context"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// Preflight checks an environment once, as the controller does, and returns the status that it would get. It writes
// nothing and takes nothing from the status that is there. The error is of the Kubernetes API alone.
func Preflight(ctx context.Context, reader client.Reader, clients *awsclient.Factory, environment *v1alpha1.ScanEnvironment) (v1alpha1.ScanEnvironmentStatus, error) {
	unchecked := environment.DeepCopy()
	unchecked.Status = v1alpha1.ScanEnvironmentStatus{}
	once := &Reconciler{clients: clients, clock: clock.RealClock{}, reader: reader}
	references, err := once.resolve(ctx, unchecked)
	if err != nil {
		return v1alpha1.ScanEnvironmentStatus{}, err
	}
	return once.inspect(ctx, unchecked, references), nil
}
