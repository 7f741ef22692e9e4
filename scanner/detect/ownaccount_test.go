package detect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

func TestListsOfAccounts(t *testing.T) {
	for _, row := range []struct {
		name, list string
		want       []detect.OwnAccount
		wrong      string
	}{
		{"nothing", " \n # none\n,", nil, ""},
		{"numbers and names", "210987654321, 2109-8765-4322 = payments prod\n210987654323 # the third\n", []detect.OwnAccount{
			{Number: "210987654321"}, {Number: "210987654322", Name: "payments prod"}, {Number: "210987654323"},
		}, ""},
		{"too few digits", "210987654321,21098765432", nil, "entry 2"},
		{"a letter", "21098765432x", nil, "entry 1"},
		{"a name alone", "=payments", nil, "want 12 digits"},
		{"a name that is too long", "210987654321=" + strings.Repeat("é", 51), nil, "at most 50"},
		{"a name that clears the screen", "210987654321=\x1b[2J", nil, "can be printed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := detect.ParseAccounts(row.list)
			if (err != nil) != (row.wrong != "") || err != nil && !strings.Contains(err.Error(), row.wrong) {
				t.Fatalf("error = %v, want %q", err, row.wrong)
			}
			if err != nil && strings.Contains(err.Error(), "21098765432") {
				t.Errorf("the error repeats the number: %v", err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestWhoseAccountAFindingIsOf(t *testing.T) {
	own, other := newPair(t), newPair(t)
	plain := planted.Account()
	engine, err := detect.NewEngine(rules.AWS(), detect.Options{Accounts: []detect.OwnAccount{{Number: own.Account, Name: "payments"}, {Number: plain}}})
	if err != nil {
		t.Fatal(err)
	}
	detector := engine.Detector()
	content := "id=" + own.ID + "\nsecret=" + own.Secret + "\n" + strings.Repeat("\n", 1100) + other.ID + "\naccount_id=" + plain + "\n" +
		"secret_access_key=" + planted.Secret() + strings.Repeat("\n", 1100) + "MWS amzn.mws.4ea38b7b-f563-7709-4bae-87aea15c" + "1a2b\n"
	type told struct {
		owner contract.AccountOwner
		name  string
	}
	got := map[string]told{}
	for _, match := range scanWith(t, detector, content) {
		finding, err := detector.Finding(t.Context(), match, "a", "")
		if err != nil {
			t.Fatal(err)
		}
		key := finding.Rule
		if finding.Account != "" {
			key += finding.Account[8:]
		}
		got[key] = told{finding.AccountOwner, finding.AccountName}
		if yours := strings.HasSuffix(finding.Description, "of one of your accounts"); yours != (finding.AccountOwner == contract.AccountOfOrganization) {
			t.Errorf("described as %q", finding.Description)
		}
	}
	want := map[string]told{
		detect.RuleAccessKeyID + own.Account[8:]: {contract.AccountOfOrganization, "payments"}, detect.RuleSecretAccessKey + own.Account[8:]: {contract.AccountOfOrganization, "payments"},
		detect.RuleAccount + plain[8:]: {contract.AccountOfOrganization, ""}, detect.RuleMWSToken: {},
		detect.RuleAccessKeyID + other.Account[8:]: {contract.AccountOfOthers, ""}, detect.RuleSecretAccessKey + other.Account[8:]: {contract.AccountOfOthers, ""},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
