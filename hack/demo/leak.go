package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// commit is one commit of a branch.
type commit struct {
	message string
	files   map[string]string
}

// history is what the repository holds before anybody leaks anything.
func history() []commit {
	return []commit{
		{"Start the payments service", map[string]string{
			"README.md": "# payments\n\nTakes orders and settles them once a day.\n",
			"go.mod":    "module example.com/payments\n\ngo 1.26\n",
			"main.go":   "// Command payments takes orders and settles them.\npackage main\n\nfunc main() { settle(nil) }\n",
		}},
		{"Settle orders", map[string]string{
			"settle.go": "package main\n\n// order is what a customer owes, in cents.\ntype order struct{ cents int64 }\n\n" +
				"func settle(orders []order) (total int64) {\n\tfor _, o := range orders {\n\t\ttotal += o.cents\n\t}\n\treturn total\n}\n",
		}},
		{"Test that settling adds up", map[string]string{
			"settle_test.go": "package main\n\nimport \"testing\"\n\nfunc TestSettleAddsUp(t *testing.T) {\n" +
				"\tif settle([]order{{100}, {250}}) != 350 {\n\t\tt.Fatal(\"the sum is wrong\")\n\t}\n}\n",
		}},
	}
}

// leak is a change that gives away a key pair and an account number. All three are drawn for this run and open nothing.
type leak struct {
	pair   planted.KeyPair
	commit commit
}

func newLeak() (leak, error) {
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		return leak{}, fmt.Errorf("make a key pair: %w", err)
	}
	l := leak{pair: pair}
	l.commit = commit{"Export settlements to S3", map[string]string{
		"deploy/export.env": "# where settlements go at night\nEXPORT_BUCKET=settlements-archive\n" +
			"AWS_ACCESS_KEY_ID=" + pair.ID + "\nAWS_SECRET_ACCESS_KEY=" + pair.Secret + "\n",
		"deploy/export.json": "{\n  \"schedule\": \"02:00\",\n  \"role\": \"arn:aws:iam::" + pair.Account + ":role/settlement-export\"\n}\n",
	}}
	return l, nil
}

// clean is a change that gives away nothing.
func clean() commit {
	return commit{"Say how to run the tests", map[string]string{
		"README.md": "# payments\n\nTakes orders and settles them once a day.\n\nRun the tests with `go test ./...`.\n",
	}}
}

// place is a finding that must be there.
type place struct {
	rule, path string
	line       int32
}

// places are what the scan must find.
func (l leak) places() []place {
	return []place{
		{detect.RuleSecretAccessKey, "deploy/export.env", 4},
		{detect.RuleAccessKeyID, "deploy/export.env", 3},
		{detect.RuleAccount, "deploy/export.json", 3},
	}
}

// shown is the change as a diff would show it, with the secrets masked: this screen may be recorded.
func (l leak) shown() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(l.commit.files)) {
		fmt.Fprintf(&out, "%s\n", name)
		for line := range strings.Lines(l.commit.files[name]) {
			out.WriteString("  + " + l.mask(line))
		}
	}
	return out.String()
}

// mask hides all of the secrets but their first four characters.
func (l leak) mask(text string) string {
	for _, secret := range l.secrets() {
		text = strings.ReplaceAll(text, secret, secret[:4]+strings.Repeat("*", len(secret)-4))
	}
	return text
}

// secrets are what must appear nowhere.
func (l leak) secrets() []string { return []string{l.pair.ID, l.pair.Secret, l.pair.Account} }

// fragment is how many characters of a key in a row give it away. Previews show the first four.
const fragment = 8

// traces are texts of which each gives a part of the leak away. Of the account number only the whole counts: eight digits
// in a row are also in times and sizes.
func (l leak) traces() []string {
	traces := []string{l.pair.Account}
	for _, key := range []string{l.pair.ID, l.pair.Secret} {
		for i := 0; i+fragment <= len(key); i++ {
			traces = append(traces, key[i:i+fragment])
		}
	}
	return traces
}
