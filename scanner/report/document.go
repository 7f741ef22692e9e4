// Package report tells the world what a scan found: the result document, the mail for people, the publication to SNS and
// the SARIF report in S3. All it gets to see is redacted already.
package report

import (
	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// Subject is what a report is about: the scan, and where people can look at it.
type Subject struct {
	Result contract.Result
	// All are all findings, worst first; Result.Findings holds the first of them.
	All []contract.Finding
	// Suppressed were found too and do not count; each says why. Resolved are no longer there.
	Suppressed, Resolved []contract.Finding
	// Region is the AWS region of a CodeCommit repository; empty for a repository elsewhere, which then has no links.
	Region string
	// Rules are those that were looked for, worst first.
	Rules []detect.Rule
}

// WithRules returns the subject with the rules that were looked for. Without them, they are those for AWS.
func (s Subject) WithRules(rules []detect.Rule) Subject {
	s.Rules = rules
	return s
}

// allRules are the rules that may have found something.
func (s Subject) allRules() []detect.Rule {
	if s.Rules == nil {
		return detect.Rules()
	}
	return s.Rules
}

// NewSubject completes the result with the findings that count: the totals count all, the list holds as many as the contract
// allows. A finding whose state is not known counts as new.
func NewSubject(result contract.Result, all []contract.Finding, region string) Subject {
	result.Schema = contract.Schema
	result.Total, result.New = len(all), len(all)
	result.BySeverity = map[contract.Severity]int{}
	for _, finding := range all {
		result.BySeverity[finding.Severity]++
		if finding.State == contract.StateExisting {
			result.New--
		}
	}
	result.Findings = all[:min(len(all), contract.MaxItems)]
	return Subject{Result: result, All: all, Region: region}
}

// With returns the subject with what does not count: what was suppressed, what a change resolved, and what somebody has to mend.
func (s Subject) With(suppressed, resolved []contract.Finding, problems []string) Subject {
	s.Suppressed, s.Resolved = suppressed, resolved
	s.Result.Suppressed, s.Result.Resolved = len(suppressed), len(resolved)
	s.Result.Problems = problems[:min(len(problems), contract.MaxItems)]
	return s
}
