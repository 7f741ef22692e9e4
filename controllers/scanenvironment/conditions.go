package scanenvironment

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// stampAge is the age from which on status.lastCheckTime is worth a write of its own. It is a little less than the time
// between two checks of a Ready environment, so that each of them shows.
const stampAge = 4 * time.Minute

// conclude makes an environment's status of its references. found is what they led to.
//
// A reference that AWS could not be asked about says nothing new. If that is all there is against an environment that was
// Ready with this very spec, it stays Ready with what was resolved last: an outage, or a throttled call, stops no scan.
func conclude(environment *v1alpha1.ScanEnvironment, references []reference, found v1alpha1.ResolvedEnvironment, now time.Time) v1alpha1.ScanEnvironmentStatus {
	previous := environment.Status
	unchanged := environment.Observed()
	status := *previous.DeepCopy()
	status.ObservedGeneration, status.CheckedSpec = environment.Generation, environment.CheckedSpec()
	status.References = describe(references, previous.References, unchanged)

	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, Message: "every reference can be used"}
	first, others := worst(references)
	switch {
	case first == nil:
		status.Resolved = &found
		ready.Message += warned(references)
	case first.problem.unknown && unchanged && previous.Resolved != nil && meta.IsStatusConditionTrue(previous.Conditions, v1alpha1.ConditionReady):
		ready.Message = "what was resolved last stays in use: " + v1alpha1.ReasonAWSUnavailable + ": " + first.problem.message
	default:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, first.problem.reason, first.problem.message
		if len(others) > 0 {
			ready.Message += fmt.Sprintf(" (not usable either: %s)", strings.Join(others, ", "))
		}
	}
	setCondition(&status, environment.Generation, ready, now)
	doubt(&status, previous, unchanged, environment.Generation, now)
	if first == nil || !first.problem.unknown {
		stamp(&status, previous, now)
	}
	return status
}

// unaskable makes the status of an environment whose region nobody knows, so that nothing can be asked.
func unaskable(environment *v1alpha1.ScanEnvironment, references []reference, now time.Time) v1alpha1.ScanEnvironmentStatus {
	const message = "region: neither the environment nor the manager has an AWS region; set spec.region, or AWS_REGION in the manager's environment"
	status := *environment.Status.DeepCopy()
	status.ObservedGeneration, status.CheckedSpec = environment.Generation, environment.CheckedSpec()
	for i := range references {
		if references[i].problem == nil {
			references[i].problem = &problem{reason: v1alpha1.ReasonRegionUnknown, message: message}
		}
	}
	status.References = describe(references, nil, false)
	setCondition(&status, environment.Generation, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRegionUnknown, Message: message,
	}, now)
	return status
}

// worst returns the first reference that is definitely not usable, or else the first that could not be looked at, and the
// fields of all others with a problem.
func worst(references []reference) (first *reference, others []string) {
	for i := range references {
		ref := &references[i]
		if ref.problem != nil && (first == nil || first.problem.unknown && !ref.problem.unknown) {
			first = ref
		}
	}
	for i := range references {
		if references[i].problem != nil && &references[i] != first {
			others = append(others, references[i].field)
		}
	}
	return first, others
}

// describe makes the entries of status.references. What AWS could not be asked about keeps its last entry, as long as
// that is of the same spec and good.
func describe(references []reference, previous []v1alpha1.ReferenceStatus, keep bool) []v1alpha1.ReferenceStatus {
	last := make(map[string]v1alpha1.ReferenceStatus, len(previous))
	for _, entry := range previous {
		last[entry.Field] = entry
	}
	entries := make([]v1alpha1.ReferenceStatus, 0, len(references))
	for i := range references {
		ref := &references[i]
		entry := v1alpha1.ReferenceStatus{Field: ref.field, Ready: ref.problem == nil, Resolved: ref.resolved, Message: ref.warning}
		if entry.Resolved == "" {
			entry.Resolved = ref.identifier
		}
		if ref.problem != nil {
			entry.Reason, entry.Message = ref.problem.reason, ref.problem.message
			if kept, ok := last[ref.field]; ok && keep && kept.Ready && ref.problem.unknown {
				entry = kept
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

func setCondition(status *v1alpha1.ScanEnvironmentStatus, generation int64, condition metav1.Condition, now time.Time) {
	condition.ObservedGeneration = generation
	condition.LastTransitionTime = metav1.NewTime(now)
	meta.SetStatusCondition(&status.Conditions, condition)
}

// stamp notes the time of the check if something else is written anyway, or the last note is old.
func stamp(status *v1alpha1.ScanEnvironmentStatus, previous v1alpha1.ScanEnvironmentStatus, now time.Time) {
	if previous.LastCheckTime != nil && now.Sub(previous.LastCheckTime.Time) < stampAge && equality.Semantic.DeepEqual(*status, previous) {
		return
	}
	// The API keeps whole seconds; a fraction would differ from what comes back.
	checked := metav1.NewTime(now.Truncate(time.Second))
	status.LastCheckTime = &checked
}
