package scantrigger

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/events"
)

// origin is a repository of the world's CodeCommit, with a commit on main, and the developer who works in it.
type origin struct {
	w    *world
	api  *sdk.Client
	name string
	main string
}

func (w *world) repository(name string) *origin {
	w.t.Helper()
	config, err := w.aws.UserConfig("developer")
	if err != nil {
		w.t.Fatal(err)
	}
	o := &origin{w: w, api: sdk.NewFromConfig(config), name: name}
	if _, err := o.api.CreateRepository(w.t.Context(), &sdk.CreateRepositoryInput{RepositoryName: &name}); err != nil {
		w.t.Fatal(err)
	}
	o.main = o.commit("main", "", "readme.txt")
	return o
}

// commit adds a commit that changes files to a branch and returns it.
func (o *origin) commit(branch, parent string, paths ...string) string {
	o.w.t.Helper()
	in := &sdk.CreateCommitInput{RepositoryName: &o.name, BranchName: &branch}
	if parent != "" {
		in.ParentCommitId = &parent
	}
	for _, path := range paths {
		in.PutFiles = append(in.PutFiles, types.PutFileEntry{FilePath: aws.String(path), FileContent: []byte(path + parent)})
	}
	out, err := o.api.CreateCommit(o.w.t.Context(), in)
	if err != nil {
		o.w.t.Fatal(err)
	}
	return aws.ToString(out.CommitId)
}

// open makes a branch with a commit that changes files, and a pull request of it into main.
func (o *origin) open(branch string, paths ...string) (id, head string) {
	o.w.t.Helper()
	_, err := o.api.CreateBranch(o.w.t.Context(), &sdk.CreateBranchInput{RepositoryName: &o.name, BranchName: &branch, CommitId: &o.main})
	if err != nil {
		o.w.t.Fatal(err)
	}
	if len(paths) == 0 {
		paths = []string{branch + ".txt"}
	}
	head = o.commit(branch, o.main, paths...)
	out, err := o.api.CreatePullRequest(o.w.t.Context(), &sdk.CreatePullRequestInput{
		Title: aws.String("Change " + branch), Targets: []types.Target{{RepositoryName: &o.name, SourceReference: &branch}},
	})
	if err != nil {
		o.w.t.Fatal(err)
	}
	return aws.ToString(out.PullRequest.PullRequestId), head
}

func (o *origin) close(id string) {
	o.w.t.Helper()
	_, err := o.api.UpdatePullRequestStatus(o.w.t.Context(), &sdk.UpdatePullRequestStatusInput{PullRequestId: &id, PullRequestStatus: types.PullRequestStatusEnumClosed})
	if err != nil {
		o.w.t.Fatal(err)
	}
}

func (o *origin) remove() {
	o.w.t.Helper()
	if _, err := o.api.DeleteRepository(o.w.t.Context(), &sdk.DeleteRepositoryInput{RepositoryName: &o.name}); err != nil {
		o.w.t.Fatal(err)
	}
}

// event is what EventBridge would tell of the state that a pull request is in.
func (o *origin) event(kind events.PullRequestKind, id string) events.PullRequest {
	o.w.t.Helper()
	pr, err := codecommit.NewClients(awsclient.NewFactory(o.w.aws.Config()), codecommit.Options{}).For(awsclient.Scope{}).PullRequest(o.w.t.Context(), id)
	if err != nil {
		o.w.t.Fatal(err)
	}
	return events.PullRequest{
		EventKind: kind, Repository: o.name, ID: id, Title: pr.Title, AuthorARN: pr.AuthorARN, CallerARN: pr.AuthorARN,
		SourceBranch: pr.SourceBranch(), TargetBranch: pr.TargetBranch(), SourceCommit: pr.SourceCommit, TargetCommit: pr.TargetCommit,
		RevisionID: pr.RevisionID, Account: account, Region: "us-east-1", Time: pr.LastActivity.Truncate(time.Second),
		EventID: fmt.Sprintf("event-%s-%s", kind, pr.RevisionID),
	}
}

// outcomes are what the metric counted of events of one kind.
func (w *world) outcomes(kind string) map[string]float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "scanjob_trigger_events_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["event"] == kind {
				counted[labels["outcome"]] = metric.GetCounter().GetValue()
			}
		}
	}
	return counted
}

// awaitTold waits for an event about an object that opens with a reason and tells all of the parts.
func (w *world) awaitTold(about, reason string, parts ...string) {
	w.t.Helper()
	w.eventually("wait for the event "+reason, func() string {
		all := w.told(about)
		for _, told := range all {
			if !strings.HasPrefix(told, reason+": ") {
				continue
			}
			for _, part := range parts {
				if !strings.Contains(told, part) {
					return fmt.Sprintf("%q does not tell %q", told, part)
				}
			}
			return ""
		}
		return fmt.Sprint(all)
	})
}

func (w *world) deleteBranch(repository, branch string) {
	w.t.Helper()
	_, err := sdk.NewFromConfig(w.aws.Config()).DeleteBranch(w.t.Context(), &sdk.DeleteBranchInput{RepositoryName: &repository, BranchName: &branch})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) makeBranch(repository, branch, commit string) {
	w.t.Helper()
	_, err := sdk.NewFromConfig(w.aws.Config()).CreateBranch(w.t.Context(), &sdk.CreateBranchInput{RepositoryName: &repository, BranchName: &branch, CommitId: &commit})
	if err != nil {
		w.t.Fatal(err)
	}
}

func metaTime(t time.Time) metav1.Time { return metav1.NewTime(t) }

func (o *origin) comment(id, commit string) {
	o.w.t.Helper()
	_, err := o.api.PostCommentForPullRequest(o.w.t.Context(), &sdk.PostCommentForPullRequestInput{
		PullRequestId: &id, RepositoryName: &o.name, BeforeCommitId: &o.main, AfterCommitId: &commit, Content: aws.String("hello"),
	})
	if err != nil {
		o.w.t.Fatal(err)
	}
}
