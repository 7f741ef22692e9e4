package report_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/xeipuuv/gojsonschema"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

// readSARIF validates the document against the schema of the standard and returns its only run.
func readSARIF(t *testing.T, subject report.Subject) *sarif.Run {
	t.Helper()
	raw, err := subject.SARIF("v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var document sarif.Report
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	validated, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schemaOfSARIF(t)), gojsonschema.NewBytesLoader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if !validated.Valid() {
		t.Fatalf("%v\n%s", validated.Errors(), raw)
	}
	if len(document.Runs) != 1 {
		t.Fatalf("%d runs", len(document.Runs))
	}
	return document.Runs[0]
}

// schemaOfSARIF returns the schema of the standard, which the library has for itself: what it offers validates a document only as it
// would write that itself.
func schemaOfSARIF(t *testing.T) string {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", reflect.TypeFor[sarif.Report]().PkgPath()).Output()
	if err != nil {
		t.Fatalf("find the source of the SARIF library: %v", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(folder)), "schema.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range file.Decls {
		constants, ok := declared.(*ast.GenDecl)
		if !ok || len(constants.Specs) != 1 {
			continue
		}
		if constant, ok := constants.Specs[0].(*ast.ValueSpec); ok && constant.Names[0].Name == "schema" {
			schema, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			return schema
		}
	}
	t.Fatal("the SARIF library has no schema where it was")
	return ""
}

func TestTheSchemaOfSARIFRefusesWhatItDoesNotKnow(t *testing.T) {
	validated, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schemaOfSARIF(t)),
		gojsonschema.NewStringLoader(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scanjob", "nickname": "s"}}}]}`))
	if err != nil || validated.Valid() {
		t.Errorf("a driver with a nickname is valid, %v", err)
	}
}

func TestSARIFKeepsToTheSchema(t *testing.T) {
	all := findings(5)
	all[0].EndLine, all[0].Column, all[0].EndColumn, all[0].PartnerLine = all[0].Line, 9, 29, all[0].Line+3
	all[1].Rule = "rule-of-a-configuration"
	all[2].State, all[3].State, all[4].Line = contract.StateNew, contract.StateExisting, 0
	suppressed := findings(2)
	suppressed[0].AllowComment = "scanjob:allow"
	suppressed[0].Suppression = &contract.Suppression{By: contract.SuppressedByComment, Where: "scanjob:allow"}
	suppressed[1].Suppression = &contract.Suppression{By: contract.SuppressedByIgnoreFile, Where: ".scanjobignore:3", Reason: "made up", Until: "2027-01-01"}
	run := readSARIF(t, report.NewSubject(result(), all, "").With(suppressed, nil, []string{".scanjobignore:7 expired"}))

	if len(run.Results) != 7 {
		t.Fatalf("%d results", len(run.Results))
	}
	for i, got := range run.Results {
		if rule := run.Tool.Driver.Rules[got.RuleIndex]; *rule.ID != *got.RuleID {
			t.Errorf("result %d of rule %s points to %s", i, *got.RuleID, *rule.ID)
		}
	}
	region := run.Results[0].Locations[0].PhysicalLocation.Region
	if *region.StartLine != all[0].Line || *region.EndLine != all[0].Line || *region.StartColumn != 9 || *region.EndColumn != 29 {
		t.Errorf("region %+v", region)
	}
	if run.Results[4].Locations[0].PhysicalLocation.Region != nil {
		t.Error("a finding without a line has a region")
	}
	var steps []int
	for _, step := range run.Results[0].CodeFlows[0].ThreadFlows[0].Locations {
		steps = append(steps, *step.Location.PhysicalLocation.Region.StartLine)
	}
	if diff := cmp.Diff([]int{all[0].Line, all[0].Line + 3}, steps); diff != "" {
		t.Errorf("the flow of a pair: -want +got\n%s", diff)
	}
	if *run.Results[2].BaselineState != "new" || *run.Results[3].BaselineState != "unchanged" || len(run.Results[1].Suppressions) != 0 {
		t.Errorf("states %s and %s, suppressions %v", *run.Results[2].BaselineState, *run.Results[3].BaselineState, run.Results[1].Suppressions)
	}
	var why []string
	for _, got := range run.Results[5:] {
		why = append(why, *got.Suppressions[0].Kind+": "+*got.Suppressions[0].Justification)
	}
	if diff := cmp.Diff([]string{"inSource: comment scanjob:allow", "external: made up (ignore-file .scanjobignore:3, until 2027-01-01)"}, why); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := *run.Invocations[0].ToolConfigurationNotifications[0].Message.Text; got != ".scanjobignore:7 expired" {
		t.Errorf("the problem is told as %q", got)
	}
}

func TestSARIFOfAFolderThatIsCleanKeepsToTheSchemaToo(t *testing.T) {
	if run := readSARIF(t, report.NewSubject(contract.Result{}, nil, "")); len(run.Results) != 0 || run.Results == nil {
		t.Errorf("results %v", run.Results)
	}
}

func TestSARIFLeadsToTheFirstLinkOfARule(t *testing.T) {
	rules := []detect.Rule{
		{ID: "linked", Description: "d", Links: []string{"https://example.com/help", "https://example.com/more"}},
		{ID: "no-address", Description: "d", Links: []string{"see the handbook"}},
		{ID: "scheme", Description: "d", Links: []string{"javascript:alert(1)"}},
		{ID: "none", Description: "d"},
	}
	var got []string
	for _, rule := range readSARIF(t, report.NewSubject(contract.Result{}, nil, "").WithRules(rules)).Tool.Driver.Rules {
		if rule.HelpURI != nil {
			got = append(got, *rule.ID+" "+*rule.HelpURI)
		}
	}
	if diff := cmp.Diff([]string{"linked https://example.com/help"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
