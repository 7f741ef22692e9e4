package codecommit_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

// developer pushes and opens pull requests in the repository payments of a host.
type developer struct {
	t   *testing.T
	api *sdk.Client
}

func (h host) developer(t *testing.T) developer {
	t.Helper()
	config, err := h.server.UserConfig("developer")
	if err != nil {
		t.Fatal(err)
	}
	return developer{t: t, api: sdk.NewFromConfig(config)}
}

func (h host) client(t *testing.T) *codecommit.Client {
	t.Helper()
	// Nothing here is about the rate.
	return codecommit.NewClients(h.factory, codecommit.Options{CallsPerSecond: 1000}).For(awsclient.Scope{})
}

func (d developer) branch(name, commit string) {
	d.t.Helper()
	_, err := d.api.CreateBranch(d.t.Context(), &sdk.CreateBranchInput{RepositoryName: aws.String("payments"), BranchName: aws.String(name), CommitId: aws.String(commit)})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d developer) commit(branch, parent string, paths ...string) string {
	d.t.Helper()
	in := &sdk.CreateCommitInput{RepositoryName: aws.String("payments"), BranchName: aws.String(branch), ParentCommitId: aws.String(parent)}
	for _, path := range paths {
		in.PutFiles = append(in.PutFiles, types.PutFileEntry{FilePath: aws.String(path), FileContent: []byte(path + parent)})
	}
	out, err := d.api.CreateCommit(d.t.Context(), in)
	if err != nil {
		d.t.Fatal(err)
	}
	return aws.ToString(out.CommitId)
}

