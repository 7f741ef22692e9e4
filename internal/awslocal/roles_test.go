package awslocal_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	cctypes "github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

const managerRole = "arn:aws:iam::111122223333:role/scanjob-manager"

// roleTest is a server with everything in it, whose roles may do what the statements of each allow.
type roleTest struct {
	t      *testing.T
	server *awslocal.Server
	made   awslocal.Resources
}

// newRoleTest starts a server. Who makes the things in it may do everything.
func newRoleTest(t *testing.T, roles ...awslocal.Role) *roleTest {
	t.Helper()
	server := start(t, awslocal.Options{Users: []string{"administrator"}, Container: awslocal.ExitWith(0), Roles: roles})
	admin, err := server.UserConfig("administrator")
	noError(t, err)
	made, err := awslocal.Provision(t.Context(), admin, awslocal.DefaultNames())
	noError(t, err)
	return &roleTest{t: t, server: server, made: made}
}

// as is for clients that act as a role that everybody may assume.
func (r *roleTest) as(role string) aws.Config {
	r.t.Helper()
	admin, err := r.server.UserConfig("administrator")
	noError(r.t, err)
	out, err := sts.NewFromConfig(admin).AssumeRole(r.t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("test")})
	noError(r.t, err)
	c := out.Credentials
	admin.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	return admin
}

// openPullRequest makes a repository with one pull request.
func (r *roleTest) openPullRequest(repository string) {
	r.t.Helper()
	ctx := r.t.Context()
	admin, err := r.server.UserConfig("administrator")
	noError(r.t, err)
	client := codecommit.NewFromConfig(admin)
	_, err = client.CreateRepository(ctx, &codecommit.CreateRepositoryInput{RepositoryName: &repository})
	noError(r.t, err)
	commit := func(branch string, parent *string) *string {
		out, err := client.CreateCommit(ctx, &codecommit.CreateCommitInput{
			RepositoryName: &repository, BranchName: &branch, ParentCommitId: parent,
			PutFiles: []cctypes.PutFileEntry{{FilePath: aws.String("file"), FileContent: []byte(branch)}},
		})
		noError(r.t, err)
		return out.CommitId
	}
	first := commit("main", nil)
	_, err = client.CreateBranch(ctx, &codecommit.CreateBranchInput{RepositoryName: &repository, BranchName: aws.String("feature"), CommitId: first})
	noError(r.t, err)
	commit("feature", first)
	_, err = client.CreatePullRequest(ctx, &codecommit.CreatePullRequestInput{Title: aws.String("a change"), Targets: []cctypes.Target{{
		RepositoryName: &repository, SourceReference: aws.String("feature"), DestinationReference: aws.String("main"),
	}}})
	noError(r.t, err)
}

