package awslocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

type createCommitInput struct {
	Repository string `json:"repositoryName"`
	Branch     string `json:"branchName"`
	Parent     string `json:"parentCommitId"`
	Author     string `json:"authorName"`
	Email      string `json:"email"`
	Message    string `json:"commitMessage"`
	PutFiles   []struct {
		Path    string `json:"filePath"`
		Mode    string `json:"fileMode"`
		Content []byte `json:"fileContent"`
	} `json:"putFiles"`
	DeleteFiles []struct {
		Path string `json:"filePath"`
	} `json:"deleteFiles"`
}

// maxCommitFiles is how many files one CreateCommit can change.
const maxCommitFiles = 100

// createCommit adds a commit to a branch, which it creates where the repository is empty.
func (cc *codeCommitService) createCommit(c *call, in createCommitInput) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	if n := len(in.PutFiles) + len(in.DeleteFiles); n == 0 || n > maxCommitFiles {
		return nil, refuse("MaximumFileEntriesExceededException", "A commit needs 1 to %d changed files, not %d", maxCommitFiles, n)
	}
	var commit, tree string
	err := cc.changeRefs(c, repo, func() (err error) {
		ref := "refs/heads/" + in.Branch
		parent, err := cc.git.resolve(c.ctx, repo.dir, ref)
		if err != nil {
			return err
		}
		switch {
		case parent != "" && in.Parent == "":
			return refuse("ParentCommitIdRequiredException", "Branch %s exists: the parent commit id is required", in.Branch)
		case parent != in.Parent:
			return refuse("ParentCommitIdOutdatedException", "The parent commit id %s is not the tip %s of branch %s", in.Parent, parent, in.Branch)
		}
		if tree, err = cc.writeTree(c.ctx, repo, parent, in); err != nil {
			return err
		}
		if commit, err = cc.commitTree(c, repo, tree, parent, in); err != nil {
			return err
		}
		if err := cc.git.updateRef(c.ctx, repo.dir, ref, commit, parent); err != nil {
			return err
		}
		return cc.settleHead(repo)
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"commitId": commit, "treeId": tree, "filesAdded": []any{}, "filesUpdated": []any{}, "filesDeleted": []any{}}, nil
}

// writeTree applies the changed files to the parent's tree in an index of its own.
func (cc *codeCommitService) writeTree(ctx context.Context, repo *repository, parent string, in createCommitInput) (tree string, err error) {
	index := filepath.Join(cc.server.dir, "tasks", "index-"+randomHex(8))
	environment := []string{"GIT_INDEX_FILE=" + index}
	defer func() {
		if removeErr := os.Remove(index); !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if parent != "" {
		if _, err := cc.git.run(ctx, gitCommand{dir: repo.dir, environment: environment, arguments: []string{"read-tree", parent}}); err != nil {
			return "", err
		}
	}
	var lines bytes.Buffer
	for _, file := range in.DeleteFiles {
		fmt.Fprintf(&lines, "0 0000000000000000000000000000000000000000\t%s\x00", file.Path)
	}
	for _, file := range in.PutFiles {
		blob, err := cc.git.writeBlob(repo.dir, file.Content)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&lines, "%s %s\t%s\x00", gitMode(file.Mode), blob, file.Path)
	}
	if _, err := cc.git.run(ctx, gitCommand{dir: repo.dir, environment: environment, input: lines.Bytes(), arguments: []string{"update-index", "-z", "--index-info"}}); err != nil {
		return "", refuse("InvalidPathException", "%v", err)
	}
	out, err := cc.git.run(ctx, gitCommand{dir: repo.dir, environment: environment, arguments: []string{"write-tree"}})
	return strings.TrimSpace(out), err
}

func gitMode(mode string) string {
	switch mode {
	case "EXECUTABLE":
		return "100755"
	case "SYMLINK":
		return "120000"
	}
	return "100644"
}

