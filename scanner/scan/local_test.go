package scan_test

import (
	"log/slog"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

func runLocal(t *testing.T, r *gittest.Repository, mode string) scan.Result {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	repository, err := source.OpenLocal(t.Context(), source.LocalRequest{Path: r.Dir, Mode: mode, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	detector, err := detect.New()
	if err != nil {
		t.Fatal(err)
	}
	result, err := scan.Run(t.Context(), repository, detector, log)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestStagedBringsOnlyWhatHeadDoesNotHold(t *testing.T) {
	r := gittest.New(t)
	edited, moved, added := newPair(t), newPair(t), newPair(t)
	r.Write("edited", text(edited))
	r.Write("moved", text(moved))
	r.Commit("first")
	r.Write("edited", text(edited)+"# and a comment\n")
	r.Write("added", text(added))
	r.Git("mv", "moved", "elsewhere")
	r.Git("add", "--all")
	r.Write("added", "changed after it was staged\n")
	r.Write("not-staged", text(newPair(t)))
	expect(t, places(runLocal(t, r, source.ModeStaged), nil), both("added", "")...)
	r.Git("rm", "--quiet", "--cached", "--force", "-r", ".")
	expect(t, places(runLocal(t, r, source.ModeStaged), nil))
	expect(t, places(runLocal(t, r, contract.ModeTree), nil), append(both("edited", ""), both("moved", "")...)...)
}
