package scanenvironment

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// doubt takes back what a failed attempt said of an environment that is not the one any more that it was started in.
// Whether the change was the cure, the next attempt tells; it is the ScanJob controller that sets condition Degraded.
// unchanged says that the spec is still the checked one, but perhaps for its limits, which cure no attempt.
func doubt(status *v1alpha1.ScanEnvironmentStatus, previous v1alpha1.ScanEnvironmentStatus, unchanged bool, generation int64, now time.Time) {
	same := unchanged && equality.Semantic.DeepEqual(previous.Resolved, status.Resolved)
	if same || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionDegraded) {
		return
	}
	setCondition(status, generation, metav1.Condition{
		Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonEnvironmentChanged,
		Message: "an attempt failed, and the environment has changed since; the next attempt tells",
	}, now)
}
