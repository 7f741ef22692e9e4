package detect_test

import (
	"fmt"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// fingerprints returns those of all matches of the content in a file at path.
func fingerprints(t *testing.T, content, path string) []string {
	t.Helper()
	detector := newDetector(t)
	var out []string
	for _, match := range scanWith(t, detector, content) {
		out = append(out, match.Finding(path, "").Fingerprint)
	}
	return out
}

func TestFingerprints(t *testing.T) {
	pair, other := newPair(t), newPair(t)
	account := planted.Account()
	fingerprint := func(content, path string) string {
		all := fingerprints(t, content, path)
		if len(all) != 1 {
			t.Fatalf("%d matches in %q", len(all), content)
		}
		return all[0]
	}
	key, moved := fingerprint(pair.ID, "a"), fingerprint("\n\n  key: "+pair.ID, "b")
	if key != moved {
		t.Error("a key id has another fingerprint on another line of another file")
	}
	if key == fingerprint(other.ID, "a") {
		t.Error("two key ids have the same fingerprint")
	}
	line := "account_id = "
	if fingerprint(line+account, "a") != fingerprint("\n"+line+account, "a") {
		t.Error("an account number has another fingerprint after a line above it was added")
	}
	if fingerprint(line+account, "a") != fingerprint(line+planted.Account(), "a") {
		t.Error("the fingerprint of an account number depends on its digits, from which they could be guessed")
	}
	if fingerprint(line+account, "a") == fingerprint(line+account, "b") {
		t.Error("an account number has the same fingerprint in another file")
	}
	if fingerprint(line+account, account) != fingerprint(line+account, planted.Account()[:8]+account[8:]) {
		t.Error("the fingerprint depends on the digits of an account number in the path")
	}
}

func TestAccountsOnLinesOfTheSameShapeHaveFingerprintsOfTheirOwn(t *testing.T) {
	line := func(account string) string { return `account_id = "` + account + `"` + "\n" }
	first, second, third := planted.Account(), planted.Account(), planted.Account()
	two, three := fingerprints(t, line(first)+line(second), "a"), fingerprints(t, line(first)+line(second)+line(first)+line(third), "a")
	if len(two) != 2 || two[0] == two[1] {
		t.Errorf("two accounts have the fingerprints %v", two)
	}
	if len(three) != 3 || fmt.Sprint(three[:2]) != fmt.Sprint(two) {
		t.Errorf("after a third was added, the fingerprints are %v, want %v and one more", three, two)
	}
}
