package rules

import (
	"strings"
	"testing"
)

func TestConfigurationOfARepositoryOnlyAdds(t *testing.T) {
	before := AWS()
	added, notes, err := AWS().Add([]byte(`
[extend]
path = "more.toml"
disabledRules = ["aws-account-id"]
[[rules]]
id = "aws-access-token"
regex = "never"
[[rules.allowlists]]
stopwords = ["sample"]
[[rules]]
id = "own"
regex = "own-[0-9]+"
`), func(string) ([]byte, error) { return []byte("[[rules]]\nid = 'more'\npath = 'x'\n"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(added.Rules), len(before.Rules)+2; got != want {
		t.Errorf("%d rules, want %d", got, want)
	}
	if rule, _ := added.Rule(AccessKeyID); !rule.Code || rule.Regexp != nil || len(rule.Allowlists) != 1 {
		t.Errorf("the rule that is built in became %+v", rule)
	}
	if text := strings.Join(notes, "\n"); len(notes) != 2 || !strings.Contains(text, "aws-account-id") || !strings.Contains(text, "aws-access-token") {
		t.Errorf("notes %q", notes)
	}
	if again := AWS(); len(again.Rules[0].Allowlists) != len(before.Rules[0].Allowlists) {
		t.Error("the set that was added to has changed")
	}
}
