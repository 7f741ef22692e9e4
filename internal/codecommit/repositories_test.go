package codecommit_test

import (
	"errors"
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

// host is a local CodeCommit with a repository payments, whose branch main has one commit, and an empty one.
type host struct {
	server  *awslocal.Server
	factory *awsclient.Factory
	commit  string
}

func newHost(t *testing.T) host {
	t.Helper()
	return newHostWith(t, awslocal.Options{RepositoryPage: 2})
}

func newHostWith(t *testing.T, options awslocal.Options) host {
	t.Helper()
	server, err := awslocal.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	api := sdk.NewFromConfig(server.Config())
	for _, name := range []string{"payments", "empty", "infra-dns", "infra-net", "tools"} {
		if _, err := api.CreateRepository(t.Context(), &sdk.CreateRepositoryInput{RepositoryName: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := api.CreateCommit(t.Context(), &sdk.CreateCommitInput{
		RepositoryName: aws.String("payments"), BranchName: aws.String("main"),
		PutFiles: []types.PutFileEntry{{FilePath: aws.String("readme"), FileContent: []byte("one\n")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return host{server: server, factory: awsclient.NewFactory(server.Config()), commit: aws.ToString(out.CommitId)}
}

func TestRepositoriesOfAllPages(t *testing.T) {
	h := newHost(t)
	names, err := codecommit.NewClients(h.factory, codecommit.Options{}).For(awsclient.Scope{}).Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if want := []string{"empty", "infra-dns", "infra-net", "payments", "tools"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestDefaultBranchAndHead(t *testing.T) {
	h := newHost(t)
	client := codecommit.NewClients(h.factory, codecommit.Options{}).For(awsclient.Scope{})
	branch, err := client.DefaultBranch(t.Context(), "payments")
	if err != nil || branch != "main" {
		t.Fatalf("default branch %q, %v", branch, err)
	}
	if head, err := client.Head(t.Context(), "payments", branch); err != nil || head != h.commit {
		t.Errorf("head %q, %v; want %s", head, err, h.commit)
	}
}

func TestWhatThereIsNotHasAnErrorOfItsOwn(t *testing.T) {
	h := newHost(t)
	client := codecommit.NewClients(h.factory, codecommit.Options{}).For(awsclient.Scope{})
	branchOf := func(repository string) error {
		_, err := client.DefaultBranch(t.Context(), repository)
		return err
	}
	headOf := func(repository, branch string) error {
		_, err := client.Head(t.Context(), repository, branch)
		return err
	}
	for name, row := range map[string]struct {
		err, want error
	}{
		"the default branch of a repository that does not exist": {branchOf("nowhere"), codecommit.ErrRepositoryNotFound},
		"the default branch of an empty repository":              {branchOf("empty"), codecommit.ErrEmpty},
		"a branch of a repository that does not exist":           {headOf("nowhere", "main"), codecommit.ErrRepositoryNotFound},
		"a branch that does not exist":                           {headOf("payments", "develop"), codecommit.ErrBranchNotFound},
	} {
		if !errors.Is(row.err, row.want) || codecommit.ClassOf(row.err) != awsclient.ClassNotFound {
			t.Errorf("%s: %v of class %s, want %v", name, row.err, codecommit.ClassOf(row.err), row.want)
		}
	}
}

func TestClassOfOtherErrors(t *testing.T) {
	h := newHost(t)
	client := codecommit.NewClients(h.factory, codecommit.Options{}).For(awsclient.Scope{})
	for code, want := range map[string]awsclient.Class{
		"EncryptionKeyUnavailableException":  awsclient.ClassUnavailable,
		"EncryptionKeyAccessDeniedException": awsclient.ClassAccessDenied,
		"EncryptionKeyDisabledException":     awsclient.ClassInvalid,
		"AccessDeniedException":              awsclient.ClassAccessDenied,
		"InvalidRepositoryNameException":     awsclient.ClassInvalid,
	} {
		fault := h.server.Faults().Fail("codecommit", "GetRepository", 1, &awslocal.Error{Status: 400, Code: code, Message: "no"})
		_, err := client.DefaultBranch(t.Context(), "payments")
		if got := codecommit.ClassOf(err); err == nil || got != want || errors.Is(err, codecommit.ErrRepositoryNotFound) {
			t.Errorf("%s: class %s of %v, want %s", code, got, err, want)
		}
		fault.Clear()
	}
}

func TestCallsOfOneOperationKeepToTheRate(t *testing.T) {
	h := newHost(t)
	clients := codecommit.NewClients(h.factory, codecommit.Options{})
	const calls = 8
	begin := time.Now()
	for range calls {
		if _, err := clients.For(awsclient.Scope{}).Head(t.Context(), "payments", "main"); err != nil {
			t.Fatal(err)
		}
	}
	if took, least := time.Since(begin), (calls-5)*time.Second/5; took < least {
		t.Errorf("%d calls took %s, want at least %s: five at once and then five a second", calls, took, least)
	}
}
