package source

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
)

// fullDisk makes a file that takes nothing: what is written to /dev/full fails with ENOSPC.
func fullDisk(folder string) (*os.File, error) {
	name := filepath.Join(folder, "incoming-full")
	if err := os.Symlink("/dev/full", name); err != nil {
		return nil, err
	}
	return os.OpenFile(name, os.O_RDWR, 0)
}

func TestFetchOntoAFullDiskSaysSoAndDoesNotHang(t *testing.T) {
	r := gittest.New(t)
	content := make([]byte, 4<<20) // more than pipes and sockets hold
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	r.Write("large", string(content))
	head := r.Commit("large")
	for name, url := range map[string]string{"file": r.URL(), "http": gittest.Serve(t, r, "demo", nil).URL + "/v1/repos/demo"} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "repository")
			repository := &Repository{
				request: Request{
					URL: url, Name: "demo", Mode: contract.ModeHistory, Revision: head, WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
				},
				revision: plumbing.NewHash(head), folder: folder, storage: openStorage(folder, false), createPack: fullDisk,
			}
			defer repository.Close()
			err := repository.fetch(t.Context())
			if got := failure.Classify(t.Context(), err); got.ExitCode != contract.ExitRequest || !strings.Contains(got.Message, "raise spec.resources.ephemeralStorage") {
				t.Errorf("exit %d: %v", got.ExitCode, got)
			}
			if left, err := os.ReadDir(filepath.Join(folder, "objects", "pack")); err != nil || len(left) > 0 {
				t.Errorf("left in the storage: %v %v", left, err)
			}
		})
	}
}

func TestFileURLWithoutGit(t *testing.T) {
	r := gittest.New(t)
	r.Write("file", "x")
	head := r.Commit("first")
	t.Setenv("PATH", t.TempDir())
	_, err := Open(t.Context(), Request{
		URL: r.URL(), Name: "demo", Mode: contract.ModeTree, Revision: head, WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	})
	if got := failure.Classify(t.Context(), err); got.ExitCode != contract.ExitRequest || !strings.Contains(got.Message, "git is not installed") {
		t.Errorf("exit %d: %v", got.ExitCode, got)
	}
}
