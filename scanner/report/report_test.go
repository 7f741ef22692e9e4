package report_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

const revision = "6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a"

func result() contract.Result {
	return contract.Result{
		ScanJob:   contract.JobReference{Namespace: "scans", Name: "payments-42-abcde", UID: "0b6f", Attempt: 2},
		Source:    contract.Source{Repository: "payments", URL: "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/payments", PullRequestID: "42", Revision: revision, Mode: contract.ModeChanges},
		ReportURI: "s3://reports/0b6f-2.sarif", StartedAt: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), FinishedAt: time.Date(2026, 1, 15, 12, 0, 9, 0, time.UTC),
	}
}

// findings returns n findings, the first one critical, the last one low.
func findings(n int) []contract.Finding {
	var out []contract.Finding
	for i := range n {
		f := contract.Finding{
			Rule: detect.RuleAccessKeyID, Description: "AWS access key id", Severity: contract.SeverityHigh, Path: fmt.Sprintf("config/app%03d.env", i),
			Line: i + 1, Commit: revision, Preview: "AKIA****************", Account: "********5308", Fingerprint: fmt.Sprintf("%064d", i),
		}
		switch i {
		case 0:
			f.Rule, f.Description, f.Severity = detect.RuleSecretAccessKey, "AWS secret access key", contract.SeverityCritical
		case n - 1:
			f.Rule, f.Description, f.Severity = detect.RuleAccount, "AWS account number", contract.SeverityLow
		}
		out = append(out, f)
	}
	return out
}

func TestMailText(t *testing.T) {
	subject := report.NewSubject(result(), findings(2), "us-east-1")
	want := `ScanJob found 2 things that should not be in Git (1 critical, 1 low).

Repository:   payments
Pull request: 42
Commit:       6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a
Look at it:   https://us-east-1.console.aws.amazon.com/codesuite/codecommit/repositories/payments/pull-requests/42/changes?region=us-east-1

WHAT AND WHERE

1. AWS secret access key (critical)
   config/app000.env, line 1
   commit 6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a
   looks like AKIA****************, account ********5308

2. AWS account number (low)
   config/app001.env, line 2
   commit 6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a6f1c0b9a
   looks like AKIA****************, account ********5308

All of them are listed in s3://reports/0b6f-2.sarif

WHAT TO DO NOW

AWS secret access key:
  ` + detect.RuleOf(detect.RuleSecretAccessKey).Advice + `

AWS account number:
  ` + detect.RuleOf(detect.RuleAccount).Advice + `

` + "-- " + `
ScanJob scans/payments-42-abcde, attempt 2, mode Changes, finished 2026-01-15T12:00:09Z.
Secrets are masked in this mail.
`
	if diff := cmp.Diff(want, subject.MailText()); diff != "" {
		t.Error(diff)
	}
}

func TestMailListsTheWorstAndCountsTheRest(t *testing.T) {
	text := report.NewSubject(result(), findings(120), "").MailText()
	if strings.Count(text, "\n   config/") != 20 || !strings.Contains(text, "... and 100 more.") {
		t.Errorf("got\n%s", text)
	}
	if strings.Contains(text, "Look at it") {
		t.Error("a repository outside of CodeCommit has a link")
	}
}

