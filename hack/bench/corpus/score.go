package corpus

import (
	"cmp"
	"slices"
	"strings"
)

// Finding is what a scanner reports.
type Finding struct {
	// Path is relative to the tree, with a member of an archive after an exclamation mark.
	Path string
	// From and To are the first and last line, counted from 1; 0 where the scanner tells none.
	From, To int
	Rule     string
	// Secret is what the scanner shows of it, or empty.
	Secret string
}

// Score is how well a scanner did.
type Score struct {
	// Planted counts the labels that have to be found, Found those of them that were.
	Planted, Found int
	// Right counts the findings at a label, Wrong those at none.
	Right, Wrong int
	// Missed are the labels that were not found, WrongOnes the findings at no label.
	Missed    []Label
	WrongOnes []Finding
	Families  []FamilyScore
}

// FamilyScore is the recall of one family.
type FamilyScore struct {
	Family         string
	Planted, Found int
}

// Recall is the share of the planted secrets that were found.
func (s Score) Recall() float64 { return share(s.Found, s.Planted) }

// Precision is the share of the findings that are at a planted secret.
func (s Score) Precision() float64 { return share(s.Right, s.Right+s.Wrong) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// Judge compares findings with labels. A finding is right where it is in the file of a label and on its line; in an archive
// the file is enough where the scanner counts lines otherwise. A label is found by a finding of another secret only where the
// two cannot be told apart: an id or account number never stands for the key beside it.
func Judge(labels []Label, findings []Finding) Score {
	var score Score
	byFile := map[string][]int{}
	for i, label := range labels {
		file, _, _ := strings.Cut(label.Path, "!")
		byFile[file] = append(byFile[file], i)
	}
	found := make([]bool, len(labels))
	for _, finding := range findings {
		file, _, _ := strings.Cut(finding.Path, "!")
		right := false
		for _, i := range byFile[file] {
			if at(finding, labels[i]) {
				right = true
				if sameKind(finding, labels[i]) {
					found[i] = true
				}
			}
		}
		if right {
			score.Right++
		} else {
			score.Wrong++
			score.WrongOnes = append(score.WrongOnes, finding)
		}
	}
	families := map[string]*FamilyScore{}
	for i, label := range labels {
		if label.Optional {
			continue
		}
		f := families[label.Family]
		if f == nil {
			f = &FamilyScore{Family: label.Family}
			families[label.Family] = f
		}
		f.Planted++
		score.Planted++
		if found[i] {
			f.Found++
			score.Found++
		} else {
			score.Missed = append(score.Missed, label)
		}
	}
	for _, f := range families {
		score.Families = append(score.Families, *f)
	}
	slices.SortFunc(score.Families, func(a, b FamilyScore) int { return cmp.Compare(a.Family, b.Family) })
	return score
}

func at(finding Finding, label Label) bool {
	if finding.From == 0 {
		return true
	}
	return finding.From <= label.Line+1 && label.Line-1 <= max(finding.From, finding.To)
}

// sameKind tells whether the finding may stand for the label, by the kinds that every scanner tells apart.
func sameKind(finding Finding, label Label) bool {
	if finding.Secret != "" && len(finding.Secret) < 200 && len(label.Value) < 200 && label.Coding == "plain" {
		return strings.Contains(finding.Secret, label.Value) || strings.Contains(label.Value, finding.Secret)
	}
	kind := strings.ToLower(finding.Rule)
	switch {
	case !strings.HasPrefix(kind, "aws"):
		return true
	case strings.Contains(kind, "key-id") || kind == "aws-access-token":
		return label.Family == KeyID || label.Family == Presigned || label.Family == RDS
	case strings.Contains(kind, "account"):
		return label.Family == Account
	default:
		return label.Family != KeyID && label.Family != Account
	}
}
