package rules

import "github.com/scanjob-dev/scanjob/api/contract"

// Rule describes one kind of finding as data.
type Rule struct {
	// ID is the identifier in contract.Finding.Rule.
	ID string
	// Description says in a few words what was found.
	Description string
	// Severity is the usual severity; a single finding may have another where its surroundings tell more.
	Severity contract.Severity
	// Advice says what to do now, in one or two sentences.
	Advice string
	Links  []string
	Tags   []string

	// Keywords are in lower case. Where there are any, the rule counts only near one of them, whatever its case.
	Keywords []string
	// Regexp finds the secret in a content; nil for a rule of paths alone and for one that is Code.
	Regexp *Regexp
	// Literals are in lower case: every match of Regexp holds one of them, whatever its case. There are none where that is
	// not known, and the expression has to meet every byte then.
	Literals []string
	// SecretGroup is the group of Regexp that is the secret; 0 is the first group that is not empty, or all.
	SecretGroup int
	// Entropy is what a secret has to exceed, in bits a character; 0 asks for none.
	Entropy float64
	// Path has to match the path of the file, where it is set.
	Path *Regexp
	// Allowlists keep a match from being a finding where any of them says so.
	Allowlists []Allowlist
	// Required are rules that must have a match nearby too.
	Required []Required
	// SkipReport makes the rule count only as one that others require.
	SkipReport bool
	// Generic marks a rule that gives way to any other for the same value.
	Generic bool
	// Code marks a rule that is found by code of the package detect, not by an expression.
	Code bool
}

// Required says which other rule must match nearby, and how near.
type Required struct {
	ID string
	// Lines and Columns are the largest distance; negative where it does not matter.
	Lines, Columns int
}

// Set is what to look for.
type Set struct {
	// Rules are in the order in which they were written.
	Rules []Rule
	// Allowlists count for all rules.
	Allowlists []Allowlist
	// Unknown are the keys of the configuration that mean nothing here, such as "rules.color". They are worth a warning.
	Unknown []string
}

// Rule returns the rule with the identifier.
func (s *Set) Rule(id string) (Rule, bool) {
	at := s.index(id)
	if at < 0 {
		return Rule{}, false
	}
	return s.Rules[at], true
}

func (s *Set) index(id string) int {
	for i := range s.Rules { // a rule is too large to be copied for each comparison
		if s.Rules[i].ID == id {
			return i
		}
	}
	return -1
}
