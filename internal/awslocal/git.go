package awslocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gitTool is the git of the machine. It is run with no configuration but the repository's own.
type gitTool struct {
	path    string
	backend string // git-http-backend
	home    string
}

func findGit(ctx context.Context) (gitTool, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return gitTool{}, fmt.Errorf("the local AWS needs git for CodeCommit; install it: %w", err)
	}
	out, err := exec.CommandContext(ctx, path, "--exec-path").Output()
	if err != nil {
		return gitTool{}, fmt.Errorf("ask %s for its exec path: %w", path, err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return gitTool{}, fmt.Errorf("the local AWS serves Git with git-http-backend; install the full git package: %w", err)
	}
	return gitTool{path: path, backend: backend}, nil
}

// environment keeps the machine's and the user's Git configuration out.
func (g gitTool) environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
	}
}

// gitCommand is one run of git in a repository.
type gitCommand struct {
	dir         string
	input       []byte
	environment []string
	arguments   []string
}

// run returns what git printed; the error holds what it complained about.
func (g gitTool) run(ctx context.Context, c gitCommand) (string, error) {
	command := exec.CommandContext(ctx, g.path, c.arguments...)
	command.Dir = c.dir
	command.Env = append(g.environment(), c.environment...)
	command.Stdin = bytes.NewReader(c.input)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", c.arguments[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// in runs git in a repository with nothing but arguments.
func (g gitTool) in(ctx context.Context, dir string, arguments ...string) (string, error) {
	return g.run(ctx, gitCommand{dir: dir, arguments: arguments})
}

// gitSaidNo tells an answer of git with exit code 1, such as "no merge base", from a failure.
func gitSaidNo(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// initRepository makes a bare repository that lets clients fetch any commit, as CodeCommit does.
func (g gitTool) initRepository(ctx context.Context, dir string, partialClone bool) error {
	if _, err := g.run(ctx, gitCommand{dir: filepath.Dir(dir), arguments: []string{"init", "--quiet", "--bare", "--initial-branch=main", dir}}); err != nil {
		return err
	}
	config, err := os.OpenFile(filepath.Join(dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(config, `[uploadpack]
	allowTipSHA1InWant = true
	allowReachableSHA1InWant = true
	allowAnySHA1InWant = true
	allowFilter = %t
[http]
	receivepack = true
[receive]
	autogc = false
[gc]
	auto = 0
`, partialClone)
	return errors.Join(err, config.Close())
}

// mergeBase is the best common ancestor of two commits; empty if they have none.
func (g gitTool) mergeBase(ctx context.Context, dir, a, b string) (string, error) {
	out, err := g.in(ctx, dir, "merge-base", a, b)
	if err != nil {
		if gitSaidNo(err) {
			return "", nil
		}
		return "", err
	}
	return strings.TrimSpace(out), nil
}

// updateRef moves a reference if it still is at old; an empty old means that it must not exist, an empty id deletes it.
func (g gitTool) updateRef(ctx context.Context, dir, name, id, old string) error {
	const none = "0000000000000000000000000000000000000000"
	arguments := []string{"update-ref", name, id, old}
	switch {
	case id == "":
		arguments = []string{"update-ref", "-d", name, old}
	case old == "":
		arguments[3] = none
	}
	_, err := g.in(ctx, dir, arguments...)
	return err
}
