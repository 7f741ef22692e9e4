package rules

import (
	"fmt"
	"regexp/syntax"
	"slices"
)

// Bounds of the expressions of a configuration. Go's expressions take time in proportion to the text, but each of their steps may be
// taken for each character, and takes memory. The largest that is built in has some 2,400 steps, all 241 together 62,000.
const (
	// maxExpression is the length of an expression in bytes.
	maxExpression = 64 << 10
	// maxSteps bounds one expression, and maxStepsEverywhere one that no keyword or literal leads to, which meets every character.
	maxSteps           = 10_000
	maxStepsEverywhere = 2_000
	// maxStepsTogether bounds all expressions of a configuration.
	maxStepsTogether = 500_000
)

// steps returns about how many instructions the expression compiles to, at most limit + 1.
func steps(node *syntax.Regexp, limit int) int {
	sum := 1
	switch node.Op {
	case syntax.OpConcat, syntax.OpRepeat:
		sum = 0
	case syntax.OpLiteral:
		sum = len(node.Rune)
	case syntax.OpCharClass:
		sum = 1 + len(node.Rune)/64
	}
	for _, sub := range node.Sub {
		if sum += steps(sub, limit); sum > limit {
			return limit + 1
		}
	}
	if node.Op == syntax.OpRepeat {
		times := max(node.Min, node.Max, 1)
		if sum > limit/times {
			return limit + 1
		}
		sum *= times
	}
	return min(sum, limit+1)
}

// checkSteps says what is wrong with the cost of an expression that was parsed.
func checkSteps(parsed *syntax.Regexp) (int, error) {
	count := steps(parsed, maxSteps)
	if count > maxSteps {
		return count, fmt.Errorf("takes more than %d steps for a character: make its repetitions shorter", maxSteps)
	}
	return count, nil
}

// costs adds up what the expressions of a configuration cost.
type costs struct{ together int }

// expression is NewRegexp that counts.
func (c *costs) expression(source string) (*Regexp, error) {
	expression, err := NewRegexp(source)
	if err != nil {
		return nil, err
	}
	if c.together += expression.steps; c.together > maxStepsTogether {
		return nil, fmt.Errorf("all expressions together take more than %d steps for a character", maxStepsTogether)
	}
	return expression, nil
}

func (c *costs) assigned(names []string, value string) (*Regexp, error) {
	return c.expression(AssignedRegex(names, value))
}

// literals returns those of a rule of a configuration.
func (c *costs) literals(rule Rule) []string { return literalsOf(rule.Regexp.String()) }

// checkEverywhere says what is wrong with a rule that has to look everywhere.
func checkEverywhere(rule Rule) error {
	const rare = 3 // characters of a literal that is not everywhere itself
	rarely := len(rule.Literals) > 0 && !slices.ContainsFunc(rule.Literals, func(literal string) bool { return len(literal) < rare })
	if rule.Regexp != nil && !rarely && rule.Regexp.steps > maxStepsEverywhere {
		return fmt.Errorf("regex: takes %d steps for every character of every file, the limit is %d: begin it with a fixed text, or make its repetitions shorter",
			rule.Regexp.steps, maxStepsEverywhere)
	}
	return nil
}
