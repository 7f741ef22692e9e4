package rules

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync"
)

// Regexp is a regular expression that is compiled when it is first used: a scan of a few files meets few of the rules.
type Regexp struct {
	source string
	// names and value make the expression where it has no source; see AssignedRegex.
	names    []string
	value    string
	steps    int // 0 of one that is ours
	once     sync.Once
	compiled *regexp.Regexp
}

// NewRegexp returns the expression, or the error that is in it. One that costs too much is an error.
func NewRegexp(source string) (*Regexp, error) {
	if len(source) > maxExpression {
		return nil, fmt.Errorf("has %d KiB, the limit is %d KiB", len(source)>>10, maxExpression>>10)
	}
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, err
	}
	count, err := checkSteps(parsed)
	if err != nil {
		return nil, err
	}
	expression := trusted(source)
	expression.steps = count
	return expression, nil
}

// trusted returns an expression of ours, which a test has parsed.
func trusted(source string) *Regexp {
	return &Regexp{source: source}
}

// String returns the expression as it was written.
func (r *Regexp) String() string {
	if r.source == "" && len(r.names) > 0 {
		return AssignedRegex(r.names, r.value)
	}
	return r.source
}

// Compiled returns the compiled expression. It may be called by several goroutines.
func (r *Regexp) Compiled() *regexp.Regexp {
	r.once.Do(func() { r.compiled = regexp.MustCompile(r.String()) })
	return r.compiled
}
