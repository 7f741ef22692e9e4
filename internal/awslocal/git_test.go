package awslocal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// clone clones with go-git and the credentials of a principal.
func clone(ctx context.Context, server *awslocal.Server, c aws.Credentials, repository string) (*gogit.Repository, error) {
	username, password := server.GitCredentials(c, repository)
	return gogit.CloneContext(ctx, memory.NewStorage(), nil, &gogit.CloneOptions{
		URL: server.GitURL(repository), Auth: &githttp.BasicAuth{Username: username, Password: password},
	})
}

// git runs the real git in a folder, with nothing of the user's configuration.
func git(t *testing.T, dir string, arguments ...string) string {
	t.Helper()
	out, err := gitCommand(dir, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", arguments, err, out)
	}
	return strings.TrimSpace(string(out))
}

func gitCommand(dir string, arguments ...string) *exec.Cmd {
	command := exec.Command("git", arguments...)
	command.Dir = dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "NO_PROXY=127.0.0.1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	return command
}

// signedURL is a repository's URL with credentials in it, as a developer's git would send them.
func signedURL(t *testing.T, server *awslocal.Server, c aws.Credentials, repository string) string {
	t.Helper()
	username, password := server.GitCredentials(c, repository)
	u, err := url.Parse(server.GitURL(repository))
	noError(t, err)
	u.User = url.UserPassword(username, password)
	return u.String()
}

func TestCloneWithGoGitAsUserAndAsRole(t *testing.T) {
	rt := newRepositoryTest(t)
	developer, err := rt.server.User("developer")
	noError(t, err)
	for name, c := range map[string]aws.Credentials{"user": developer.Credentials, "role with a session token": rt.server.Credentials()} {
		t.Run(name, func(t *testing.T) {
			repository, err := clone(t.Context(), rt.server, c, "payments")
			noError(t, err)
			head, err := repository.Head()
			noError(t, err)
			if head.Hash().String() != rt.first {
				t.Errorf("head %s, want %s", head.Hash(), rt.first)
			}
		})
	}
}

func TestGitAccessIsRefused(t *testing.T) {
	rt := newRepositoryTest(t)
	developer, err := rt.server.User("developer")
	noError(t, err)
	good := func() (string, string) { return rt.server.GitCredentials(developer.Credentials, "payments") }
	for _, row := range []struct {
		name        string
		repository  string
		credentials func() (string, string)
		prepare     func()
		status      int
	}{
		{"without credentials", "payments", nil, nil, http.StatusUnauthorized},
		{"with another repository's signature", "payments", func() (string, string) { return rt.server.GitCredentials(developer.Credentials, "other") }, nil, http.StatusForbidden},
		{"with a changed signature", "payments", func() (string, string) {
			username, password := good()
			return username, password[:len(password)-1] + "x"
		}, nil, http.StatusForbidden},
		{"with an unknown access key", "payments", func() (string, string) {
			_, password := good()
			return "AKIA" + "UNKNOWNUNKNOWN00", password
		}, nil, http.StatusForbidden},
		{"with a role's key but without its session token", "payments", func() (string, string) {
			username, password := rt.server.GitCredentials(rt.server.Credentials(), "payments")
			key, _, _ := strings.Cut(username, "%")
			return key, password
		}, nil, http.StatusForbidden},
		{"to a repository that does not exist", "none", func() (string, string) { return rt.server.GitCredentials(developer.Credentials, "none") }, nil, http.StatusNotFound},
		{"to a repository that is denied", "payments", good, func() { rt.server.Faults().DenyRepository("payments") }, http.StatusForbidden},
		{"to a principal without the action", "payments", good, func() { rt.server.Faults().Deny(developer.ARN, "codecommit:GitPull") }, http.StatusForbidden},
		{"while Git fails", "payments", good, func() {
			rt.server.Faults().Fail("codecommit", "GitPull", 1, &awslocal.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "try later"})
		}, http.StatusServiceUnavailable},
		{"not at all with the right credentials", "payments", good, nil, http.StatusOK},
	} {
		t.Run(row.name, func(t *testing.T) {
			rt.server.Faults().Clear()
			if row.prepare != nil {
				row.prepare()
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rt.server.GitURL(row.repository)+"/info/refs?service=git-upload-pack", nil)
			noError(t, err)
			if row.credentials != nil {
				request.SetBasicAuth(row.credentials())
			}
			response, err := http.DefaultClient.Do(request)
			noError(t, err)
			noError(t, response.Body.Close())
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
		})
	}
	rt.server.Faults().Clear()
	_, err = clone(t.Context(), rt.server, developer.Credentials, "none")
	if !errors.Is(err, transport.ErrRepositoryNotFound) {
		t.Errorf("go-git says %v for a repository that does not exist", err)
	}
}

func TestGitSignatureIsGoodForAQuarterOfAnHour(t *testing.T) {
	clock := fakeClock()
	server := start(t, awslocal.Options{Clock: clock})
	client := codecommit.NewFromConfig(server.Config())
	_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("payments")})
	noError(t, err)
	username, password := server.GitCredentials(server.Credentials(), "payments")
	status := func() int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.GitURL("payments")+"/info/refs?service=git-upload-pack", nil)
		noError(t, err)
		request.SetBasicAuth(username, password)
		response, err := http.DefaultClient.Do(request)
		noError(t, err)
		noError(t, response.Body.Close())
		return response.StatusCode
	}
	clock.Step(14 * time.Minute)
	if got := status(); got != http.StatusOK {
		t.Errorf("status %d after 14 minutes", got)
	}
	clock.Step(2 * time.Minute)
	if got := status(); got != http.StatusForbidden {
		t.Errorf("status %d after 16 minutes", got)
	}
}

