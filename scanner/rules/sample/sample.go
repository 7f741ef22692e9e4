// Package sample makes random texts that a regular expression matches. Tests and benchmarks plant them, so that nothing
// that looks like a secret has to stand in this repository.
package sample

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"unicode"
)

// mostRepeats bounds repetitions that the expression leaves open, such as x+.
const mostRepeats = 24

// Matching returns a random text of printable ASCII that the expression matches where it stands alone. Anchors and word
// boundaries are taken to hold.
func Matching(r *rand.Rand, expression string) (string, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", fmt.Errorf("expression of a sample: %w", err)
	}
	var out strings.Builder
	err = write(r, &out, parsed)
	return out.String(), err
}

// Group returns a random text that the group of the number matches, counted from 1, or the whole expression where it has
// none.
func Group(r *rand.Rand, expression string, number int) (string, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", fmt.Errorf("expression of a sample: %w", err)
	}
	if group := groupOf(parsed, number); group != nil {
		parsed = group
	}
	var out strings.Builder
	err = write(r, &out, parsed)
	return out.String(), err
}

func groupOf(node *syntax.Regexp, number int) *syntax.Regexp {
	if node.Op == syntax.OpCapture && node.Cap == number {
		return node.Sub[0]
	}
	for _, sub := range node.Sub {
		if group := groupOf(sub, number); group != nil {
			return group
		}
	}
	return nil
}

func write(r *rand.Rand, out *strings.Builder, node *syntax.Regexp) error {
	switch node.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
	case syntax.OpLiteral:
		for _, c := range node.Rune {
			if node.Flags&syntax.FoldCase != 0 {
				c = unicode.ToLower(c)
			}
			out.WriteRune(c)
		}
	case syntax.OpCharClass:
		return writeOneOf(r, out, node)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		out.WriteByte(alphanumeric[r.IntN(len(alphanumeric))])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range node.Sub {
			if err := write(r, out, sub); err != nil {
				return err
			}
		}
	case syntax.OpAlternate:
		return write(r, out, node.Sub[r.IntN(len(node.Sub))])
	case syntax.OpStar:
		return repeat(r, out, node.Sub[0], 0, mostRepeats)
	case syntax.OpPlus:
		return repeat(r, out, node.Sub[0], 1, mostRepeats)
	case syntax.OpQuest:
		return repeat(r, out, node.Sub[0], 0, 1)
	case syntax.OpRepeat:
		most := node.Max
		if most < 0 {
			most = node.Min + mostRepeats
		}
		return repeat(r, out, node.Sub[0], node.Min, most)
	default:
		return fmt.Errorf("no sample can be made of %v", node)
	}
	return nil
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func repeat(r *rand.Rand, out *strings.Builder, node *syntax.Regexp, least, most int) error {
	// Long runs are rare in life, and a sample of thousands of characters is of no use.
	most = min(most, least+mostRepeats)
	for range least + r.IntN(most-least+1) {
		if err := write(r, out, node); err != nil {
			return err
		}
	}
	return nil
}

// writeOneOf writes one character of the class. Where letters and digits are among them, those are taken: a class that
// excludes a few characters means them, too.
func writeOneOf(r *rand.Rand, out *strings.Builder, node *syntax.Regexp) error {
	var all, plain []rune
	for i := 0; i+1 < len(node.Rune); i += 2 {
		for c := max(node.Rune[i], ' '); c <= min(node.Rune[i+1], '~'); c++ {
			all = append(all, c)
			if unicode.IsLetter(c) || unicode.IsDigit(c) {
				plain = append(plain, c)
			}
		}
	}
	negated := len(node.Rune) > 0 && node.Rune[len(node.Rune)-1] > unicode.MaxASCII
	switch {
	case negated && len(plain) > 0:
		out.WriteRune(plain[r.IntN(len(plain))])
	case len(all) > 0:
		out.WriteRune(all[r.IntN(len(all))])
	default:
		return fmt.Errorf("no sample can be made of %v: it has no printable ASCII", node)
	}
	return nil
}
