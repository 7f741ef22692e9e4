package scan_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

func TestProgressOfARepositoryIsTold(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	r.Commit("base")
	r.Git("switch", "--quiet", "--create", "topic")
	for i := range 20 {
		r.Write(fmt.Sprint(i), fmt.Sprintln("content", i))
	}
	r.Commit("change")
	for i := range 20 {
		r.Write(fmt.Sprint(i), fmt.Sprintln("staged", i))
	}
	r.Git("add", "--all")
	for _, mode := range []string{contract.ModeTree, contract.ModeChanges, contract.ModeHistory, source.ModeStaged} {
		repository, err := source.OpenLocal(t.Context(), source.LocalRequest{Path: r.Dir, Mode: mode, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		detector, err := detect.New()
		if err != nil {
			t.Fatal(err)
		}
		calls, lastFiles, lastBytes := 0, 0, int64(0)
		result, err := scan.RunWithProgress(t.Context(), repository, detector, slog.New(slog.DiscardHandler), func(files int, bytes int64) {
			if calls++; files != calls || bytes <= lastBytes {
				t.Errorf("%s: call %d tells %d files, %d bytes", mode, calls, files, bytes)
			}
			lastFiles, lastBytes = files, bytes
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := repository.Close(); err != nil {
			t.Error(err)
		}
		if lastFiles < 20 || lastFiles != result.Files || lastBytes != result.Bytes {
			t.Errorf("%s: told %d files and %d bytes at last, want %d and %d", mode, lastFiles, lastBytes, result.Files, result.Bytes)
		}
	}
}