func TestPushWithGitMovesPullRequestsAndTellsTheBus(t *testing.T) {
	rt := newRepositoryTest(t)
	developer, err := rt.server.User("developer")
	noError(t, err)
	dir := t.TempDir()
	remote := signedURL(t, rt.server, developer.Credentials, "payments")
	git(t, dir, "clone", "--quiet", remote, "work")
	work := filepath.Join(dir, "work")
	git(t, work, "checkout", "--quiet", "-b", "feature")
	git(t, work, "commit", "--quiet", "--allow-empty", "-m", "two")
	git(t, work, "push", "--quiet", remote, "feature")
	pull := rt.pull("feature")
	git(t, work, "commit", "--quiet", "--allow-empty", "-m", "three")
	git(t, work, "push", "--quiet", remote, "feature")
	tip := git(t, work, "rev-parse", "HEAD")
	if got := aws.ToString(rt.get(pull.PullRequestId).PullRequestTargets[0].SourceCommit); got != tip {
		t.Errorf("source commit %s, want %s", got, tip)
	}
	git(t, work, "commit", "--quiet", "--amend", "--allow-empty", "-m", "three, better")
	git(t, work, "push", "--quiet", "--force", remote, "feature")
	git(t, work, "push", "--quiet", remote, ":feature")
	want := []string{
		"referenceCreated main", "referenceCreated feature", "pullRequestCreated",
		"referenceUpdated feature", "pullRequestSourceBranchUpdated", "referenceUpdated feature", "pullRequestSourceBranchUpdated",
		"referenceDeleted feature",
	}
	if got := rt.news(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if detail := rt.lastDetail(); detail["callerUserArn"] != developer.ARN {
		t.Errorf("the event names %v, not who pushed", detail["callerUserArn"])
	}
	if got := rt.get(pull.PullRequestId); got.PullRequestStatus != "OPEN" {
		t.Errorf("a pull request whose branch was deleted is %s", got.PullRequestStatus)
	}
}

func TestFirstPushMakesTheDefaultBranch(t *testing.T) {
	server := start(t, awslocal.Options{})
	client := codecommit.NewFromConfig(server.Config())
	_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("new")})
	noError(t, err)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=trunk")
	git(t, dir, "commit", "--quiet", "--allow-empty", "-m", "one")
	git(t, dir, "push", "--quiet", signedURL(t, server, server.Credentials(), "new"), "trunk")
	out, err := client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: aws.String("new")})
	noError(t, err)
	if got := aws.ToString(out.RepositoryMetadata.DefaultBranch); got != "trunk" {
		t.Errorf("default branch %q", got)
	}
}

func TestLargePushWhoseLengthIsUnknownArrives(t *testing.T) {
	rt := newRepositoryTest(t)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=large")
	noise := make([]byte, 3<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	noError(t, os.WriteFile(filepath.Join(dir, "noise"), noise, 0o600))
	git(t, dir, "add", "noise")
	git(t, dir, "commit", "--quiet", "-m", "noise")
	git(t, dir, "push", "--quiet", signedURL(t, rt.server, rt.server.Credentials(), "payments"), "large")
	if got := rt.news(); got[len(got)-1] != "referenceCreated large" {
		t.Errorf("events %v", got)
	}
}

func TestAnyCommitCanBeFetchedAndFiltersAreRefusedUnlessAllowed(t *testing.T) {
	for _, partial := range []bool{false, true} {
		t.Run(fmt.Sprintf("filters allowed: %v", partial), func(t *testing.T) {
			server := start(t, awslocal.Options{GitPartialClone: partial})
			client := codecommit.NewFromConfig(server.Config())
			_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("payments")})
			noError(t, err)
			rt := &repositoryTest{t: t, server: server, client: client}
			rt.first = rt.commit("main", "", "a.txt", "one\n")
			rt.commit("main", rt.first, "a.txt", "two\n")
			remote := signedURL(t, server, server.Credentials(), "payments")
			dir := t.TempDir()
			git(t, dir, "init", "--quiet")
			git(t, dir, "fetch", "--quiet", "--depth=1", remote, rt.first)
			if got := git(t, dir, "rev-parse", "FETCH_HEAD"); got != rt.first {
				t.Errorf("fetched %s, want %s", got, rt.first)
			}
			git(t, dir, "clone", "--bare", "--filter=blob:none", remote, "partial")
			missing := git(t, filepath.Join(dir, "partial"), "rev-list", "--objects", "--all", "--missing=print")
			if filtered := strings.Contains(missing, "?"); filtered != partial {
				t.Errorf("objects were left out: %v, want %v", filtered, partial)
			}
		})
	}
}

func TestLostAnswerOfAPushLeavesTheBranchMoved(t *testing.T) {
	rt := newRepositoryTest(t)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=feature")
	git(t, dir, "commit", "--quiet", "--allow-empty", "-m", "one")
	rt.server.Faults().Before("codecommit", "GitPush", 1, func(awslocal.Call) { // the client asks for the references first
		rt.server.Faults().LoseAnswer("codecommit", "GitPush", 1)
	})
	if out, err := gitCommand(dir, "push", "--quiet", signedURL(t, rt.server, rt.server.Credentials(), "payments"), "feature").CombinedOutput(); err == nil {
		t.Fatalf("git got its answer: %s", out)
	}
	if got := rt.news(); got[len(got)-1] != "referenceCreated feature" {
		t.Errorf("events %v", got)
	}
}