func TestMailSubject(t *testing.T) {
	rows := []struct {
		name       string
		repository string
		pull       string
		want       string
	}{
		{"a pull request", "payments", "42", "[ScanJob] 1 critical, 1 low in payments, pull request 42"},
		{"no pull request", "payments", "", "[ScanJob] 1 critical, 1 low in payments"},
		{"letters outside of ASCII and control characters", "größe\n", "", "[ScanJob] 1 critical, 1 low in gr????e?"},
		{"a long name is cut at 99 characters", strings.Repeat("x", 200), "", "[ScanJob] 1 critical, 1 low in " + strings.Repeat("x", 65) + "..."},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := result()
			r.Source.Repository, r.Source.PullRequestID = row.repository, row.pull
			if got := report.NewSubject(r, findings(2), "").MailSubject(); got != row.want || len(got) > 99 {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	rows := []struct{ name, region, pull, want string }{
		{"a pull request", "eu-west-1", "7", "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/payments/pull-requests/7/changes?region=eu-west-1"},
		{"a commit", "eu-west-1", "", "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/payments/commit/" + revision + "?region=eu-west-1"},
		{"China", "cn-north-1", "7", "https://cn-north-1.console.amazonaws.cn/codesuite/codecommit/repositories/payments/pull-requests/7/changes?region=cn-north-1"},
		{"GovCloud", "us-gov-west-1", "7", "https://us-gov-west-1.console.amazonaws-us-gov.com/codesuite/codecommit/repositories/payments/pull-requests/7/changes?region=us-gov-west-1"},
		{"another host", "", "7", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := result()
			r.Source.PullRequestID = row.pull
			if got := report.NewSubject(r, nil, row.region).Link(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	message, err := report.NewSubject(result(), findings(120), "us-east-1").Message()
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]string
	if err := json.Unmarshal([]byte(message.Body), &parts); err != nil {
		t.Fatal(err)
	}
	var document contract.Result
	if err := json.Unmarshal([]byte(parts["default"]), &document); err != nil {
		t.Fatal(err)
	}
	if document.Schema != contract.Schema || document.Total != 120 || document.New != 120 || len(document.Findings) != contract.MaxItems ||
		document.BySeverity[contract.SeverityHigh] != 118 || document.ScanJob.Attempt != 2 {
		t.Errorf("document %+v", document)
	}
	if !strings.HasPrefix(parts["email"], "ScanJob found 120 things") || len(parts) != 2 {
		t.Errorf("parts %v", parts)
	}
	got := map[string]string{}
	for name, value := range message.Attributes {
		got[name] = *value.DataType + " " + *value.StringValue
	}
	want := map[string]string{
		contract.AttributeSchema: "String " + contract.Schema, contract.AttributeResult: "String Findings", contract.AttributeRepository: "String payments",
		contract.AttributeSeverity: `String.Array ["critical","high","low"]`, contract.AttributeTotal: "Number 120",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMessageThatIsTooLongListsLess(t *testing.T) {
	all := findings(60)
	for i := range all {
		all[i].Path = strings.Repeat(`\u202e<&>`, 2000) + all[i].Path
	}
	message, err := report.NewSubject(result(), all, "").Message()
	if err != nil {
		t.Fatal(err)
	}
	size := len(message.Body)
	for name, value := range message.Attributes {
		size += len(name) + len(*value.DataType) + len(*value.StringValue)
	}
	if size > report.MessageLimit || size < report.MessageLimit/2 {
		t.Errorf("the message has %d bytes", size)
	}
	var parts map[string]string
	var document contract.Result
	if err := json.Unmarshal([]byte(message.Body), &parts); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(parts["default"]), &document); err != nil {
		t.Fatal(err)
	}
	if document.Total != 60 || len(document.Findings) == 0 || len(document.Findings) >= contract.MaxItems {
		t.Errorf("%d of %d are listed", len(document.Findings), document.Total)
	}
	huge := result()
	huge.Source.URL = strings.Repeat("x", report.MessageLimit)
	if _, err := report.NewSubject(huge, all, "").Message(); err == nil {
		t.Error("a message that can never fit is no error")
	}
}

func TestSARIF(t *testing.T) {
	all := findings(3)
	all[1].Path = "a folder/ümlaut.env"
	raw, err := report.NewSubject(result(), all, "").SARIF("v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Version string `json:"version"`
		Schema  string `json:"$schema"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version string
					Rules         []struct{ ID string }
				}
			}
			Results []struct {
				RuleID              string
				Level               string
				Message             struct{ Text string }
				PartialFingerprints map[string]string
				Locations           []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	if document.Version != "2.1.0" || !strings.Contains(document.Schema, "2.1.0") || len(document.Runs) != 1 {
		t.Fatalf("got %s", raw)
	}
	run := document.Runs[0]
	if run.Tool.Driver.Name != "scanjob" || run.Tool.Driver.Version != "v1.2.3" || len(run.Tool.Driver.Rules) != len(detect.Rules()) || len(run.Results) != 3 {
		t.Fatalf("got %s", raw)
	}
	second := run.Results[1]
	if second.RuleID != detect.RuleAccessKeyID || second.Level != "error" || second.PartialFingerprints["scanjob/v1"] != all[1].Fingerprint ||
		second.Locations[0].PhysicalLocation.ArtifactLocation.URI != "a%20folder/%C3%BCmlaut.env" || second.Locations[0].PhysicalLocation.Region.StartLine != 2 ||
		second.Message.Text != "AWS access key id (AKIA****************)" {
		t.Errorf("got %+v", second)
	}
	if run.Results[2].Level != "note" {
		t.Errorf("a finding of low severity has level %s", run.Results[2].Level)
	}
}

func TestParseLocation(t *testing.T) {
	rows := []struct{ name, address, want string }{
		{"a folder", "s3://reports/sarif/", "s3://reports/sarif/0b6f-2.sarif"},
		{"a bucket alone", "s3://reports", "s3://reports/0b6f-2.sarif"},
		{"a bucket with a slash", "s3://reports/", "s3://reports/0b6f-2.sarif"},
		{"an exact name", "s3://reports/last.sarif", "s3://reports/last.sarif"},
		{"another scheme", "https://reports/last.sarif", ""},
		{"no bucket", "s3:///last.sarif", ""},
		{"a query", "s3://reports/x?y", ""},
		{"no address", "::", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := report.ParseLocation(row.address, result().ScanJob)
			if row.want == "" {
				expectRequest(t, err, contract.EnvReportURI)
				return
			}
			if err != nil || got.String() != row.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestParseTopic(t *testing.T) {
	region, err := report.ParseTopic("arn:aws:sns:eu-west-1:111122223333:findings")
	if err != nil || region != "eu-west-1" {
		t.Errorf("got %s, %v", region, err)
	}
	for _, wrong := range []string{"findings", "arn:aws:sqs:eu-west-1:111122223333:findings", "arn:aws:sns:eu-west-1:111122223333:", "arn:aws:sns:::x", "arn:aws:sns:eu-west-1:111122223333:findings.fifo"} {
		_, err := report.ParseTopic(wrong)
		expectRequest(t, err, contract.EnvTopic)
	}
}

func expectRequest(t *testing.T, err error, text string) {
	t.Helper()
	var classified *failure.Error
	if !errors.As(err, &classified) || classified.ExitCode != contract.ExitRequest || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a request error that names %s", err, text)
	}
}
