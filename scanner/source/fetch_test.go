package source_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

const missing = "0123456789abcdef0123456789abcdef01234567"

func request(t *testing.T, url, mode, revision string) source.Request {
	t.Helper()
	return source.Request{
		URL: url, Name: "demo", Mode: mode, Revision: revision, WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	}
}

// paths opens the request and returns the paths that it visits.
func paths(t *testing.T, request source.Request) []string {
	t.Helper()
	repository, err := source.Open(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return visited(t, repository)
}

// visited returns the paths that a walk of the repository visits, and closes it.
func visited(t *testing.T, repository *source.Repository) []string {
	t.Helper()
	defer repository.Close()
	var paths []string
	if _, err := repository.Changes(t.Context(), func(c source.Change) error {
		paths = append(paths, c.Path)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return paths
}

// threeCommits returns a repository of three commits on main, each with a file of its own, and a topic branch with one.
func threeCommits(t *testing.T) (r *gittest.Repository, first, second, third, topic string) {
	t.Helper()
	r = gittest.New(t)
	r.Write("one", "1")
	first = r.Commit("one")
	r.Git("switch", "--quiet", "--create", "topic")
	r.Write("branch", "b")
	topic = r.Commit("branch")
	r.Git("switch", "--quiet", "main")
	r.Write("two", "2")
	second = r.Commit("two")
	r.Write("three", "3")
	third = r.Commit("three")
	return r, first, second, third, topic
}

func TestFetch(t *testing.T) {
	r, first, second, third, topic := threeCommits(t)
	rows := []struct {
		name, mode, revision, base, want string
	}{
		{"the tree of the head", contract.ModeTree, third, "", "one three two"},
		{"the tree of an older commit", contract.ModeTree, second, "", "one two"},
		{"the tree of the first commit", contract.ModeTree, first, "", "one"},
		{"the history of the head", contract.ModeHistory, third, "", "one two three"},
		{"the history since an ancestor", contract.ModeHistory, third, first, "two three"},
		{"the history since the head itself", contract.ModeHistory, third, third, ""},
		{"the history since a commit of another branch, which is all of it", contract.ModeHistory, third, topic, "one two three"},
		{"the history of an older commit since a newer one, which is all of it", contract.ModeHistory, second, third, "one two"},
		{"the history since a commit that does not exist, which is all of it", contract.ModeHistory, third, missing, "one two three"},
		{"the changes of a range", contract.ModeChanges, third, first, "two three"},
		{"the changes of a range within the history", contract.ModeChanges, second, first, "two"},
		{"the changes of a branch", contract.ModeChanges, topic, third, "branch"},
		{"the changes of a branch without a base", contract.ModeChanges, topic, "", "branch"},
		{"the changes of the default branch without a base, which are all of it", contract.ModeChanges, third, "", "one two three"},
		{"the changes of a commit of the default branch without a base, which are all up to it", contract.ModeChanges, second, "", "one two"},
		{"the changes between a commit and itself", contract.ModeChanges, third, third, ""},
	}
	for _, transport := range []string{"file", "http with commits by id", "http with references only"} {
		t.Run(transport, func(t *testing.T) {
			allow := ""
			if transport == "http with commits by id" {
				allow = "Reachable"
			}
			r.AllowWants(allow)
			url := r.URL()
			if transport != "file" {
				url = gittest.Serve(t, r, "demo", nil).URL + "/v1/repos/demo"
			}
			for _, row := range rows {
				t.Run(row.name, func(t *testing.T) {
					asked := request(t, url, row.mode, row.revision)
					asked.BaseRevision = row.base
					if got := strings.Join(paths(t, asked), " "); got != row.want {
						t.Errorf("visited %q, want %q", got, row.want)
					}
				})
			}
		})
	}
}

func TestTreeFetchesOneCommit(t *testing.T) {
	r, _, second, _, _ := threeCommits(t)
	r.AllowWants("Reachable")
	server := gittest.Serve(t, r, "demo", nil)
	repository, err := source.Open(t.Context(), request(t, server.URL+"/v1/repos/demo", contract.ModeTree, second))
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	// A walk of changes needs the parent, which a fetch of depth 1 leaves on the server.
	if _, err := repository.InParents(t.Context(), second, source.ID{}); err == nil {
		t.Error("the parent of the commit was fetched too")
	}
}

func TestCommitThatNoBranchHolds(t *testing.T) {
	r, _, _, _, topic := threeCommits(t)
	r.Git("branch", "--quiet", "-D", "topic")
	server := gittest.Serve(t, r, "demo", nil)
	asked := request(t, server.URL+"/v1/repos/demo", contract.ModeTree, topic)
	r.AllowWants("Any")
	if got := strings.Join(paths(t, asked), " "); got != "branch one" {
		t.Errorf("visited %q from a server that gives out any commit", got)
	}
	r.AllowWants("Reachable")
	_, err := source.Open(t.Context(), asked)
	if got := failure.Classify(t.Context(), err); got.ExitCode != contract.ExitRequest || !strings.Contains(err.Error(), "deleted or force-pushed") {
		t.Errorf("exit %d: %v from a server that refuses it", got.ExitCode, err)
	}
}

// During a fetch, someone pushes to the branch: on top of it, or in place of what it held.
func TestPushDuringTheFetch(t *testing.T) {
	r, first, second, third, topic := threeCommits(t)
	r.Git("switch", "--quiet", "--create", "later")
	r.Write("four", "4")
	fastForward := r.Commit("four")
	r.Git("switch", "--quiet", "main")
	r.Git("branch", "--quiet", "-D", "later")
	move := func(ref, to string) { r.Git("update-ref", "refs/heads/"+ref, to) }
	rows := []struct {
		name, allow    string // which commits the server gives out by id
		mode, revision string
		ref, from, to  string
		want, lost     string // lost: the error where the commit is gone before it came
	}{
		{"on top of a tree, by id", "Any", contract.ModeTree, third, "main", third, fastForward, "one three two", ""},
		{"on top of a tree, by name", "", contract.ModeTree, third, "main", third, fastForward, "one three two", ""},
		{"in place of a tree, by id", "Any", contract.ModeTree, third, "main", third, first, "one three two", ""},
		{"in place of a tree, by name", "", contract.ModeTree, third, "main", third, first, "one three two", "force-pushed"},
		{"on top of the default branch that a branch is compared with", "", contract.ModeChanges, topic, "main", third, fastForward, "branch", ""},
		{"in place of the default branch that a branch is compared with", "", contract.ModeChanges, topic, "main", third, second, "branch", "set back during the fetch"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r.AllowWants(row.allow)
			for before := 2; before <= 5; before++ {
				move(row.ref, row.from)
				requests := 0
				server := gittest.Serve(t, r, "demo", func(*http.Request) (int, string) {
					if requests++; requests == before {
						move(row.ref, row.to)
					}
					return 0, ""
				})
				repository, err := source.Open(t.Context(), request(t, server.URL+"/v1/repos/demo", row.mode, row.revision))
				if err != nil {
					if row.lost == "" || !strings.Contains(err.Error(), row.lost) {
						t.Errorf("a push before request %d: %v", before, err)
					}
					continue
				}
				if got := strings.Join(visited(t, repository), " "); got != row.want {
					t.Errorf("a push before request %d: visited %q, want %q", before, got, row.want)
				}
				if requests < before {
					return
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	r, _, _, third, _ := threeCommits(t)
	empty := gittest.New(t)
	tree := r.Git("rev-parse", "HEAD^{tree}")
	r.AllowWants("Reachable")
	answer := func(status int) gittest.Gate {
		return func(*http.Request) (int, string) { return status, "secret text of the server" }
	}
	temporary, permanent := contract.ExitTemporary, contract.ExitRequest
	rows := []struct {
		name   string
		repo   *gittest.Repository
		gate   gittest.Gate
		change func(*source.Request)
		exit   int
		text   string
	}{
		{"a repository that does not exist", r, nil, func(q *source.Request) { q.URL += "-missing" }, permanent, "repository demo does not exist"},
		{"a commit that does not exist", r, nil, func(q *source.Request) { q.Revision = missing }, permanent, "SCAN_REVISION " + missing + " is no commit"},
		{"a base that does not exist", r, nil, func(q *source.Request) { q.BaseRevision = missing }, permanent, "SCAN_BASE_REVISION " + missing + " is no commit"},
		{"a revision that is a tree", r, nil, func(q *source.Request) { q.Revision = tree }, permanent, "is no commit"},
		{"an empty repository", empty, nil, nil, permanent, "repository demo is empty"},
		{"no permission", r, answer(http.StatusForbidden), nil, permanent, "no permission to read repository demo"},
		{"no credentials", r, answer(http.StatusUnauthorized), nil, permanent, "no permission to read repository demo"},
		{"another client error", r, answer(http.StatusGone), nil, permanent, "410 Gone"},
		{"throttling", r, answer(http.StatusTooManyRequests), nil, temporary, "429 Too Many Requests"},
		{"a server error", r, answer(http.StatusInternalServerError), nil, temporary, "500 Internal Server Error"},
		{"an unavailable server", r, answer(http.StatusServiceUnavailable), nil, temporary, "503 Service Unavailable"},
		{"an error in the middle", r, func(q *http.Request) (int, string) {
			if q.Method == http.MethodPost {
				return http.StatusBadGateway, ""
			}
			return 0, ""
		}, nil, temporary, "502 Bad Gateway"},
		{"credentials in the URL", r, nil, func(q *source.Request) { q.URL = "https://bob:hunter2@host/x" }, permanent, "must not hold credentials"},
		{"a URL that is none", r, nil, func(q *source.Request) { q.URL = "https://bob:hunter2@ho st/x" }, permanent, "is no URL"},
		{"ssh", r, nil, func(q *source.Request) { q.URL = "ssh://git@host/x" }, permanent, `scheme "ssh"`},
		{"a short revision", r, nil, func(q *source.Request) { q.Revision = "abc123" }, permanent, "full commit id"},
		{"a branch name", r, nil, func(q *source.Request) { q.Revision = "main" }, permanent, "full commit id"},
		{"a revision of SHA-256", r, nil, func(q *source.Request) { q.Revision = strings.Repeat("ab", 32) }, permanent, "SHA-256"},
		{"a garbled base", r, nil, func(q *source.Request) { q.BaseRevision = "HEAD~1" }, permanent, "SCAN_BASE_REVISION"},
		{"a signature in the clear", r, nil, func(q *source.Request) {
			q.URL, q.Auth = "http://git-codecommit.us-east-1.amazonaws.com/v1/repos/demo", contract.AuthCodeCommit
		}, permanent, "in the clear"},
		{"CodeCommit without credentials", r, nil, func(q *source.Request) { q.Auth = contract.AuthCodeCommit }, permanent, "task role"},
		{"a work folder that cannot be written", r, nil, func(q *source.Request) { q.WorkDir = filepath.Join(q.WorkDir, "missing") }, permanent, "SCANJOB_WORKDIR"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			server := gittest.Serve(t, row.repo, "demo", row.gate)
			asked := request(t, server.URL+"/v1/repos/demo", contract.ModeChanges, third)
			if row.change != nil {
				row.change(&asked)
			}
			_, err := source.Open(t.Context(), asked)
			classified := failure.Classify(t.Context(), err)
			if classified.ExitCode != row.exit || !strings.Contains(err.Error(), row.text) {
				t.Errorf("exit %d: %v; want %d and %q", classified.ExitCode, err, row.exit, row.text)
			}
			for _, leaked := range []string{"hunter2", "secret text"} {
				if strings.Contains(err.Error(), leaked) {
					t.Errorf("the error shows %q", leaked)
				}
			}
			if left, _ := os.ReadDir(asked.WorkDir); len(left) > 0 {
				t.Errorf("left in the work folder: %v", left)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = source.Open(t.Context(), request(t, "http://"+address+"/v1/repos/demo", contract.ModeTree, missing))
	if got := failure.Classify(t.Context(), err); got.ExitCode != contract.ExitTemporary || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("exit %d: %v", got.ExitCode, err)
	}
}

func TestTransferThatIsStopped(t *testing.T) {
	r, _, _, third, _ := threeCommits(t)
	stop := failure.Temporary(nil, "the deadline is near")
	ctx, cancel := context.WithCancelCause(t.Context())
	server := gittest.Serve(t, r, "demo", func(q *http.Request) (int, string) {
		if q.Method == http.MethodPost {
			cancel(stop)
		}
		return 0, ""
	})
	_, err := source.Open(ctx, request(t, server.URL+"/v1/repos/demo", contract.ModeHistory, third))
	if got := failure.Classify(ctx, err); !errors.Is(got, stop) {
		t.Errorf("got %v, want the cause of the end", got)
	}
}

func TestCodeCommitAccess(t *testing.T) {
	r, _, _, third, _ := threeCommits(t)
	token := "FQoGZXIvYXdz" + "EXAMPLETOKEN/+="
	secret := "wJalrXUtn" + "FEMI/K7MDENG+bPxRfiCY" + "EXAMPLEKEY"
	gate := func(q *http.Request) (int, string) {
		if user, _, _ := q.BasicAuth(); user != "AKIDEXAMPLE%"+token {
			return http.StatusForbidden, ""
		}
		return 0, ""
	}
	server := gittest.Serve(t, r, "demo", gate)
	asked := request(t, server.URL+"/v1/repos/demo", contract.ModeHistory, third)
	asked.Auth, asked.Region = contract.AuthCodeCommit, "us-east-1"
	asked.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret, SessionToken: token}, nil
	})
	if got := strings.Join(paths(t, asked), " "); got != "one two three" {
		t.Errorf("visited %q", got)
	}
	for _, q := range server.Requests() {
		_, password, _ := q.BasicAuth()
		if stamp, signature, ok := strings.Cut(password, "Z"); !ok || len(stamp) != len("20260115T123045") || len(signature) != 64 {
			t.Errorf("%s %s has password %q", q.Method, q.URL.Path, password)
		}
		if strings.Contains(q.URL.String()+q.Header.Get("User-Agent"), token) || strings.Contains(q.URL.String(), base64.StdEncoding.EncodeToString([]byte(token))) {
			t.Errorf("the token stands in %s", q.URL)
		}
	}
	asked.Region = ""
	if _, err := source.Open(t.Context(), asked); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
}
