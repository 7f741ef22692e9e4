package report_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

func TestEveryFormatTellsWhatDoesNotCount(t *testing.T) {
	all, suppressed, resolved := findings(2), findings(1), findings(1)
	all[0].State = contract.StateExisting
	suppressed[0].Path, resolved[0].Path = "ignored.env", "gone.env"
	resolved[0].State = contract.StateResolved
	suppressed[0].Suppression = &contract.Suppression{By: contract.SuppressedByIgnoreFile, Where: ".scanjobignore:3", Reason: "made up"}
	subject := report.NewSubject(result(), all, "").With(suppressed, resolved, []string{"entry 7 expired"})
	for format, want := range map[string][]string{
		report.FormatText:  {"1 finding on the target branch already", "1 finding of the target branch resolved", "1 finding suppressed by an ignore file", "entry 7 expired"},
		report.FormatHTML:  {"1 finding suppressed by an ignore file", "entry 7 expired", "ignored.env", "made up"},
		report.FormatJSON:  {`"suppressed": 1`, `"resolved": 1`, `"new": 1`, "entry 7 expired", "ignored.env", "gone.env", `"reason": "made up"`},
		report.FormatSARIF: {"ignored.env", "made up", "entry 7 expired"},
		report.FormatJUnit: {`skipped="1"`, `failures="2"`, `tests="3"`, "ignored.env", "made up"},
		report.FormatCSV:   {"ignored.env", "ignore-file .scanjobignore:3,made up", "gone.env", "resolved"},
	} {
		got := written(t, format, subject, report.Options{})
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%s does not tell %q:\n%s", format, text, got)
			}
		}
	}
	if mail := subject.MailText(); !strings.Contains(mail, "1 finding suppressed by an ignore file") || !strings.Contains(mail, "entry 7 expired") {
		t.Errorf("the mail does not tell it:\n%s", mail)
	}
}

// Whatever people write into ignore files, and wherever a secret stands, no report may hold it.
func TestNoFormatHoldsASecret(t *testing.T) {
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	detector, err := detect.New()
	if err != nil {
		t.Fatal(err)
	}
	matches, err := detector.Scan(t.Context(), strings.NewReader("id = "+pair.ID+" # scanjob:allow\naws_secret_access_key = "+pair.Secret+"\n"))
	if err != nil || len(matches) != 2 {
		t.Fatalf("%d matches, error %v", len(matches), err)
	}
	var all []contract.Finding
	for _, match := range matches {
		for _, path := range []string{"a.env", "folder/" + pair.ID + "/" + pair.Secret + ".env"} {
			finding, err := detector.Finding(context.Background(), match, path, revision)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, finding)
		}
	}
	entries, problems, err := delta.ReadScanJob(strings.NewReader("rule:aws-access-key-id # it is "+pair.ID+" with "+pair.Secret+"\n"+
		"rule:jwt until 2020-01-01 # it was "+pair.Secret+"\n"+pair.Secret+" # a line that means nothing\n"), delta.FileScanJob)
	if err != nil {
		t.Fatal(err)
	}
	outcome := delta.Apply(all, delta.Suppressions{Entries: entries, Comments: true, Now: time.Now()})
	if len(outcome.Kept) != 2 || len(outcome.Suppressed) != 2 || len(outcome.Problems) != 1 || len(problems) != 1 {
		t.Fatalf("%d kept, %d suppressed, problems %q and %q", len(outcome.Kept), len(outcome.Suppressed), outcome.Problems, problems)
	}
	subject := report.NewSubject(result(), outcome.Kept, "us-east-1").With(outcome.Suppressed, outcome.Kept, append(problems, outcome.Problems...))
	texts := map[string]string{"mail": subject.MailText()}
	for _, format := range report.Formats() {
		texts[format] = written(t, format, subject, report.Options{Color: true})
	}
	message, err := subject.Message()
	if err != nil {
		t.Fatal(err)
	}
	texts["message"] = message.Subject + message.Body
	for place, text := range texts {
		for _, secret := range []string{pair.ID, pair.Secret, pair.Account} {
			for i := 0; i+8 <= len(secret); i++ {
				if strings.Contains(text, secret[i:i+8]) {
					t.Errorf("%s holds a piece of a secret:\n%s", place, text)
					break
				}
			}
		}
	}
}
