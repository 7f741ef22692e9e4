// Package gittest makes real Git repositories with the git command and serves them over HTTP, for tests.
package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repository is a repository with a working tree in a temporary folder.
type Repository struct {
	t testing.TB
	// Dir is the working tree; Git's own folder is .git in it.
	Dir string
}

// New returns an empty repository whose branch is main.
func New(t testing.TB) *Repository {
	t.Helper()
	r := &Repository{t: t, Dir: filepath.Join(t.TempDir(), "repository")}
	if err := os.Mkdir(r.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.Git("init", "--quiet", "--initial-branch=main")
	return r
}

// URL returns the file URL of the repository.
func (r *Repository) URL() string { return "file://" + r.Dir }

// Git runs git in the working tree and returns its trimmed output. It sees no configuration of the machine.
func (r *Repository) Git(arguments ...string) string {
	r.t.Helper()
	return r.run("", arguments...)
}

// AllowWants makes the repository give out, to clients that ask for commits by id, "Any" commit or only "Reachable" ones;
// empty is none.
func (r *Repository) AllowWants(which string) {
	r.t.Helper()
	r.Git("config", "uploadpack.hideRefs", "refs/none")
	r.Git("config", "--remove-section", "uploadpack")
	if which != "" {
		r.Git("config", "uploadpack.allow"+which+"SHA1InWant", "true")
	}
}

// MakeTree makes a tree of lines in the form of git ls-tree and returns its id.
func (r *Repository) MakeTree(lines []string) string {
	r.t.Helper()
	return r.run(strings.Join(lines, "\n")+"\n", "mktree")
}

// FastImport feeds the script to git fast-import.
func (r *Repository) FastImport(script string) {
	r.t.Helper()
	r.run(script, "fast-import", "--quiet")
}

func (r *Repository) run(input string, arguments ...string) string {
	r.t.Helper()
	command := exec.CommandContext(r.t.Context(), "git", arguments...)
	command.Dir = r.Dir
	command.Stdin = strings.NewReader(input)
	command.Env = environment()
	output, err := command.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// Write writes a file of the working tree.
func (r *Repository) Write(path, content string) {
	r.t.Helper()
	full := filepath.Join(r.Dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// Commit commits all of the working tree and returns the commit's id.
func (r *Repository) Commit(message string) string {
	r.t.Helper()
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "--allow-empty", "--message", message)
	return r.Git("rev-parse", "HEAD")
}

// environment is what git runs with: the search path, fixed names and times. It does not wait for the disk, and keeps the
// memory that it has: to give it back and ask for it again thousands of times takes minutes in some sandboxes.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE=2026-01-15T12:00:00Z",
		"GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE=2026-01-15T12:00:00Z",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.fsync", "GIT_CONFIG_VALUE_0=none",
		"MALLOC_TRIM_THRESHOLD_=1073741824", "MALLOC_TOP_PAD_=16777216",
	}
}
