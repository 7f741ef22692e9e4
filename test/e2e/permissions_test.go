package e2e

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/iampolicy"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// permissions gathers, over all worlds of the suite, what the calls of each role needed to be allowed. The policies of
// config/aws/iam are enforced in every world, so what they lack fails the test that needs it; what they have too much shows
// when the suite has ended.
type permissions struct {
	mu sync.Mutex
	// needs are by role and then by what is needed.
	needs map[string]map[string]iampolicy.Request
}

// add takes the calls of a world that is about to end.
func (p *permissions) add(calls []awslocal.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.needs == nil {
		p.needs = map[string]map[string]iampolicy.Request{}
	}
	for i := range calls {
		role := roleOf(calls[i].Principal)
		if p.needs[role] == nil {
			p.needs[role] = map[string]iampolicy.Request{}
		}
		for _, need := range calls[i].Needs {
			p.needs[role][fmt.Sprint(need)] = need
		}
	}
}

// roleOf is the name of the role of this account that a session's ARN is of; empty for a user and for another account's.
func roleOf(principal string) string {
	session, ok := strings.CutPrefix(principal, "arn:aws:sts::"+iam.Account+":assumed-role/")
	if !ok {
		return ""
	}
	role, _, _ := strings.Cut(session, "/")
	return role
}

// findings says what is wrong with the policies of the roles: what they lack, and what they grant without need.
func (p *permissions) findings(roles []awslocal.Role) (problems []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	exempt := iam.NotExercised()
	for _, role := range roles {
		name := role.ARN[strings.LastIndex(role.ARN, "/")+1:]
		var policies []iampolicy.Policy
		for document, text := range role.Policies {
			policy, err := iampolicy.Parse(text)
			if err != nil {
				return []string{fmt.Sprintf("%s: %s: %v", name, document, err)}
			}
			policies = append(policies, policy)
		}
		var needs []iampolicy.Request
		for _, need := range p.needs[name] {
			needs = append(needs, need)
			if !iampolicy.Allows(policies, need) {
				problems = append(problems, fmt.Sprintf("%s lacks %s on %s with %v", name, need.Action, need.Resource, need.Context))
			}
			if _, ok := exempt[iam.Grant{Role: name, Action: need.Action}]; ok {
				problems = append(problems, fmt.Sprintf("%s: %s is used after all; take it out of the list of what is not", name, need.Action))
			}
		}
		for _, s := range iampolicy.Superfluous(policies, needs) {
			if !isExempt(exempt, name, s) {
				problems = append(problems, fmt.Sprintf("%s: statement %s: nothing needs %s%s", name, s.Statement, s.Action, s.Resource))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// isExempt says whether a grant is one that the suite cannot use; a resource is where all actions on it are.
func isExempt(exempt map[iam.Grant]string, role string, s iampolicy.Grant) bool {
	for _, action := range s.Actions {
		if _, ok := exempt[iam.Grant{Role: role, Action: action}]; !ok {
			return false
		}
	}
	return true
}

// The judgment at the suite's end can fail: on a permission that is lacking, one that nothing used, one of a list that is out
// of date, and a resource that nothing touched.
func TestWhatARoleLacksAndWhatNothingUsedIsNamed(t *testing.T) {
	t.Parallel()
	const inbox, dead = "arn:aws:sqs:us-east-1:111122223333:scan-inbox", "arn:aws:sqs:us-east-1:111122223333:scan-inbox-dead"
	statement := func(sid, actions, resources string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `","Effect":"Allow","Action":[` + actions + `],"Resource":[` + resources + `]}]}`
	}
	role := func(name, policy string) awslocal.Role {
		return awslocal.Role{ARN: "arn:aws:iam::" + iam.Account + ":role/" + name, Policies: map[string]string{"p": policy}}
	}
	call := func(role, action, resource string) awslocal.Call {
		return awslocal.Call{
			Principal: "arn:aws:sts::" + iam.Account + ":assumed-role/" + role + "/session",
			Needs:     []iampolicy.Request{{Action: action, Resource: resource}},
		}
	}
	read := role(iam.ManagerRole, statement("Read", `"sqs:ReceiveMessage"`, `"`+inbox+`"`))
	for _, row := range []struct {
		name  string
		role  awslocal.Role
		calls []awslocal.Call
		want  string
	}{
		{"all is used", read, []awslocal.Call{call(iam.ManagerRole, "sqs:ReceiveMessage", inbox)}, ""},
		{"nothing is", read, nil, "scanjob-manager: statement Read: nothing needs "},
		{"another role's calls do not count", read, []awslocal.Call{call(iam.TaskRole, "sqs:ReceiveMessage", inbox)}, "nothing needs "},
		{"an action that is lacking", read, []awslocal.Call{
			call(iam.ManagerRole, "sqs:ReceiveMessage", inbox), call(iam.ManagerRole, "sqs:DeleteMessage", inbox),
		}, "scanjob-manager lacks sqs:DeleteMessage on " + inbox},
		{"a resource that nothing touched", role(iam.ManagerRole, statement("Read", `"sqs:ReceiveMessage"`, `"`+inbox+`","`+dead+`"`)),
			[]awslocal.Call{call(iam.ManagerRole, "sqs:ReceiveMessage", inbox)}, "statement Read: nothing needs " + dead},
		{"an action that nothing took", role(iam.ManagerRole, statement("Read", `"sqs:ReceiveMessage","sqs:SendMessage"`, `"`+inbox+`"`)),
			[]awslocal.Call{call(iam.ManagerRole, "sqs:ReceiveMessage", inbox)}, "statement Read: nothing needs sqs:SendMessage"},
		{"Fargate's, which nothing here can use", role(iam.ExecutionRole, statement("Log", `"logs:PutLogEvents"`, `"*"`)), nil, ""},
		{"Fargate's, which something used after all", role(iam.ExecutionRole, statement("Log", `"logs:PutLogEvents"`, `"*"`)),
			[]awslocal.Call{call(iam.ExecutionRole, "logs:PutLogEvents", "*")}, "logs:PutLogEvents is used after all"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var p permissions
			p.add(row.calls)
			got := strings.Join(p.findings([]awslocal.Role{row.role}), "\n")
			if row.want == "" && got != "" || !strings.Contains(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// A repository outside of the set that the task role may read is refused by AWS, and the job says which permission it is.
func TestRepositoryThatTheTaskRoleMayNotReadFailsAtOnceAndNamesThePermission(t *testing.T) {
	t.Parallel()
	w := worldOf(t, startStack(t, devstack.Options{Roles: roles}))
	w.manage(managerOptions{})
	repo, err := w.stack.CreateRepository(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repo.Commit(t.Context(), "main", "Begin", map[string]string{"README.md": "orders\n"})
	if err != nil {
		t.Fatal(err)
	}
	w.submit("scan", func(job *scanv1.ScanJob) {
		job.Spec.Mode = scanv1.ScanModeTree
		job.Spec.Source.CodeCommit.Repository, job.Spec.Source.Revision = "orders", commit
	})
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	var log strings.Builder
	for _, line := range w.aws.LogLines() {
		log.WriteString(line.Message + "\n")
	}
	if !strings.Contains(log.String(), "codecommit:GitPull") {
		t.Errorf("the scanner does not name the permission; it says:\n%s", log.String())
	}
}

// wholeSuite says whether all tests of this package are run, so that what nothing used was used by nothing at all.
func wholeSuite() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}
