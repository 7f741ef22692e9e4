package detect_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// found by the rules of a configuration, as rule and line.
func foundWith(t *testing.T, configuration, path, content string) []string {
	t.Helper()
	set, err := rules.Parse([]byte(configuration), nil)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	matches, err := engine.Detector().ScanFile(t.Context(), strings.NewReader(content), path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, match := range matches {
		all = append(all, match.Rule)
	}
	slices.Sort(all)
	return all
}

func TestRulesThatRequireOthers(t *testing.T) {
	const (
		user     = "[[rules]]\nid = 'user'\nregex = 'user=[a-z]+'\nkeywords = ['user=']\nskipReport = true\n"
		host     = "[[rules]]\nid = 'host'\nregex = 'host=[a-z]+'\nkeywords = ['host=']\n"
		password = "[[rules]]\nid = 'password'\nregex = 'password=[a-z]+'\nkeywords = ['password=']\n"
	)
	required := func(id, bounds string) string { return "[[rules.required]]\nid = '" + id + "'\n" + bounds }
	for _, row := range []struct {
		name, configuration, content string
		want                         string
	}{
		{"alone", user + password + required("user", ""), "password=abc\n", ""},
		{"with the other, which is not reported itself", user + password + required("user", ""), "user=bob\n\n\npassword=abc\n", "password"},
		{"with the other behind it", user + password + required("user", ""), "password=abc\n" + strings.Repeat("\n", 5000) + "user=bob\n", "password"},
		{"with an other that is reported", host + password + required("host", ""), "host=db\npassword=abc\n", "host password"},
		{"an other that is reported, alone", host + password + required("host", ""), "host=db\n", "host"},
		{"within lines", user + password + required("user", "withinLines = 3\n"), "user=bob\n\n\npassword=abc\n", "password"},
		{"beyond them", user + password + required("user", "withinLines = 3\n"), "user=bob\n\n\n\npassword=abc\n", ""},
		{"in one line", user + password + required("user", "withinLines = 0\n"), "user=bob password=abc\n", "password"},
		{"in the next line, where it must be one", user + password + required("user", "withinLines = 0\n"), "user=bob\npassword=abc\n", ""},
		{"within columns", user + password + required("user", "withinColumns = 5\n"), "user=bob\n  password=abc\n", "password"},
		{"beyond them, too", user + password + required("user", "withinColumns = 5\n"), "user=bob\n" + strings.Repeat(" ", 20) + "password=abc\n", ""},
		{"two others, of which one is missing", user + host + password + required("user", "") + required("host", ""), "user=bob\npassword=abc\n", ""},
		{"two others", user + host + password + required("user", "") + required("host", ""), "user=bob\nhost=db\npassword=abc\n", "host password"},
		{"one part for several", user + password + required("user", ""), "user=bob\npassword=abc\npassword=xyz\n", "password password"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := strings.Join(foundWith(t, row.configuration, "a.txt", row.content), " "); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// A rule of ours that is found by code can be a part, too.
func TestRulesThatRequireThoseOfAWS(t *testing.T) {
	pair := newPair(t)
	configuration := "[extend]\nuseDefault = true\n[[rules]]\nid = 'deployment'\nregex = 'deploy-[0-9]{4}'\nkeywords = ['deploy-']\n" +
		"[[rules.required]]\nid = 'aws-access-key-id'\nwithinLines = 10\n"
	for content, want := range map[string]bool{
		"deploy-1234\n" + pair.ID + "\n": true, "deploy-1234\n": false, "deploy-1234\n" + strings.Repeat("\n", 20) + pair.ID + "\n": false,
	} {
		got := foundWith(t, configuration, "a.txt", content)
		if slices.Contains(got, "deployment") != want {
			t.Errorf("%q: found %v", content[:20], got)
		}
		if slices.Contains(got, detect.RuleAccessKeyID) != strings.Contains(content, pair.ID) {
			t.Errorf("the key id itself: found %v", got)
		}
	}
}

func TestAllowlistsCountForTheRulesOfAWS(t *testing.T) {
	pair := newPair(t)
	secret := "aws_secret_access_key = " + pair.Secret + " # of the sandbox\n"
	content := "aws_access_key_id = " + pair.ID + "\n" + secret + "account_id = " + planted.Account() + "\n"
	list := func(text string) string { return "[extend]\nuseDefault = true\n[[allowlists]]\n" + text }
	const all = "aws-access-key-id aws-account-id aws-secret-access-key"
	for _, row := range []struct{ name, configuration, path, want string }{
		{"none", "[extend]\nuseDefault = true\n", "a.env", all},
		{"of a path", list("paths = ['^fixtures/']\n"), "fixtures/a.env", ""},
		{"of another path", list("paths = ['^fixtures/']\n"), "a.env", all},
		{"of the secret", list("regexes = ['^" + pair.ID[:12] + "']\n"), "a.env", "aws-account-id aws-secret-access-key"},
		{"of the line", list("regexTarget = 'line'\nregexes = ['of the sandbox']\n"), "a.env", "aws-access-key-id aws-account-id"},
		{"of a word", list("stopwords = ['" + strings.ToLower(pair.ID[6:14]) + "']\n"), "a.env", "aws-account-id aws-secret-access-key"},
		{"of one rule", list("targetRules = ['aws-account-id']\nregexes = ['.*']\n"), "a.env", "aws-access-key-id aws-secret-access-key"},
		// As in gitleaks, the other rules still find the value.
		{"of gitleaks' name of a rule", list("targetRules = ['aws-access-token']\nregexes = ['.*']\n"), "a.env", "aws-account-id aws-secret-access-key generic-api-key"},
		{"of both a path and a text, of which one fails", list("condition = 'AND'\npaths = ['^fixtures/']\nregexes = ['.*']\n"), "a.env", all},
		{"of both", list("condition = 'AND'\npaths = ['^fixtures/']\nregexes = ['" + pair.ID[:12] + "']\n"), "fixtures/a.env", "aws-account-id aws-secret-access-key"},
		{"of the rule itself", "[extend]\nuseDefault = true\n[[rules]]\nid = 'aws-account-id'\n[[rules.allowlists]]\npaths = ['[.]env$']\n", "a.env", "aws-access-key-id aws-secret-access-key"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := strings.Join(foundWith(t, row.configuration, row.path, content), " "); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
