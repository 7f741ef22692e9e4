package scan_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// request is a request for the repository by its file URL.
func request(t *testing.T, r *gittest.Repository, mode, revision, base string) source.Request {
	t.Helper()
	return source.Request{
		URL: r.URL(), Name: "test", Mode: mode, Revision: revision, BaseRevision: base,
		WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	}
}

func run(t *testing.T, request source.Request) scan.Result {
	t.Helper()
	repository, err := source.Open(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := repository.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(request.WorkDir); err != nil || len(left) > 0 {
			t.Errorf("left in the work folder: %v %v", left, err)
		}
	}()
	detector, err := detect.New()
	if err != nil {
		t.Fatal(err)
	}
	result, err := scan.Run(t.Context(), repository, detector, request.Log)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// places returns rule, path and line of the findings, and the commit where there is one.
func places(result scan.Result, names map[string]string) []string {
	var out []string
	for _, f := range result.Findings {
		place := fmt.Sprintf("%s %s:%d", f.Rule, f.Path, f.Line)
		if f.Commit != "" {
			place += " " + names[f.Commit]
		}
		out = append(out, place)
	}
	slices.Sort(out)
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func newPair(t *testing.T) planted.KeyPair {
	t.Helper()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// text returns a file with the pair in lines 2 and 3.
func text(pair planted.KeyPair) string {
	return "[default]\naws_access_key_id = " + pair.ID + "\naws_secret_access_key = " + pair.Secret + "\n"
}

func both(place, commit string) []string {
	if commit != "" {
		commit = " " + commit
	}
	return []string{"aws-access-key-id " + place + ":2" + commit, "aws-secret-access-key " + place + ":3" + commit}
}

func TestTree(t *testing.T) {
	r := gittest.New(t)
	pair := newPair(t)
	r.Write("removed.txt", text(newPair(t)))
	r.Commit("old")
	r.Git("rm", "--quiet", "removed.txt")
	r.Write("a/b/credentials", text(pair))
	r.Write("other/same", text(pair))
	r.Write("code.go", "package main\n")
	head := r.Commit("new")
	result := run(t, request(t, r, contract.ModeTree, head, ""))
	expect(t, places(result, nil), append(both("a/b/credentials", ""), both("other/same", "")...)...)
	if result.Files != 2 {
		t.Errorf("read %d contents, want 2: the same content is read once", result.Files)
	}
	if got := result.Findings[0]; got.Severity != contract.SeverityCritical || got.Commit != "" {
		t.Errorf("the first finding is %+v", got)
	}
}

func TestChanges(t *testing.T) {
	r := gittest.New(t)
	names := map[string]string{}
	commit := func(name string) string {
		id := r.Commit(name)
		names[id] = name
		return id
	}
	old, added, edited, gone, upstream, evil := newPair(t), newPair(t), newPair(t), newPair(t), newPair(t), newPair(t)
	r.Write("old", text(old))
	r.Write("shared", "top\nmiddle\nbottom\n")
	base := commit("base")
	r.Git("switch", "--quiet", "--create", "topic")
	r.Write("added", text(added))
	commit("adds a pair")
	r.Write("old", "# a comment\n\n"+text(old))
	commit("touches a file whose pair was there before")
	r.Write("edited", "nothing\n")
	commit("adds a clean file")
	r.Write("edited", text(edited))
	commit("puts a pair into it")
	r.Write("edited", text(edited)+"# more\n")
	commit("edits it again")
	r.Git("mv", "added", "moved")
	commit("moves the first file")
	r.Write("gone", text(gone))
	commit("adds another")
	r.Git("rm", "--quiet", "gone")
	commit("removes it")
	r.Git("switch", "--quiet", "main")
	r.Write("upstream", text(upstream))
	r.Write("shared", "upstream\nmiddle\nbottom\n")
	main := commit("on main")
	r.Git("switch", "--quiet", "topic")
	r.Git("merge", "--quiet", "--no-commit", "main")
	r.Write("evil", text(evil))
	head := commit("merge")

	brought := slices.Concat(
		both("added", "adds a pair"), both("edited", "puts a pair into it"), both("gone", "adds another"), both("evil", "merge"))
	t.Run("against the commit that the branch began at, what main brought is new too", func(t *testing.T) {
		expect(t, places(run(t, request(t, r, contract.ModeChanges, head, base)), names),
			append(both("upstream", "on main"), brought...)...)
	})
	t.Run("against main, only what the branch brought is found, also in the merge", func(t *testing.T) {
		expect(t, places(run(t, request(t, r, contract.ModeChanges, head, main)), names), brought...)
	})
	t.Run("without a base, the default branch is what it is compared with", func(t *testing.T) {
		r.Git("switch", "--quiet", "main")
		expect(t, places(run(t, request(t, r, contract.ModeChanges, head, "")), names), brought...)
	})
	t.Run("nothing is between a commit and itself", func(t *testing.T) {
		expect(t, places(run(t, request(t, r, contract.ModeChanges, head, head)), names))
	})
	t.Run("the history brings everything once, at the commit that brought it", func(t *testing.T) {
		expect(t, places(run(t, request(t, r, contract.ModeHistory, head, "")), names),
			slices.Concat(both("old", "base"), both("upstream", "on main"), brought)...)
	})
	t.Run("the history since an earlier scan brings what came after it", func(t *testing.T) {
		expect(t, places(run(t, request(t, r, contract.ModeHistory, head, main)), names), brought...)
	})
	t.Run("the history since a commit that is no ancestor brings everything", func(t *testing.T) {
		expect(t, places(run(t, request(t, r, contract.ModeHistory, main, head)), names), append(both("old", "base"), both("upstream", "on main")...)...)
	})
}

func TestNamesThatChangesBring(t *testing.T) {
	old, added, renamed := newPair(t), newPair(t), newPair(t)
	r := gittest.New(t)
	r.Write(old.ID+"/file", "nothing\n")
	r.Write("plain/file", "something\n")
	base := r.Commit("base")
	r.Write(old.ID+"/another", "more\n")
	r.Write(added.ID+"/file", "nothing\n")
	first := r.Commit("adds a folder")
	r.Git("mv", "plain", renamed.ID)
	head := r.Commit("renames another")
	names := map[string]string{first: "first", head: "head"}
	expect(t, places(run(t, request(t, r, contract.ModeChanges, head, base)), names),
		"aws-access-key-id ****/:0 first", "aws-access-key-id ****/:0 head")
}

func TestLinksThatChangesBring(t *testing.T) {
	r := gittest.New(t)
	link := func(name, target string) {
		path := filepath.Join(r.Dir, name)
		if err := errors.Join(os.RemoveAll(path), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
	}
	old, added := newPair(t), newPair(t)
	link("link", old.ID)
	r.Write("file", "nothing\n")
	base := r.Commit("base")
	link("link", old.ID+"/"+added.ID)
	first := r.Commit("lengthens the link")
	link("moved", old.ID+"/"+added.ID)
	r.Git("rm", "--quiet", "link")
	head := r.Commit("moves it")
	names := map[string]string{first: "first", head: "head"}
	result := run(t, request(t, r, contract.ModeChanges, head, base))
	expect(t, places(result, names), "aws-access-key-id link:1 first")
	if result.Symlinks != 2 {
		t.Errorf("%d links were counted, want 2", result.Symlinks)
	}
}

func TestNewSecretOnOldLine(t *testing.T) {
	r := gittest.New(t)
	before, after := newPair(t), newPair(t)
	r.Write("config", text(before))
	base := r.Commit("base")
	r.Write("config", text(after))
	head := r.Commit("rotates the key, and commits the new one again")
	result := run(t, request(t, r, contract.ModeChanges, head, base))
	expect(t, places(result, map[string]string{head: "head"}), both("config", "head")...)
}

// What is on the default branch has nothing to be compared with, unless a base is named: it must not pass as clean.
func TestChangesOfTheDefaultBranchWithoutABase(t *testing.T) {
	r := gittest.New(t)
	pair := newPair(t)
	r.Write("config", text(pair))
	first := r.Commit("first push")
	r.Write("README", "nothing\n")
	head := r.Commit("second push")
	names := map[string]string{first: "first", head: "head"}
	for _, revision := range []string{first, head} {
		var log bytes.Buffer
		asked := request(t, r, contract.ModeChanges, revision, "")
		asked.Log = slog.New(slog.NewJSONHandler(&log, nil))
		result := run(t, asked)
		expect(t, places(result, names), both("config", "first")...)
		if !strings.Contains(log.String(), "so its whole history is scanned") {
			t.Errorf("the log does not say why: %s", log.String())
		}
	}
}

func TestAccountsOnLinesOfTheSameShape(t *testing.T) {
	line := func() string { return `account_id = "` + planted.Account() + `"` + "\n" }
	r := gittest.New(t)
	old, second, third := line(), line(), line()
	r.Write("accounts.tf", old)
	base := r.Commit("base")
	r.Write("accounts.tf", old+second+third)
	middle := r.Commit("adds two")
	r.Write("accounts.tf", old+second+third+second)
	head := r.Commit("repeats one")
	names := map[string]string{base: "base", middle: "middle", head: "head"}
	tree := run(t, request(t, r, contract.ModeTree, head, ""))
	expect(t, places(tree, nil), "aws-account-id accounts.tf:1", "aws-account-id accounts.tf:2", "aws-account-id accounts.tf:3")
	changes := run(t, request(t, r, contract.ModeChanges, head, base))
	expect(t, places(changes, names), "aws-account-id accounts.tf:2 middle", "aws-account-id accounts.tf:3 middle")
	fingerprints := map[string]bool{}
	for _, finding := range tree.Findings {
		fingerprints[finding.Fingerprint] = true
	}
	for _, finding := range changes.Findings {
		if !fingerprints[finding.Fingerprint] {
			t.Errorf("%s has another fingerprint in a scan of changes", finding.Path)
		}
	}
	if len(fingerprints) != 3 {
		t.Errorf("three accounts have %d fingerprints", len(fingerprints))
	}
}

func TestSecretThatJoinsItsID(t *testing.T) {
	r := gittest.New(t)
	pair := newPair(t)
	r.Write("config", "\nid = "+pair.ID+"\n")
	base := r.Commit("base")
	r.Write("config", "\nid = "+pair.ID+"\n"+pair.Secret+"\n")
	head := r.Commit("adds the secret")
	result := run(t, request(t, r, contract.ModeChanges, head, base))
	expect(t, places(result, map[string]string{head: "head"}), both("config", "head")...)
}

func TestIDThatWasWorseLater(t *testing.T) {
	r := gittest.New(t)
	pair := newPair(t)
	r.Write("config", "\nid = "+pair.ID+"\n")
	first := r.Commit("adds the id")
	r.Write("config", "\nid = "+pair.ID+"\n"+pair.Secret+"\n")
	head := r.Commit("adds the secret")
	result := run(t, request(t, r, contract.ModeHistory, head, ""))
	expect(t, places(result, map[string]string{first: "first", head: "head"}),
		"aws-access-key-id config:2 first", "aws-secret-access-key config:3 head")
	for _, finding := range result.Findings {
		if finding.Severity != contract.SeverityCritical {
			t.Errorf("%s is %s, want critical: the pair is complete", finding.Rule, finding.Severity)
		}
	}
}

func TestOddRepositories(t *testing.T) {
	pair := newPair(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(text(pair)), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name  string
		build func(*gittest.Repository)
		want  []string
	}{
		{"a repository of binary files only is clean", func(r *gittest.Repository) {
			r.Write("image.png", "\x89PNG\r\n\x1a\n"+strings.Repeat("\x00\xff\x10", 10_000))
		}, nil},
		{"a binary file with a pair is not clean", func(r *gittest.Repository) {
			r.Write("program", "\x7fELF\x00\n"+pair.ID+"\x00\n"+pair.Secret+"\x00")
		}, both("program", "")},
		{"a path with a newline is shown on one line", func(r *gittest.Repository) {
			r.Write("two\nlines", text(pair))
		}, both(`two\nlines`, "")},
		{"a path with an escape sequence is shown without its effect", func(r *gittest.Repository) {
			r.Write("red\x1b[31m", text(pair))
		}, both(`red\x1b[31m`, "")},
		{"a path that holds the key id hides it, and is a finding itself", func(r *gittest.Repository) {
			r.Write(pair.ID+".txt", text(pair))
		}, append(both("****.txt", ""), "aws-access-key-id ****.txt:0")},
		{"a folder whose name holds a key id is a finding once, whatever is in it", func(r *gittest.Repository) {
			r.Write("keys/"+pair.ID+"/one", "1\n")
			r.Write("keys/"+pair.ID+"/more/two", "2\n")
		}, []string{"aws-access-key-id keys/****/:0"}},
		{"a folder that repeats another one has a name of its own", func(r *gittest.Repository) {
			r.Write("a/more/file", "nothing\n")
			r.Write(pair.ID+"/more/file", "nothing\n")
		}, []string{"aws-access-key-id ****/:0"}},
		{"the secret of a key id that stands in the name of its folder", func(r *gittest.Repository) {
			r.Write(pair.ID+"/secret "+strings.ReplaceAll(pair.Secret, "/", "x"), "nothing\n")
		}, []string{"aws-access-key-id ****/:0", "aws-access-key-id ****/secret ****:0", "aws-secret-access-key ****/secret ****:0"}},
		{"a link out of the tree is not followed", func(r *gittest.Repository) {
			if err := os.Symlink(outside, filepath.Join(r.Dir, "link")); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"the text that a link points to is its content", func(r *gittest.Repository) {
			if err := os.Symlink(pair.ID+" "+pair.Secret, filepath.Join(r.Dir, "link")); err != nil {
				t.Fatal(err)
			}
		}, []string{"aws-access-key-id link:1", "aws-secret-access-key link:1"}},
		{"a folder that occurs twice is reported once", func(r *gittest.Repository) {
			r.Write("one/config", text(pair))
			r.Write("two/config", text(pair))
		}, both("one/config", "")},
		{"a configuration of another scanner in the tree has no say", func(r *gittest.Repository) {
			r.Write(".gitleaks.toml", "[allowlist]\npaths = ['''.*''']\n")
			r.Write("config", text(pair))
		}, both("config", "")},
		{"an empty file", func(r *gittest.Repository) { r.Write("empty", "") }, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := gittest.New(t)
			row.build(r)
			head := r.Commit("head")
			got := places(run(t, request(t, r, contract.ModeTree, head, "")), nil)
			expect(t, got, row.want...)
		})
	}
}

func TestSubmodulesAreNamedAndNotFollowed(t *testing.T) {
	inner := gittest.New(t)
	inner.Write("config", text(newPair(t)))
	inner.Commit("leaks")
	r := gittest.New(t)
	r.Write("code", "x\n")
	r.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.Dir, "vendor/inner")
	head := r.Commit("adds the submodule")
	var log bytes.Buffer
	asked := request(t, r, contract.ModeTree, head, "")
	asked.Log = slog.New(slog.NewJSONHandler(&log, nil))
	result := run(t, asked)
	expect(t, places(result, nil))
	if result.Submodules != 1 || !strings.Contains(log.String(), `"path":"vendor/inner"`) {
		t.Errorf("%d submodules, log %s", result.Submodules, log.String())
	}
}

func TestNestedFoldersOfBillionsOfPaths(t *testing.T) {
	r := gittest.New(t)
	pair := newPair(t)
	r.Write("leaf", text(pair))
	r.Git("add", "leaf")
	tree := r.Git("write-tree")
	for range 10 {
		lines := make([]string, 0, 10)
		for i := range 10 {
			lines = append(lines, fmt.Sprintf("040000 tree %s\tf%d", tree, i))
		}
		tree = r.MakeTree(lines)
	}
	commit := r.Git("commit-tree", "-m", "bomb", tree)
	r.Git("update-ref", "refs/heads/main", commit)
	result := run(t, request(t, r, contract.ModeTree, commit, ""))
	if len(result.Findings) != 2 {
		t.Errorf("%d findings, want the pair once", len(result.Findings))
	}
}

func TestFoldersThatNestTooDeep(t *testing.T) {
	r := gittest.New(t)
	r.FastImport("commit refs/heads/main\ncommitter Test <test@example.com> 1768478400 +0000\ndata 4\ndeep\n" +
		"M 100644 inline " + strings.Repeat("d/", 2100) + "leaf\ndata 5\nhello\n")
	head := r.Git("rev-parse", "main")
	result := run(t, request(t, r, contract.ModeTree, head, ""))
	if len(result.Findings) != 1 || result.Findings[0].Rule != contract.RuleNotScanned || !strings.HasSuffix(result.Findings[0].Description, "folders nest too deep") {
		t.Errorf("got %+v", result.Findings)
	}
}

// TestLargeFileStoredAsDelta reads a file that is too large to be held in memory and that Git stores as its difference to
// another one.
func TestLargeFileStoredAsDelta(t *testing.T) {
	const lines = 2 << 20 // of 17 bytes, which is 34 MiB: more than is held in memory
	r := gittest.New(t)
	pair := newPair(t)
	random := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 0, 17*lines)
	for range lines {
		content = append(hex.AppendEncode(content, binary.BigEndian.AppendUint64(nil, random.Uint64())), '\n')
	}
	half := len(content) / 2
	r.Git("config", "core.compression", "0")
	r.Write("large", string(content))
	first := r.Commit("large")
	r.Write("large", "a new line at the start\n"+string(content[:half])+"\n"+text(pair)+string(content[half:]))
	head := r.Commit("larger")
	r.Git("repack", "-a", "-d", "-q", "-f", "--window-memory=1g")
	if deltas := r.Git("verify-pack", "-v", ".git/objects/pack/"+packName(t, r)); !strings.Contains(deltas, "chain length = 1: ") {
		t.Fatalf("git stores no delta:\n%s", deltas)
	}
	names := map[string]string{first: "first", head: "head"}
	result := run(t, request(t, r, contract.ModeHistory, head, ""))
	if len(result.Findings) != 2 || names[result.Findings[0].Commit] != "head" {
		t.Errorf("got %v", places(result, names))
	}
	result = run(t, request(t, r, contract.ModeTree, head, ""))
	if len(result.Findings) != 2 {
		t.Errorf("got %v", places(result, names))
	}
}

func packName(t *testing.T, r *gittest.Repository) string {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.idx"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	return filepath.Base(packs[0])
}
