package source_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

func local(path, mode, revision, base string) source.LocalRequest {
	return source.LocalRequest{Path: path, Mode: mode, Revision: revision, BaseRevision: base, Log: slog.New(slog.DiscardHandler)}
}

func localPaths(t *testing.T, request source.LocalRequest) string {
	t.Helper()
	repository, err := source.OpenLocal(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(visited(t, repository), " ")
}

// state returns names, sizes and times of everything below a folder.
func state(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	if err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		out = append(out, path+" "+info.ModTime().String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLocalRepositoriesAreReadInPlace(t *testing.T) {
	r, first, _, third, topic := threeCommits(t)
	r.Git("tag", "--annotate", "--message", "release", "v1", first)
	r.Write("folder/sub/untracked", "u")
	r.Git("worktree", "add", "--quiet", filepath.Join(filepath.Dir(r.Dir), "linked"), "topic")
	r.Git("config", "core.repositoryFormatVersion", "1")
	r.Git("config", "extensions.worktreeConfig", "true")
	outside := filepath.Dir(r.Dir)
	r.Git("clone", "--quiet", "--bare", r.Dir, filepath.Join(outside, "bare.git"))
	r.Git("clone", "--quiet", "--shared", r.Dir, filepath.Join(outside, "borrowing"))
	r.Git("clone", "--quiet", "--shared", filepath.Join(outside, "borrowing"), filepath.Join(outside, "twice"))
	relative := filepath.Join(outside, "relative")
	r.Git("clone", "--quiet", "--shared", r.Dir, relative)
	if err := os.WriteFile(filepath.Join(relative, ".git/objects/info/alternates"), []byte("../../../repository/.git/objects\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	packed := filepath.Join(outside, "packed")
	r.Git("clone", "--quiet", "--no-local", r.Dir, packed)
	rows := []struct {
		name, path, mode, revision, base, want string
	}{
		{"a tree", r.Dir, contract.ModeTree, "", "", "one three two"},
		{"the tree of a branch", r.Dir, contract.ModeTree, "topic", "", "branch one"},
		{"the tree of an annotated tag", r.Dir, contract.ModeTree, "v1", "", "one"},
		{"the tree of an ancestor", r.Dir, contract.ModeTree, "HEAD~2", "", "one"},
		{"the tree of the beginning of an id", r.Dir, contract.ModeTree, topic[:9], "", "branch one"},
		{"a folder of the working copy", filepath.Join(r.Dir, "folder/sub"), contract.ModeTree, third, "", "one three two"},
		{"Git's own folder", filepath.Join(r.Dir, ".git"), contract.ModeTree, "main", "", "one three two"},
		{"a history", r.Dir, contract.ModeHistory, "", "", "one two three"},
		{"a history since", r.Dir, contract.ModeHistory, "", "HEAD~1", "three"},
		{"changes from the merge base with the default branch", r.Dir, contract.ModeChanges, "topic", "", "branch"},
		{"changes from the merge base with a branch", r.Dir, contract.ModeChanges, "main", "topic", "two three"},
		{"changes in a range", r.Dir, contract.ModeChanges, "HEAD", "HEAD~1", "three"},
		{"changes of nothing", r.Dir, contract.ModeChanges, "HEAD", "HEAD", ""},
		{"a linked working copy", filepath.Join(outside, "linked"), contract.ModeChanges, "", "", "branch"},
		{"a bare repository", filepath.Join(outside, "bare.git"), contract.ModeChanges, "topic", "", "branch"},
		{"a clone that borrows objects", filepath.Join(outside, "borrowing"), contract.ModeHistory, "", "", "one two three"},
		{"a clone that borrows from one that borrows", filepath.Join(outside, "twice"), contract.ModeHistory, "", "", "one two three"},
		{"a clone that borrows by a relative path", relative, contract.ModeHistory, "", "", "one two three"},
		{"a branch of the remote", packed, contract.ModeChanges, "origin/topic", "", "branch"},
	}
	before := state(t, outside)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := localPaths(t, local(row.path, row.mode, row.revision, row.base)); got != row.want {
				t.Errorf("visited %q, want %q", got, row.want)
			}
		})
	}
	if !slices.Equal(before, state(t, outside)) {
		t.Error("the scans changed something on the disk")
	}
}

func TestLocalRefusals(t *testing.T) {
	r, _, _, _, _ := threeCommits(t)
	r.Git("branch", "--quiet", "--move", "main", "trunk")
	empty, sha256 := gittest.New(t), gittest.New(t)
	sha256.Git("config", "core.repositoryFormatVersion", "1")
	sha256.Git("config", "extensions.objectFormat", "sha256")
	rows := []struct {
		name    string
		request source.LocalRequest
		text    string
	}{
		{"a folder outside of any repository", local(t.TempDir(), contract.ModeTree, "", ""), "is not in a Git repository"},
		{"a folder that does not exist", local(filepath.Join(r.Dir, "none"), contract.ModeTree, "", ""), "does not exist"},
		{"a name that is no commit", local(r.Dir, contract.ModeTree, "nobody", ""), `"nobody" is no commit`},
		{"a base that is no commit", local(r.Dir, contract.ModeChanges, "", "nobody"), `"nobody" is no commit`},
		{"no default branch", local(r.Dir, contract.ModeChanges, "topic", ""), "no default branch"},
		{"no commit", local(empty.Dir, contract.ModeHistory, "", ""), "no commit yet"},
		{"ids of SHA-256", local(sha256.Dir, contract.ModeTree, "", ""), "SHA256"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := source.OpenLocal(t.Context(), row.request)
			if got := failure.Classify(t.Context(), err); got.ExitCode != contract.ExitRequest || !strings.Contains(got.Message, row.text) {
				t.Errorf("exit %d: %v, want %q", got.ExitCode, got, row.text)
			}
		})
	}
}

// staged returns what is staged, each as its path with the lengths of the contents before.
func staged(t *testing.T, request source.LocalRequest) (paths string, changes []source.Change) {
	t.Helper()
	repository, err := source.OpenLocal(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	walked, err := repository.Changes(t.Context(), func(c source.Change) error {
		changes = append(changes, c)
		return nil
	})
	if err != nil || walked.Commits != 0 {
		t.Fatal(walked, err)
	}
	var names []string
	for _, change := range changes {
		names = append(names, change.Path)
	}
	return strings.Join(names, " "), changes
}

func TestStaged(t *testing.T) {
	r := gittest.New(t)
	request := local(r.Dir, source.ModeStaged, "", "")
	if got, _ := staged(t, request); got != "" {
		t.Errorf("staged in an empty repository: %q", got)
	}
	r.Write("a/kept", "kept")
	r.Write("a/edited", "old")
	r.Write("link", "a file that becomes a link")
	r.Write("moved", "moved")
	r.Write("folder/below", "below")
	r.Git("add", "--all")
	if got, changes := staged(t, request); got != "a/edited a/kept folder/below link moved" || len(changes[0].Before) != 0 {
		t.Errorf("staged before the first commit: %q", got)
	}
	r.Commit("first")
	r.Write("a/edited", "new")
	r.Write("a/kept", "not staged")
	r.Write("new/file", "n")
	r.Git("mv", "moved", "elsewhere")
	r.Git("rm", "--quiet", "-r", "folder")
	r.Write("folder", "a file in place of a folder")
	if err := os.Remove(filepath.Join(r.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", filepath.Join(r.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	old := r.Git("rev-parse", "HEAD:a/edited")
	r.Git("add", "a/edited", "new", "folder", "link")
	got, changes := staged(t, request)
	if got != "a/edited elsewhere folder link new/file" {
		t.Fatalf("staged %q", got)
	}
	if before := changes[0].Before; len(before) != 1 || before[0].String() != old {
		t.Errorf("before the edited file is %v, want %s", before, old)
	}
	if changes[3].Kind != source.Symlink || len(changes[3].Before) != 1 {
		t.Errorf("the link is %+v", changes[3])
	}
	for _, at := range []int{1, 2, 4} {
		if len(changes[at].Before) != 0 {
			t.Errorf("%s has something before: %v", changes[at].Path, changes[at].Before)
		}
	}
	inHead := func(change source.Change) bool {
		repository, err := source.OpenLocal(context.WithoutCancel(t.Context()), request)
		if err != nil {
			t.Fatal(err)
		}
		defer repository.Close()
		moved, err := repository.InParents(t.Context(), "", change.Blob)
		if err != nil {
			t.Fatal(err)
		}
		return len(moved) > 0
	}
	if !inHead(changes[1]) || inHead(changes[4]) {
		t.Error("the renamed file, and only that, has its content in HEAD")
	}
}

func TestStagedFromTheIndexOfAHook(t *testing.T) {
	r := gittest.New(t)
	r.Write("one", "1")
	r.Commit("one")
	r.Write("one", "one")
	r.Write("two", "2")
	r.Git("add", "--all")
	r.Write("sub/hook", "#!/bin/sh\ncp \"$GIT_INDEX_FILE\" copied\nexit 1\n")
	if err := os.Chmod(filepath.Join(r.Dir, "sub/hook"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(r.Dir, "sub/hook"), filepath.Join(r.Dir, ".git/hooks/pre-commit")); err != nil {
		t.Fatal(err)
	}
	r.Git("-c", "alias.partly=!git commit --message partly two || true", "partly")
	request := local(r.Dir, source.ModeStaged, "", "")
	request.IndexFile = filepath.Join(r.Dir, "copied")
	if got, _ := staged(t, request); got != "two" {
		t.Errorf("a commit of one file stages %q", got)
	}
}

func TestDamagedIndex(t *testing.T) {
	r := gittest.New(t)
	r.Write("one", "1")
	r.Commit("one")
	if err := os.WriteFile(filepath.Join(r.Dir, ".git/index"), []byte("DIRC\x00\x00\x00\x63"), 0o600); err != nil {
		t.Fatal(err)
	}
	repository, err := source.OpenLocal(t.Context(), local(r.Dir, source.ModeStaged, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	err = repository.Staged(t.Context(), func(source.Change) error { return nil })
	if got := failure.Classify(t.Context(), err); got.ExitCode != contract.ExitRequest || !strings.Contains(got.Message, "index") {
		t.Errorf("exit %d: %v", got.ExitCode, got)
	}
}
