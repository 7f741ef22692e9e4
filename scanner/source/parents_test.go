package source

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
)

func TestTheTreesOfParentsAreReadOncePerCommit(t *testing.T) {
	r := gittest.New(t)
	r.Write("folder/old", "old")
	r.Commit("base")
	r.Write("folder/more/new", "new")
	second := r.Commit("second")
	third := r.Commit("third")
	blob := func(path string) ID { return plumbing.NewHash(r.Git("rev-parse", "HEAD:"+path)) }
	repository, err := Open(t.Context(), Request{
		URL: r.URL(), Name: "test", Mode: contract.ModeHistory, Revision: third, WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	expect := func(commit, path string, want ...string) {
		t.Helper()
		got, err := repository.InParents(t.Context(), commit, blob(path))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s in the parents of %s: %v, %v; want %v", path, commit, got, err, want)
		}
	}
	expect(second, "folder/old", "folder/old")
	expect(third, "folder/more/new", "folder/more/new")
	expect(second, "folder/more/new")

	whole := repository.storage
	defer func() { repository.storage = whole }()
	empty, err := openObjects([]string{t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func(o *objects, r *objectReader) { repository.objects, repository.reader = o, r }(repository.objects, repository.reader)
	repository.storage, repository.objects, repository.reader = openStorage(t.TempDir(), true), empty, empty.reader()
	expect(second, "folder/old", "folder/old")
	if _, err := repository.InParents(t.Context(), third, blob("folder/old")); err == nil {
		t.Error("the parents of another commit were not read")
	}
}