func role(name string, statements ...string) awslocal.Role {
	return awslocal.Role{ARN: "arn:aws:iam::111122223333:role/" + name, Policies: map[string]string{"all": policy(statements...)}}
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func allow(action, resource string) string {
	return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`
}

func allowWith(action, resource, condition string) string {
	return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `","Condition":` + condition + `}`
}

// A call of a role with policies goes through with the least that AWS asks for it, and not with anything beside it.
func TestRolePoliciesAreEnforced(t *testing.T) {
	const (
		ecsARN  = "arn:aws:ecs:us-east-1:111122223333:"
		cluster = `{"ArnEquals":{"ecs:cluster":"` + ecsARN + `cluster/scanjob"}}`
		other   = `{"ArnEquals":{"ecs:cluster":"` + ecsARN + `cluster/other"}}`
		task    = ecsARN + "task/scanjob/c13b4cb40f1f4fe4a2971f76ae5a47ad"
		tasks   = `{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}`
		lambda  = `{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}`
		byRun   = `{"StringEquals":{"ecs:CreateAction":"RunTask"}}`
		taskARN = "arn:aws:iam::111122223333:role/scanjob-task"
		execARN = "arn:aws:iam::111122223333:role/scanjob-execution"
		queue   = "arn:aws:sqs:us-east-1:111122223333:scan-inbox"
		topic   = "arn:aws:sns:us-east-1:111122223333:scan-findings"
		bucket  = "arn:aws:s3:::scan-reports-111122223333-us-east-1"
		repo    = "arn:aws:codecommit:us-east-1:111122223333:payments"
	)
	run := func(tags ...ecstypes.Tag) func(aws.Config, awslocal.Resources) error {
		return func(cfg aws.Config, made awslocal.Resources) error {
			_, err := ecs.NewFromConfig(cfg).RunTask(t.Context(), &ecs.RunTaskInput{
				Cluster: &made.ClusterARN, TaskDefinition: aws.String("scanner"), LaunchType: ecstypes.LaunchTypeFargate, Tags: tags,
				NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: made.Subnets}},
			})
			return err
		}
	}
	runs := allowWith("ecs:RunTask", ecsARN+"task-definition/scanner:*", cluster)
	rows := []struct {
		name   string
		call   func(aws.Config, awslocal.Resources) error
		enough []string
		short  [][]string
		code   string
		// finds is the error where the policies are enough and there is nothing of that name.
		finds string
	}{
		{
			name: "RunTask needs the task definition in the cluster, and both roles for ECS's tasks", call: run(),
			enough: []string{runs, allowWith("iam:PassRole", taskARN, tasks), allowWith("iam:PassRole", execARN, tasks)},
			short: [][]string{
				{runs},
				{runs, allowWith("iam:PassRole", taskARN, tasks)},
				{runs, allowWith("iam:PassRole", execARN, tasks)},
				{runs, allowWith("iam:PassRole", taskARN, lambda), allowWith("iam:PassRole", execARN, lambda)},
				{allowWith("ecs:RunTask", ecsARN+"task-definition/scanner:*", other), allow("iam:PassRole", "*")},
				{allow("ecs:RunTask", ecsARN+"task-definition/other:*"), allow("iam:PassRole", "*")},
			},
			code: "AccessDeniedException",
		},
		{
			name: "tags on RunTask need a permission of their own", call: run(ecstypes.Tag{Key: aws.String("team"), Value: aws.String("payments")}),
			enough: []string{runs, allow("iam:PassRole", "*"), allowWith("ecs:TagResource", ecsARN+"task/scanjob/*", byRun)},
			short: [][]string{
				{runs, allow("iam:PassRole", "*")},
				{runs, allow("iam:PassRole", "*"), allowWith("ecs:TagResource", "*", `{"StringEquals":{"ecs:CreateAction":"CreateCluster"}}`)},
				{runs, allow("iam:PassRole", "*"), allowWith("ecs:TagResource", "*", `{"StringEquals":{"aws:RequestTag/team":"orders"}}`)},
			},
			code: "AccessDeniedException",
		},
		{
			name: "StopTask needs the task", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := ecs.NewFromConfig(cfg).StopTask(t.Context(), &ecs.StopTaskInput{Cluster: &made.ClusterARN, Task: aws.String(task)})
				return err
			},
			enough: []string{allow("ecs:StopTask", ecsARN+"task/scanjob/*")},
			short:  [][]string{{allow("ecs:StopTask", ecsARN+"task/other/*")}},
			code:   "AccessDeniedException", finds: "InvalidParameterException",
		},
		{
			name: "DescribeTasks needs every task", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := ecs.NewFromConfig(cfg).DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: &made.ClusterARN, Tasks: []string{task, task[:len(task)-1] + "e"}})
				return err
			},
			enough: []string{allow("ecs:DescribeTasks", ecsARN+"task/scanjob/*")},
			short:  [][]string{{allow("ecs:DescribeTasks", task)}},
			code:   "AccessDeniedException",
		},
		{
			name: "ListTasks has no resource but its cluster is a condition", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := ecs.NewFromConfig(cfg).ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: &made.ClusterARN})
				return err
			},
			enough: []string{allowWith("ecs:ListTasks", "*", cluster)},
			short:  [][]string{{allowWith("ecs:ListTasks", "*", other)}, {allow("ecs:ListTasks", ecsARN+"task/scanjob/*")}},
			code:   "AccessDeniedException",
		},
		{
			name: "DescribeClusters needs the cluster", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := ecs.NewFromConfig(cfg).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{made.ClusterName}})
				return err
			},
			enough: []string{allow("ecs:DescribeClusters", ecsARN+"cluster/scanjob")},
			short:  [][]string{{allow("ecs:DescribeClusters", ecsARN+"cluster/other")}},
			code:   "AccessDeniedException",
		},
		{
			name: "DescribeTaskDefinition is for all or none", call: func(cfg aws.Config, _ awslocal.Resources) error {
				_, err := ecs.NewFromConfig(cfg).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("scanner")})
				return err
			},
			enough: []string{allow("ecs:DescribeTaskDefinition", "*")},
			short:  [][]string{{allow("ecs:DescribeTaskDefinition", ecsARN+"task-definition/scanner:*")}},
			code:   "AccessDeniedException",
		},
		{
			name: "a batch of SQS needs the single action", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := sqs.NewFromConfig(cfg).DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{
					QueueUrl: &made.QueueURL, Entries: []sqstypes.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("b")}},
				})
				return err
			},
			enough: []string{allow("sqs:DeleteMessage", queue)},
			short:  [][]string{{allow("sqs:DeleteMessage", queue+"-dead")}, {allow("sqs:DeleteMessageBatch", queue)}},
			code:   "AccessDeniedException",
		},
		{
			name: "a queue by its name", call: func(cfg aws.Config, _ awslocal.Resources) error {
				_, err := sqs.NewFromConfig(cfg).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("scan-inbox"), QueueOwnerAWSAccountId: aws.String("111122223333")})
				return err
			},
			enough: []string{allow("sqs:GetQueueUrl", queue)},
			short:  [][]string{{allow("sqs:GetQueueUrl", "arn:aws:sqs:us-east-1:444455556666:scan-inbox")}},
			code:   "AccessDeniedException",
		},
		{
			name: "Publish needs the topic", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := sns.NewFromConfig(cfg).Publish(t.Context(), &sns.PublishInput{TopicArn: &made.TopicARN, Message: aws.String("found")})
				return err
			},
			enough: []string{allow("sns:Publish", topic)},
			short:  [][]string{{allow("sns:Publish", topic+"-other")}, {allow("sns:GetTopicAttributes", topic)}},
			code:   "AuthorizationError",
		},
		{
			name: "HeadBucket needs s3:ListBucket", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := pathStyle(cfg).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &made.Bucket})
				return err
			},
			enough: []string{allow("s3:ListBucket", bucket)},
			short:  [][]string{{allow("s3:ListBucket", bucket+"/*")}, {allow("s3:HeadBucket", bucket)}},
			code:   "AccessDenied",
		},
		{
			name: "PutObject needs the object's key", call: func(cfg aws.Config, made awslocal.Resources) error {
				_, err := pathStyle(cfg).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &made.Bucket, Key: aws.String("sarif/a.sarif"), Body: strings.NewReader("{}")})
				return err
			},
			enough: []string{allow("s3:PutObject", bucket+"/sarif/*")},
			short:  [][]string{{allow("s3:PutObject", bucket+"/other/*")}, {allow("s3:PutObject", bucket)}},
			code:   "AccessDenied",
		},
		{
			name: "a pull request is its repository's", call: func(cfg aws.Config, _ awslocal.Resources) error {
				_, err := codecommit.NewFromConfig(cfg).GetPullRequest(t.Context(), &codecommit.GetPullRequestInput{PullRequestId: aws.String("1")})
				return err
			},
			enough: []string{allow("codecommit:GetPullRequest", repo)},
			short:  [][]string{{allow("codecommit:GetPullRequest", repo+"-other")}},
			code:   "AccessDeniedException",
		},
		{
			name: "AssumeRole needs the role", call: func(cfg aws.Config, _ awslocal.Resources) error {
				_, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(managerRole), RoleSessionName: aws.String("again")})
				return err
			},
			enough: []string{allow("sts:AssumeRole", managerRole)},
			short:  [][]string{{allow("sts:AssumeRole", managerRole+"-other")}},
			code:   "AccessDenied",
		},
		{
			name: "an operation that nobody has looked up needs everything", call: func(cfg aws.Config, _ awslocal.Resources) error {
				_, err := ecs.NewFromConfig(cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("more")})
				return err
			},
			enough: []string{allow("ecs:CreateCluster", "*")},
			short:  [][]string{{allow("ecs:CreateCluster", ecsARN+"cluster/more")}},
			code:   "AccessDeniedException",
		},
	}
	var roles []awslocal.Role
	for i, row := range rows {
		for j, statements := range append([][]string{row.enough}, row.short...) {
			roles = append(roles, role(fmt.Sprintf("row-%d-%d", i, j), statements...))
		}
	}
	r := newRoleTest(t, append(roles, awslocal.Role{ARN: managerRole})...)
	r.openPullRequest("payments")
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			wantCode(t, row.call(r.as(fmt.Sprintf("arn:aws:iam::111122223333:role/row-%d-0", i)), r.made), row.finds)
			for j := range row.short {
				wantCode(t, row.call(r.as(fmt.Sprintf("arn:aws:iam::111122223333:role/row-%d-%d", i, j+1)), r.made), row.code)
			}
		})
	}
}

