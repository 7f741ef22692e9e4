package devstack

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	cctypes "github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// Repository is a CodeCommit repository and a developer's work tree of it.
type Repository struct {
	// Name is the repository's name, CloneURL its address over HTTP.
	Name     string
	CloneURL string
	// Dir is the work tree.
	Dir string

	stack     *Stack
	client    *codecommit.Client
	developer awslocal.Principal
}

// mainBranch is the branch that pull requests are to be merged into.
const mainBranch = "main"

// CreateRepository makes an empty repository and a work tree whose pushes go to it. All that is done with them is done by
// the IAM user developer.
func (s *Stack) CreateRepository(ctx context.Context, name string) (*Repository, error) {
	who, err := s.AWS.User(Developer)
	if err != nil {
		return nil, err
	}
	config, err := s.AWS.UserConfig(Developer)
	if err != nil {
		return nil, err
	}
	client := codecommit.NewFromConfig(config)
	made, err := client.CreateRepository(ctx, &codecommit.CreateRepositoryInput{RepositoryName: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("create repository %s: %w", name, err)
	}
	r := &Repository{
		Name: name, CloneURL: aws.ToString(made.RepositoryMetadata.CloneUrlHttp),
		Dir: filepath.Join(s.dir, "worktrees", name), stack: s, client: client, developer: who,
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the work tree of %s: %w", name, err)
	}
	for _, arguments := range [][]string{
		{"init", "--quiet", "--initial-branch=" + mainBranch},
		{"remote", "add", "origin", r.CloneURL},
	} {
		if _, err := r.Git(ctx, arguments...); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Commit writes files, commits them on a branch, pushes it and returns the commit. The branch starts at main where it does
// not exist. A file whose content is empty is removed.
func (r *Repository) Commit(ctx context.Context, branch, message string, files map[string]string) (string, error) {
	if _, err := r.Git(ctx, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch); err == nil {
		if _, err := r.Git(ctx, "checkout", "--quiet", branch); err != nil {
			return "", err
		}
	} else if branch != mainBranch {
		if _, err := r.Git(ctx, "checkout", "--quiet", "-b", branch, mainBranch); err != nil {
			return "", err
		}
	}
	if err := r.write(files); err != nil {
		return "", fmt.Errorf("change the files of %s: %w", r.Name, err)
	}
	for _, arguments := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--allow-empty", "-m", message}} {
		if _, err := r.Git(ctx, arguments...); err != nil {
			return "", err
		}
	}
	return r.Push(ctx, branch)
}

func (r *Repository) write(files map[string]string) error {
	for name, content := range files {
		path := filepath.Join(r.Dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Push pushes a branch and returns its commit.
func (r *Repository) Push(ctx context.Context, branch string) (string, error) {
	if _, err := r.Git(ctx, "push", "--quiet", "origin", branch); err != nil {
		return "", err
	}
	return r.Git(ctx, "rev-parse", branch)
}

// OpenPullRequest asks for a branch to be merged into main and returns the pull request's identifier.
func (r *Repository) OpenPullRequest(ctx context.Context, branch, title string) (string, error) {
	made, err := r.client.CreatePullRequest(ctx, &codecommit.CreatePullRequestInput{
		Title:   aws.String(title),
		Targets: []cctypes.Target{{RepositoryName: aws.String(r.Name), SourceReference: aws.String(branch), DestinationReference: aws.String(mainBranch)}},
	})
	if err != nil {
		return "", fmt.Errorf("open a pull request for %s: %w", branch, err)
	}
	return aws.ToString(made.PullRequest.PullRequestId), nil
}

// ClosePullRequest closes a pull request without merging it.
func (r *Repository) ClosePullRequest(ctx context.Context, id string) error {
	_, err := r.client.UpdatePullRequestStatus(ctx, &codecommit.UpdatePullRequestStatusInput{
		PullRequestId: aws.String(id), PullRequestStatus: cctypes.PullRequestStatusEnumClosed,
	})
	if err != nil {
		return fmt.Errorf("close pull request %s: %w", id, err)
	}
	return nil
}

// Git runs git in the work tree, signed in to CodeCommit, and returns what it printed. The signature is in the process's
// environment only.
func (r *Repository) Git(ctx context.Context, arguments ...string) (string, error) {
	user, password, err := awslocal.GitLogin(r.developer.Credentials, r.stack.AWS.Region(), r.CloneURL, time.Now())
	if err != nil {
		return "", fmt.Errorf("sign in to %s: %w", r.CloneURL, err)
	}
	command := exec.CommandContext(ctx, "git", arguments...)
	command.Dir = r.Dir
	command.Env = append(gitEnvironment(),
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader",
		"GIT_CONFIG_VALUE_0=Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", arguments[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// gitEnvironment keeps git from the user's own configuration and from asking questions.
func gitEnvironment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Developer", "GIT_AUTHOR_EMAIL=developer@example.com",
		"GIT_COMMITTER_NAME=Developer", "GIT_COMMITTER_EMAIL=developer@example.com",
	}
}
