package scan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/rules"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// secretLine is what the rules of these tests find.
const secretLine = "value sesame-0123456789 here\n"

// placeRules have one rule for any path, one for scripts alone, and one that a path is enough for.
const placeRules = `
[[rules]]
id = "anywhere"
regex = 'sesame-\d{10}'
keywords = ["sesame"]
[[rules]]
id = "scripts"
regex = 'value sesame'
keywords = ["sesame"]
path = '\.sh$'
[[rules]]
id = "key-file"
path = '\.p12$'
[[allowlists]]
paths = ['^testdata/']
`

func engineOf(t *testing.T, configuration string) *detect.Engine {
	t.Helper()
	set, err := rules.Parse([]byte(configuration), nil)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// foundBy returns rule and path of what the engine finds.
func foundBy(t *testing.T, request source.Request, engine *detect.Engine) []string {
	t.Helper()
	return rulesAndPaths(runBy(t, request, engine))
}

func runBy(t *testing.T, request source.Request, engine *detect.Engine) scan.Result {
	t.Helper()
	repository, err := source.Open(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	result, err := scan.Run(t.Context(), repository, engine.Detector(), request.Log)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func rulesAndPaths(result scan.Result) []string {
	got := []string{}
	for _, f := range result.Findings {
		got = append(got, f.Rule+" "+f.Path)
	}
	slices.Sort(got)
	return got
}

func TestPathsDecideTheSameInEveryMode(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	// One content at several paths: what one path keeps from being found is found at the others.
	for _, path := range []string{"a/run.sh", "a/text", "testdata/run.sh", "testdata/z.p12"} {
		r.Write(path, secretLine)
	}
	r.Write("z.p12", "the content does not matter")
	head := r.Commit("change")
	want := []string{"anywhere a/run.sh", "anywhere a/text", "key-file z.p12", "scripts a/run.sh"}
	engine := engineOf(t, placeRules)
	for _, mode := range []string{contract.ModeTree, contract.ModeChanges, contract.ModeHistory} {
		if diff := cmp.Diff(want, foundBy(t, request(t, r, mode, head, base), engine)); diff != "" {
			t.Errorf("%s: -want +got\n%s", mode, diff)
		}
	}
	result, err := scan.Directory(t.Context(), r.Dir, scan.DirectoryOptions{Engine: engine})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rulesAndPaths(result)); diff != "" {
		t.Errorf("Directory: -want +got\n%s", diff)
	}
	r.Git("reset", "--quiet", "--soft", base)
	repository, err := source.OpenLocal(t.Context(), source.LocalRequest{Path: r.Dir, Mode: source.ModeStaged, Log: request(t, r, "", "", "").Log})
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	result, err = scan.Run(t.Context(), repository, engine.Detector(), request(t, r, "", "", "").Log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rulesAndPaths(result)); diff != "" {
		t.Errorf("Staged: -want +got\n%s", diff)
	}
}

func TestFolderThatIsRepeatedHidesNothingBecauseItsFirstPathIsAllowed(t *testing.T) {
	r := gittest.New(t)
	r.Write("testdata/inner/deep/text", secretLine)
	r.Write("testdata/inner/z.p12", "key")
	r.Write("x/inner/deep/text", secretLine)
	r.Write("x/inner/z.p12", "key")
	r.Write("y/inner/deep/text", secretLine)
	r.Write("y/inner/z.p12", "key")
	head := r.Commit("copies")
	for _, mode := range []string{contract.ModeTree, contract.ModeHistory} {
		// Each is told at the first path that does not hide it; the further copies of a folder are not listed.
		want := []string{"anywhere x/inner/deep/text", "key-file x/inner/z.p12"}
		if diff := cmp.Diff(want, foundBy(t, request(t, r, mode, head, ""), engineOf(t, placeRules))); diff != "" {
			t.Errorf("%s: -want +got\n%s", mode, diff)
		}
	}
}

func TestSecretThatMovesOutOfAnAllowedFolderIsNew(t *testing.T) {
	r := gittest.New(t)
	r.Write("testdata/text", secretLine)
	r.Write("other", secretLine+"more\n")
	base := r.Commit("base")
	r.Git("mv", "testdata/text", "text")
	r.Git("mv", "other", "moved")
	head := r.Commit("move")
	want := []string{"anywhere text"}
	if diff := cmp.Diff(want, foundBy(t, request(t, r, contract.ModeChanges, head, base), engineOf(t, placeRules))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestFoldersAtMorePathsThanCanBeVisitedAreTold(t *testing.T) {
	r := gittest.New(t)
	r.Write("text.sum", secretLine)
	r.Git("add", "text.sum")
	tree := r.Git("write-tree")
	for range 8 {
		lines := make([]string, 0, 10)
		for i := range 10 {
			lines = append(lines, fmt.Sprintf("040000 tree %s\tf%d", tree, i))
		}
		tree = r.MakeTree(lines)
	}
	commit := r.Git("commit-tree", "-m", "bomb", tree)
	r.Git("update-ref", "refs/heads/main", commit)
	engine := engineOf(t, placeRules+"[[allowlists]]\npaths = ['^f']\n")
	got := foundBy(t, request(t, r, contract.ModeTree, commit, ""), engine)
	if len(got) != 1 || got[0][:len(contract.RuleNotScanned)] != contract.RuleNotScanned {
		t.Errorf("found %q, want that something is not scanned", got)
	}
}

func TestAllowlistOfCommitsCountsForWhatTheCommitBrought(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	r.Write("first", secretLine)
	r.Write("one.p12", "key")
	allowed := r.Commit("allowed")
	r.Write("first", "a line more\n"+secretLine)
	r.Write("second", "another text\n"+secretLine)
	r.Write("two.p12", "another key")
	head := r.Commit("not allowed")
	engine := engineOf(t, placeRules+"[[allowlists]]\ncommits = ['"+allowed+"']\n")
	want := []string{"anywhere second", "key-file two.p12"}
	for _, mode := range []string{contract.ModeChanges, contract.ModeHistory} {
		if diff := cmp.Diff(want, foundBy(t, request(t, r, mode, head, base), engine)); diff != "" {
			t.Errorf("%s: -want +got\n%s", mode, diff)
		}
	}
}
