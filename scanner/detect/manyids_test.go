package detect_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	scanning "github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// Of many key ids the first ones get a costly fingerprint of the value, the others one of the place. Which those are must not depend
// on who scanned what first. Not parallel: it sets how many processors the program uses.
func TestFindingsOfManyKeyIDsAreTheSameEachTime(t *testing.T) {
	const files, each, costly = 3, 600, 10
	r := gittest.New(t)
	for file := range files {
		var ids strings.Builder
		for i := range each {
			id, err := planted.KeyID("AKIA", planted.Account())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&ids, "key %d: %s\n", i%7, id)
		}
		r.Write(fmt.Sprintf("ids%d.txt", file), ids.String())
	}
	r.Commit("many")
	log := slog.New(slog.DiscardHandler)
	engine := func() *detect.Engine {
		engine := newDetector(t).Engine()
		detect.LimitCostly(engine, costly)
		return engine
	}
	ways := map[string]func(workers int) (scanning.Result, error){
		"folder": func(workers int) (scanning.Result, error) {
			return scanning.Directory(t.Context(), r.Dir, scanning.DirectoryOptions{Engine: engine(), Workers: workers})
		},
		"history": func(int) (scanning.Result, error) {
			repository, err := source.OpenLocal(t.Context(), source.LocalRequest{Path: r.Dir, Mode: contract.ModeHistory, Log: log})
			if err != nil {
				return scanning.Result{}, err
			}
			defer repository.Close()
			return scanning.Run(t.Context(), repository, engine().Detector(), log)
		},
	}
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	for name, scanned := range ways {
		var first scanning.Result
		for i, workers := range []int{1, 8, 2, 8} {
			runtime.GOMAXPROCS(workers)
			result, err := scanned(workers)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = result
			}
			if diff := cmp.Diff(first, result); diff != "" {
				t.Errorf("%s with %d workers: -first +this\n%.2000s", name, workers, diff)
			}
			seen := map[string]bool{}
			for _, finding := range result.Findings {
				seen[finding.Fingerprint] = true
			}
			if len(result.Findings) != files*each || len(seen) != files*each {
				t.Errorf("%s: %d findings with %d fingerprints, want %d of each", name, len(result.Findings), len(seen), files*each)
			}
		}
	}
}