func pathStyle(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func TestGitPullNeedsTheRepository(t *testing.T) {
	r := newRoleTest(t, role("puller", allow("codecommit:GitPull", "arn:aws:codecommit:us-east-1:111122223333:payments")))
	r.openPullRequest("payments")
	r.openPullRequest("orders")
	puller, err := r.as("arn:aws:iam::111122223333:role/puller").Credentials.Retrieve(t.Context())
	noError(t, err)
	for repository, want := range map[string]bool{"payments": true, "orders": false} {
		user, password := r.server.GitCredentials(puller, repository)
		address := strings.Replace(r.server.GitURL(repository), "://", "://"+escapeUser(user)+":"+password+"@", 1)
		command := exec.CommandContext(context.WithoutCancel(t.Context()), "git", "ls-remote", address)
		command.Env = []string{"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
		out, err := command.CombinedOutput()
		if (err == nil) != want {
			t.Errorf("%s: %v: %s", repository, err, out)
		}
	}
}

func escapeUser(user string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F", "+", "%2B", "=", "%3D").Replace(user)
}

func TestCallsOfABoundRoleAreRecordedWithWhatTheyNeeded(t *testing.T) {
	r := newRoleTest(t, role("scanjob-manager", allow("sns:*", "*")))
	server, made := r.server, r.made
	_, err := sns.NewFromConfig(server.Config()).GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &made.TopicARN})
	noError(t, err)
	_, err = ecs.NewFromConfig(server.Config()).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"scanjob"}})
	wantCode(t, err, "AccessDeniedException")
	if !strings.Contains(err.Error(), "no identity-based policy allows the ecs:DescribeClusters action") {
		t.Errorf("the refusal says %v", err)
	}
	var needed []string
	for _, call := range server.Calls() {
		if !strings.HasPrefix(call.Principal, "arn:aws:sts::111122223333:assumed-role/scanjob-manager/") {
			if len(call.Needs) > 0 {
				t.Errorf("%s by %s has needs %v", call.Operation, call.Principal, call.Needs)
			}
			continue
		}
		for _, need := range call.Needs {
			needed = append(needed, need.Action+" "+need.Resource)
		}
	}
	want := "sns:GetTopicAttributes arn:aws:sns:us-east-1:111122223333:scan-findings, ecs:DescribeClusters arn:aws:ecs:us-east-1:111122223333:cluster/scanjob"
	if got := strings.Join(needed, ", "); got != want {
		t.Errorf("needed %s, want %s", got, want)
	}
}

