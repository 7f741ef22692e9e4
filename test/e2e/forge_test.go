package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// forge is a repository with many branches, whose commits are made beforehand in one go, because a process for each would
// take most of a test's time.
type forge struct {
	t    *testing.T
	repo *devstack.Repository
	// commits are those of each branch, oldest first; at is which of them the branch stands at, -1 for none.
	commits [][]string
	at      []int
}

// newForge makes a repository with main, and so many branches with so many commits each, of which none is pushed yet.
func (w *world) newForge(name string, branches, commits int) *forge {
	w.t.Helper()
	ctx := w.t.Context()
	repo, err := w.stack.CreateRepository(ctx, name)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := repo.Commit(ctx, "main", "Begin", map[string]string{"README.md": name + "\n"}); err != nil {
		w.t.Fatal(err)
	}
	f := &forge{t: w.t, repo: repo, at: slices.Repeat([]int{-1}, branches)}
	var stream strings.Builder
	mark := 0
	for branch := range branches {
		from := "refs/heads/main^0"
		for commit := range commits {
			mark++
			text := fmt.Sprintf("%s %d %d\n", name, branch, commit)
			fmt.Fprintf(&stream, "commit refs/made/%d/%d\nmark :%d\n", branch, commit, mark)
			fmt.Fprintf(&stream, "committer Developer <developer@example.com> %d +0000\ndata %d\n%sfrom %s\n", 1_790_000_000+commit, len(text), text, from)
			fmt.Fprintf(&stream, "M 100644 inline file-%d.txt\ndata %d\n%s", branch, len(text), text)
			from = fmt.Sprintf(":%d", mark)
		}
	}
	f.fastImport(ctx, stream.String())
	f.readCommits(ctx, branches, commits)
	return f
}

func (f *forge) fastImport(ctx context.Context, stream string) {
	f.t.Helper()
	command := exec.CommandContext(ctx, "git", "fast-import", "--quiet")
	command.Dir, command.Stdin = f.repo.Dir, strings.NewReader(stream)
	if out, err := command.CombinedOutput(); err != nil {
		f.t.Fatalf("git fast-import: %v: %s", err, out)
	}
}

func (f *forge) readCommits(ctx context.Context, branches, commits int) {
	f.t.Helper()
	out, err := f.repo.Git(ctx, "for-each-ref", "--format=%(refname) %(objectname)", "refs/made")
	if err != nil {
		f.t.Fatal(err)
	}
	f.commits = make([][]string, branches)
	for i := range f.commits {
		f.commits[i] = make([]string, commits)
	}
	for line := range strings.Lines(out) {
		var branch, commit int
		var id string
		if _, err := fmt.Sscanf(line, "refs/made/%d/%d %s", &branch, &commit, &id); err != nil {
			f.t.Fatalf("%q: %v", line, err)
		}
		f.commits[branch][commit] = id
	}
}

// branch is the name of a branch.
func (f *forge) branch(number int) string { return fmt.Sprint("change-", number) }

// head is the commit that a branch stands at.
func (f *forge) head(number int) string { return f.commits[number][f.at[number]] }

// push moves each branch to one of its commits, all with one push.
func (f *forge) push(to map[int]int) {
	f.t.Helper()
	arguments := []string{"push", "--quiet", "--force", "origin"}
	for branch, commit := range to {
		f.at[branch] = commit
		arguments = append(arguments, f.head(branch)+":refs/heads/"+f.branch(branch))
	}
	if len(to) == 0 {
		return
	}
	if _, err := f.repo.Git(f.t.Context(), arguments...); err != nil {
		f.t.Fatal(err)
	}
}
