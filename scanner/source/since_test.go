package source_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// since visits the history since a base, and returns the paths, the base that was left out in the end, and the log.
func since(t *testing.T, r *gittest.Repository, revision, base string) (visited, left, log string) {
	t.Helper()
	var written bytes.Buffer
	asked := request(t, r.URL(), contract.ModeHistory, revision)
	asked.BaseRevision, asked.Log = base, slog.New(slog.NewJSONHandler(&written, nil))
	repository, err := source.Open(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	var paths []string
	if _, err := repository.Changes(t.Context(), func(c source.Change) error {
		paths = append(paths, c.Path)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(paths, " "), repository.Base(), written.String()
}

func TestHistorySinceAnAncestorSaysWhereItBegan(t *testing.T) {
	r, first, _, third, _ := threeCommits(t)
	visited, left, log := since(t, r, third, first)
	if visited != "two three" || left != first {
		t.Errorf("visited %q and left out %s, want the two commits after %s", visited, left, first)
	}
	if !strings.Contains(log, "from the base revision on") || !strings.Contains(log, first) {
		t.Errorf("the log does not say so:\n%s", log)
	}
}

func TestHistorySinceSomethingElseIsScannedInFullAndSaysSo(t *testing.T) {
	r, first, second, third, topic := threeCommits(t)
	r.Git("branch", "--quiet", "kept")
	r.Git("reset", "--quiet", "--hard", first)
	r.Write("rewritten", "r")
	rewritten := r.Commit("rewritten")
	r.Git("switch", "--quiet", "--orphan", "anew")
	r.Write("anew", "n")
	anew := r.Commit("anew")
	for name, row := range map[string]struct{ revision, base, want string }{
		"a branch that was set back and went another way": {rewritten, third, "one rewritten"},
		"a branch that was set back":                      {first, second, "one"},
		"a commit of a branch that is not merged":         {second, topic, "one two"},
		"a repository that was made anew":                 {anew, third, "anew"},
		"a commit that never was":                         {rewritten, missing, "one rewritten"},
		"something that is no commit":                     {rewritten, r.Git("rev-parse", rewritten+"^{tree}"), "one rewritten"},
	} {
		t.Run(name, func(t *testing.T) {
			visited, left, log := since(t, r, row.revision, row.base)
			if visited != row.want || left != "" {
				t.Errorf("visited %q and left out %q, want %q", visited, left, row.want)
			}
			if !strings.Contains(log, "no ancestor of the revision: the whole history is scanned") || !strings.Contains(log, row.base) {
				t.Errorf("the log does not say so:\n%s", log)
			}
		})
	}
}

func TestHistorySinceAnAncestorThatIsNotOnTheFirstParentsLine(t *testing.T) {
	r, _, second, third, topic := threeCommits(t)
	r.Git("merge", "--quiet", "--no-edit", "topic")
	merge := r.Git("rev-parse", "HEAD")
	for base, want := range map[string]string{topic: "two three", third: "branch", second: "branch three", merge: ""} {
		visited, left, _ := since(t, r, merge, base)
		if len(strings.Fields(visited)) != len(strings.Fields(want)) || left != base {
			t.Errorf("since %s: visited %q and left out %q, want %q", base, visited, left, want)
		}
	}
}
