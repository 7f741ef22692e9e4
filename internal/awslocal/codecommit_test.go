package awslocal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// repositoryTest is a repository with a commit on main, made by a developer.
type repositoryTest struct {
	t      *testing.T
	server *awslocal.Server
	client *codecommit.Client
	first  string
}

func newRepositoryTest(t *testing.T) *repositoryTest {
	t.Helper()
	server := start(t, awslocal.Options{})
	cfg, err := server.UserConfig("developer")
	noError(t, err)
	rt := &repositoryTest{t: t, server: server, client: codecommit.NewFromConfig(cfg)}
	_, err = rt.client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("payments")})
	noError(t, err)
	rt.first = rt.commit("main", "", "readme.txt", "one\n")
	return rt
}

func (rt *repositoryTest) commit(branch, parent, path, content string) string {
	rt.t.Helper()
	in := &codecommit.CreateCommitInput{
		RepositoryName: aws.String("payments"), BranchName: aws.String(branch), CommitMessage: aws.String("change " + path),
		PutFiles: []types.PutFileEntry{{FilePath: aws.String(path), FileContent: []byte(content)}},
	}
	if parent != "" {
		in.ParentCommitId = aws.String(parent)
	}
	out, err := rt.client.CreateCommit(rt.t.Context(), in)
	noError(rt.t, err)
	return aws.ToString(out.CommitId)
}

func (rt *repositoryTest) branch(name, commit string) {
	rt.t.Helper()
	_, err := rt.client.CreateBranch(rt.t.Context(), &codecommit.CreateBranchInput{RepositoryName: aws.String("payments"), BranchName: aws.String(name), CommitId: aws.String(commit)})
	noError(rt.t, err)
}

// feature makes a branch with one commit and returns the commit.
func (rt *repositoryTest) feature(name string) string {
	rt.t.Helper()
	rt.branch(name, rt.first)
	return rt.commit(name, rt.first, name+".txt", "two\n")
}

func (rt *repositoryTest) pull(source string) *types.PullRequest {
	rt.t.Helper()
	out, err := rt.client.CreatePullRequest(rt.t.Context(), &codecommit.CreatePullRequestInput{
		Title: aws.String("Add " + source), Description: aws.String("why"),
		Targets: []types.Target{{RepositoryName: aws.String("payments"), SourceReference: aws.String(source), DestinationReference: aws.String("main")}},
	})
	noError(rt.t, err)
	return out.PullRequest
}

func (rt *repositoryTest) get(id *string) *types.PullRequest {
	rt.t.Helper()
	out, err := rt.client.GetPullRequest(rt.t.Context(), &codecommit.GetPullRequestInput{PullRequestId: id})
	noError(rt.t, err)
	return out.PullRequest
}

// news are the names of CodeCommit's events so far, with the branch of reference events.
func (rt *repositoryTest) news() []string {
	rt.t.Helper()
	var names []string
	for _, event := range rt.server.Events() {
		detail := decodeDetail(rt.t, event)
		name := fmt.Sprint(detail["event"])
		if branch, ok := detail["referenceName"]; ok {
			name += " " + fmt.Sprint(branch)
		}
		names = append(names, name)
	}
	return names
}

// lastDetail is the detail of the newest event.
func (rt *repositoryTest) lastDetail() map[string]any {
	rt.t.Helper()
	events := rt.server.Events()
	return decodeDetail(rt.t, events[len(events)-1])
}