func TestARoleThatECSMayNotAssumeStartsNoTask(t *testing.T) {
	trust := func(principal, condition string) string {
		return policy(`{"Effect":"Allow","Principal":{"Service":"` + principal + `"},"Action":"sts:AssumeRole","Condition":` + condition + `}`)
	}
	for _, row := range []struct {
		name, trust, code string
	}{
		{"tasks of this account", trust("ecs-tasks.amazonaws.com", `{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:ecs:us-east-1:111122223333:*"}}`), ""},
		{"tasks of another account", trust("ecs-tasks.amazonaws.com", `{"StringEquals":{"aws:SourceAccount":"444455556666"}}`), "ClientException"},
		{"another service", trust("lambda.amazonaws.com", `{}`), "ClientException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRoleTest(t, role("scanjob-manager", allow("*", "*")), awslocal.Role{ARN: "arn:aws:iam::111122223333:role/scanjob-task", TrustPolicy: row.trust})
			made := r.made
			_, err := ecs.NewFromConfig(r.server.Config()).RunTask(t.Context(), &ecs.RunTaskInput{
				Cluster: &made.ClusterARN, TaskDefinition: aws.String("scanner"), LaunchType: ecstypes.LaunchTypeFargate,
				NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: made.Subnets}},
			})
			wantCode(t, err, row.code)
			if err != nil && !strings.Contains(err.Error(), "unable to assume the role 'arn:aws:iam::111122223333:role/scanjob-task'") {
				t.Errorf("the refusal says %v", err)
			}
		})
	}
}

func TestAPolicyThatCannotBeReadStopsTheStart(t *testing.T) {
	for name, role := range map[string]awslocal.Role{
		"a policy":     {ARN: managerRole, Policies: map[string]string{"run": `{"Version":"2012-10-17"}`}},
		"a trust":      {ARN: managerRole, TrustPolicy: `{}`},
		"no such kind": {ARN: managerRole, Policies: map[string]string{"run": policy(`{"Effect":"Allow","NotAction":"a:b","Resource":"*"}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := awslocal.Start(awslocal.Options{Roles: []awslocal.Role{role}})
			if err == nil {
				noError(t, server.Close())
			}
			if err == nil || !strings.Contains(err.Error(), managerRole) {
				t.Errorf("got %v, want an error that names the role", err)
			}
		})
	}
}
