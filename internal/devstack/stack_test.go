package devstack

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	cctypes "github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func newStack(t *testing.T) *Stack {
	t.Helper()
	stack, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("the local AWS met errors: %v", err)
		}
	})
	return stack
}

func newRepository(t *testing.T, stack *Stack) *Repository {
	t.Helper()
	repository, err := stack.CreateRepository(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

func commit(t *testing.T, r *Repository, branch string, files map[string]string) string {
	t.Helper()
	made, err := r.Commit(t.Context(), branch, "Change "+branch, files)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestAStackWithoutAFolderLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stack, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	newRepository(t, stack)
	if err := stack.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Fatalf("left behind: %v", left)
	}
}

func TestEnvironmentNamesWhatWasProvisioned(t *testing.T) {
	stack := newStack(t)
	made, environment := stack.Resources, stack.Environment("scans", "default")
	for field, pair := range map[string][2]string{
		"namespace":       {environment.Namespace, "scans"},
		"region":          {environment.Spec.Region, stack.AWS.Region()},
		"cluster":         {environment.Spec.Cluster.ID, made.ClusterARN},
		"task definition": {environment.Spec.TaskDefinition.ID, made.TaskDefinitionARN},
		"queue":           {environment.Spec.Inbox.Queue.ID, made.QueueURL},
		"topic":           {environment.Spec.Notifications.Topic.ID, made.TopicARN},
		"bucket":          {environment.Spec.Reports.Bucket.ID, made.Bucket},
		"subnet":          {environment.Spec.Network.Subnets[0].ID, made.Subnets[0]},
		"security group":  {environment.Spec.Network.SecurityGroups[0].ID, made.SecurityGroups[0]},
		"trigger":         {stack.Trigger("scans", "pull-requests", "default").Spec.EnvironmentName, "default"},
	} {
		if pair[0] != pair[1] || pair[0] == "" {
			t.Errorf("%s is %q, want %q", field, pair[0], pair[1])
		}
	}
}

func TestAPushedCommitIsInCodeCommit(t *testing.T) {
	stack := newStack(t)
	r := newRepository(t, stack)
	first := commit(t, r, "main", map[string]string{"README.md": "# payments\n", "old.txt": "old\n"})
	second := commit(t, r, "topic", map[string]string{"src/pay.go": "package pay\n", "old.txt": ""})

	client := codecommit.NewFromConfig(stack.Config)
	for branch, want := range map[string]string{"main": first, "topic": second} {
		got, err := client.GetBranch(t.Context(), &codecommit.GetBranchInput{RepositoryName: &r.Name, BranchName: &branch})
		if err != nil {
			t.Fatal(err)
		}
		if *got.Branch.CommitId != want {
			t.Errorf("branch %s is at %s, want %s", branch, *got.Branch.CommitId, want)
		}
	}
	parent, err := r.Git(t.Context(), "rev-parse", "topic^")
	if err != nil {
		t.Fatal(err)
	}
	if parent != first {
		t.Errorf("the new branch starts at %s, want main's %s", parent, first)
	}
	files, err := r.Git(t.Context(), "ls-tree", "-r", "--name-only", "topic")
	if err != nil {
		t.Fatal(err)
	}
	if want := "README.md\nsrc/pay.go"; files != want {
		t.Errorf("the branch holds %q, want %q", files, want)
	}
}

func TestAPullRequestIsTheDevelopersAndCanBeClosed(t *testing.T) {
	stack := newStack(t)
	r := newRepository(t, stack)
	commit(t, r, "main", map[string]string{"README.md": "# payments\n"})
	head := commit(t, r, "topic", map[string]string{"a.txt": "a\n"})
	id, err := r.OpenPullRequest(t.Context(), "topic", "Add a")
	if err != nil {
		t.Fatal(err)
	}
	client := codecommit.NewFromConfig(stack.Config)
	get := func() *cctypes.PullRequest {
		t.Helper()
		got, err := client.GetPullRequest(t.Context(), &codecommit.GetPullRequestInput{PullRequestId: &id})
		if err != nil {
			t.Fatal(err)
		}
		return got.PullRequest
	}
	opened := get()
	if !strings.HasSuffix(*opened.AuthorArn, ":user/developer") || *opened.PullRequestTargets[0].SourceCommit != head {
		t.Errorf("pull request of %s at %s, want developer's at %s", *opened.AuthorArn, *opened.PullRequestTargets[0].SourceCommit, head)
	}
	if err := r.ClosePullRequest(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if status := get().PullRequestStatus; status != cctypes.PullRequestStatusEnumClosed {
		t.Errorf("status is %s, want CLOSED", status)
	}
}

func TestNoCredentialsAreOnDisk(t *testing.T) {
	stack := newStack(t)
	r := newRepository(t, stack)
	commit(t, r, "main", map[string]string{"README.md": "# payments\n"})
	who, err := stack.AWS.User(Developer)
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	err = filepath.WalkDir(stack.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		for _, secret := range []string{who.Credentials.SecretAccessKey, who.Credentials.AccessKeyID, "Authorization"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds credentials", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked == 0 {
		t.Fatal("looked at no file")
	}
}

func TestTheManagersEnvironmentHoldsNothingOfTheHosts(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "/host/bundle.pem")
	t.Setenv("AWS_PROFILE", "host")
	stack := newStack(t)
	env := stack.ManagerEnv()
	for _, variable := range env {
		if strings.HasPrefix(variable, "AWS_CA_BUNDLE=") || strings.HasPrefix(variable, "AWS_PROFILE=") {
			t.Errorf("the host's %s is passed on", variable)
		}
	}
	for _, want := range []string{"AWS_ENDPOINT_URL=" + stack.AWS.URL(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + stack.AWS.Credentials().AccessKeyID} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if want := "--codecommit-git-endpoint=" + stack.AWS.URL(); !slices.Contains(stack.ManagerArgs(), want) {
		t.Errorf("%s is missing", want)
	}
}

func TestAMissingScannerIsTheTasksProblemNotTheStacks(t *testing.T) {
	stack, err := Start(t.Context(), Options{Dir: t.TempDir(), Scanner: "/nonexistent", Timing: awslocal.FastTiming()})
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.Close(); err != nil {
		t.Fatal(err)
	}
}
