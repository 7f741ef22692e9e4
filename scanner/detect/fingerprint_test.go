package detect_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func finding(t *testing.T, detector *detect.Detector, match detect.Match, path string) contract.Finding {
	t.Helper()
	finding, err := detector.Finding(t.Context(), match, path, "")
	if err != nil {
		t.Fatal(err)
	}
	return finding
}

// fingerprints returns those of all matches of the content in a file at path.
func fingerprints(t *testing.T, content, path string) []string {
	t.Helper()
	detector := newDetector(t)
	var out []string
	for _, match := range scanWith(t, detector, content) {
		out = append(out, finding(t, detector, match, path).Fingerprint)
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

// The vector is PBKDF2-HMAC-SHA256 of a made-up id, computed with Python: hashlib.pbkdf2_hmac("sha256", id,
// b"scanjob.dev/fingerprint/v1\0aws-access-key-id", 65536).
func TestFingerprintOfAKeyIDIsCostly(t *testing.T) {
	const id = "AKIA" + "Y34FZKBOKMUTVV7A"
	got := fingerprints(t, id, "a")
	if want := "501180aa62c67b76039141cf673734de4ba181bc6139c683ef4e7b61116ad647"; len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %s", got, want)
	}
	plain := sha256.Sum256([]byte("scanjob.dev/fingerprint/v1\x00" + detect.RuleAccessKeyID + "\x00" + id))
	if got[0] == hex.EncodeToString(plain[:]) {
		t.Error("the fingerprint of a key id is a plain hash, from which it could be guessed")
	}
}

func TestDetectionEndsWithItsContext(t *testing.T) {
	detector, stop := newDetector(t), errors.New("stop")
	t.Run("no costly fingerprint is computed any more", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		matches := scanWith(t, detector, newPair(t).ID)
		cancel(stop)
		if _, err := detector.Finding(ctx, matches[0], "a", ""); !errors.Is(err, stop) {
			t.Errorf("got %v, want the cause", err)
		}
	})
	t.Run("the hits of the last window are not looked at any more", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		content := strings.NewReader(newPair(t).ID)
		matches, err := detector.Scan(ctx, readerFunc(func(p []byte) (int, error) {
			n, err := content.Read(p)
			if err != nil {
				cancel(stop)
			}
			return n, err
		}))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v and %v", matches, err)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
