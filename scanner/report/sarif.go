package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

const (
	sarifSchema = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/main/sarif-2.1/schema/sarif-schema-2.1.0.json"

	levelWarning = "warning"
)

// SARIF returns all findings in the Static Analysis Results Interchange Format, version 2.1.0. Suppressed ones are in it as such;
// what was resolved is not, because viewers would show it as if it were there.
func (s Subject) SARIF(version string) ([]byte, error) {
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "scanjob", InformationURI: "https://github.com/scanjob-dev/scanjob", Version: version, Rules: []sarifRule{},
		}},
		ColumnKind: "unicodeCodePoints", Invocations: []sarifInvocation{s.invocation()}, Results: []sarifResult{},
	}
	places := map[string]int{}
	place := func(rule detect.Rule) int {
		at, ok := places[rule.ID]
		if !ok {
			at = len(run.Tool.Driver.Rules)
			places[rule.ID], run.Tool.Driver.Rules = at, append(run.Tool.Driver.Rules, ruleInSARIF(rule))
		}
		return at
	}
	for _, rule := range s.allRules() {
		place(rule)
	}
	if source := s.Result.Source; source.URL != "" {
		run.VersionControlProvenance = []sarifVersionControl{{RepositoryURI: source.URL, RevisionID: source.Revision}}
	}
	for _, finding := range slices.Concat(s.All, s.Suppressed) {
		run.Results = append(run.Results, resultInSARIF(finding, place(s.ruleOf(finding))))
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(sarifDocument{Version: "2.1.0", Schema: sarifSchema, Runs: []sarifRun{run}}); err != nil {
		return nil, fmt.Errorf("write SARIF: %w", err)
	}
	return out.Bytes(), nil
}

// invocation says how the scan went, and what somebody has to mend.
func (s Subject) invocation() sarifInvocation {
	invocation := sarifInvocation{ExecutionSuccessful: true}
	for _, problem := range s.Result.Problems {
		invocation.ToolConfigurationNotifications = append(invocation.ToolConfigurationNotifications,
			sarifNotification{Level: levelWarning, Message: sarifMessage{problem}})
	}
	return invocation
}

func ruleInSARIF(rule detect.Rule) sarifRule {
	described := sarifRule{
		ID: rule.ID, ShortDescription: sarifMessage{rule.Description}, Help: sarifMessage{cmp.Or(rule.Advice, rule.Description)},
		DefaultConfiguration: sarifSetting{Level: level(rule.Severity)},
		Properties:           map[string]string{"security-severity": score(rule.Severity), "severity": string(rule.Severity)},
	}
	if len(rule.Links) > 0 && isWebAddress(rule.Links[0]) {
		described.HelpURI = rule.Links[0]
	}
	return described
}

// isWebAddress tells whether a link, which a configuration may hold as it likes, is one that viewers can open.
func isWebAddress(link string) bool {
	address, err := url.Parse(link)
	return err == nil && (address.Scheme == "https" || address.Scheme == "http") && address.Host != ""
}

func resultInSARIF(finding contract.Finding, ruleIndex int) sarifResult {
	message := finding.Description
	if finding.Preview != "" {
		message += " (" + finding.Preview + ")"
	}
	properties := map[string]string{"severity": string(finding.Severity)}
	for name, value := range map[string]string{
		"commit": finding.Commit, "account": finding.Account, "accountOwner": string(finding.AccountOwner), "accountName": finding.AccountName,
		"allowComment": finding.AllowComment,
	} {
		if value != "" {
			properties[name] = value
		}
	}
	if told := finding.Verification; told != nil {
		properties["verification"], properties["verificationReason"] = string(told.State), told.Reason
		message += "; " + verificationOf(finding)
	}
	result := sarifResult{
		RuleID: finding.Rule, RuleIndex: ruleIndex, Level: level(finding.Severity), Message: sarifMessage{message},
		Locations:           []sarifLocation{location(finding.Path, region(finding))},
		PartialFingerprints: map[string]string{delta.SARIFFingerprint: finding.Fingerprint},
		Suppressions:        []sarifSuppression{}, Properties: properties,
	}
	switch finding.State {
	case contract.StateNew:
		result.BaselineState = "new"
	case contract.StateExisting:
		result.BaselineState = "unchanged"
	}
	if finding.PartnerLine > 0 && finding.Line > 0 {
		result.CodeFlows = []sarifCodeFlow{pairFlow(finding)}
	}
	if finding.Suppression != nil {
		result.Suppressions = append(result.Suppressions, suppression(*finding.Suppression))
	}
	return result
}

func location(path string, region *sarifRegion) sarifLocation {
	return sarifLocation{PhysicalLocation: sarifPhysicalLocation{
		ArtifactLocation: sarifArtifact{URI: (&url.URL{Path: path}).EscapedPath()}, Region: region,
	}}
}

// region returns where in its file the finding is, as exactly as that is known; nil where it has no line.
func region(finding contract.Finding) *sarifRegion {
	if finding.Line == 0 {
		return nil
	}
	region := &sarifRegion{StartLine: finding.Line, EndLine: max(finding.Line, finding.EndLine)}
	if finding.Column > 0 {
		region.StartColumn, region.EndColumn = finding.Column, finding.EndColumn
	}
	return region
}

// pairFlow leads from the first of two things that belong together to the second.
func pairFlow(finding contract.Finding) sarifCodeFlow {
	found := flowStep(finding.Path, region(finding), finding.Description)
	partner := flowStep(finding.Path, &sarifRegion{StartLine: finding.PartnerLine, EndLine: finding.PartnerLine}, "what belongs to it")
	steps := []sarifThreadFlowLocation{found, partner}
	if finding.PartnerLine < finding.Line {
		slices.Reverse(steps)
	}
	return sarifCodeFlow{Message: sarifMessage{"Both together are a credential"}, ThreadFlows: []sarifThreadFlow{{Locations: steps}}}
}

func flowStep(path string, region *sarifRegion, text string) sarifThreadFlowLocation {
	step := location(path, region)
	step.Message = &sarifMessage{text}
	return sarifThreadFlowLocation{Location: step}
}

func suppression(why contract.Suppression) sarifSuppression {
	kind := "external"
	if why.By == contract.SuppressedByComment {
		kind = "inSource"
	}
	text := string(why.By) + " " + why.Where
	if why.Until != "" {
		text += ", until " + why.Until
	}
	if why.Reason != "" {
		text = why.Reason + " (" + text + ")"
	}
	return sarifSuppression{Kind: kind, Status: "accepted", Justification: text}
}

// score returns the severity as the number that GitHub's code scanning groups results by
// (https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning).
func score(severity contract.Severity) string {
	switch severity {
	case contract.SeverityCritical:
		return "9.5"
	case contract.SeverityHigh:
		return "8.0"
	case contract.SeverityMedium:
		return "5.0"
	default:
		return "2.0"
	}
}

// level returns SARIF's level for a severity.
func level(severity contract.Severity) string {
	switch severity {
	case contract.SeverityCritical, contract.SeverityHigh:
		return "error"
	case contract.SeverityMedium:
		return levelWarning
	default:
		return "note"
	}
}
