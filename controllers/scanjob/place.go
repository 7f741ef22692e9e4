package scanjob

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// ofTheQueue says whether a reason of condition Admitted comes from the admission loop.
func ofTheQueue(reason string) bool {
	switch reason {
	case scanv1.ReasonConcurrencyLimit, scanv1.ReasonRateLimited, scanv1.ReasonCapacityUnavailable:
		return true
	}
	return false
}

const placeFormat = "number %d in the queue of ScanEnvironment %s: %s"

// message says a place in words. It names no limit: a changed limit must not be told to thousands of jobs.
func (p place) message(environment string) string {
	why := "all slots (spec.capacity.maxConcurrentTasks) are taken"
	switch p.reason {
	case scanv1.ReasonRateLimited:
		why = "AWS's rate for starting tasks is used up for the moment"
	case scanv1.ReasonCapacityUnavailable:
		why = "Fargate has no capacity, or the account's vCPU quota is used up; one job at a time finds out whether that is over"
	}
	return fmt.Sprintf(placeFormat, p.position, environment, why)
}

// placeIn reads what message wrote, so that a new manager does not tell thousands of jobs what they know.
func placeIn(condition *metav1.Condition) place {
	if condition == nil || condition.Status != metav1.ConditionFalse || !ofTheQueue(condition.Reason) {
		return place{}
	}
	p := place{reason: condition.Reason}
	var environment, why string
	// A condition in other words has the position 0, which is told anew after a while. The rest of the words do not matter.
	_, _ = fmt.Sscanf(condition.Message, placeFormat, &p.position, &environment, &why)
	return p
}
