package scanenvironment

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// How long until an environment is looked at again where no watch does it sooner.
const (
	// readyInterval is between two checks of a Ready environment.
	readyInterval = 5 * time.Minute
	// unavailableInterval is between two tries to ask AWS.
	unavailableInterval = 15 * time.Second
	// installInterval is between two looks for a kind of ACK that is not installed.
	installInterval = 30 * time.Second
	// The first look at a new fault comes after firstRetry, and each later one when the fault is twice as old, up to
	// readyInterval.
	firstRetry = 5 * time.Second
	// jitter spreads environments that were created together.
	jitter = 0.2
)

// nextCheck returns the time until the next check, before jitter. It needs no memory: the age of a fault is in the
// condition's transition time.
func nextCheck(conditions []metav1.Condition, references []reference, now time.Time) time.Duration {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	next := readyInterval
	if ready == nil || ready.Status != metav1.ConditionTrue {
		next = firstRetry
		if ready != nil {
			next = min(max(now.Sub(ready.LastTransitionTime.Time), firstRetry), readyInterval)
		}
	}
	for i := range references {
		switch fault := references[i].problem; {
		case fault == nil:
		case fault.unknown:
			next = min(next, unavailableInterval)
		case fault.uninstalled:
			next = min(next, installInterval)
		}
	}
	return next
}
