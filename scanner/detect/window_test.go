package detect_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestWindows(t *testing.T) {
	pair := newPair(t)
	token := planted.SessionToken(700)
	account := planted.Account()
	content := "id " + pair.ID + " secret " + pair.Secret + "\n" + token + "\narn:aws:iam::" + account + ":root\n"
	detector := newDetector(t)
	after := bytes.Repeat([]byte("."), 32<<10)
	for _, window := range []int{1 << 20, 1<<20 + 20<<10, 2<<20 + 4<<10} {
		for shift := -40; shift <= len(content); shift += 17 {
			filler := bytes.Repeat([]byte(". \n.."), (window-shift)/5+1)[:window-shift]
			matches, err := detector.Scan(t.Context(), io.MultiReader(bytes.NewReader(filler), strings.NewReader(content), bytes.NewReader(after)))
			if err != nil {
				t.Fatal(err)
			}
			if len(matches) != 4 {
				t.Fatalf("content at %d bytes before the border of a window: got %v, want id, secret, token and account", shift, short(matches))
			}
			first := 1 + bytes.Count(filler, []byte("\n"))
			if matches[0].Line != first || matches[3].Line != first+2 {
				t.Fatalf("shift %d: lines %v, want them from %d", shift, short(matches), first)
			}
		}
	}
}

// The first window takes up 4 KiB, 1 MiB and 16 KiB, and reports what begins before the last 16 KiB of that. Each further
// one begins 1 MiB after the one before.
func TestWhatStandsBeforeTheBorderOfAWindowCounts(t *testing.T) {
	pair, detector := newPair(t), newDetector(t)
	rows := []struct {
		name, before, after string
		rule                string // empty: nothing
	}{
		{"the name of a secret", "aws_secret_access_key = ", pair.Secret + "\n", detect.RuleSecretAccessKey},
		{"the name of a secret in the line above", "- name: AWS_SECRET_ACCESS_KEY\n", "  value: " + pair.Secret + "\n", detect.RuleSecretAccessKey},
		{"the name of an account", "account_id = ", planted.Account() + "\n", detect.RuleAccount},
		{"an ARN", "arn:aws:iam::", planted.Account() + ":root\n", detect.RuleAccount},
		{"a letter, so that what follows is no key id", "key x", pair.ID + "\n", ""},
		{"a digit, so that what follows is no account", "account_id = 1", planted.Account() + "\n", ""},
	}
	after := bytes.Repeat([]byte("."), 32<<10)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for windows := range 3 {
				border := 4<<10 + 1<<20 + windows<<20
				for _, shift := range []int{-1, 0, 1} {
					filler := bytes.Repeat([]byte("."), border+shift-len(row.before)-1)
					matches, err := detector.Scan(t.Context(), io.MultiReader(bytes.NewReader(filler), strings.NewReader("\n"+row.before+row.after), bytes.NewReader(after)))
					if err != nil {
						t.Fatal(err)
					}
					got := ""
					if len(matches) > 0 {
						got = matches[0].Rule
					}
					if got != row.rule || len(matches) > 1 {
						t.Errorf("%d bytes after border %d: found %q, want %q", shift, windows+1, got, row.rule)
					}
				}
			}
		})
	}
}
