package rules

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// mostLiterals bounds the literals of one expression, and shortestLiteral leaves out what is everywhere.
	mostLiterals    = 64
	shortestLiteral = 2
)

// literalsOf returns literals in lower case of which every match of the expression holds at least one, or none where that is
// not known. It prefers long ones, which are rare.
func literalsOf(expression string) []string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	return inEvery(parsed.Simplify()).best
}

// literalsOfAny is literalsOf for the alternation of the expressions.
func literalsOfAny(expressions []string) (all []string) {
	for _, expression := range expressions {
		literals := literalsOf(expression)
		if literals == nil {
			return nil
		}
		all = append(all, literals...)
	}
	return compact(all)
}

// contents are what is known of the matches of an expression.
type contents struct {
	// whole are all the texts that it matches, in lower case; nil where they are not known or too many.
	whole []string
	// best are the literals of which each match holds one.
	best []string
}

func known(texts ...string) contents { return contents{whole: texts}.refine() }

// refine takes the whole texts as literals where they are better.
func (c contents) refine() contents {
	if c.whole != nil && score(c.whole) > score(c.best) {
		c.best = c.whole
	}
	return c
}

// score tells how rare literals are: the length of the shortest counts.
func score(literals []string) int {
	if len(literals) == 0 {
		return 0
	}
	shortest := len(slices.MinFunc(literals, func(a, b string) int { return len(a) - len(b) }))
	if shortest < shortestLiteral {
		return 0
	}
	return shortest*mostLiterals - len(literals)
}

// inEvery returns what is in every match of the expression.
func inEvery(re *syntax.Regexp) contents {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary,
		syntax.OpNoWordBoundary:
		return contents{whole: []string{""}}
	case syntax.OpLiteral:
		if slices.ContainsFunc(re.Rune, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return contents{} // the prefilter knows the case of ASCII alone
		}
		return known(strings.ToLower(string(re.Rune)))
	case syntax.OpCharClass:
		return known(classTexts(re.Rune)...)
	case syntax.OpCapture:
		return inEvery(re.Sub[0])
	case syntax.OpPlus:
		return contents{best: inEvery(re.Sub[0]).best}
	case syntax.OpRepeat:
		if re.Min > 0 {
			return contents{best: inEvery(re.Sub[0]).best}
		}
	case syntax.OpQuest:
		if c := inEvery(re.Sub[0]); c.whole != nil {
			return contents{whole: append([]string{""}, c.whole...)}
		}
	case syntax.OpConcat:
		return inConcat(re.Sub)
	case syntax.OpAlternate:
		return inAlternate(re.Sub)
	}
	return contents{}
}

// classTexts returns the letters of a small class, in lower case.
func classTexts(ranges []rune) []string {
	const most = 8
	var texts []string
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > most {
			return nil
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if r == '\u212a' || r == '\u017f' {
				continue // relatives of k and s, which nobody writes in a keyword
			}
			if r >= utf8.RuneSelf {
				return nil
			}
			texts = append(texts, strings.ToLower(string(r)))
		}
	}
	if texts = unique(texts); len(texts) > most {
		return nil
	}
	return texts
}

func inConcat(parts []*syntax.Regexp) contents {
	result := contents{whole: []string{""}}
	best := []string(nil)
	keep := func(literals []string) {
		if score(literals) > score(best) {
			best = literals
		}
	}
	run := []string{""} // the texts of the parts since the last that is not known
	for _, part := range parts {
		c := inEvery(part)
		keep(c.best)
		if c.whole == nil || len(run)*len(c.whole) > mostLiterals {
			keep(run)
			result.whole, run = nil, []string{""}
			if c.whole == nil {
				continue
			}
		}
		run = product(run, c.whole)
	}
	keep(run)
	if result.whole != nil {
		result.whole = run
	}
	result.best = compact(best)
	return result
}

func inAlternate(parts []*syntax.Regexp) contents {
	result := contents{whole: []string{}, best: []string{}}
	for _, part := range parts {
		c := inEvery(part)
		if result.whole != nil && c.whole != nil && len(result.whole)+len(c.whole) <= mostLiterals {
			result.whole = append(result.whole, c.whole...)
		} else {
			result.whole = nil
		}
		if result.best != nil && score(c.best) > 0 && len(result.best)+len(c.best) <= mostLiterals {
			result.best = append(result.best, c.best...)
		} else {
			result.best = nil
		}
	}
	result.whole, result.best = unique(result.whole), compact(result.best)
	return result.refine()
}

func product(heads, tails []string) []string {
	texts := make([]string, 0, len(heads)*len(tails))
	for _, head := range heads {
		for _, tail := range tails {
			texts = append(texts, head+tail)
		}
	}
	return unique(texts)
}

func unique(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// compact drops literals that hold another one.
func compact(literals []string) []string {
	literals = unique(slices.Clone(literals))
	return slices.DeleteFunc(literals, func(long string) bool {
		return slices.ContainsFunc(literals, func(short string) bool { return short != "" && short != long && strings.Contains(long, short) })
	})
}
