package detect

import (
	"regexp/syntax"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTextsThatEveryMatchHolds(t *testing.T) {
	for expression, want := range map[string][]string{
		`[a-z]+@[a-z]+\.com`:                {"@", "."},
		`(?i)\bdata:\s+(\w+)`:               {"data:"},
		`(?i)kind:\s+x|\bdata:\s+a:`:        nil,
		`(?i)\bkind:.*?data:|data:.*?kind:`: {"ind:", "data:"},
		`(?i)keys:`:                         {":"},
		`(?:a:)?b`:                          nil,
		`(?:a:)*b=`:                         {"b="},
		`sk-[a-z]{3}`:                       {"-"},
	} {
		parsed, err := syntax.Parse(expression, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, textsOf(parsed), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got\n%s", expression, diff)
		}
	}
}

func TestATextIsHeldWhateverItsCase(t *testing.T) {
	for data, want := range map[string]bool{
		"Data:": true, "x: data : DATA:": true, "data": false, ":": false, "": false, "ata: data;": false, "xdata:": true,
	} {
		if got := containsFold([]byte(data), "data:"); got != want {
			t.Errorf("%q: %v", data, got)
		}
	}
}
