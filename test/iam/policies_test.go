package iam_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/iampolicy"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// rolesOf are the roles of config/aws/iam with components, by their names.
func rolesOf(t *testing.T, components ...string) map[string]awslocal.Role {
	t.Helper()
	list, err := iam.Manifests{Components: components}.Roles(iam.Account)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]awslocal.Role{}
	for _, role := range list {
		roles[role.ARN[strings.LastIndex(role.ARN, "/")+1:]] = role
	}
	return roles
}

func policiesOf(t *testing.T, components ...string) map[string][]iampolicy.Policy {
	t.Helper()
	policies := map[string][]iampolicy.Policy{}
	for name, role := range rolesOf(t, components...) {
		for document, text := range role.Policies {
			policy, err := iampolicy.Parse(text)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, document, err)
			}
			policies[name] = append(policies[name], policy)
		}
	}
	return policies
}

func context(pairs ...string) map[string][]string {
	values := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	return values
}

// The end-to-end suite shows what the roles can do. This is what they must not be able to.
func TestWhatTheRolesMayNotDo(t *testing.T) {
	const (
		ecs        = "arn:aws:ecs:us-east-1:111122223333:"
		repository = "arn:aws:codecommit:us-east-1:111122223333:"
		reports    = "arn:aws:s3:::scan-reports-111122223333-us-east-1"
		topic      = "arn:aws:sns:us-east-1:111122223333:scan-findings"
		inbox      = "arn:aws:sqs:us-east-1:111122223333:scan-inbox"
		logs       = "arn:aws:logs:us-east-1:111122223333:log-group:/scanjob/scanner:*"
		scans      = ecs + "cluster/scanjob"
	)
	for _, row := range []struct {
		name, role, action, resource string
		context                      map[string][]string
	}{
		{"the scanner pulls a repository of another name", iam.TaskRole, "codecommit:GitPull", repository + "orders", nil},
		{"the scanner pulls a repository whose name only begins the same", iam.TaskRole, "codecommit:GitPull", repository + "payments-secrets", nil},
		{"the scanner pulls another account's repository", iam.TaskRole, "codecommit:GitPull", "arn:aws:codecommit:us-east-1:444455556666:payments", nil},
		{"the scanner pushes", iam.TaskRole, "codecommit:GitPush", repository + "payments", nil},
		{"the scanner reads pull requests", iam.TaskRole, "codecommit:GetPullRequest", repository + "payments", nil},
		{"the scanner approves", iam.TaskRole, "codecommit:UpdatePullRequestApprovalState", repository + "payments", nil},
		{"the scanner publishes to another topic", iam.TaskRole, "sns:Publish", topic + "-other", nil},
		{"the scanner subscribes somebody", iam.TaskRole, "sns:Subscribe", topic, nil},
		{"the scanner writes beside its prefix", iam.TaskRole, "s3:PutObject", reports + "/other/a.sarif", nil},
		{"the scanner writes to another bucket", iam.TaskRole, "s3:PutObject", "arn:aws:s3:::scan-reports/sarif/a.sarif", nil},
		{"the scanner reads reports", iam.TaskRole, "s3:GetObject", reports + "/sarif/a.sarif", nil},
		{"the scanner deletes reports", iam.TaskRole, "s3:DeleteObject", reports + "/sarif/a.sarif", nil},
		{"the scanner lists reports", iam.TaskRole, "s3:ListBucket", reports, nil},
		{"the scanner writes to the inbox", iam.TaskRole, "sqs:SendMessage", inbox, nil},
		{"the scanner starts a task", iam.TaskRole, "ecs:RunTask", ecs + "task-definition/scanner:1", context("ecs:cluster", scans)},
		{"the scanner stops a task", iam.TaskRole, "ecs:StopTask", ecs + "task/scanjob/1", nil},
		{"the scanner takes another role", iam.TaskRole, "sts:AssumeRole", "arn:aws:iam::111122223333:role/scanjob-manager", nil},
		{"the scanner reads logs", iam.TaskRole, "logs:GetLogEvents", logs, nil},

		{"the manager passes its own role", iam.ManagerRole, "iam:PassRole", "arn:aws:iam::111122223333:role/scanjob-manager", context("iam:PassedToService", "ecs-tasks.amazonaws.com")},
		{"the manager passes an administrator's role", iam.ManagerRole, "iam:PassRole", "arn:aws:iam::111122223333:role/admin", context("iam:PassedToService", "ecs-tasks.amazonaws.com")},
		{"the manager passes a scan's role to Lambda", iam.ManagerRole, "iam:PassRole", "arn:aws:iam::111122223333:role/scanjob-task", context("iam:PassedToService", "lambda.amazonaws.com")},
		{"the manager runs another family", iam.ManagerRole, "ecs:RunTask", ecs + "task-definition/payroll:1", context("ecs:cluster", scans)},
		{"the manager runs a family whose name begins the same", iam.ManagerRole, "ecs:RunTask", ecs + "task-definition/scanner-admin:1", context("ecs:cluster", scans)},
		{"the manager runs in another cluster", iam.ManagerRole, "ecs:RunTask", ecs + "task-definition/scanner:1", context("ecs:cluster", ecs+"cluster/production")},
		{"the manager stops another cluster's tasks", iam.ManagerRole, "ecs:StopTask", ecs + "task/production/1", nil},
		{"the manager lists another cluster's tasks", iam.ManagerRole, "ecs:ListTasks", ecs + "container-instance/production/*", context("ecs:cluster", ecs+"cluster/production")},
		{"the manager tags tasks that run", iam.ManagerRole, "ecs:TagResource", ecs + "task/scanjob/1", nil},
		{"the manager opens a shell in a task", iam.ManagerRole, "ecs:ExecuteCommand", ecs + "task/scanjob/1", context("ecs:cluster", scans)},
		{"the manager registers a task definition", iam.ManagerRole, "ecs:RegisterTaskDefinition", "*", nil},
		{"the manager writes to its inbox", iam.ManagerRole, "sqs:SendMessage", inbox, nil},
		{"the manager empties its inbox", iam.ManagerRole, "sqs:PurgeQueue", inbox, nil},
		{"the manager deletes dead letters", iam.ManagerRole, "sqs:DeleteMessage", inbox + "-dead", nil},
		{"the manager reads dead letters", iam.ManagerRole, "sqs:ReceiveMessage", inbox + "-dead", nil},
		{"the manager moves dead letters", iam.ManagerRole, "sqs:StartMessageMoveTask", inbox + "-dead", nil},
		{"the manager publishes findings", iam.ManagerRole, "sns:Publish", topic, nil},
		{"the manager reads reports", iam.ManagerRole, "s3:GetObject", reports + "/sarif/a.sarif", nil},
		{"the manager writes reports", iam.ManagerRole, "s3:PutObject", reports + "/sarif/a.sarif", nil},
		{"the manager pulls a repository", iam.ManagerRole, "codecommit:GitPull", repository + "payments", nil},
		{"the manager finds the heads of another repository", iam.ManagerRole, "codecommit:GetBranch", repository + "orders", nil},
		{"the manager lists the pull requests of another repository", iam.ManagerRole, "codecommit:ListPullRequests", repository + "orders", nil},
		{"the manager approves", iam.ManagerRole, "codecommit:UpdatePullRequestApprovalState", repository + "payments", nil},
		{"the manager comments", iam.ManagerRole, "codecommit:PostCommentForPullRequest", repository + "payments", nil},
		{"the manager reads files", iam.ManagerRole, "codecommit:GetFile", repository + "payments", nil},
		{"the manager merges", iam.ManagerRole, "codecommit:MergePullRequestByFastForward", repository + "payments", nil},
		{"the manager makes a role", iam.ManagerRole, "iam:CreateRole", "arn:aws:iam::111122223333:role/more", nil},
		{"the manager takes a role of another account", iam.ManagerRole, "sts:AssumeRole", "arn:aws:iam::444455556666:role/scanjob-environment", nil},

		{"Fargate pulls another image", iam.ExecutionRole, "ecr:BatchGetImage", "arn:aws:ecr:us-east-1:111122223333:repository/payroll", nil},
		{"Fargate pushes an image", iam.ExecutionRole, "ecr:PutImage", "arn:aws:ecr:us-east-1:111122223333:repository/scanjob/scanner", nil},
		{"Fargate writes another log", iam.ExecutionRole, "logs:PutLogEvents", "arn:aws:logs:us-east-1:111122223333:log-group:/payroll:log-stream:a", nil},
		{"Fargate makes log groups", iam.ExecutionRole, "logs:CreateLogGroup", logs, nil},
		{"Fargate reads secrets", iam.ExecutionRole, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:111122223333:secret:a", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			policies := policiesOf(t)[row.role]
			if len(policies) == 0 {
				t.Fatalf("there is no role %s", row.role)
			}
			if iampolicy.Allows(policies, iampolicy.Request{Action: row.action, Resource: row.resource, Context: row.context}) {
				t.Errorf("%s may take %s on %s with %v", row.role, row.action, row.resource, row.context)
			}
		})
	}
}

