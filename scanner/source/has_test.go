package source

import (
	"log/slog"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
)

// What is here must not be fetched again, and what is not must not be taken for there.
func TestObjectsInPacksOfAReopenedRepositoryAreHere(t *testing.T) {
	r := gittest.New(t)
	r.Write("file", "text\n")
	head := r.Commit("base")
	blob := plumbing.NewHash(r.Git("rev-parse", "HEAD:file"))
	repository, err := Open(t.Context(), Request{
		URL: r.URL(), Name: "test", Mode: contract.ModeTree, Revision: head, WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	absent := plumbing.NewHash("1234567890123456789012345678901234567890")
	if !repository.hasAll([]ID{blob, plumbing.NewHash(head)}) || !repository.Has(blob) {
		t.Error("objects of the pack are not here")
	}
	if repository.hasAll([]ID{blob, absent}) || repository.Has(absent) {
		t.Error("an object that nobody has is here")
	}
	if got := repository.absent([]ID{absent, blob}); len(got) != 1 || got[0] != absent {
		t.Errorf("absent: %v", got)
	}
}