func TestPullRequestFromCreationToMerge(t *testing.T) {
	rt := newRepositoryTest(t)
	tip := rt.feature("feature")
	created := rt.pull("feature")
	target := created.PullRequestTargets[0]
	if aws.ToString(target.SourceReference) != "refs/heads/feature" || aws.ToString(target.SourceCommit) != tip ||
		aws.ToString(target.DestinationCommit) != rt.first || aws.ToString(target.MergeBase) != rt.first {
		t.Fatalf("target %+v", target)
	}
	detail := rt.lastDetail()
	for name, want := range map[string]any{
		"event": "pullRequestCreated", "pullRequestStatus": "Open", "isMerged": "False", "pullRequestId": aws.ToString(created.PullRequestId),
		"sourceCommit": tip, "revisionId": aws.ToString(created.RevisionId), "author": "arn:aws:iam::111122223333:user/developer",
	} {
		if detail[name] != want {
			t.Errorf("%s is %v in the event, want %v", name, detail[name], want)
		}
	}

	second := rt.commit("feature", tip, "more.txt", "three\n")
	updated := rt.get(created.PullRequestId)
	if aws.ToString(updated.PullRequestTargets[0].SourceCommit) != second || aws.ToString(updated.RevisionId) == aws.ToString(created.RevisionId) {
		t.Errorf("a push must change source commit and revision: %+v", updated.PullRequestTargets[0])
	}

	merged, err := rt.client.MergePullRequestByFastForward(t.Context(), &codecommit.MergePullRequestByFastForwardInput{
		PullRequestId: created.PullRequestId, RepositoryName: aws.String("payments"),
	})
	noError(t, err)
	if merged.PullRequest.PullRequestStatus != types.PullRequestStatusEnumClosed || !merged.PullRequest.PullRequestTargets[0].MergeMetadata.IsMerged {
		t.Errorf("merged %+v", merged.PullRequest)
	}
	branch, err := rt.client.GetBranch(t.Context(), &codecommit.GetBranchInput{RepositoryName: aws.String("payments"), BranchName: aws.String("main")})
	noError(t, err)
	if aws.ToString(branch.Branch.CommitId) != second {
		t.Errorf("main is at %s, want %s", aws.ToString(branch.Branch.CommitId), second)
	}
	want := []string{
		"referenceCreated main", "referenceCreated feature", "referenceUpdated feature", "pullRequestCreated",
		"referenceUpdated feature", "pullRequestSourceBranchUpdated", "referenceUpdated main", "pullRequestMergeStatusUpdated",
	}
	if got := rt.news(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if detail := rt.lastDetail(); detail["isMerged"] != "True" || detail["mergeOption"] != "FAST_FORWARD_MERGE" || detail["pullRequestStatus"] != "Closed" {
		t.Errorf("event of the merge %v", detail)
	}
}

func TestClosedPullRequestStaysClosedAndIsNotMovedAnyMore(t *testing.T) {
	rt := newRepositoryTest(t)
	tip := rt.feature("feature")
	pull := rt.pull("feature")
	update := func(status types.PullRequestStatusEnum) error {
		_, err := rt.client.UpdatePullRequestStatus(t.Context(), &codecommit.UpdatePullRequestStatusInput{PullRequestId: pull.PullRequestId, PullRequestStatus: status})
		return err
	}
	noError(t, update(types.PullRequestStatusEnumClosed))
	if detail := rt.lastDetail(); detail["event"] != "pullRequestStatusChanged" || detail["pullRequestStatus"] != "Closed" || detail["isMerged"] != "False" {
		t.Errorf("event %v", detail)
	}
	wantCode(t, update(types.PullRequestStatusEnumOpen), "InvalidPullRequestStatusUpdateException")
	rt.commit("feature", tip, "more.txt", "three\n")
	if got := rt.get(pull.PullRequestId); aws.ToString(got.PullRequestTargets[0].SourceCommit) != tip {
		t.Errorf("a push moved a closed pull request: %+v", got.PullRequestTargets[0])
	}
	_, err := rt.client.MergePullRequestByFastForward(t.Context(), &codecommit.MergePullRequestByFastForwardInput{PullRequestId: pull.PullRequestId, RepositoryName: aws.String("payments")})
	wantCode(t, err, "PullRequestAlreadyClosedException")
}

func TestListPullRequestsByStatusInPages(t *testing.T) {
	rt := newRepositoryTest(t)
	var ids []string
	for i := range 5 {
		name := fmt.Sprint("feature-", i)
		rt.feature(name)
		ids = append(ids, aws.ToString(rt.pull(name).PullRequestId))
	}
	_, err := rt.client.UpdatePullRequestStatus(t.Context(), &codecommit.UpdatePullRequestStatusInput{PullRequestId: aws.String(ids[1]), PullRequestStatus: types.PullRequestStatusEnumClosed})
	noError(t, err)
	var open []string
	pages := codecommit.NewListPullRequestsPaginator(rt.client, &codecommit.ListPullRequestsInput{
		RepositoryName: aws.String("payments"), PullRequestStatus: types.PullRequestStatusEnumOpen, MaxResults: aws.Int32(2),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		noError(t, err)
		open = append(open, page.PullRequestIds...)
	}
	if want := slices.Delete(slices.Clone(ids), 1, 2); !slices.Equal(open, want) {
		t.Errorf("open %v, want %v", open, want)
	}
}

func TestMergeThatIsNoFastForwardIsRefused(t *testing.T) {
	rt := newRepositoryTest(t)
	rt.feature("feature")
	pull := rt.pull("feature")
	rt.commit("main", rt.first, "other.txt", "x\n")
	_, err := rt.client.MergePullRequestByFastForward(t.Context(), &codecommit.MergePullRequestByFastForwardInput{PullRequestId: pull.PullRequestId, RepositoryName: aws.String("payments")})
	wantCode(t, err, "ManualMergeRequiredException")
}

func TestDifferencesAndCommits(t *testing.T) {
	rt := newRepositoryTest(t)
	second := rt.commit("main", rt.first, "dir/with space.txt", "x\n")
	out, err := rt.client.CreateCommit(t.Context(), &codecommit.CreateCommitInput{
		RepositoryName: aws.String("payments"), BranchName: aws.String("main"), ParentCommitId: aws.String(second), AuthorName: aws.String("Ada"), Email: aws.String("ada@example.com"),
		CommitMessage: aws.String("third"), DeleteFiles: []types.DeleteFileEntry{{FilePath: aws.String("readme.txt")}},
		PutFiles: []types.PutFileEntry{{FilePath: aws.String("dir/with space.txt"), FileContent: []byte("y\n"), FileMode: types.FileModeTypeEnumExecutable}},
	})
	noError(t, err)
	differences, err := rt.client.GetDifferences(t.Context(), &codecommit.GetDifferencesInput{
		RepositoryName: aws.String("payments"), BeforeCommitSpecifier: aws.String(rt.first), AfterCommitSpecifier: aws.String("main"),
	})
	noError(t, err)
	var got []string
	for _, d := range differences.Differences {
		blob := d.AfterBlob
		if blob == nil {
			blob = d.BeforeBlob
		}
		got = append(got, fmt.Sprintf("%s %s %s", d.ChangeType, aws.ToString(blob.Path), aws.ToString(blob.Mode)))
	}
	if want := []string{"A dir/with space.txt 100755", "D readme.txt 100644"}; !slices.Equal(got, want) {
		t.Errorf("differences %q, want %q", got, want)
	}
	commit, err := rt.client.GetCommit(t.Context(), &codecommit.GetCommitInput{RepositoryName: aws.String("payments"), CommitId: out.CommitId})
	noError(t, err)
	if !slices.Equal(commit.Commit.Parents, []string{second}) || aws.ToString(commit.Commit.Author.Name) != "Ada" || strings.TrimSpace(aws.ToString(commit.Commit.Message)) != "third" {
		t.Errorf("commit %+v", commit.Commit)
	}
}

func TestCommentsOnAPullRequest(t *testing.T) {
	rt := newRepositoryTest(t)
	tip := rt.feature("feature")
	pull := rt.pull("feature")
	good := func() *codecommit.PostCommentForPullRequestInput {
		return &codecommit.PostCommentForPullRequestInput{
			PullRequestId: pull.PullRequestId, RepositoryName: aws.String("payments"), BeforeCommitId: aws.String(rt.first), AfterCommitId: aws.String(tip),
			Content: aws.String("2 findings"), ClientRequestToken: aws.String("token"),
		}
	}
	first, err := rt.client.PostCommentForPullRequest(t.Context(), good())
	noError(t, err)
	again, err := rt.client.PostCommentForPullRequest(t.Context(), good())
	noError(t, err)
	if aws.ToString(first.Comment.CommentId) != aws.ToString(again.Comment.CommentId) {
		t.Error("a repeated token posted a second comment")
	}
	for _, row := range []struct {
		name   string
		change func(*codecommit.PostCommentForPullRequestInput)
		code   string
	}{
		{"the token with another text", func(in *codecommit.PostCommentForPullRequestInput) { in.Content = aws.String("x") }, "IdempotencyParameterMismatchException"},
		{"the same commit twice", func(in *codecommit.PostCommentForPullRequestInput) { in.BeforeCommitId = in.AfterCommitId }, "BeforeCommitIdAndAfterCommitIdAreSameException"},
		{"more than 10,240 characters", func(in *codecommit.PostCommentForPullRequestInput) {
			in.Content = aws.String(strings.Repeat("a", 10241))
		}, "CommentContentSizeLimitExceededException"},
		{"a commit that does not exist", func(in *codecommit.PostCommentForPullRequestInput) {
			in.AfterCommitId = aws.String(strings.Repeat("a", 40))
		}, "CommitDoesNotExistException"},
		{"a file that does not exist", func(in *codecommit.PostCommentForPullRequestInput) {
			in.Location = &types.Location{FilePath: aws.String("none"), FilePosition: aws.Int64(1), RelativeFileVersion: types.RelativeFileVersionEnumAfter}
		}, "PathDoesNotExistException"},
		{"a pull request that does not exist", func(in *codecommit.PostCommentForPullRequestInput) { in.PullRequestId = aws.String("99") }, "PullRequestDoesNotExistException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := good()
			row.change(in)
			_, err := rt.client.PostCommentForPullRequest(t.Context(), in)
			wantCode(t, err, row.code)
		})
	}
	out, err := rt.client.GetCommentsForPullRequest(t.Context(), &codecommit.GetCommentsForPullRequestInput{PullRequestId: pull.PullRequestId})
	noError(t, err)
	if len(out.CommentsForPullRequestData) != 1 || aws.ToString(out.CommentsForPullRequestData[0].Comments[0].Content) != "2 findings" {
		t.Errorf("comments %+v", out.CommentsForPullRequestData)
	}
	if detail := rt.lastDetail(); detail["event"] != "commentOnPullRequestCreated" {
		t.Errorf("event %v", detail)
	}
}

func TestCodeCommitRefusals(t *testing.T) {
	rt := newRepositoryTest(t)
	rt.feature("feature")
	ctx := t.Context()
	pull := func(source, destination string) error {
		_, err := rt.client.CreatePullRequest(ctx, &codecommit.CreatePullRequestInput{
			Title: aws.String("t"), Targets: []types.Target{{RepositoryName: aws.String("payments"), SourceReference: aws.String(source), DestinationReference: aws.String(destination)}},
		})
		return err
	}
	for _, row := range []struct {
		name string
		do   func() error
		code string
	}{
		{"a repository that does not exist", func() error {
			_, err := rt.client.GetRepository(ctx, &codecommit.GetRepositoryInput{RepositoryName: aws.String("none")})
			return err
		}, "RepositoryDoesNotExistException"},
		{"a second repository of the same name", func() error {
			_, err := rt.client.CreateRepository(ctx, &codecommit.CreateRepositoryInput{RepositoryName: aws.String("payments")})
			return err
		}, "RepositoryNameExistsException"},
		{"a repository name that leaves the folder", func() error {
			_, err := rt.client.CreateRepository(ctx, &codecommit.CreateRepositoryInput{RepositoryName: aws.String("..")})
			return err
		}, "InvalidRepositoryNameException"},
		{"a branch that does not exist", func() error {
			_, err := rt.client.GetBranch(ctx, &codecommit.GetBranchInput{RepositoryName: aws.String("payments"), BranchName: aws.String("none")})
			return err
		}, "BranchDoesNotExistException"},
		{"a commit that does not exist", func() error {
			_, err := rt.client.GetCommit(ctx, &codecommit.GetCommitInput{RepositoryName: aws.String("payments"), CommitId: aws.String(strings.Repeat("a", 40))})
			return err
		}, "CommitIdDoesNotExistException"},
		{"a pull request that does not exist", func() error {
			_, err := rt.client.GetPullRequest(ctx, &codecommit.GetPullRequestInput{PullRequestId: aws.String("99")})
			return err
		}, "PullRequestDoesNotExistException"},
		{"a pull request from a branch that does not exist", func() error { return pull("none", "main") }, "ReferenceDoesNotExistException"},
		{"a pull request from a branch to itself", func() error { return pull("main", "main") }, "SourceAndDestinationAreSameException"},
		{"a commit on a branch that moved", func() error {
			_, err := rt.client.CreateCommit(ctx, &codecommit.CreateCommitInput{
				RepositoryName: aws.String("payments"), BranchName: aws.String("feature"), ParentCommitId: aws.String(rt.first),
				PutFiles: []types.PutFileEntry{{FilePath: aws.String("a"), FileContent: []byte("b")}},
			})
			return err
		}, "ParentCommitIdOutdatedException"},
	} {
		t.Run(row.name, func(t *testing.T) { wantCode(t, row.do(), row.code) })
	}
}

func TestRepositoriesAreListedAndKeptInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	server, err := awslocal.Start(awslocal.Options{Dir: dir})
	noError(t, err)
	client := codecommit.NewFromConfig(server.Config())
	for _, name := range []string{"payments", "infra-dns"} {
		out, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String(name)})
		noError(t, err)
		if got := aws.ToString(out.RepositoryMetadata.CloneUrlHttp); got != server.URL()+"/v1/repos/"+name {
			t.Errorf("clone URL %s", got)
		}
	}
	noError(t, server.Close())
	again := start(t, awslocal.Options{Dir: dir})
	out, err := codecommit.NewFromConfig(again.Config()).ListRepositories(t.Context(), &codecommit.ListRepositoriesInput{})
	noError(t, err)
	var names []string
	for _, r := range out.Repositories {
		names = append(names, aws.ToString(r.RepositoryName))
	}
	if want := []string{"infra-dns", "payments"}; !slices.Equal(names, want) {
		t.Errorf("repositories %v, want %v", names, want)
	}
}

