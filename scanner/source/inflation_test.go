package source

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

func TestPackThatComesToTooMuchIsRefusedBeforeItDoes(t *testing.T) {
	pack := packOf(t, deltified(t))
	file, err := os.Open(pack + ".pack")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	folder := t.TempDir()
	_, _, err = indexPackWithin(t.Context(), file, &scratch{folder: folder, free: 1 << 10}, 100<<10)
	var classified *failure.Error
	if !errors.As(err, &classified) || classified.ExitCode != contract.ExitRequest || !strings.Contains(classified.Message, "comes to more than") {
		t.Errorf("error = %v, want a refusal that no repetition changes", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("files are left over: %v %v", left, err)
	}
}

func TestPacksOfHistoriesStayFarBelowTheBound(t *testing.T) {
	for packed, most := range map[int64]int64{0: 16 << 30, 1 << 20: 16 << 30, 37 << 20: 37_000 << 20, 3 << 30: 3000 << 30} {
		if got := MostInflated(packed); got != most {
			t.Errorf("a pack of %d bytes may come to %d, want %d", packed, got, most)
		}
	}
}
