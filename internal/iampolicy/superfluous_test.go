package iampolicy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

func TestSuperfluousNamesEveryGrantThatNoRequestNeeds(t *testing.T) {
	used := []iampolicy.Request{
		{Action: "ecs:StopTask", Resource: task},
		{Action: "iam:PassRole", Resource: "arn:aws:iam::111122223333:role/scanjob-task"},
		{Action: "s3:PutObject", Resource: "arn:aws:s3:::somebody-elses"}, // refused, so it speaks for nothing
	}
	for _, row := range []struct {
		name       string
		statements []string
		want       []iampolicy.Grant
	}{
		{"nothing, where all is used", []string{
			`{"Sid":"Stop","Effect":"Allow","Action":"ecs:StopTask","Resource":"*"}`,
			`{"Sid":"Pass","Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/scanjob-task"}`,
		}, nil},
		{"an action", []string{`{"Sid":"Stop","Effect":"Allow","Action":["ecs:StopTask","ecs:RunTask"],"Resource":"*"}`}, []iampolicy.Grant{
			{Statement: "Stop", Action: "ecs:RunTask", Actions: []string{"ecs:RunTask"}},
		}},
		{"a resource", []string{`{"Effect":"Allow","Action":"iam:PassRole","Resource":["arn:aws:iam::111122223333:role/scanjob-task","arn:aws:iam::111122223333:role/admin"]}`}, []iampolicy.Grant{
			{Statement: "1", Resource: "arn:aws:iam::111122223333:role/admin", Actions: []string{"iam:PassRole"}},
		}},
		{"a whole statement", []string{
			`{"Sid":"Stop","Effect":"Allow","Action":"ecs:StopTask","Resource":"*"}`,
			`{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`,
		}, []iampolicy.Grant{
			{Statement: "Read", Action: "s3:GetObject", Actions: []string{"s3:GetObject"}},
			{Statement: "Read", Resource: "*", Actions: []string{"s3:GetObject"}},
		}},
		{"what is used and granted twice", []string{
			`{"Sid":"All","Effect":"Allow","Action":["ecs:StopTask","iam:PassRole"],"Resource":"*"}`,
			`{"Sid":"Stop","Effect":"Allow","Action":"ecs:StopTask","Resource":"*"}`,
		}, []iampolicy.Grant{
			{Statement: "All", Action: "ecs:StopTask", Actions: []string{"ecs:StopTask"}},
			{Statement: "Stop", Action: "ecs:StopTask", Actions: []string{"ecs:StopTask"}},
			{Statement: "Stop", Resource: "*", Actions: []string{"ecs:StopTask"}},
		}},
		{"denials grant nothing", []string{
			`{"Sid":"Stop","Effect":"Allow","Action":"ecs:StopTask","Resource":"*"}`,
			`{"Sid":"Never","Effect":"Deny","Action":"iam:*","Resource":"*"}`,
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := iampolicy.Superfluous([]iampolicy.Policy{parse(t, row.statements...)}, used)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("superfluous:\n%s", diff)
			}
		})
	}
}

func TestSuperfluousLooksAtAllPoliciesOfARole(t *testing.T) {
	stop := `{"Sid":"Stop","Effect":"Allow","Action":"ecs:StopTask","Resource":"*"}`
	got := iampolicy.Superfluous([]iampolicy.Policy{parse(t, stop), parse(t, stop)}, []iampolicy.Request{{Action: "ecs:StopTask", Resource: task}})
	if len(got) != 4 {
		t.Errorf("two policies that grant the same have superfluous grants %v, want the action and the resource of each", got)
	}
}
