package main

import (
	"slices"
	"strings"
	"testing"
)

func someLeak(t *testing.T) leak {
	t.Helper()
	l, err := newLeak()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheCommitHoldsTheSecretsAndTheScreenDoesNot(t *testing.T) {
	l := someLeak(t)
	var files strings.Builder
	for _, content := range l.commit.files {
		files.WriteString(content)
	}
	for _, secret := range l.secrets() {
		if !strings.Contains(files.String(), secret) {
			t.Error("a secret is in no file")
		}
	}
	if err := search([]sink{{name: "screens", text: l.shown(), count: 1}}, l.traces()); err != nil {
		t.Error(err)
	}
}

func TestPlacesAreWhereTheSecretsAre(t *testing.T) {
	l := someLeak(t)
	for _, p := range l.places() {
		line := strings.Split(l.commit.files[p.path], "\n")[p.line-1]
		if !slices.ContainsFunc(l.secrets(), func(secret string) bool { return strings.Contains(line, secret) }) {
			t.Errorf("%s, line %d holds no secret", p.path, p.line)
		}
	}
}

func TestSearch(t *testing.T) {
	l := someLeak(t)
	id, secret, account := l.pair.ID, l.pair.Secret, l.pair.Account
	for name, row := range map[string]struct {
		text string
		want string
	}{
		"a masked preview is no trace":             {id[:4] + "********", ""},
		"the end of an account number is no trace": {"********" + account[8:], ""},
		"the key id is one":                        {"key " + id, "a part of the leaked secrets is in the mails"},
		"the secret key is one":                    {`{"k":"` + secret + `"}`, "a part of the leaked secrets is in the mails"},
		"the account number is one":                {"arn:aws:iam::" + account + ":root", "a part of the leaked secrets is in the mails"},
		"a part of the secret key is one":          {secret[12:24], "a part of the leaked secrets is in the mails"},
		"a part of the key id is one":              {id[6:15], "a part of the leaked secrets is in the mails"},
	} {
		t.Run(name, func(t *testing.T) {
			err := search([]sink{{name: "mails", text: row.text, count: 1}}, l.traces())
			if row.want == "" && err != nil || row.want != "" && (err == nil || err.Error() != row.want) {
				t.Errorf("error is %v, want %q", err, row.want)
			}
		})
	}
	if err := search([]sink{{name: "mails"}}, l.traces()); err == nil || err.Error() != "there are no mails to look into" {
		t.Errorf("error is %v, want that there is nothing to look into", err)
	}
}
