package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// accountFlags name the accounts of the organization.
type accountFlags struct{ list, file string }

func (f *accountFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.list, "accounts", "", "the organization's AWS accounts as NUMBER or NUMBER=NAME, parted by commas: findings say whether they are of one (also "+contract.EnvAccounts+")")
	flags.StringVar(&f.file, "accounts-file", "", "file with more of them, one in a line")
}

// read returns the accounts of both flags; where neither is given, those of the environment.
func (f *accountFlags) read(environment func(string) string) ([]detect.OwnAccount, error) {
	if f.list == "" && f.file == "" {
		accounts, err := detect.ParseAccounts(environment(contract.EnvAccounts))
		if err != nil {
			return nil, failure.Request(err, "%s: %v", contract.EnvAccounts, err)
		}
		return accounts, nil
	}
	accounts, err := detect.ParseAccounts(f.list)
	if err != nil {
		return nil, failure.Request(err, "--accounts: %v", err)
	}
	if f.file == "" {
		return accounts, nil
	}
	content, err := os.ReadFile(f.file)
	if err != nil {
		return nil, failure.Request(err, "--accounts-file cannot be read: %v", err)
	}
	more, err := detect.ParseAccounts(string(content))
	if err != nil {
		return nil, failure.Request(err, "--accounts-file %s: %v", f.file, err)
	}
	return append(accounts, more...), nil
}
