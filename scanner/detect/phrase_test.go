package detect

import (
	"regexp/syntax"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestPhrasesThatEveryMatchHolds(t *testing.T) {
	text := func(texts ...string) (all []phrase) {
		for _, one := range texts {
			all = append(all, phrase{text: one})
		}
		return all
	}
	for expression, want := range map[string][]phrase{
		`[a-z]+@[a-z]+\.com`:                text("@", "."),
		`(?i)\bdata:\s+(\w+)`:               text("data:"),
		`(?i)kind:\s+x|\bdata:\s+a:`:        nil,
		`(?i)\bkind:.*?data:|data:.*?kind:`: text("ind:", "data:"),
		`(?i)keys:`:                         text(":"),
		`(?:a:)?b`:                          nil,
		`(?:a:)*b=`:                         text("b="),
		`(?i)kind:[ \t]*["']?secret|x: kind:[ \t]*["']?secret`: {{text: "ind:"}, {text: "ind:", gap: "\t \"'", next: "secret"}},
		`(?i)a:[b-d]?ask`:   {{text: "a:"}, {text: "a:", gap: "BCDbcd", next: "a"}},
		`(?i)a:[b-d]?beta`:  text("a:"),
		`a:[^b]?beta`:       text("a:"),
		`token:\s*İstanbul`: text("en:"),
		`İd:`:               text("d:"),
		`token:\s*Kelvin`:   text("en:"),
	} {
		parsed, err := syntax.Parse(expression, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, phrasesOf(parsed), cmp.AllowUnexported(phrase{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got\n%s", expression, diff)
		}
	}
}

func TestAPhraseIsFoundWhateverItsCase(t *testing.T) {
	for data, want := range map[string]bool{
		"Data:": true, "x: data : DATA:": true, "data": false, ":": false, "": false, "ata: data;": false, "xdata:": true,
	} {
		if got := (phrase{text: "data:"}).isIn([]byte(data)); got != want {
			t.Errorf("%q: %v", data, got)
		}
	}
	for data, want := range map[string]bool{
		"kind: Secret": true, "kind: x, KIND: 'secret": true, "kind:SECRET": true, "kind: a secret": false, "kind:": false, "kind: \u017fecret": true,
	} {
		if got := (phrase{text: "ind:", gap: " '", next: "secret"}).isIn([]byte(data)); got != want {
			t.Errorf("%q: %v", data, got)
		}
	}
}
