package rules

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
)

func TestParseReadsGitleaksForm(t *testing.T) {
	set, err := Parse([]byte(`
title = "ours"
[[rules]]
id = "acme"
description = "Acme key"
regex = '''(?i)acme_([a-z0-9]{20})'''
secretGroup = 1
entropy = 3.1
keywords = ["ACME_"]
tags = ["key"]
severity = "critical"
color = "red"
  [[rules.allowlists]]
  condition = "AND"
  regexTarget = "line"
  regexes = ['''test''']
  paths = ['''_test\.go$''']
  [[rules.required]]
  id = "acme-id"
  withinLines = 5
[[rules]]
id = "acme-id"
regex = 'ACMEID[0-9]{8}'
skipReport = true
[allowlist]
stopwords = ["Example"]
commits = ["ABCDEF"]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	acme, ok := set.Rule("acme")
	if !ok || acme.Severity != contract.SeverityCritical || acme.SecretGroup != 1 || acme.Entropy != 3.1 || acme.Keywords[0] != "acme_" ||
		acme.Tags[0] != "key" || !acme.Allowlists[0].All || acme.Allowlists[0].Target != TargetLine {
		t.Errorf("got %+v", acme)
	}
	if want := (Required{ID: "acme-id", Lines: 5, Columns: -1}); acme.Required[0] != want {
		t.Errorf("got %+v, want %+v", acme.Required[0], want)
	}
	if id, _ := set.Rule("acme-id"); !id.SkipReport || id.Severity != contract.SeverityHigh || !slices.Equal(id.Literals, []string{"acmeid"}) {
		t.Errorf("got %+v", id)
	}
	if !slices.Equal(set.Unknown, []string{"rules.color"}) {
		t.Errorf("unknown keys %v", set.Unknown)
	}
	if list := set.Allowlists[0]; list.Stopwords[0] != "example" || list.Commits[0] != "abcdef" {
		t.Errorf("got %+v", list)
	}
}

func TestErrorsNameTheRuleAndItsKey(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no id", "[[rules]]\nregex = 'a'", "rule 1: id: is missing"},
		{"two of a name", "[[rules]]\nid = 'a'\nregex = 'a'\n[[rules]]\nid = 'a'\nregex = 'b'", `rule "a": id: another`},
		{"a broken expression", "[[rules]]\nid = 'a'\nregex = '(b'", `rule "a": regex: error parsing`},
		{"a broken path", "[[rules]]\nid = 'a'\npath = '*'", `rule "a": path: error parsing`},
		{"nothing to look for", "[[rules]]\nid = 'a'", `rule "a": wants regex or path`},
		{"a group that is not there", "[[rules]]\nid = 'a'\nregex = 'b'\nsecretGroup = 2", `rule "a": secretGroup: there is no group 2`},
		{"an unknown severity", "[[rules]]\nid = 'a'\nregex = 'b'\nseverity = 'huge'", `rule "a": severity: "huge"`},
		{"an empty allowlist", "[[rules]]\nid = 'a'\nregex = 'b'\n[[rules.allowlists]]\ncondition = 'AND'", `rule "a": allowlists 1: wants at least`},
		{"an unknown condition", "[allowlist]\ncondition = 'XOR'\npaths = ['a']", `allowlist: condition: "XOR"`},
		{"an unknown target", "[allowlist]\nregexTarget = 'file'\nregexes = ['a']", `allowlist: regexTarget: "file"`},
		{"a broken allowlist", "[[allowlists]]\nregexes = ['(']", `allowlists 1: regexes: error parsing`},
		{"an allowlist for a rule that is not there", "[[allowlists]]\npaths = ['a']\ntargetRules = ['b']", `allowlists 1: targetRules: there is no rule "b"`},
		{"a required rule that is not there", "[[rules]]\nid = 'a'\nregex = 'b'\n[[rules.required]]\nid = 'c'", `rule "a": required: there is no rule "c"`},
		{"no TOML", "a = 1\nb = ", "line 2:"},
		{"a wrong type", "[[rules]]\nid = 3", "rules.id"},
		{"a fetched base", "[extend]\nurl = 'https://x'", "extend: url:"},
		{"a base without files", "[extend]\npath = 'x'", "extend: path: is not allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestExtend(t *testing.T) {
	files := map[string]string{
		"base": "[[rules]]\nid = 'a'\nregex = 'b'\nkeywords = ['b']\n[[rules]]\nid = 'off'\nregex = 'c'",
		"loop": "[extend]\npath = 'loop'",
	}
	open := func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("no such file")
	}
	set, err := Parse([]byte("[extend]\npath = 'base'\ndisabledRules = ['off']\n[[rules]]\nid = 'a'\nentropy = 4\nkeywords = ['x']\n[[rules]]\nid = 'n'\nregex = 'd'"), open)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := set.Rule("a")
	if len(set.Rules) != 2 || a.Entropy != 4 || a.Regexp.String() != "b" || !slices.Equal(a.Keywords, []string{"b", "x"}) {
		t.Errorf("got %+v", set.Rules)
	}
	for _, path := range []string{"loop", "gone"} {
		if _, err := Parse([]byte("[extend]\npath = '"+path+"'"), open); err == nil {
			t.Errorf("no error for %s", path)
		}
	}
	set, err = Parse([]byte("[extend]\nuseDefault = true\ndisabledRules = ['aws-access-token', 'jwt']\n[[allowlists]]\npaths = ['x']\ntargetRules = ['github-pat']"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []string{AccessKeyID, "jwt"} {
		if _, ok := set.Rule(off); ok {
			t.Errorf("%s is not off", off)
		}
	}
	if _, ok := set.Rule("github-pat"); !ok {
		t.Error("the built-in rules are not there")
	}
}

func TestBuiltinRulesCompileAndHoldTheirLiterals(t *testing.T) {
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if err := set.check(); err != nil {
		t.Error(err)
	}
	for _, rule := range set.Rules {
		if rule.Severity == "" || rule.Regexp == nil {
			continue
		}
		if _, err := regexp.Compile(rule.Regexp.String()); err != nil {
			t.Errorf("%s: %v", rule.ID, err)
		}
		if len(rule.Literals) == 0 {
			t.Errorf("%s: meets every byte", rule.ID)
		}
		derived := literalsOf(rule.Regexp.String())
		for _, literal := range derived {
			if !containsAny(literal, rule.Literals) {
				t.Logf("%s: holds %q, and none of %q for sure", rule.ID, literal, rule.Literals)
			}
		}
	}
}

func TestLiteralsOfExpressions(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       []string
	}{
		{`AKIA[A-Z0-9]{16}`, []string{"akia"}},
		{`(?i)\b(sk_(?:live|test)_[a-z0-9]{20})\b`, []string{"sk_live_", "sk_test_"}},
		{`(?:access|auth).{0,20}`, []string{"access", "auth"}},
		{`[a-f0-9]{32}`, nil},
		{`(?:token)?[0-9]{4}`, nil},
		{`xox[pb]-[0-9]+`, []string{"xoxb-", "xoxp-"}},
		{`(?:a|key)[0-9]`, nil},
		{`(?:abc|abcd)x+`, []string{"abc"}},
	} {
		if got := literalsOf(c.expression); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.expression, got, c.want)
		}
	}
}

func TestAllowlists(t *testing.T) {
	expression := func(text string) []*Regexp { return []*Regexp{trusted(text)} }
	c := Candidate{Secret: "abcEXAMPLE", Match: "key=abcEXAMPLE", Line: "x key=abcEXAMPLE y", Paths: []string{"a/test/b.go"}}
	for _, row := range []struct {
		name string
		list Allowlist
		want Verdict
	}{
		{"a stopword, whatever its case", Allowlist{Stopwords: []string{"example"}}, Allowed},
		{"a part of the match is not a part of the secret", Allowlist{Regexes: expression("key=")}, Denied},
		{"the match", Allowlist{Regexes: expression("^key="), Target: TargetMatch}, Allowed},
		{"the line", Allowlist{Regexes: expression("^x .* y$"), Target: TargetLine}, Allowed},
		{"the path", Allowlist{Paths: expression(`/test/`)}, Allowed},
		{"one of several", Allowlist{Paths: expression(`/none/`), Stopwords: []string{"abc"}}, Allowed},
		{"all of several", Allowlist{All: true, Paths: expression(`/none/`), Stopwords: []string{"abc"}}, Denied},
		{"all of several that hold", Allowlist{All: true, Paths: expression(`/test/`), Stopwords: []string{"abc"}}, Allowed},
		{"commits", Allowlist{Commits: []string{"1"}}, ByCommit},
		{"commits and a path that holds", Allowlist{All: true, Commits: []string{"1"}, Paths: expression(`/test/`)}, ByCommit},
		{"commits and a path that does not", Allowlist{All: true, Commits: []string{"1"}, Paths: expression(`/none/`)}, Denied},
	} {
		if got := row.list.Judge(c); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}