func (d developer) open(branch string) string {
	d.t.Helper()
	out, err := d.api.CreatePullRequest(d.t.Context(), &sdk.CreatePullRequestInput{
		Title: aws.String("A change"), Targets: []types.Target{{RepositoryName: aws.String("payments"), SourceReference: aws.String(branch)}},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return aws.ToString(out.PullRequest.PullRequestId)
}

func (d developer) close(id string) {
	d.t.Helper()
	_, err := d.api.UpdatePullRequestStatus(d.t.Context(), &sdk.UpdatePullRequestStatusInput{PullRequestId: aws.String(id), PullRequestStatus: types.PullRequestStatusEnumClosed})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d developer) comment(id, before, after string) {
	d.t.Helper()
	_, err := d.api.PostCommentForPullRequest(d.t.Context(), &sdk.PostCommentForPullRequestInput{
		PullRequestId: aws.String(id), RepositoryName: aws.String("payments"), BeforeCommitId: aws.String(before), AfterCommitId: aws.String(after), Content: aws.String("hello"),
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

const developerARN = "arn:aws:iam::111122223333:user/developer"

func TestPullRequestTellsItsState(t *testing.T) {
	h := newHost(t)
	d, client := h.developer(t), h.client(t)
	d.branch("feature", h.commit)
	first := d.commit("feature", h.commit, "a")
	id := d.open("feature")
	opened, err := client.PullRequest(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := codecommit.PullRequest{
		ID: id, Repository: "payments", Open: true, Title: "A change", AuthorARN: developerARN,
		SourceReference: "refs/heads/feature", TargetReference: "refs/heads/main",
		SourceCommit: first, TargetCommit: h.commit, MergeBase: h.commit,
		RevisionID: opened.RevisionID, Created: opened.Created, LastActivity: opened.LastActivity,
	}
	if opened != want || opened.RevisionID == "" || opened.Created.IsZero() {
		t.Errorf("%+v, want %+v", opened, want)
	}
	second := d.commit("feature", first, "b")
	d.close(id)
	closed, err := client.PullRequest(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if closed.Open || closed.SourceCommit != second || closed.RevisionID == opened.RevisionID || closed.LastActivity.Before(opened.LastActivity) {
		t.Errorf("closed with another head: %+v", closed)
	}
}

func TestOpenPullRequestsOfAllPages(t *testing.T) {
	h := newHostWith(t, awslocal.Options{PullRequestPage: 2})
	d := h.developer(t)
	var want []string
	for i := range 5 {
		branch := fmt.Sprint("feature-", i)
		d.branch(branch, h.commit)
		d.commit(branch, h.commit, branch)
		want = append(want, d.open(branch))
	}
	d.close(want[3])
	want = slices.Delete(want, 3, 4)
	got, err := h.client(t).OpenPullRequests(t.Context(), "payments")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestLastPush(t *testing.T) {
	h := newHostWith(t, awslocal.Options{PullRequestPage: 1})
	d, client := h.developer(t), h.client(t)
	d.branch("feature", h.commit)
	first := d.commit("feature", h.commit, "a")
	id := d.open("feature")
	state := func() codecommit.PullRequest {
		pr, err := client.PullRequest(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return pr
	}
	last := func(pr codecommit.PullRequest) codecommit.Push {
		push, err := client.LastPush(t.Context(), pr)
		if err != nil {
			t.Fatal(err)
		}
		return push
	}

	opened := state()
	d.comment(id, h.commit, first)
	if got, want := last(state()), (codecommit.Push{Time: opened.Created, ActorARN: developerARN, Opened: true}); got != want {
		t.Errorf("of a pull request that was opened and talked about: %+v, want %+v", got, want)
	}
	second := d.commit("feature", first, "b")
	pushed := state()
	d.commit("feature", second, "c")
	if got, want := last(pushed), (codecommit.Push{Time: pushed.LastActivity, ActorARN: developerARN}); got != want {
		t.Errorf("of a head in the middle: %+v, want %+v", got, want)
	}
	unknown := state()
	unknown.SourceCommit, unknown.LastActivity = h.commit, unknown.LastActivity.Add(time.Hour)
	if got, want := last(unknown), (codecommit.Push{Time: unknown.LastActivity}); got != want {
		t.Errorf("of a head that nothing tells of: %+v, want %+v", got, want)
	}
}

func TestTouches(t *testing.T) {
	h := newHostWith(t, awslocal.Options{PullRequestPage: 2})
	d, client := h.developer(t), h.client(t)
	d.branch("feature", h.commit)
	tip := d.commit("feature", h.commit, "a", "b", "c", "d", "e")
	for name, row := range map[string]struct {
		before, lookedFor string
		want              bool
		calls             int
	}{
		"a file on the first page":           {h.commit, "b", true, 1},
		"a file on the last page":            {h.commit, "e", true, 3},
		"a file that is not touched":         {h.commit, "readme", false, 3},
		"without a commit before, all count": {"", "readme", true, 3},
	} {
		calls := h.server.CallCount("codecommit", "GetDifferences")
		got, err := client.Touches(t.Context(), "payments", row.before, tip, func(path string) bool { return path == row.lookedFor })
		if err != nil || got != row.want || h.server.CallCount("codecommit", "GetDifferences")-calls != row.calls {
			t.Errorf("%s: %v, %v in %d calls; want %v in %d", name, got, err, h.server.CallCount("codecommit", "GetDifferences")-calls, row.want, row.calls)
		}
	}
	t.Run("a file that was removed counts", func(t *testing.T) {
		got, err := client.Touches(t.Context(), "payments", tip, h.commit, func(path string) bool { return path == "e" })
		if err != nil || !got {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("too many pages", func(t *testing.T) {
		wide := newHostWith(t, awslocal.Options{PullRequestPage: 1})
		d := wide.developer(t)
		d.branch("feature", wide.commit)
		var paths []string
		for i := range 51 {
			paths = append(paths, fmt.Sprint("file-", i))
		}
		tip := d.commit("feature", wide.commit, paths...)
		_, err := wide.client(t).Touches(t.Context(), "payments", wide.commit, tip, func(string) bool { return false })
		if !errors.Is(err, codecommit.ErrTooManyDifferences) {
			t.Errorf("error = %v", err)
		}
	})
}

func TestWhatIsNotThereOfPullRequests(t *testing.T) {
	h := newHost(t)
	client := h.client(t)
	_, noPullRequest := client.PullRequest(t.Context(), "99")
	_, noEvents := client.LastPush(t.Context(), codecommit.PullRequest{ID: "99"})
	_, noRepository := client.OpenPullRequests(t.Context(), "nowhere")
	_, noCommit := client.Touches(t.Context(), "payments", h.commit, "6669fb1fca2bfc7e52b5ffd6805b15554ec601bf", func(string) bool { return false })
	for name, row := range map[string]struct{ err, want error }{
		"a pull request":           {noPullRequest, codecommit.ErrPullRequestNotFound},
		"what happened to it":      {noEvents, codecommit.ErrPullRequestNotFound},
		"a repository":             {noRepository, codecommit.ErrRepositoryNotFound},
		"a commit to compare with": {noCommit, codecommit.ErrCommitNotFound},
	} {
		if !errors.Is(row.err, row.want) || codecommit.ClassOf(row.err) != awsclient.ClassNotFound {
			t.Errorf("%s: %v of class %s, want %v", name, row.err, codecommit.ClassOf(row.err), row.want)
		}
	}
}
