// Package delta decides which findings count: it compares them with what the target branch holds, and takes out what ignore
// files, comments and baselines say is known. Everything is decided by fingerprint where there is one, and nothing disappears:
// what does not count is handed back with the reason.
package delta

import (
	"fmt"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Suppressions are what can keep findings from counting.
type Suppressions struct {
	// Entries are those of the ignore files.
	Entries []Entry
	// Baseline are the fingerprints of an earlier report.
	Baseline Baseline
	// Comments has a comment on the line of a finding count.
	Comments bool
	// Now tells which entries have expired.
	Now time.Time
}

// Outcome is what becomes of findings.
type Outcome struct {
	// Kept are the findings that count.
	Kept []contract.Finding
	// Suppressed are those that do not; each says why.
	Suppressed []contract.Finding
	// Problems are what somebody has to mend, such as entries that have expired.
	Problems []string
}

// Apply parts the findings into those that count and those that do not. It changes none of its arguments.
func Apply(findings []contract.Finding, s Suppressions) Outcome {
	var outcome Outcome
	entries := make([]Entry, 0, len(s.Entries))
	for _, entry := range s.Entries {
		if entry.expired(s.Now) {
			outcome.Problems = append(outcome.Problems, fmt.Sprintf("%s expired on %s and no longer counts: remove it, or give it another date%s",
				entry.Where, entry.Until.Format(time.DateOnly), inBrackets(entry.Reason)))
			continue
		}
		entries = append(entries, entry)
	}
	x := newIndex(entries)
	for _, finding := range findings {
		why := s.why(finding, x)
		if why == nil {
			outcome.Kept = append(outcome.Kept, finding)
			continue
		}
		finding.Suppression = why
		outcome.Suppressed = append(outcome.Suppressed, finding)
	}
	return outcome
}

func inBrackets(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// why returns what keeps the finding from counting, or nil.
func (s Suppressions) why(finding contract.Finding, x index) *contract.Suppression {
	if entry, ok := x.find(finding); ok {
		return entry.suppression()
	}
	switch {
	case s.Comments && finding.AllowComment != "" && finding.Rule != contract.RuleNotScanned:
		return &contract.Suppression{By: contract.SuppressedByComment, Where: finding.AllowComment}
	case s.Baseline.Holds(finding):
		return &contract.Suppression{By: contract.SuppressedByBaseline, Where: s.Baseline.Where}
	}
	return nil
}

// Valued is a finding with what tells its value apart.
type Valued struct {
	contract.Finding
	// Value is equal for equal values of a rule. A fingerprint is not enough, since that of a value that could be guessed from it
	// is of its place.
	Value string
}

// Compare returns the findings of a revision with their states, and what it resolved: the findings of the target branch that
// are in none of the findings now. Both are to be of the same files, so that what was not read is not taken for resolved.
func Compare(now, target []Valued) (compared, resolved []contract.Finding) {
	before, after := holdingOf(target), holdingOf(now)
	compared = make([]contract.Finding, len(now))
	for i, finding := range now {
		compared[i] = finding.Finding
		compared[i].State = contract.StateNew
		// That something was not read before, either, does not tell what is in it now.
		if before.holds(finding) && finding.Rule != contract.RuleNotScanned {
			compared[i].State = contract.StateExisting
		}
	}
	told := holding{}
	for _, finding := range target {
		if after.holds(finding) || told.holds(finding) || finding.Fingerprint == "" || finding.Rule == contract.RuleNotScanned {
			continue
		}
		told.add(finding)
		finding.State = contract.StateResolved
		resolved = append(resolved, finding.Finding)
	}
	return compared, resolved
}

// identity is a value with its fingerprint, or at its path.
type identity struct{ value, fingerprint, path string }

// holding is a set of findings; one without a fingerprint is like no other.
type holding map[identity]struct{}

func holdingOf(findings []Valued) holding {
	held := make(holding, 2*len(findings))
	for _, finding := range findings {
		held.add(finding)
	}
	return held
}

func (h holding) add(finding Valued) {
	if finding.Fingerprint != "" {
		h[identity{value: finding.Value, fingerprint: finding.Fingerprint}] = struct{}{}
		h[identity{value: finding.Value, path: finding.Path}] = struct{}{}
	}
}

// holds tells whether the same value is held, anywhere, or, where its fingerprint is of its place, in the same file.
func (h holding) holds(finding Valued) bool {
	_, same := h[identity{value: finding.Value, fingerprint: finding.Fingerprint}]
	_, there := h[identity{value: finding.Value, path: finding.Path}]
	return finding.Fingerprint != "" && (same || there)
}
