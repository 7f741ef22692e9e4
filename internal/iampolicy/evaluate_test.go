package iampolicy_test

import (
	"testing"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

const (
	cluster = "arn:aws:ecs:us-east-1:111122223333:cluster/scanjob"
	task    = "arn:aws:ecs:us-east-1:111122223333:task/scanjob/c13b4cb40f1f4fe4a2971f76ae5a47ad"
)

func TestWhatAPolicyAllows(t *testing.T) {
	stop := iampolicy.Request{Action: "ecs:StopTask", Resource: task}
	for _, row := range []struct {
		name       string
		statements []string
		want       bool
	}{
		{"the action on the resource", []string{`{"Effect":"Allow","Action":"ecs:StopTask","Resource":"` + task + `"}`}, true},
		{"nothing is allowed that nothing allows", []string{`{"Effect":"Allow","Action":"ecs:RunTask","Resource":"*"}`}, false},
		{"actions have no case", []string{`{"Effect":"Allow","Action":"ECS:stoptask","Resource":"*"}`}, true},
		{"resources have one", []string{`{"Effect":"Allow","Action":"ecs:StopTask","Resource":"arn:aws:ecs:us-east-1:111122223333:task/SCANJOB/*"}`}, false},
		{"one of several actions and resources", []string{`{"Effect":"Allow","Action":["ecs:RunTask","ecs:StopTask"],"Resource":["` + cluster + `","` + task + `"]}`}, true},
		{"wildcards in the action", []string{`{"Effect":"Allow","Action":"ecs:S*Tas?","Resource":"*"}`}, true},
		{"wildcards in the resource", []string{`{"Effect":"Allow","Action":"ecs:*","Resource":"arn:aws:ecs:*:111122223333:task/scanjob/*"}`}, true},
		{"a question mark is one character", []string{`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:us-east-1:111122223333:task/scanjo?"}`}, false},
		{"another cluster's tasks", []string{`{"Effect":"Allow","Action":"ecs:StopTask","Resource":"arn:aws:ecs:us-east-1:111122223333:task/other/*"}`}, false},
		{"a cluster whose name only begins the same", []string{`{"Effect":"Allow","Action":"ecs:StopTask","Resource":"arn:aws:ecs:us-east-1:111122223333:task/scan/*"}`}, false},
		{"a denial is stronger than a permission", []string{
			`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":"ecs:Stop*","Resource":"*"}`,
		}, false},
		{"a denial of something else", []string{
			`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":"ecs:RunTask","Resource":"*"}`,
		}, true},
		{"a condition that does not hold", []string{
			`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnEquals":{"ecs:cluster":"` + cluster + `"}}}`,
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := iampolicy.Allows([]iampolicy.Policy{parse(t, row.statements...)}, stop); got != row.want {
				t.Errorf("allowed %t, want %t", got, row.want)
			}
		})
	}
}

func TestAnActionWithoutResourcesIsOnlyCoveredByAll(t *testing.T) {
	list := iampolicy.Request{Action: "ecs:DescribeTaskDefinition", Resource: "*"}
	for resource, want := range map[string]bool{"*": true, "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:*": false} {
		p := parse(t, `{"Effect":"Allow","Action":"ecs:DescribeTaskDefinition","Resource":"`+resource+`"}`)
		if got := iampolicy.Allows([]iampolicy.Policy{p}, list); got != want {
			t.Errorf("resource %s: allowed %t, want %t", resource, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	context := map[string][]string{
		"ecs:cluster": {cluster}, "ecs:CreateAction": {"RunTask"}, "aws:SecureTransport": {"true"}, "aws:TagKeys": {"team", "cost"},
	}
	for _, row := range []struct {
		name, condition string
		want            bool
	}{
		{"equal texts", `{"StringEquals":{"ecs:CreateAction":"RunTask"}}`, true},
		{"keys have no case", `{"StringEquals":{"ECS:createaction":"RunTask"}}`, true},
		{"values have one", `{"StringEquals":{"ecs:CreateAction":"runtask"}}`, false},
		{"values without case", `{"StringEqualsIgnoreCase":{"ecs:CreateAction":"runtask"}}`, true},
		{"StringEquals knows no wildcards", `{"StringEquals":{"ecs:CreateAction":"Run*"}}`, false},
		{"StringLike does", `{"StringLike":{"ecs:CreateAction":"Run*"}}`, true},
		{"one of several values", `{"StringEquals":{"ecs:CreateAction":["CreateCluster","RunTask"]}}`, true},
		{"a key that is absent", `{"StringEquals":{"ecs:service":"x"}}`, false},
		{"a key that may be absent", `{"StringEqualsIfExists":{"ecs:service":"x"}}`, true},
		{"a key that may be absent and is not", `{"StringEqualsIfExists":{"ecs:CreateAction":"x"}}`, false},
		{"unequal texts", `{"StringNotEquals":{"ecs:CreateAction":"CreateCluster"}}`, true},
		{"unequal to one of several is not enough", `{"StringNotEquals":{"ecs:CreateAction":["CreateCluster","RunTask"]}}`, false},
		{"an absent key is unequal", `{"StringNotEquals":{"ecs:service":"x"}}`, true},
		{"unlike", `{"StringNotLike":{"ecs:CreateAction":"Run*"}}`, false},
		{"equal ARNs", `{"ArnEquals":{"ecs:cluster":"` + cluster + `"}}`, true},
		{"ARNs with wildcards, by either name", `{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:*:111122223333:cluster/scan*"},"ArnLike":{"ecs:cluster":"arn:*:ecs:us-east-1:*:cluster/*"}}`, true},
		{"a wildcard stays in its part of an ARN", `{"ArnLike":{"ecs:cluster":"arn:aws:*:cluster/scanjob"}}`, false},
		{"a text that is no ARN", `{"ArnLike":{"ecs:CreateAction":"*"}}`, false},
		{"unequal ARNs", `{"ArnNotEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:111122223333:cluster/other"}}`, true},
		{"true", `{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{"false, written without quotation marks", `{"Bool":{"aws:SecureTransport":false}}`, false},
		{"a key that must be absent", `{"Null":{"ecs:service":"true"}}`, true},
		{"a key that must be there", `{"Null":{"ecs:cluster":"false"}}`, true},
		{"a key that must be there and is not", `{"Null":{"ecs:service":"false"}}`, false},
		{"some value of several", `{"ForAnyValue:StringEquals":{"aws:TagKeys":"cost"}}`, true},
		{"all values of several", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","owner"]}}`, true},
		{"one value too many", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, false},
		{"all values of none", `{"ForAllValues:StringEquals":{"aws:none":"x"}}`, true},
		{"any value of none", `{"ForAnyValue:StringEquals":{"aws:none":"x"}}`, false},
		{"all keys and all operators must hold", `{"StringEquals":{"ecs:CreateAction":"RunTask"},"Bool":{"aws:SecureTransport":"false"}}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := parse(t, `{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":`+row.condition+`}`)
			got := iampolicy.Allows([]iampolicy.Policy{p}, iampolicy.Request{Action: "ecs:TagResource", Resource: task, Context: context})
			if got != row.want {
				t.Errorf("allowed %t, want %t", got, row.want)
			}
		})
	}
}

func TestPrincipals(t *testing.T) {
	manager := iampolicy.Principal{ARNs: []string{
		"arn:aws:sts::111122223333:assumed-role/scanjob-manager/manager", "arn:aws:iam::111122223333:role/scanjob-manager",
	}}
	tasks := iampolicy.Principal{Service: "ecs-tasks.amazonaws.com"}
	token := iampolicy.Principal{Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.example.com"}
	for _, row := range []struct {
		name, element string
		principal     iampolicy.Principal
		want          bool
	}{
		{"the role of a session", `{"AWS":"arn:aws:iam::111122223333:role/scanjob-manager"}`, manager, true},
		{"the session itself", `{"AWS":["arn:aws:sts::111122223333:assumed-role/scanjob-manager/manager"]}`, manager, true},
		{"the account by its root", `{"AWS":"arn:aws:iam::111122223333:root"}`, manager, true},
		{"the account by its number", `{"AWS":"111122223333"}`, manager, true},
		{"another account", `{"AWS":"444455556666"}`, manager, false},
		{"another role", `{"AWS":"arn:aws:iam::111122223333:role/scanjob"}`, manager, false},
		{"a role is not named with a wildcard", `{"AWS":"arn:aws:iam::111122223333:role/*"}`, manager, false},
		{"every AWS principal", `{"AWS":"*"}`, manager, true},
		{"everybody", `"*"`, token, true},
		{"a service", `{"Service":["events.amazonaws.com","ecs-tasks.amazonaws.com"]}`, tasks, true},
		{"another service", `{"Service":"events.amazonaws.com"}`, tasks, false},
		{"a service is no AWS principal", `{"AWS":"*"}`, tasks, false},
		{"an identity provider", `{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.example.com"}`, token, true},
		{"another identity provider", `{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.example.org"}`, token, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := parse(t, `{"Effect":"Allow","Principal":`+row.element+`,"Action":"sts:AssumeRole"}`)
			got := iampolicy.Allows([]iampolicy.Policy{p}, iampolicy.Request{Principal: row.principal, Action: "sts:AssumeRole"})
			if got != row.want {
				t.Errorf("allowed %t, want %t", got, row.want)
			}
		})
	}
}
