package rules

import (
	"fmt"
	"io/fs"

	"github.com/scanjob-dev/scanjob/scanner/rules/builtin"
)

// Builtin returns the rules for AWS and, behind them, those for everybody else.
func Builtin() (*Set, error) {
	set := AWS()
	names, err := fs.Glob(builtin.Files, "*.toml")
	if err != nil {
		return nil, err
	}
	// A test parses each expression; doing so at every start would cost a scan of a few files most of its time.
	r := reader{
		expression: func(source string) (*Regexp, error) { return trusted(source), nil },
		literals:   func(r Rule) []string { return r.Keywords },
	}
	for _, name := range names {
		text, err := builtin.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		d, _, err := decode(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		others, err := r.set(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		set = set.add(others)
	}
	return set, nil
}
