package detect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// secretsIn returns which of the values stand in text, whole or by a piece of eight characters.
func secretsIn(text string, values map[string]string) []string {
	var names []string
	for name, value := range values {
		for i := 0; i+8 <= len(value); i++ {
			if strings.Contains(text, value[i:i+8]) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

func TestFindingsHoldNoSecret(t *testing.T) {
	pair := newPair(t)
	secrets := map[string]string{
		"id": pair.ID, "secret": pair.Secret, "account of the id": pair.Account, "token": planted.SessionToken(500)[16:],
		"account": planted.Account(), "password": planted.GitPassword(),
	}
	content := "id=" + secrets["id"] + "\nsecret=" + secrets["secret"] + "\nIQoJb3JpZ2luX2Vj" + secrets["token"] +
		"\narn:aws:iam::" + secrets["account"] + ":root\nbob-at-" + secrets["account"] + ":" + secrets["password"] + "\n"
	path := "accounts/" + secrets["account"] + "/" + secrets["id"] + "/" + secrets["secret"] + ".txt"
	detector := newDetector(t)
	rules := map[string]bool{}
	for _, match := range scanWith(t, detector, content) {
		finding := finding(t, detector, match, path)
		rules[finding.Rule] = true
		text, err := json.Marshal(finding)
		if err != nil {
			t.Fatal(err)
		}
		if leaked := secretsIn(string(text), secrets); len(leaked) > 0 {
			t.Errorf("%s shows %v", text, leaked)
		}
		if finding.Fingerprint == "" || finding.Description == "" || finding.Preview == "" {
			t.Errorf("%s lacks a fingerprint, description or preview", text)
		}
	}
	if len(rules) != 5 {
		t.Errorf("found rules %v, want all five", rules)
	}
}

func TestPreviews(t *testing.T) {
	pair := newPair(t)
	account := planted.Account()
	const masked = "****************"
	want := map[string][2]string{
		detect.RuleAccessKeyID:     {"AKIA" + masked, "********" + pair.Account[8:]},
		detect.RuleSecretAccessKey: {pair.Secret[:4] + masked, "********" + pair.Account[8:]},
		detect.RuleAccount:         {masked, "********" + account[8:]},
	}
	for _, match := range scan(t, pair.ID+"\n"+pair.Secret+"\naccount_id = "+account) {
		if got := [2]string{match.Preview, match.Account.Masked}; got != want[match.Rule] {
			t.Errorf("%s: got %q, want %q", match.Rule, got, want[match.Rule])
		}
	}
}

func TestDisplayPath(t *testing.T) {
	pair := newPair(t)
	account := planted.Account()
	rows := []struct{ name, path, want string }{
		{"a plain path stays", "cmd/main.go", "cmd/main.go"},
		{"letters of other scripts stay", "doc/größe/日本.md", "doc/größe/日本.md"},
		{"a newline is escaped", "a\nb", `a\nb`},
		{"an escape sequence of terminals is escaped", "a\x1b[31mb", `a\x1b[31mb`},
		{"a sign that turns the direction of text is escaped", "a\u202eb", `a\u202eb`},
		{"bytes that are no UTF-8 are escaped", "a\xffb", `a\xffb`},
		{"a backslash is doubled", `a\nb`, `a\\nb`},
		{"a key id is masked", "keys/" + pair.ID + ".pem", "keys/****.pem"},
		{"a secret behind a directory is masked", "-/" + strings.ReplaceAll(pair.Secret, "/", "x"), ""},
		{"an account number keeps its last digits", "accounts/" + account + "/main.tf", "accounts/****" + account[8:] + "/main.tf"},
		{"a commit id stays", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{"a long path of words stays", "src/main/java/org/example/application/services/PaymentServiceImpl.java", "src/main/java/org/example/application/services/PaymentServiceImpl.java"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := detect.DisplayPath(row.path)
			if row.want == "" {
				if leaked := secretsIn(got, map[string]string{"secret": row.path[2:]}); len(leaked) > 0 {
					t.Errorf("got %s", got)
				}
				return
			}
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestScanPath(t *testing.T) {
	pair, detector := newPair(t), newDetector(t)
	matches, err := detector.ScanPath(t.Context(), "keys/"+pair.ID)
	if err != nil || len(matches) != 1 || matches[0].Line != 0 || matches[0].Rule != detect.RuleAccessKeyID {
		t.Errorf("got %v, %v", matches, err)
	}
}

func TestRulesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range detect.Rules() {
		if seen[rule.ID] || rule.Description == "" || rule.Severity == "" || rule.Advice == "" {
			t.Errorf("rule %+v is repeated or lacks a text", rule)
		}
		seen[rule.ID] = true
	}
}