func TestRepositoriesAreListedPageByPage(t *testing.T) {
	server := start(t, awslocal.Options{RepositoryPage: 2})
	client := codecommit.NewFromConfig(server.Config())
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String(name)})
		noError(t, err)
	}
	var sizes []int
	pages := codecommit.NewListRepositoriesPaginator(client, &codecommit.ListRepositoriesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		noError(t, err)
		sizes = append(sizes, len(page.Repositories))
	}
	if want := []int{2, 2, 1}; !slices.Equal(sizes, want) {
		t.Errorf("pages of %v repositories, want %v", sizes, want)
	}
	_, err := client.ListRepositories(t.Context(), &codecommit.ListRepositoriesInput{NextToken: aws.String("?")})
	wantCode(t, err, "InvalidContinuationTokenException")
}

func TestAnEmptyRepositoryHasNoDefaultBranch(t *testing.T) {
	server := start(t, awslocal.Options{})
	client := codecommit.NewFromConfig(server.Config())
	_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("empty")})
	noError(t, err)
	out, err := client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: aws.String("empty")})
	noError(t, err)
	if out.RepositoryMetadata.DefaultBranch != nil {
		t.Errorf("default branch %q", *out.RepositoryMetadata.DefaultBranch)
	}
	_, err = client.GetBranch(t.Context(), &codecommit.GetBranchInput{RepositoryName: aws.String("empty"), BranchName: aws.String("main")})
	wantCode(t, err, "BranchDoesNotExistException")
}

