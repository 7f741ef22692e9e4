package planted_test

import (
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestNewKeyPair(t *testing.T) {
	for _, wrong := range []string{"", "12345", "12345678901x", "1234567890123"} {
		if pair, err := planted.NewKeyPair(wrong); err == nil {
			t.Errorf("account %q: got %v", wrong, pair)
		}
	}
	first, err := planted.NewKeyPair("210987654321")
	if err != nil {
		t.Fatal(err)
	}
	second, err := planted.NewKeyPair("210987654321")
	if err != nil {
		t.Fatal(err)
	}
	if first.ID == second.ID || first.Secret == second.Secret {
		t.Error("two pairs are equal")
	}
	if len(first.ID) != 20 || len(first.Secret) != 40 || len(planted.GitPassword()) != 44 || len(planted.Account()) != 12 {
		t.Errorf("wrong lengths: %v", first)
	}
}
