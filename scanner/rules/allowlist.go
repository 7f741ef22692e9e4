package rules

import (
	"slices"
	"strings"
)

// The targets of an allowlist's expressions.
const (
	TargetSecret = "secret"
	TargetMatch  = "match"
	TargetLine   = "line"
)

// Allowlist says which matches are no findings.
type Allowlist struct {
	Description string
	// All asks for every kind of condition that is set; otherwise one is enough.
	All bool
	// Commits are full ids in lower case.
	Commits []string
	Paths   []*Regexp
	// Regexes are matched with the part of the match that Target names.
	Regexes []*Regexp
	Target  string
	// Stopwords are in lower case, and count wherever the secret holds one, whatever its case.
	Stopwords []string
	// Rules are the rules that it counts for; all where there are none. Only lists that count for all rules have any.
	Rules []string
}

// Candidate is a match that an allowlist judges.
type Candidate struct {
	Secret, Match, Line string
	// Paths are that of the file, and that of the archive that the file is in. A list of paths counts for either.
	Paths []string
}

// Verdict is what an allowlist says of a match in a file whose commit is not known yet.
type Verdict int

const (
	// Denied is no finding that the list allows.
	Denied Verdict = iota
	// Allowed is no finding.
	Allowed
	// ByCommit depends on the commit: it is no finding in one of Commits.
	ByCommit
)

// AllowsFile tells whether the list alone decides that nothing in a file at path is a finding.
func (a *Allowlist) AllowsFile(path string) bool {
	if len(a.Paths) == 0 || path == "" {
		return false
	}
	if a.All && (len(a.Commits) > 0 || len(a.Regexes) > 0 || len(a.Stopwords) > 0) {
		return false
	}
	return matchesAny(a.Paths, path)
}

// Judge says what the list means for the match.
func (a *Allowlist) Judge(c Candidate) Verdict {
	target := c.Secret
	switch a.Target {
	case TargetMatch:
		target = c.Match
	case TargetLine:
		target = c.Line
	}
	// The cheap conditions come first.
	checks := []struct {
		set   bool
		holds func() bool
	}{
		{len(a.Stopwords) > 0, func() bool { return containsAny(strings.ToLower(c.Secret), a.Stopwords) }},
		{len(a.Paths) > 0, func() bool {
			return slices.ContainsFunc(c.Paths, func(path string) bool { return matchesAny(a.Paths, path) })
		}},
		{len(a.Regexes) > 0, func() bool { return matchesAny(a.Regexes, target) }},
	}
	for _, check := range checks {
		if !check.set {
			continue
		}
		switch holds := check.holds(); {
		case holds && !a.All:
			return Allowed
		case !holds && a.All:
			return Denied
		}
	}
	switch {
	case len(a.Commits) > 0:
		return ByCommit
	case a.All:
		return Allowed
	}
	return Denied
}

// CountsFor tells whether the list counts for the rule.
func (a *Allowlist) CountsFor(rule string) bool {
	return len(a.Rules) == 0 || slices.Contains(a.Rules, rule)
}

func matchesAny(expressions []*Regexp, text string) bool {
	return slices.ContainsFunc(expressions, func(r *Regexp) bool { return r.Compiled().MatchString(text) })
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}
