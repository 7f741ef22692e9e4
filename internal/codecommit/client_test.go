package codecommit

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

func TestClientsOfOneAccountAndRegionShareItsRate(t *testing.T) {
	clients := NewClients(awsclient.NewFactory(aws.Config{Region: "us-east-1"}), Options{})
	role := func(account, name string) string { return "arn:aws:iam::" + account + ":role/" + name }
	limiter := func(scope awsclient.Scope, operation string) any { return clients.For(scope).limits.of(operation, 1) }
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

func TestWorkInTheBackgroundLeavesAPartOfTheRate(t *testing.T) {
	clients := NewClients(awsclient.NewFactory(aws.Config{Region: "us-east-1"}), Options{CallsPerSecond: 10})
	client := clients.For(awsclient.Scope{})
	full, part := client.limits.of("GetBranch", 1), client.limits.of("GetBranch", backgroundShare)
	if full.Limit() != 10 || full.Burst() != 10 || part.Limit() != 6 || part.Burst() != 6 {
		t.Errorf("%v and %v at once, in the background %v and %v", full.Limit(), full.Burst(), part.Limit(), part.Burst())
	}
	if !part.AllowN(time.Now(), part.Burst()) {
		t.Fatal("the bucket was not full")
	}
	// The next call in the background may go out in a sixth of a second.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := client.InBackground().wait(ctx, "GetBranch"); err == nil {
		t.Error("work in the background took more than its part")
	}
	if err := client.wait(t.Context(), "GetBranch"); err != nil {
		t.Errorf("a call that somebody waits for: %v", err)
	}
}
