package delta

import (
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Entry is one line of an ignore file. What is empty matches everything; an entry has at least one of Fingerprint, Path and
// Rule.
type Entry struct {
	// Fingerprint is that of a finding.
	Fingerprint string
	// Commit is the full id of the commit that brought the finding.
	Commit string
	// Path is a path, as findings show it; with Glob, a pattern of such paths.
	Path string
	Glob bool
	// Rule is the identifier of a rule, ours or gitleaks'.
	Rule string
	// Line is that of the finding where ByLine is set: 0 for one in the name of a file.
	Line   int
	ByLine bool
	// Until is the last day, in UTC, on which the entry counts; zero means for ever.
	Until time.Time
	// Reason is why, for people.
	Reason string
	// Where names the file and line that the entry comes from.
	Where string
}

func (e Entry) expired(now time.Time) bool {
	return !e.Until.IsZero() && !now.Before(e.Until.AddDate(0, 0, 1))
}

func (e Entry) matches(finding contract.Finding) bool {
	switch {
	case e.Fingerprint != "" && e.Fingerprint != finding.Fingerprint,
		e.Commit != "" && e.Commit != finding.Commit,
		e.ByLine && e.Line != finding.Line,
		// Who ignores a folder knows what is found there, and not what was not read of it. A fingerprint is of the rule, too.
		finding.Rule == contract.RuleNotScanned && e.Fingerprint == "" && e.Rule != finding.Rule,
		e.Rule != "" && !slices.Contains(namesOf(finding.Rule), e.Rule):
		return false
	case e.Path == "":
		return true
	case e.Glob:
		return doublestar.MatchUnvalidated(e.Path, finding.Path)
	}
	return e.Path == finding.Path
}

func (e Entry) suppression() *contract.Suppression {
	why := &contract.Suppression{By: contract.SuppressedByIgnoreFile, Where: e.Where, Reason: e.Reason}
	if !e.Until.IsZero() {
		why.Until = e.Until.Format(time.DateOnly)
	}
	return why
}

// namesOf are the identifiers that people know a rule by: ours, and those of gitleaks' rules that find the same, so that its
// ignore files keep their meaning. All rules but those of AWS have the same identifier in both.
func namesOf(rule string) []string {
	switch rule {
	case "aws-access-key-id":
		return []string{rule, "aws-access-token"}
	case "aws-secret-access-key", "aws-session-token", "aws-codecommit-git-credential":
		return []string{rule, "generic-api-key"}
	}
	return []string{rule}
}

// index finds the entry for a finding without looking at all: an ignore file of a large repository has thousands.
type index struct {
	byFingerprint, byPath map[string][]Entry
	others                []Entry
}

func newIndex(entries []Entry) index {
	x := index{byFingerprint: map[string][]Entry{}, byPath: map[string][]Entry{}}
	for _, entry := range entries {
		switch {
		case entry.Fingerprint != "":
			x.byFingerprint[entry.Fingerprint] = append(x.byFingerprint[entry.Fingerprint], entry)
		case entry.Path != "" && !entry.Glob:
			x.byPath[entry.Path] = append(x.byPath[entry.Path], entry)
		default:
			x.others = append(x.others, entry)
		}
	}
	return x
}

func (x index) find(finding contract.Finding) (Entry, bool) {
	for _, entries := range [][]Entry{x.byFingerprint[finding.Fingerprint], x.byPath[finding.Path], x.others} {
		for _, entry := range entries {
			if entry.matches(finding) {
				return entry, true
			}
		}
	}
	return Entry{}, false
}
