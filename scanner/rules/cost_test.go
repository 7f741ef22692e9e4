package rules

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"testing"
)

func TestCostlyExpressionsAreRefusedAndNamed(t *testing.T) {
	rule := func(regex string) string { return "[[rules]]\nid = 'costly'\nregex = '" + regex + "'\n" }
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "[[rules]]\nid = 'r%d'\nregex = 'tok(?:[a-z][0-9]){1000}[a-z]{1000}[a-z]{1000}[a-z]{1000}[a-z]{1000}'\n", i)
	}
	for _, row := range []struct{ name, configuration, want string }{
		{"counted repetitions within one another", rule("key(?:[a-z]{1000}){1000}"), "costly"},
		{"counted repetitions that add up", rule("key" + strings.Repeat("[a-z]{1000}", 11)), `rule "costly": regex: takes more than 10000 steps`},
		{"a very long text", rule("key" + strings.Repeat("abcdefgh", 16<<10)), `rule "costly": regex: has 128 KiB, the limit is 64 KiB`},
		{"no fixed text to look for first", rule("[a-z]{1000}[0-9]{1000}[a-f]{500}"), "for every character of every file, the limit is 2000"},
		{"a path", "[[rules]]\nid = 'costly'\npath = '" + strings.Repeat("[a-z]{1000}", 11) + "'\n", "path: takes more than"},
		{"an allowlist", "[[allowlists]]\nregexes = ['" + strings.Repeat("[a-z]{1000}", 11) + "']\n", "regexes: takes more than"},
		{"a stop of the parser's own", rule("(((((((((x{1000}){1000}){1000}){1000}){1000}))))))"), "costly"},
		{"many rules that each are let through", many.String(), "all expressions together"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for reading, read := range map[string]func() error{
				"as the rules": func() error { _, err := Parse([]byte(row.configuration), nil); return err },
				"as those of a repository": func() error {
					_, _, err := AWS().Add([]byte(row.configuration), nil)
					return err
				},
			} {
				if err := read(); err == nil || !strings.Contains(err.Error(), row.want) {
					t.Errorf("%s: error = %v, want %q", reading, err, row.want)
				}
			}
		})
	}
}

// What the bounds go by is about what the compiler makes of an expression, and nothing that is built in comes near them.
func TestStepsAreThoseOfTheCompiler(t *testing.T) {
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	sources := []string{"a{1000}", "(?:[a-z]{30}){30}", "(a|b|cd)*x{2,}", strings.Repeat("literal", 100)}
	for _, rule := range set.Rules {
		if rule.Regexp != nil {
			sources = append(sources, rule.Regexp.String())
		}
	}
	for _, source := range sources {
		parsed, err := syntax.Parse(source, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := syntax.Compile(parsed.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := steps(parsed, 1<<30), len(compiled.Inst); got > 4*want || want > 4*got+20 {
			t.Errorf("%.60s: %d steps, compiled to %d", source, got, want)
		}
		if expression, err := NewRegexp(source); err != nil || expression.steps > maxSteps/2 {
			t.Errorf("%.60s is near the bounds: %v", source, err)
		}
	}
}
