package report

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"github.com/owenrumney/go-sarif/v3/pkg/report"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// SARIF returns all findings in the Static Analysis Results Interchange Format, version 2.1.0. Suppressed ones are in it as such;
// what was resolved is not, because viewers would show it as if it were there.
func (s Subject) SARIF(version string) ([]byte, error) {
	run := sarif.NewRunWithInformationURI("scanjob", "https://github.com/scanjob-dev/scanjob")
	run.Tool.Driver.WithVersion(version)
	run.WithColumnKind("unicodeCodePoints")
	for _, rule := range s.allRules() {
		addRule(run, rule)
	}
	source := s.Result.Source
	if source.URL != "" {
		run.AddVersionControlProvenance(sarif.NewVersionControlDetails().WithRepositoryURI(source.URL).WithRevisionID(source.Revision))
	}
	run.AddInvocation(s.invocation())
	for _, finding := range slices.Concat(s.All, s.Suppressed) {
		s.addResult(run, finding)
	}
	document := report.NewV210Report()
	document.AddRun(run)
	var out bytes.Buffer
	if err := document.Write(&out); err != nil {
		return nil, fmt.Errorf("write SARIF: %w", err)
	}
	return out.Bytes(), nil
}

// invocation says how the scan went, and what somebody has to mend.
func (s Subject) invocation() *sarif.Invocation {
	invocation := sarif.NewInvocation().WithExecutionSuccessful(true)
	for _, problem := range s.Result.Problems {
		invocation.AddToolConfigurationNotification(sarif.NewNotification().WithLevel(sarif.LevelWarning).WithMessage(sarif.NewTextMessage(problem)))
	}
	return invocation
}

func addRule(run *sarif.Run, rule detect.Rule) {
	described := run.AddRule(rule.ID).
		WithDescription(rule.Description).
		WithHelp(sarif.NewMultiformatMessageString().WithText(cmp.Or(rule.Advice, rule.Description))).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(rule.Severity))).
		WithProperties(sarif.NewPropertyBag().Add("security-severity", score(rule.Severity)).Add("severity", string(rule.Severity)))
	if len(rule.Links) > 0 && isWebAddress(rule.Links[0]) {
		described.WithHelpURI(rule.Links[0])
	}
}

// isWebAddress tells whether a link, which a configuration may hold as it likes, is one that viewers can open.
func isWebAddress(link string) bool {
	address, err := url.Parse(link)
	return err == nil && (address.Scheme == "https" || address.Scheme == "http") && address.Host != ""
}

func (s Subject) addResult(run *sarif.Run, finding contract.Finding) {
	if run.GetRuleIndex(finding.Rule) < 0 {
		addRule(run, s.ruleOf(finding))
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
	if finding.AccountOwner != "" {
		properties.Add("accountOwner", string(finding.AccountOwner))
	}
	if finding.AccountName != "" {
		properties.Add("accountName", finding.AccountName)
	}
	if told := finding.Verification; told != nil {
		properties.Add("verification", string(told.State)).Add("verificationReason", told.Reason)
		message += "; " + verificationOf(finding)
	}
	if finding.AllowComment != "" {
		properties.Add("allowComment", finding.AllowComment)
	}
	result := run.CreateResultForRule(finding.Rule).
		WithLevel(level(finding.Severity)).
		WithMessage(sarif.NewTextMessage(message)).
		AddLocation(sarif.NewLocationWithPhysicalLocation(location(finding.Path, region(finding)))).
		WithPartialFingerprints(map[string]string{delta.SARIFFingerprint: finding.Fingerprint}).
		WithProperties(properties)
	switch finding.State {
	case contract.StateNew:
		result.WithBaselineState("new")
	case contract.StateExisting:
		result.WithBaselineState("unchanged")
	}
	if finding.PartnerLine > 0 && finding.Line > 0 {
		result.AddCodeFlow(pairFlow(finding))
	}
	// A list of suppressions, also an empty one, says that it is known whether the result is suppressed.
	result.Suppressions = []*sarif.Suppression{}
	if finding.Suppression != nil {
		result.AddSuppression(suppression(*finding.Suppression))
	}
}

func location(path string, region *sarif.Region) *sarif.PhysicalLocation {
	place := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation((&url.URL{Path: path}).EscapedPath()))
	if region != nil {
		place.WithRegion(region)
	}
	return place
}

// region returns where in its file the finding is, as exactly as that is known; nil where it has no line.
func region(finding contract.Finding) *sarif.Region {
	if finding.Line == 0 {
		return nil
	}
	region := sarif.NewSimpleRegion(finding.Line, max(finding.Line, finding.EndLine))
	if finding.Column > 0 {
		region.WithStartColumn(finding.Column)
		if finding.EndColumn > 0 {
			region.WithEndColumn(finding.EndColumn)
		}
	}
	return region
}

// pairFlow leads from the first of two things that belong together to the second.
func pairFlow(finding contract.Finding) *sarif.CodeFlow {
	found := flowStep(finding.Path, region(finding), finding.Description)
	partner := flowStep(finding.Path, sarif.NewSimpleRegion(finding.PartnerLine, finding.PartnerLine), "what belongs to it")
	flow := sarif.NewThreadFlow()
	if finding.PartnerLine < finding.Line {
		flow.AddLocation(partner).AddLocation(found)
	} else {
		flow.AddLocation(found).AddLocation(partner)
	}
	return sarif.NewCodeFlow().WithMessage(sarif.NewTextMessage("Both together are a credential")).AddThreadFlow(flow)
}

func flowStep(path string, region *sarif.Region, text string) *sarif.ThreadFlowLocation {
	step := sarif.NewThreadFlowLocation()
	step.Location = sarif.NewLocationWithPhysicalLocation(location(path, region)).WithMessage(sarif.NewTextMessage(text))
	return step
}

func suppression(why contract.Suppression) *sarif.Suppression {
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
	return sarif.NewSuppression().WithKind(kind).WithStatus("accepted").WithJustification(text)
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
		return sarif.LevelError
	case contract.SeverityMedium:
		return sarif.LevelWarning
	default:
		return sarif.LevelNote
	}
}
