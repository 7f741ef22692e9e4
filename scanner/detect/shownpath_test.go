package detect_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// TestPathsAreShownWithoutWhatTheRulesFindInThem holds for a path that ScanPath reports, and for one in an archive or behind another
// finding, which nothing reports.
func TestPathsAreShownWithoutWhatTheRulesFindInThem(t *testing.T) {
	set, err := rules.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	detector := engine.Detector()
	const alphabet = base36 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits := func(n int) string { return "1" + randomOf("0123456789", n-1) }
	for name, token := range map[string]string{
		"github-pat":          "gh" + "p_" + randomOf(alphabet, 36),
		"gitlab-pat":          "gl" + "pat-" + randomOf(alphabet, 20),
		"slack-bot-token":     "xo" + "xb-" + digits(12) + "-" + digits(12) + "-" + randomOf(alphabet, 24),
		"stripe-access-token": "sk" + "_live_" + randomOf(alphabet, 24),
	} {
		for _, around := range [][2]string{{"notes/", ".txt"}, {"backup.zip!notes/", ".txt"}, {"", ""}, {"a\n/", "/b"}} {
			path := around[0] + token + around[1]
			shown, err := detector.DisplayPath(t.Context(), path)
			if err != nil || len(secretsIn(shown, map[string]string{"token": token})) > 0 {
				t.Errorf("%s: %q is shown as %q, %v", name, path, shown, err)
			}
			if want := strings.ReplaceAll(around[0], "\n", `\n`) + "****" + around[1]; shown != want {
				t.Errorf("%s: %q is shown as %q, want %q", name, path, shown, want)
			}
			got := finding(t, detector, detect.NotScanned("it is damaged"), path)
			if got.Path != shown {
				t.Errorf("%s: a finding has %q, want %q", name, got.Path, shown)
			}
		}
		matches, err := detector.ScanPath(t.Context(), "notes/"+token+".txt")
		if err != nil || len(matches) == 0 {
			t.Fatalf("%s: %v, %v", name, matches, err)
		}
		rule := engine.RuleOf(matches[0].Rule)
		if want := rule.Description + " in the name of a file or folder"; matches[0].Rule != name || matches[0].Description != want {
			t.Errorf("%s is described as %q, want %q", matches[0].Rule, matches[0].Description, want)
		}
	}
}
