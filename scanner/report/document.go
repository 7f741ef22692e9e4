// Package report tells the world what a scan found: the result document, the mail for people, the publication to SNS and
// the SARIF report in S3. All it gets to see is redacted already.
package report

import (
	"github.com/scanjob-dev/scanjob/api/contract"
)

// Subject is what a report is about: the scan, and where people can look at it.
type Subject struct {
	Result contract.Result
	// All are all findings, worst first; Result.Findings holds the first of them.
	All []contract.Finding
	// Region is the AWS region of a CodeCommit repository; empty for a repository elsewhere, which then has no links.
	Region string
}

// NewSubject completes the result with the findings: the totals count all, the list holds as many as the contract allows.
func NewSubject(result contract.Result, all []contract.Finding, region string) Subject {
	result.Schema = contract.Schema
	result.Total, result.New = len(all), len(all)
	result.BySeverity = map[contract.Severity]int{}
	for _, finding := range all {
		result.BySeverity[finding.Severity]++
	}
	result.Findings = all[:min(len(all), contract.MaxItems)]
	return Subject{Result: result, All: all, Region: region}
}
