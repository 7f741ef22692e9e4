package codecommit

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

func TestClientsOfOneAccountAndRegionShareItsRate(t *testing.T) {
	clients := NewClients(awsclient.NewFactory(aws.Config{Region: "us-east-1"}))
	role := func(account, name string) string { return "arn:aws:iam::" + account + ":role/" + name }
	limiter := func(scope awsclient.Scope, operation string) any { return clients.For(scope).limits.of(operation) }
	own := limiter(awsclient.Scope{}, "GetBranch")
	other := limiter(awsclient.Scope{RoleARN: role("444455556666", "scans")}, "GetBranch")
	for name, row := range map[string]struct {
		one, another any
		shared       bool
	}{
		"the default region, named and not": {own, limiter(awsclient.Scope{Region: "us-east-1"}, "GetBranch"), true},
		"two roles of one account":          {other, limiter(awsclient.Scope{RoleARN: role("444455556666", "audit")}, "GetBranch"), true},
		"two operations":                    {own, limiter(awsclient.Scope{}, "GetRepository"), false},
		"two regions":                       {own, limiter(awsclient.Scope{Region: "eu-west-1"}, "GetBranch"), false},
		"two accounts":                      {own, other, false},
	} {
		if got := row.one == row.another; got != row.shared {
			t.Errorf("%s: one rate = %t, want %t", name, got, row.shared)
		}
	}
}
