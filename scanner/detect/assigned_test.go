package detect

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/rules"
	"github.com/scanjob-dev/scanjob/scanner/rules/sample"
)

func TestNoMatchOfARuleOfNamesIsTakenForNone(t *testing.T) {
	set, err := rules.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 8))
	tried, unknown := 0, 0
	for _, rule := range set.Rules {
		if rule.Regexp == nil {
			continue
		}
		value, ok := rules.AssignedValue(rule.Regexp.String())
		if !ok {
			continue
		}
		v := newAssignedValue(value)
		if v == nil {
			unknown++
			continue
		}
		for range 60 {
			text, err := sample.Matching(random, rule.Regexp.String())
			if err != nil {
				t.Fatal(err)
			}
			place := rule.Regexp.Compiled().FindStringIndex(text)
			if place == nil {
				continue
			}
			tried++
			match, may := strings.ToLower(text[place[0]:place[1]]), false
			for _, literal := range rule.Literals {
				if at := strings.Index(match, literal); at >= 0 {
					may = may || v.mayFollow([]byte(text), place[0]+at+len(literal))
				}
			}
			if !may {
				t.Errorf("%s: %q is a match", rule.ID, text)
			}
		}
	}
	if tried < 3000 || unknown > 0 {
		t.Errorf("only %d matches were tried, and nothing is known of %d values", tried, unknown)
	}
}

func TestAWordOfSourceCodeHasNoValue(t *testing.T) {
	v := newAssignedValue(`[\w.=~-]{10,200}|[a-z0-9][a-z0-9+/=]{11,400}`)
	for _, text := range []string{
		"key string) error {", "key := range values {", "token: strings.TrimSpace(text),", "tokens are read from a file", "keyFunc(obj)", "secret, err := get(", "key, value := range values {", "key",
	} {
		if v.mayFollow([]byte(text), 3) {
			t.Errorf("%q", text)
		}
	}
}
