// Package detect finds leaked AWS credentials and account numbers in a stream of bytes. It reads in windows with bounded
// memory, and what it returns is redacted: no match holds the secret that it stands for.
package detect

import (
	"cmp"
	"slices"

	"github.com/scanjob-dev/scanjob/api/contract"
)

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
}

// Rules returns all rules, worst first.
func Rules() []Rule {
	rules := []Rule{secretAccessKeyRule(), gitCredentialRule(), accessKeyIDRule(), sessionTokenRule()}
	rules = append(rules, serviceKeyRules()...)
	rules = append(rules, serviceTokenRules()...)
	rules = append(rules, notScannedRule(), accountRule())
	slices.SortStableFunc(rules, func(a, b Rule) int {
		return cmp.Compare(slices.Index(contract.Severities(), a.Severity), slices.Index(contract.Severities(), b.Severity))
	})
	return rules
}

// RuleOf returns the rule with the identifier, or a rule of that identifier without texts.
func RuleOf(id string) Rule {
	for _, rule := range Rules() {
		if rule.ID == id {
			return rule
		}
	}
	return Rule{ID: id, Description: id, Severity: contract.SeverityMedium}
}

func notScannedRule() Rule {
	return Rule{
		ID:          contract.RuleNotScanned,
		Description: "Part of the source was not scanned",
		Severity:    contract.SeverityMedium,
		Advice:      "Check this file by hand, or keep it out of Git.",
	}
}
