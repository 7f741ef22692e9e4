package report

import (
	"fmt"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// asides tell what does not count: nothing that was found is left unsaid.
func (s Subject) asides() []string {
	var lines []string
	if existing := s.Result.Total - s.Result.New; existing > 0 {
		lines = append(lines, fmt.Sprintf("%s on the target branch already", counted(existing, "finding")))
	}
	if n := len(s.Resolved); n > 0 {
		lines = append(lines, fmt.Sprintf("%s of the target branch resolved", counted(n, "finding")))
	}
	by := map[contract.SuppressedBy]int{}
	for _, finding := range s.Suppressed {
		if finding.Suppression != nil {
			by[finding.Suppression.By]++
		}
	}
	for _, kind := range []struct {
		by   contract.SuppressedBy
		text string
	}{
		{contract.SuppressedByIgnoreFile, "an ignore file"}, {contract.SuppressedByComment, "a comment on the line"}, {contract.SuppressedByBaseline, "the baseline"},
	} {
		if n := by[kind.by]; n > 0 {
			lines = append(lines, fmt.Sprintf("%s suppressed by %s", counted(n, "finding"), kind.text))
		}
	}
	return append(lines, s.Result.Problems...)
}

// suppressedBy is the kind and place of what suppresses the finding, or empty.
func suppressedBy(finding contract.Finding) string {
	if finding.Suppression == nil {
		return ""
	}
	return string(finding.Suppression.By) + " " + finding.Suppression.Where
}

func reasonOf(finding contract.Finding) string {
	if finding.Suppression == nil {
		return ""
	}
	return finding.Suppression.Reason
}
