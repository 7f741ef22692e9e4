package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// CheckedSpec identifies what of the spec is checked with AWS: all but the limits, which are the operator's own to hold.
func (e *ScanEnvironment) CheckedSpec() string {
	checked := e.Spec.DeepCopy()
	checked.Capacity.MaxConcurrentTasks, checked.Capacity.Drain = 0, false
	text, err := json.Marshal(checked)
	if err != nil {
		return "" // a spec that came from the API server can be written
	}
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:8])
}

// Observed says whether the status is about this spec, but perhaps for its limits. A change of these needs no check, and
// takes effect when it is seen.
func (e *ScanEnvironment) Observed() bool {
	return e.Status.ObservedGeneration == e.Generation || e.Status.CheckedSpec != "" && e.Status.CheckedSpec == e.CheckedSpec()
}
