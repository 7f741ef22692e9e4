package scan_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

// Not parallel: it sets how many processors the program uses.
func TestFindingsAreTheSameAndInTheSameOrderHoweverManyWorkersThereAre(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	head := ""
	for commit := range 4 {
		for file := range 20 {
			if file%3 == 0 {
				r.Write(fmt.Sprintf("folder%d/leak%d", commit, file), text(newPair(t)))
			} else {
				r.Write(fmt.Sprintf("folder%d/text%d", commit, file), fmt.Sprintf("text %d of %d\n", file, commit))
			}
		}
		head = r.Commit(fmt.Sprintf("commit %d", commit))
	}
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	for _, mode := range []string{contract.ModeTree, contract.ModeChanges, contract.ModeHistory} {
		results := map[int]scan.Result{}
		for _, workers := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(workers)
			request := request(t, r, mode, head, "")
			if mode == contract.ModeChanges {
				request.BaseRevision = base
			}
			results[workers] = run(t, request)
		}
		if len(results[1].Findings) != 4*7*2 {
			t.Errorf("%s: %d findings, want two for each of 28 pairs", mode, len(results[1].Findings))
		}
		for _, workers := range []int{2, 8} {
			if diff := cmp.Diff(results[1], results[workers]); diff != "" {
				t.Errorf("%s with %d workers: -one +many\n%s", mode, workers, diff)
			}
		}
	}
}
