package rules

//go:generate env UPDATE_RULES=1 go test -count=1 -run TestTheGeneratedRulesAreThoseOfTheFiles .

// Builtin returns the rules for AWS and, behind them, those for everybody else.
func Builtin() (*Set, error) {
	set := AWS()
	// Tests parse each expression and compare the documents with the TOML that they are generated from; doing so at every start
	// would cost a scan of a few files most of its time.
	r := reader{
		expression: func(source string) (*Regexp, error) { return trusted(source), nil },
		literals:   func(r Rule) []string { return r.Keywords },
	}
	for _, d := range builtinDocuments() {
		others, err := r.set(d)
		if err != nil {
			return nil, err
		}
		set = set.add(others)
	}
	return set, nil
}
