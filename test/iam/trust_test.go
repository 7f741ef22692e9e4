package iam_test

import (
	"testing"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
	"github.com/scanjob-dev/scanjob/test/iam"
)

const issuer = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"

// podTags are the condition keys by which EKS Pod Identity says which pod a role is for.
func podTags(cluster, namespace, account string) map[string][]string {
	return context("aws:RequestTag/eks-cluster-name", cluster, "aws:RequestTag/kubernetes-namespace", namespace,
		"aws:RequestTag/kubernetes-service-account", account)
}

func TestWhoMayAssumeTheRoles(t *testing.T) {
	const namespace, account = "scanjob-system", "scanjob-controller-manager"
	tasks, pods := iampolicy.Principal{Service: "ecs-tasks.amazonaws.com"}, iampolicy.Principal{Service: "pods.eks.amazonaws.com"}
	token := iampolicy.Principal{Federated: "arn:aws:iam::111122223333:oidc-provider/" + issuer}
	manager := iampolicy.Principal{ARNs: []string{
		"arn:aws:sts::444455556666:assumed-role/scanjob-manager/pod", "arn:aws:iam::444455556666:role/scanjob-manager",
	}}
	colleague := iampolicy.Principal{ARNs: []string{"arn:aws:iam::444455556666:role/admin"}}
	of := func(accountID, arn string) map[string][]string {
		return context("aws:SourceAccount", accountID, "aws:SourceArn", arn)
	}
	claims := func(subject, audience string) map[string][]string {
		return context(issuer+":sub", subject, issuer+":aud", audience)
	}
	const subject = "system:serviceaccount:" + namespace + ":" + account
	const handshake = "replace-with-an-identifier-of-your-own"
	for _, row := range []struct {
		name, component, role string
		principal             iampolicy.Principal
		action                string
		context               map[string][]string
		want                  bool
	}{
		{"a task of this account", "", iam.TaskRole, tasks, "sts:AssumeRole", of("111122223333", "arn:aws:ecs:us-east-1:111122223333:task/scanjob/1"), true},
		{"Fargate for a task of this account", "", iam.ExecutionRole, tasks, "sts:AssumeRole", of("111122223333", "arn:aws:ecs:us-east-1:111122223333:task/scanjob/1"), true},
		{"a task of another account", "", iam.TaskRole, tasks, "sts:AssumeRole", of("444455556666", "arn:aws:ecs:us-east-1:444455556666:task/scanjob/1"), false},
		{"a task of another region", "", iam.TaskRole, tasks, "sts:AssumeRole", of("111122223333", "arn:aws:ecs:eu-west-1:111122223333:task/scanjob/1"), false},
		{"a pod, as the scanner", "", iam.TaskRole, pods, "sts:AssumeRole", podTags("platform", namespace, account), false},
		{"a task, as the manager", "", iam.ManagerRole, tasks, "sts:AssumeRole", of("111122223333", "arn:aws:ecs:us-east-1:111122223333:task/scanjob/1"), false},

		{"the manager's pods", "", iam.ManagerRole, pods, "sts:AssumeRole", podTags("platform", namespace, account), true},
		{"the manager's pods, with tags", "", iam.ManagerRole, pods, "sts:TagSession", podTags("platform", namespace, account), true},
		{"another cluster's pods", "", iam.ManagerRole, pods, "sts:AssumeRole", podTags("staging", namespace, account), false},
		{"another namespace's pods", "", iam.ManagerRole, pods, "sts:AssumeRole", podTags("platform", "default", account), false},
		{"another service account's pods", "", iam.ManagerRole, pods, "sts:AssumeRole", podTags("platform", namespace, "default"), false},
		{"pods that are not named", "", iam.ManagerRole, pods, "sts:AssumeRole", nil, false},
		{"a token, where Pod Identity is used", "", iam.ManagerRole, token, "sts:AssumeRoleWithWebIdentity", claims(subject, "sts.amazonaws.com"), false},

		{"the manager's token", iam.IRSA, iam.ManagerRole, token, "sts:AssumeRoleWithWebIdentity", claims(subject, "sts.amazonaws.com"), true},
		{"another namespace's token", iam.IRSA, iam.ManagerRole, token, "sts:AssumeRoleWithWebIdentity", claims("system:serviceaccount:default:"+account, "sts.amazonaws.com"), false},
		{"a token for somebody else than STS", iam.IRSA, iam.ManagerRole, token, "sts:AssumeRoleWithWebIdentity", claims(subject, "vault"), false},
		{"another cluster's token", iam.IRSA, iam.ManagerRole, iampolicy.Principal{Federated: token.Federated + "2"}, "sts:AssumeRoleWithWebIdentity", claims(subject, "sts.amazonaws.com"), false},
		{"pods, where IRSA is used", iam.IRSA, iam.ManagerRole, pods, "sts:AssumeRole", podTags("platform", namespace, account), false},

		{"the manager of another account with the external identifier", iam.Environment, iam.EnvironmentRole, manager, "sts:AssumeRole",
			context("sts:ExternalId", handshake, "sts:RoleSessionName", "scanjob-manager"), true},
		{"its session tags", iam.Environment, iam.EnvironmentRole, manager, "sts:TagSession", podTags("platform", namespace, account), true},
		{"without the external identifier", iam.Environment, iam.EnvironmentRole, manager, "sts:AssumeRole", context("sts:RoleSessionName", "scanjob-manager"), false},
		{"with another external identifier", iam.Environment, iam.EnvironmentRole, manager, "sts:AssumeRole",
			context("sts:ExternalId", "guessed", "sts:RoleSessionName", "scanjob-manager"), false},
		{"under another session name", iam.Environment, iam.EnvironmentRole, manager, "sts:AssumeRole",
			context("sts:ExternalId", handshake, "sts:RoleSessionName", "somebody"), false},
		{"another role of that account", iam.Environment, iam.EnvironmentRole, colleague, "sts:AssumeRole",
			context("sts:ExternalId", handshake, "sts:RoleSessionName", "scanjob-manager"), false},
		{"pods of this account, as the environment", iam.Environment, iam.EnvironmentRole, pods, "sts:AssumeRole", podTags("platform", namespace, account), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var components []string
			if row.component != "" {
				components = []string{row.component}
			}
			trust, err := iampolicy.Parse(rolesOf(t, components...)[row.role].TrustPolicy)
			if err != nil {
				t.Fatal(err)
			}
			got := iampolicy.Allows([]iampolicy.Policy{trust}, iampolicy.Request{Principal: row.principal, Action: row.action, Context: row.context})
			if got != row.want {
				t.Errorf("allowed %t, want %t", got, row.want)
			}
		})
	}
}

func TestTheAssociationIsForTheServiceAccountThatTheRoleTrusts(t *testing.T) {
	association, err := iam.Manifests{Components: []string{iam.PodIdentity}}.Association(iam.Account)
	if err != nil {
		t.Fatal(err)
	}
	role := rolesOf(t)[iam.ManagerRole]
	if association.RoleARN != role.ARN {
		t.Errorf("the association is of %s, the manager's role is %s", association.RoleARN, role.ARN)
	}
	trust, err := iampolicy.Parse(role.TrustPolicy)
	if err != nil {
		t.Fatal(err)
	}
	if !iampolicy.Allows([]iampolicy.Policy{trust}, iampolicy.Request{
		Principal: iampolicy.Principal{Service: "pods.eks.amazonaws.com"}, Action: "sts:AssumeRole",
		Context: podTags(association.Cluster, association.Namespace, association.ServiceAccount),
	}) {
		t.Errorf("the role does not trust the association %+v", association)
	}
}
