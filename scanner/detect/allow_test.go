package detect_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestCommentsThatAllowAreSeenOnTheLineOfTheSecretOnly(t *testing.T) {
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	id, secret := "id = "+pair.ID, "aws_secret_access_key = "+pair.Secret
	const ours, theirs = " # scanjob:allow", " // gitleaks:allow"
	for _, test := range []struct{ name, content, ofID, ofSecret string }{
		{"none", id + "\n" + secret, "", ""},
		{"ours on one line", id + ours + "\n" + secret, "scanjob:allow", ""},
		{"theirs on the last line without an end", id + "\n" + secret + theirs, "", "gitleaks:allow"},
		{"before the value", "/* scanjob:allow */ " + id + "\n" + secret, "scanjob:allow", ""},
		{"on the line before", "#" + ours + "\n" + id + "\n" + secret, "", ""},
		{"on the line behind", id + "\n#" + ours + "\n" + secret, "", ""},
		{"on all lines of the value", id + ours + "\n" + id + theirs + "\n" + secret + ours + "\n" + secret + ours, "scanjob:allow", "scanjob:allow"},
		{"not on the second line of the value", id + ours + "\n" + id + "\n" + secret + ours + "\n" + secret, "", ""},
		{"not on the first line of the value", id + "\n" + id + ours + "\n" + secret + "\n" + secret + ours, "", ""},
		{"not on the first line of a secret before its id", pair.Secret + "\n" + pair.Secret + ours + "\n" + id, "", ""},
		{"far away on a long line", id + strings.Repeat(" x", 2000) + ours + "\n" + secret, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			detector, err := detect.New()
			if err != nil {
				t.Fatal(err)
			}
			matches, err := detector.Scan(t.Context(), strings.NewReader(test.content))
			if err != nil || len(matches) != 2 {
				t.Fatalf("%d matches, error %v", len(matches), err)
			}
			for _, match := range matches {
				want := test.ofID
				if match.Rule == detect.RuleSecretAccessKey {
					want = test.ofSecret
				}
				finding, err := detector.Finding(t.Context(), match, "a", "")
				if err != nil || finding.AllowComment != want {
					t.Errorf("%s has the comment %q, want %q (error %v)", match.Rule, finding.AllowComment, want, err)
				}
			}
		})
	}
}
