package scan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

func TestSecretInANameIsNotShown(t *testing.T) {
	engine := engineOf(t, placeRules)
	r := gittest.New(t)
	r.Write("sesame-0123456789.zip", zipOf(t, "d/sesame-9876543210.txt", secretLine))
	// The name in the archive is a finding of the archive, too.
	want := []string{"anywhere ****.zip", "anywhere ****.zip", "anywhere ****.zip!d/****.txt"}
	if diff := cmp.Diff(want, foundBy(t, request(t, r, contract.ModeTree, r.Commit("add"), ""), engine)); diff != "" {
		t.Errorf("a commit: -want +got\n%s", diff)
	}
	result, err := scan.Directory(t.Context(), r.Dir, scan.DirectoryOptions{Engine: engine})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rulesAndPaths(result)); diff != "" {
		t.Errorf("a folder: -want +got\n%s", diff)
	}
}
