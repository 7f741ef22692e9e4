package rules

import (
	"regexp"
	"regexp/syntax"
	"sync"
)

// Regexp is a regular expression that is compiled when it is first used: a scan of a few files meets few of the rules.
type Regexp struct {
	source  string
	compile func() *regexp.Regexp
}

// NewRegexp returns the expression, or the error that is in it.
func NewRegexp(source string) (*Regexp, error) {
	if _, err := syntax.Parse(source, syntax.Perl); err != nil {
		return nil, err
	}
	return trusted(source), nil
}

// trusted returns an expression of ours, which a test has parsed.
func trusted(source string) *Regexp {
	return &Regexp{source: source, compile: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(source) })}
}

// String returns the expression as it was written.
func (r *Regexp) String() string { return r.source }

// Compiled returns the compiled expression. It may be called by several goroutines.
func (r *Regexp) Compiled() *regexp.Regexp { return r.compile() }
