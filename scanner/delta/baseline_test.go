package delta_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

func baseline(t *testing.T, format string, known ...contract.Finding) delta.Baseline {
	t.Helper()
	var out strings.Builder
	if err := report.Write(&out, format, report.NewSubject(contract.Result{}, known, ""), report.Options{}); err != nil {
		t.Fatal(err)
	}
	got, err := delta.ReadBaseline(strings.NewReader(out.String()), "before")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestBaselineKnowsValuesNotLines(t *testing.T) {
	for _, format := range []string{report.FormatJSON, report.FormatSARIF} {
		t.Run(format, func(t *testing.T) {
			s := delta.Suppressions{Baseline: baseline(t, format, finding("jwt", "a.go", 7, "a"), finding("jwt", "a.go", 8, "b")), Now: now}
			if s.Baseline.Len() != 2 {
				t.Errorf("%d fingerprints", s.Baseline.Len())
			}
			got := delta.Apply([]contract.Finding{finding("jwt", "moved.go", 70, "a"), finding("jwt", "a.go", 7, "c"), {Rule: contract.RuleNotScanned}}, s)
			if len(got.Suppressed) != 1 || got.Suppressed[0].Path != "moved.go" || *got.Suppressed[0].Suppression != (contract.Suppression{By: contract.SuppressedByBaseline, Where: "before"}) {
				t.Errorf("suppressed %+v", got.Suppressed)
			}
			if len(got.Kept) != 2 {
				t.Errorf("a new secret on an old line is not kept: %+v", got.Kept)
			}
		})
	}
}

func TestBaselineOfSuppressedFindingsKnowsThemToo(t *testing.T) {
	document, err := json.Marshal(contract.Result{Schema: contract.Schema, SuppressedFindings: []contract.Finding{finding("jwt", "a", 1, "a")}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := delta.ReadBaseline(strings.NewReader(string(document)), "before")
	if err != nil || !got.Holds(finding("jwt", "b", 2, "a")) {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestWhatIsNoBaselineIsRefused(t *testing.T) {
	for content, want := range map[string]string{
		"":  "no JSON",
		"x": "no JSON",
		`[{"Fingerprint":"a.go:jwt:7","Secret":"hunter2"}]`:                            "hide a new secret",
		`{"schema":"other","findings":[]}`:                                             "neither",
		`{"version":"2.0.0","runs":[]}`:                                                "neither",
		`{"version":"2.1.0","runs":[{"results":[{"partialFingerprints":{"x":"y"}}]}]}`: "another tool",
	} {
		_, err := delta.ReadBaseline(strings.NewReader(content), "before")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v, want one about %q", content, err, want)
		}
	}
}
