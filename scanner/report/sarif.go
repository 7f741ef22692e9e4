package report

import (
	"bytes"
	"fmt"
	"net/url"

	"github.com/owenrumney/go-sarif/v3/pkg/report"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// fingerprintName is the name of our fingerprint in SARIF's partialFingerprints.
const fingerprintName = "scanjob/v1"

// SARIF returns all findings in the Static Analysis Results Interchange Format, version 2.1.0.
func (s Subject) SARIF(version string) ([]byte, error) {
	run := sarif.NewRunWithInformationURI("scanjob", "https://github.com/scanjob-dev/scanjob")
	run.Tool.Driver.WithVersion(version)
	for _, rule := range detect.Rules() {
		run.AddRule(rule.ID).
			WithDescription(rule.Description).
			WithHelp(sarif.NewMultiformatMessageString().WithText(rule.Advice)).
			WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(rule.Severity)))
	}
	source := s.Result.Source
	run.AddVersionControlProvenance(sarif.NewVersionControlDetails().WithRepositoryURI(source.URL).WithRevisionID(source.Revision))
	for _, finding := range s.All {
		s.sarifResult(run, finding)
	}
	document := report.NewV210Report()
	document.AddRun(run)
	var out bytes.Buffer
	if err := document.Write(&out); err != nil {
		return nil, fmt.Errorf("write SARIF: %w", err)
	}
	return out.Bytes(), nil
}

func (s Subject) sarifResult(run *sarif.Run, finding contract.Finding) {
	place := sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewSimpleArtifactLocation((&url.URL{Path: finding.Path}).EscapedPath()))
	if finding.Line > 0 {
		place.WithRegion(sarif.NewSimpleRegion(finding.Line, finding.Line))
	}
	message := finding.Description
	if finding.Preview != "" {
		message += " (" + finding.Preview + ")"
	}
	properties := sarif.NewPropertyBag().Add("severity", string(finding.Severity))
	if finding.Commit != "" {
		properties.Add("commit", finding.Commit)
	}
	if finding.Account != "" {
		properties.Add("account", finding.Account)
	}
	run.CreateResultForRule(finding.Rule).
		WithLevel(level(finding.Severity)).
		WithMessage(sarif.NewTextMessage(message)).
		AddLocation(sarif.NewLocationWithPhysicalLocation(place)).
		WithPartialFingerprints(map[string]string{fingerprintName: finding.Fingerprint}).
		WithProperties(properties)
}

// level returns SARIF's level for a severity.
func level(severity contract.Severity) string {
	switch severity {
	case contract.SeverityCritical, contract.SeverityHigh:
		return sarif.LevelError
	case contract.SeverityMedium:
		return sarif.LevelWarning
	default:
		return sarif.LevelNote
	}
}