func TestActionsAreNamedOneByOneAndResourcesWhereThereAreAny(t *testing.T) {
	withoutResource := []string{"codecommit:ListRepositories", "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:ListTasks"}
	for role, policies := range policiesOf(t, iam.AssumeEnvironments) {
		for _, policy := range policies {
			for _, statement := range policy.Statements {
				if statement.ID == "" {
					t.Errorf("%s: a statement for %v has no Sid to speak of it by", role, statement.Actions)
				}
				for _, action := range statement.Actions {
					if strings.ContainsAny(action, "*?") {
						t.Errorf("%s, %s: %s stands for actions that nobody has looked at", role, statement.ID, action)
					}
					if slices.Contains(statement.Resources, "*") && !slices.Contains(withoutResource, action) {
						t.Errorf("%s, %s: %s is allowed on everything", role, statement.ID, action)
					}
				}
			}
		}
	}
}

// The limits of IAM, which does not count white space
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func TestPoliciesFitIntoARole(t *testing.T) {
	const maxInline, maxTrust = 10240, 2048
	space := regexp.MustCompile(`\s`)
	for _, components := range [][]string{{iam.AssumeEnvironments}, {iam.IRSA, iam.AssumeEnvironments}, {iam.Environment}} {
		for name, role := range rolesOf(t, components...) {
			size := 0
			for _, text := range role.Policies {
				size += len(space.ReplaceAllString(text, ""))
			}
			if trust := len(space.ReplaceAllString(role.TrustPolicy, "")); size > maxInline || trust > maxTrust {
				t.Errorf("%s has %d characters of inline policies, of at most %d, and %d of trust policy, of at most %d", name, size, maxInline, trust, maxTrust)
			}
		}
	}
}

func TestTheRoleOfAnEnvironmentElsewhereMayDoWhatTheManagerMay(t *testing.T) {
	own, elsewhere := rolesOf(t), rolesOf(t, iam.Environment)
	if diff := cmp.Diff(own[iam.ManagerRole].Policies, elsewhere[iam.EnvironmentRole].Policies); diff != "" || len(own[iam.ManagerRole].Policies) == 0 {
		t.Errorf("the policies of %s (-) and %s (+) differ:\n%s", iam.ManagerRole, iam.EnvironmentRole, diff)
	}
	if _, ok := elsewhere[iam.ManagerRole]; ok {
		t.Error("the account of an environment has the manager's role too")
	}
}

func TestIRSAChangesNothingButTheTrust(t *testing.T) {
	own, irsa := rolesOf(t), rolesOf(t, iam.IRSA)
	for name := range own {
		if diff := cmp.Diff(own[name].Policies, irsa[name].Policies); diff != "" {
			t.Errorf("the policies of %s differ:\n%s", name, diff)
		}
		if changed := own[name].TrustPolicy != irsa[name].TrustPolicy; changed != (name == iam.ManagerRole) {
			t.Errorf("the trust policy of %s changed: %t", name, changed)
		}
	}
}
