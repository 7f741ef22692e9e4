package sample_test

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/rules/sample"
)

func TestASampleMatchesItsExpression(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, expression := range []string{
		`abc_[a-z0-9]{20}`, `(?i)key-[a-f]{3,9}`, `(?:a|bc|\d{4})x?y*z+`, `[^"]{8,}`, `\w{10}\.[\w-]{6}`, `.{5}`,
	} {
		whole := regexp.MustCompile(`^(?:` + expression + `)$`)
		seen := map[string]bool{}
		for range 100 {
			text, err := sample.Matching(random, expression)
			if err != nil {
				t.Fatal(err)
			}
			if !whole.MatchString(text) {
				t.Fatalf("%q is no match of %s", text, expression)
			}
			seen[text] = true
		}
		if len(seen) < 10 {
			t.Errorf("%s: only %d different samples of 100", expression, len(seen))
		}
	}
}

func TestASampleOfAGroupIsOnlyTheGroup(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for expression, want := range map[string]string{`name=([a-z]{4});`: `^[a-z]{4}$`, `[a-z]{4}`: `^[a-z]{4}$`} {
		text, err := sample.Group(random, expression, 1)
		if err != nil || !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s: %q, %v", expression, text, err)
		}
	}
}

func TestWhatIsNoExpressionOrHasNoSampleIsAnError(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, expression := range []string{`(`, `[\x00-\x07]`} {
		if text, err := sample.Matching(random, expression); err == nil {
			t.Errorf("%s: %q", expression, text)
		}
	}
}