func TestADenialOfOneRepositoryLeavesTheOthers(t *testing.T) {
	rt := newRepositoryTest(t)
	_, err := rt.client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("secret")})
	noError(t, err)
	fault := rt.server.Faults().DenyResource(awslocal.Any, "codecommit:Get*", "arn:aws:codecommit:us-east-1:111122223333:secret")
	get := func(name string) error {
		_, err := rt.client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: aws.String(name)})
		return err
	}
	wantCode(t, get("secret"), "AccessDeniedException")
	noError(t, get("payments"))
	_, err = rt.client.ListRepositories(t.Context(), &codecommit.ListRepositoriesInput{})
	noError(t, err)
	fault.Clear()
	noError(t, get("secret"))
}

func TestTheDefaultBranchIsTheFirstUntilAnotherIsNamed(t *testing.T) {
	rt := newRepositoryTest(t)
	rt.branch("trunk", rt.first)
	branch := func() string {
		out, err := rt.client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: aws.String("payments")})
		noError(t, err)
		return aws.ToString(out.RepositoryMetadata.DefaultBranch)
	}
	name := func(name string) error {
		_, err := rt.client.UpdateDefaultBranch(t.Context(), &codecommit.UpdateDefaultBranchInput{RepositoryName: aws.String("payments"), DefaultBranchName: aws.String(name)})
		return err
	}
	if got := branch(); got != "main" {
		t.Errorf("default branch %q, want main", got)
	}
	wantCode(t, name("nowhere"), "BranchDoesNotExistException")
	noError(t, name("trunk"))
	if got := branch(); got != "trunk" {
		t.Errorf("default branch %q, want trunk", got)
	}
}
