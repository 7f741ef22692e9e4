package detect

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// OwnAccount is an account of the organization.
type OwnAccount struct {
	// Number has 12 digits.
	Number string
	// Name is what people call it, or empty.
	Name string
}

// longestAccountName is in characters; AWS Organizations allows as many
// (https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html).
const longestAccountName = 50

// ParseAccounts reads a list of accounts: NUMBER or NUMBER=NAME, parted by commas or lines. Numbers may be written as 4-4-4. What
// stands behind # in a line is a comment. Its error says which entry is wrong.
func ParseAccounts(list string) ([]OwnAccount, error) {
	var accounts []OwnAccount
	for line := range strings.Lines(list) {
		line, _, _ = strings.Cut(line, "#")
		for entry := range strings.SplitSeq(line, ",") {
			number, name, _ := strings.Cut(entry, "=")
			account := OwnAccount{strings.ReplaceAll(strings.TrimSpace(number), "-", ""), strings.TrimSpace(name)}
			if strings.TrimSpace(entry) == "" {
				continue
			}
			if err := account.check(); err != nil {
				return nil, fmt.Errorf("entry %d of the accounts: %w", len(accounts)+1, err)
			}
			accounts = append(accounts, account)
		}
	}
	return accounts, nil
}

func (a OwnAccount) check() error {
	switch {
	case len(a.Number) != accountLength || strings.Trim(a.Number, "0123456789") != "":
		return fmt.Errorf("want 12 digits, or 12 digits, = and a name")
	case utf8.RuneCountInString(a.Name) > longestAccountName || strings.ContainsFunc(a.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("its name must have at most %d characters that can be printed", longestAccountName)
	}
	return nil
}

// Account is what is told of an account number.
type Account struct {
	// Masked is the number with its last four digits only, or empty.
	Masked string
	// Owner says whether it is one of the organization's; empty where that is not known.
	Owner contract.AccountOwner
	// Name is the organization's name for it, or empty.
	Name string
}

// Account returns what is told of a number of 12 digits, or of an empty text.
func (e *Engine) Account(number string) Account {
	told := Account{Masked: maskAccount(number)}
	if number == "" || len(e.accounts) == 0 {
		return told
	}
	name, own := e.accounts[number]
	if !own {
		told.Owner = contract.AccountOfOthers
		return told
	}
	told.Owner, told.Name = contract.AccountOfOrganization, name
	return told
}

// Tell writes the account into the finding, instead of any that is in it.
func (a Account) Tell(finding *contract.Finding) {
	const own, others = " of one of your accounts", " of an account that is not yours"
	finding.Account, finding.AccountOwner, finding.AccountName = a.Masked, a.Owner, a.Name
	finding.Description = strings.TrimSuffix(strings.TrimSuffix(finding.Description, own), others)
	switch a.Owner {
	case contract.AccountOfOrganization:
		finding.Description += own
	case contract.AccountOfOthers:
		finding.Description += others
	}
}
