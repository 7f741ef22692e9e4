package report

import (
	"fmt"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// accountOf names the account of a finding, as far as that is known.
func accountOf(finding contract.Finding) string {
	switch {
	case finding.Account == "":
		return ""
	case finding.AccountName == "":
		return "account " + finding.Account
	}
	return fmt.Sprintf("account %s (%s)", finding.Account, finding.AccountName)
}

// verificationOf says whether the credential of a finding works; empty where that was not asked.
func verificationOf(finding contract.Finding) string {
	switch told := finding.Verification; {
	case told == nil:
		return ""
	case told.Reason == "":
		return string(told.State)
	default:
		return string(told.State) + ": " + told.Reason
	}
}
