package rules

import "slices"

//go:generate env UPDATE_RULES=1 go test -count=1 -run TestTheGeneratedRulesAreThoseOfTheFiles .

// Builtin returns the rules for AWS and, behind them, those for everybody else.
func Builtin() (*Set, error) {
	set := AWS()
	// Tests parse each expression and compare the documents with the TOML that they are generated from; doing so at every start
	// would cost a scan of a few files most of its time.
	r := reader{
		expression: func(source string) (*Regexp, error) { return trusted(source), nil },
		assigned:   func(names []string, value string) (*Regexp, error) { return &Regexp{names: names, value: value}, nil },
		literals:   func(r Rule) []string { return r.Keywords },
	}
	documents := builtinDocuments()
	size := len(set.Rules)
	for _, d := range documents {
		size += len(d.Rules)
	}
	set.Rules = slices.Grow(set.Rules, size-len(set.Rules))
	for _, d := range documents {
		if err := r.into(set, d); err != nil {
			return nil, err
		}
	}
	return set, nil
}
