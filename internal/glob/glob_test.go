package glob

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	tests := map[string]struct{ pattern, want string }{
		"a name":                                {"payments", ""},
		"braces in braces":                      {"{main,release/{1,2}.*,hotfix/{a,b}}", ""},
		"sixty-four alternatives":               {strings.Repeat("{a,b}", 6), ""},
		"as many in one pair of braces":         {"{" + strings.Repeat("a,", 63) + "b}", ""},
		"one more":                              {"{" + strings.Repeat("a,", 64) + "b}", "more than 64 patterns"},
		"a hundred and twenty-eight":            {strings.Repeat("{a,b}", 7), "more than 64 patterns"},
		"what takes minutes to match":           {strings.Repeat("{a*,*a}", 36), "more than 64 patterns"},
		"empty alternatives count too":          {strings.Repeat("{,}", 7), "more than 64 patterns"},
		"escaped braces are none":               {strings.Repeat(`\{a,b\}`, 20), ""},
		"commas outside of braces are none":     {strings.Repeat("a,", 100), ""},
		"braces in a class cannot hide others":  {"[{]" + strings.Repeat("{a,b,c},", 4) + "[}]", "more than 64 patterns"},
		"a bracket that stays open":             {"pay[ments", "check its brackets"},
		"a brace that stays open":               {"{main", "check its brackets"},
		"a backslash with nothing behind it":    {`main\`, "check its brackets"},
		"a brace that closes in a class":        {"a[}]b", ""},
		"nested alternatives beyond the bound":  {"{" + strings.Repeat("{a,b},", 6) + "c}", "more than 64 patterns"},
		"many braces with one alternative each": {strings.Repeat("{a}", 80), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := Check(test.pattern)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Check(%q) = %v, want %q", test.pattern, err, test.want)
			}
		})
	}
}

func TestMatchesAny(t *testing.T) {
	for name, test := range map[string]struct {
		patterns []string
		name     string
		want     bool
	}{
		"the second pattern":                {[]string{"tools", "infra-*"}, "infra-dns", true},
		"none of them":                      {[]string{"tools", "infra-*"}, "payments", false},
		"no pattern":                        {nil, "payments", false},
		"a star does not match a slash":     {[]string{"release/*"}, "release/1/2", false},
		"two stars match slashes":           {[]string{"release/**"}, "release/1/2", true},
		"alternatives, and a single letter": {[]string{"{tools,infra-?ns}"}, "infra-dns", true},
	} {
		if got := MatchesAny(test.patterns, test.name); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
