package detect

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestKeyIDsBeyondTheBoundOfCostlyFingerprintsAreToldApartByPlace(t *testing.T) {
	detector, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if detector.engine.costly.most != maxCostly {
		t.Errorf("the bound is %d, want %d", detector.engine.costly.most, maxCostly)
	}
	detector.engine.costly.most = 2
	var ids strings.Builder
	for range 5 {
		id, err := planted.KeyID("AKIA", planted.Account())
		if err != nil {
			t.Fatal(err)
		}
		ids.WriteString(id + "\n")
	}
	matches, err := detector.Scan(t.Context(), strings.NewReader(ids.String()))
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := func(match Match, path string) string {
		finding, err := detector.Finding(t.Context(), match, path, "")
		if err != nil {
			t.Fatal(err)
		}
		return finding.Fingerprint
	}
	seen := map[string]bool{}
	for i, match := range matches {
		seen[fingerprint(match, "a")] = true
		costly := fingerprint(match, "a") == fingerprint(match, "b")
		if costly != (i < 2) {
			t.Errorf("id %d has a fingerprint of its value: %v, want those of the first two", i+1, costly)
		}
	}
	if len(seen) != 5 {
		t.Errorf("five ids have %d fingerprints", len(seen))
	}
}
