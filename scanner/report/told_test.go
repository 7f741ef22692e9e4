package report_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

func TestEveryFormatTellsWhetherACredentialWorksAndWhoseItIs(t *testing.T) {
	for _, state := range []contract.VerificationState{contract.VerificationVerified, contract.VerificationInvalid, contract.VerificationUnknown} {
		all := findings(1)
		all[0].Account, all[0].AccountOwner, all[0].AccountName = "********4321", contract.AccountOfOrganization, "payments"
		all[0].Verification = &contract.Verification{State: state, Reason: "because of the test"}
		subject := report.NewSubject(result(), all, "us-east-1")
		told := map[string]string{"mail": subject.MailText()}
		for _, format := range report.Formats() {
			told[format] = written(t, format, subject, report.Options{})
		}
		for format, text := range told {
			for _, want := range []string{string(state), "because of the test", "********4321", "payments"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s lacks %q:\n%s", format, want, text)
				}
			}
		}
		readSARIF(t, subject)
	}
}

func TestNothingIsToldOfAVerificationThatWasNotAskedFor(t *testing.T) {
	subject := report.NewSubject(result(), findings(3), "us-east-1")
	for _, format := range []string{report.FormatText, report.FormatJSON, report.FormatSARIF} {
		if got := written(t, format, subject, report.Options{}); strings.Contains(got, "erif") && strings.Contains(got, "unknown") {
			t.Errorf("%s tells of one:\n%s", format, got)
		}
	}
}
