package scan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/rules"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

// states lists the findings and what was resolved as rule, path and state.
func states(result scan.Result) []string {
	var got []string
	for _, f := range slices.Concat(result.Findings, result.Resolved) {
		got = append(got, strings.TrimPrefix(f.Rule, "aws-")+" "+f.Path+" "+string(f.State))
	}
	slices.Sort(got)
	return got
}

func TestChangesAreComparedWithTheTargetBranch(t *testing.T) {
	moved, kept, gone, fresh := pairText(t), pairText(t), pairText(t), pairText(t)
	padding := strings.Repeat("text\n", 50)
	r := gittest.New(t)
	r.Write("old.env", padding+moved)
	r.Write("kept.env", kept)
	r.Write("gone.env", gone)
	r.Write("deleted.env", pairText(t))
	r.Write("same.env", kept)
	base := r.Commit("base")
	r.Git("rm", "--quiet", "old.env", "deleted.env")
	r.Write("new.env", padding+"# renamed, and a line more\n"+moved)
	r.Write("kept.env", "# a line more\n"+kept)
	r.Write("gone.env", "nothing\n")
	r.Write("fresh.env", fresh)
	head := r.Commit("change")
	got := states(run(t, request(t, r, contract.ModeChanges, head, base)))
	want := []string{
		"access-key-id deleted.env resolved",
		"access-key-id fresh.env new",
		"access-key-id gone.env resolved",
		"access-key-id new.env existing",
		"secret-access-key deleted.env resolved",
		"secret-access-key fresh.env new",
		"secret-access-key gone.env resolved",
		"secret-access-key new.env existing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNewSecretOnAnOldLineIsNew(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.env", pairText(t))
	base := r.Commit("base")
	r.Write("a.env", pairText(t))
	got := states(run(t, request(t, r, contract.ModeChanges, r.Commit("change"), base)))
	want := []string{"access-key-id a.env new", "access-key-id a.env resolved", "secret-access-key a.env new", "secret-access-key a.env resolved"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A value that could be guessed has the fingerprint of its place.
func TestNewWeakSecretOnAnOldLineIsNew(t *testing.T) {
	set, err := rules.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := gittest.New(t)
	line := func(secret string) string { return `api_key = "` + secret + "\"\n" }
	r.Write("a.py", line("q7Zr2Tk9"+"Xw4Lm8Bv")+line("p3Hn6Yc1"+"Df5Js0Ga"))
	base := r.Commit("base")
	r.Write("a.py", "# a line more\n"+line("m4Kd8Wz2"+"Rt6Pb1Fx")+line("p3Hn6Yc1"+"Df5Js0Ga"))
	got := states(runBy(t, request(t, r, contract.ModeChanges, r.Commit("change"), base), engine))
	want := []string{"generic-api-key a.py new", "generic-api-key a.py resolved"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSecretThatCameAndWentWithinTheChangesIsNew(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	r.Write("a.env", pairText(t))
	r.Commit("leak")
	r.Git("rm", "--quiet", "a.env")
	got := states(run(t, request(t, r, contract.ModeChanges, r.Commit("hide"), base)))
	if diff := cmp.Diff([]string{"access-key-id a.env new", "secret-access-key a.env new"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOnlyChangesHaveStates(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.env", pairText(t))
	head := r.Commit("leak")
	for _, mode := range []string{contract.ModeTree, contract.ModeHistory} {
		if got := states(run(t, request(t, r, mode, head, ""))); !slices.Equal(got, []string{"access-key-id a.env ", "secret-access-key a.env "}) {
			t.Errorf("%s: %q", mode, got)
		}
	}
}