func (cc *codeCommitService) commitTree(c *call, repo *repository, tree, parent string, in createCommitInput) (string, error) {
	arguments := []string{"commit-tree", tree}
	if parent != "" {
		same, err := cc.git.in(c.ctx, repo.dir, "rev-parse", parent+"^{tree}")
		if err != nil {
			return "", err
		}
		if strings.TrimSpace(same) == tree {
			return "", refuse("NoChangeException", "The commit would change nothing")
		}
		arguments = append(arguments, "-p", parent)
	}
	name, email := in.Author, in.Email
	if name == "" {
		name = nameOf(c.principal.ARN)
	}
	if email == "" {
		email = name + "@example.com"
	}
	date := fmt.Sprintf("%d +0000", c.time.Unix())
	out, err := cc.git.run(c.ctx, gitCommand{
		dir: repo.dir, input: []byte(in.Message), arguments: arguments,
		environment: []string{
			"GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + email, "GIT_AUTHOR_DATE=" + date,
			"GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + email, "GIT_COMMITTER_DATE=" + date,
		},
	})
	return strings.TrimSpace(out), err
}

func (cc *codeCommitService) getCommit(c *call, in struct {
	Repository string `json:"repositoryName"`
	Commit     string `json:"commitId"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	id, err := cc.git.resolve(c.ctx, repo.dir, in.Commit)
	if err != nil {
		return nil, err
	}
	if id == "" || !strings.HasPrefix(id, in.Commit) {
		return nil, refuse("CommitIdDoesNotExistException", "Could not find commit %s in repository %s", in.Commit, in.Repository)
	}
	raw, err := cc.git.in(c.ctx, repo.dir, "cat-file", "commit", id)
	if err != nil {
		return nil, err
	}
	return map[string]any{"commit": parseCommit(id, raw)}, nil
}

// parseCommit reads a commit object.
func parseCommit(id, raw string) map[string]any {
	headers, message, _ := strings.Cut(raw, "\n\n")
	commit := map[string]any{"commitId": id, "message": message, "additionalData": ""}
	parents := []string{}
	for line := range strings.Lines(headers) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "tree":
			commit["treeId"] = value
		case "parent":
			parents = append(parents, value)
		case "author", "committer":
			commit[key] = parsePerson(value)
		}
	}
	commit["parents"] = parents
	return commit
}

// parsePerson reads "name <email> seconds zone".
func parsePerson(text string) map[string]string {
	name, rest, _ := strings.Cut(text, " <")
	email, date, _ := strings.Cut(rest, "> ")
	return map[string]string{"name": name, "email": email, "date": date}
}

func (cc *codeCommitService) getDifferences(c *call, in struct {
	Repository string `json:"repositoryName"`
	Before     string `json:"beforeCommitSpecifier"`
	After      string `json:"afterCommitSpecifier"`
	MaxResults *int   `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
	before := emptyTree
	after, err := cc.commitOf(c, repo, in.After)
	if err == nil && in.Before != "" {
		before, err = cc.commitOf(c, repo, in.Before)
	}
	if err != nil {
		return nil, err
	}
	out, err := cc.git.in(c.ctx, repo.dir, "diff-tree", "-r", "--raw", "--no-renames", "--no-abbrev", "-z", before, after)
	if err != nil {
		return nil, err
	}
	shown, next, refused := page(parseDifferences(out), cc.server.options.PullRequestPage, in.MaxResults, in.NextToken)
	if refused != nil {
		return nil, refused
	}
	return withToken(map[string]any{"differences": shown}, "NextToken", next), nil
}

// commitOf resolves a commit id, branch or tag that must exist.
func (cc *codeCommitService) commitOf(c *call, repo *repository, specifier string) (string, error) {
	if specifier == "" {
		return "", refuse("CommitRequiredException", "A commit was not specified.")
	}
	commit, err := cc.git.resolve(c.ctx, repo.dir, specifier)
	if err != nil {
		return "", err
	}
	if commit == "" {
		return "", refuse("CommitDoesNotExistException", "The specified commit does not exist: %s", specifier)
	}
	return commit, nil
}

// parseDifferences reads git's raw format: ":mode mode blob blob status", path, each ended by a zero byte.
func parseDifferences(out string) []any {
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	differences := []any{}
	for i := 0; i+1 < len(fields); i += 2 {
		parts := strings.Fields(strings.TrimPrefix(fields[i], ":"))
		if len(parts) != 5 {
			continue
		}
		difference := map[string]any{"changeType": strings.Replace(parts[4], "T", "M", 1)}
		if parts[4] != "A" {
			difference["beforeBlob"] = map[string]string{"blobId": parts[2], "path": fields[i+1], "mode": parts[0]}
		}
		if parts[4] != "D" {
			difference["afterBlob"] = map[string]string{"blobId": parts[3], "path": fields[i+1], "mode": parts[1]}
		}
		differences = append(differences, difference)
	}
	return differences
}
