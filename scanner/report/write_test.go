package report_test

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

func written(t *testing.T, format string, subject report.Subject, options report.Options) string {
	t.Helper()
	var out strings.Builder
	if err := report.Write(&out, format, subject, options); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestEveryFormatTellsEveryFindingAndItsPlace(t *testing.T) {
	subject := report.NewSubject(result(), findings(120), "us-east-1")
	for _, format := range report.Formats() {
		t.Run(format, func(t *testing.T) {
			got := written(t, format, subject, report.Options{Version: "v1"})
			for _, path := range []string{"config/app000.env", "config/app061.env", "config/app119.env"} {
				if !strings.Contains(got, path) {
					t.Errorf("%s is missing", path)
				}
			}
			if !strings.Contains(got, "AKIA****************") || !strings.Contains(got, "critical") {
				t.Errorf("the preview or the severity is missing:\n%.2000s", got)
			}
			if again := written(t, format, subject, report.Options{Version: "v1"}); again != got {
				t.Error("it is another one the second time")
			}
		})
	}
	if err := report.Write(&strings.Builder{}, "pdf", subject, report.Options{}); err == nil || !strings.Contains(err.Error(), "sarif") {
		t.Errorf("error = %v, want one that lists the formats", err)
	}
}

func TestEveryFormatTellsThatNothingWasFound(t *testing.T) {
	subject := report.NewSubject(result(), nil, "")
	for format, want := range map[string]string{
		report.FormatText: "Nothing found", report.FormatJSON: `"findings": []`, report.FormatSARIF: `"results":[]`,
		report.FormatJUnit: `failures="0"`, report.FormatCSV: "severity,rule", report.FormatHTML: "found nothing",
	} {
		if got := written(t, format, subject, report.Options{}); !strings.Contains(got, want) {
			t.Errorf("%s: %q is missing:\n%s", format, want, got)
		}
	}
}

func TestJSONIsTheContractsDocumentWithAllFindings(t *testing.T) {
	var got contract.Result
	if err := json.Unmarshal([]byte(written(t, report.FormatJSON, report.NewSubject(result(), findings(120), ""), report.Options{})), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != contract.Schema || got.Total != 120 || len(got.Findings) != 120 {
		t.Errorf("schema %s, total %d, %d findings", got.Schema, got.Total, len(got.Findings))
	}
}

// hostile is a finding whose texts try to be something else.
func hostile() contract.Finding {
	return contract.Finding{
		Rule: "aws-access-key-id", Description: "=HYPERLINK(\"https://example.com\")", Severity: contract.SeverityHigh,
		Path: "<script>alert(1)</script>/a,b\"c&d]]>.env", Line: 7, Preview: "@SUM(1)", Commit: revision, Fingerprint: strings.Repeat("0", 64),
	}
}

func TestNoTextBecomesAFormulaMarkupOrAnotherField(t *testing.T) {
	subject := report.NewSubject(result(), []contract.Finding{hostile()}, "")
	rows, err := csv.NewReader(strings.NewReader(written(t, report.FormatCSV, subject, report.Options{}))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][3] != hostile().Path {
		t.Fatalf("rows %q, error %v", rows, err)
	}
	for _, cell := range rows[1] {
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
			t.Errorf("a spreadsheet takes %q for a formula", cell)
		}
	}
	if page := written(t, report.FormatHTML, subject, report.Options{}); strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("a path becomes markup")
	}
	var suites struct {
		Suites []struct {
			Cases []struct {
				Class   string `xml:"classname,attr"`
				Failure struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(written(t, report.FormatJUnit, subject, report.Options{})), &suites); err != nil {
		t.Fatal(err)
	}
	if got := suites.Suites[0].Cases[0]; got.Class != hostile().Path || !strings.Contains(got.Failure.Text, hostile().Description) {
		t.Errorf("case %+v", got)
	}
}

func TestHTMLNeedsNothingFromElsewhere(t *testing.T) {
	page := written(t, report.FormatHTML, report.NewSubject(result(), findings(3), "us-east-1"), report.Options{})
	for _, loads := range []string{"<script", "<link", "<img", "<iframe", "@import", "url(", " src=", "onload="} {
		if strings.Contains(page, loads) {
			t.Errorf("the page has %q", loads)
		}
	}
	if !strings.Contains(page, `default-src 'none'`) {
		t.Error("the page has no policy")
	}
}

func TestTextIsColoredOnlyWhereThatIsAskedFor(t *testing.T) {
	subject := report.NewSubject(result(), findings(3), "")
	plain, colored := written(t, report.FormatText, subject, report.Options{}), written(t, report.FormatText, subject, report.Options{Color: true})
	if strings.Contains(plain, "\x1b") || !strings.Contains(colored, "\x1b[") {
		t.Errorf("plain %q, colored %q", plain, colored)
	}
	lines := strings.Split(plain, "\n")
	if !slices.Contains(lines, "3 found in 3 files: 1 critical, 1 high, 1 low in 9s") {
		t.Errorf("there is no summary:\n%s", plain)
	}
}
