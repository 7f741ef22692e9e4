package awsclient_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// trusting is a role that a manager assumes with an external identifier and under the manager's session name.
func trusting(externalID string) awslocal.Role {
	return awslocal.Role{ARN: roleARN, TrustPolicy: fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/scanjob-manager"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"sts:ExternalId":%q,"sts:RoleSessionName":%q}}}]}`, externalID, awsclient.SessionName)}
}

func startAWS(t *testing.T, roles ...awslocal.Role) *awslocal.Server {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// factory makes clients that try each call once.
func factory(server *awslocal.Server) *awsclient.Factory {
	cfg := server.Config()
	cfg.RetryMaxAttempts = 1
	return awsclient.NewFactory(cfg)
}

func describe(ctx context.Context, clients *awsclient.Clients) error {
	_, err := clients.ECS.DescribeClusters(ctx, &ecs.DescribeClustersInput{})
	return err
}

func TestTheExternalIdentifierOpensTheRole(t *testing.T) {
	server := startAWS(t, trusting("agreed-on"))
	made := factory(server)
	for _, row := range []struct {
		name, externalID string
		refused          bool
	}{
		{"the one that was agreed on", "agreed-on", false},
		{"another one", "guessed", true},
		{"none", "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := describe(t.Context(), made.For(awsclient.Scope{RoleARN: roleARN, ExternalID: row.externalID}))
			if awsclient.RoleRefused(err) != row.refused || !row.refused && err != nil {
				t.Errorf("refused %t, want %t: %v", awsclient.RoleRefused(err), row.refused, err)
			}
		})
	}
}

func TestAllCallsOfAScopeShareOneSession(t *testing.T) {
	server := startAWS(t, awslocal.Role{ARN: roleARN})
	clients := factory(server).For(awsclient.Scope{RoleARN: roleARN})
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if err := describe(t.Context(), clients); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if assumed := server.CallCount("sts", "AssumeRole"); assumed != 1 {
		t.Errorf("the role was assumed %d times, want once", assumed)
	}
}

// Calls never meet expired credentials, however short their life.
func TestARolesCredentialsAreRenewedBeforeTheyExpire(t *testing.T) {
	server := startAWS(t, awslocal.Role{ARN: roleARN, MaxSession: 2 * time.Second})
	clients := factory(server).For(awsclient.Scope{RoleARN: roleARN})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	calls := 0
	for server.CallCount("sts", "AssumeRole") < 4 {
		if err := describe(ctx, clients); err != nil {
			t.Fatalf("call %d: %v", calls+1, err)
		}
		calls++
	}
	if calls < 8 {
		t.Errorf("%d calls took 4 sessions: they are not kept", calls)
	}
}

// While STS cannot be asked, what was got last is used to its end.
func TestAnOutageOfSTSIsRiddenOutWhileTheCredentialsLast(t *testing.T) {
	server := startAWS(t, awslocal.Role{ARN: roleARN, MaxSession: 3 * time.Second})
	clients := factory(server).For(awsclient.Scope{RoleARN: roleARN})
	if err := describe(t.Context(), clients); err != nil {
		t.Fatal(err)
	}
	outage := server.Faults().Fail("sts", "AssumeRole", awslocal.Forever, awslocal.ServerFault())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ridden := 0
	err := error(nil)
	for err == nil {
		failed := outage.Used()
		if err = describe(ctx, clients); err == nil && failed > 0 {
			ridden++
		}
	}
	if ridden == 0 {
		t.Error("no call went through after the first renewal had failed")
	}
	if !errors.Is(err, awsclient.ErrAssumeRole) || awsclient.RoleRefused(err) || awsclient.ClassOf(err) != awsclient.ClassUnavailable {
		t.Errorf("in the end: %v", err)
	}
	outage.Clear()
	if err := describe(t.Context(), clients); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

// A role that was taken away is told at the next renewal, and not only when the last credentials have expired.
func TestARefusalToRenewIsNotPutOff(t *testing.T) {
	server := startAWS(t, awslocal.Role{ARN: roleARN, MaxSession: 4 * time.Second})
	clients := factory(server).For(awsclient.Scope{RoleARN: roleARN})
	if err := describe(t.Context(), clients); err != nil {
		t.Fatal(err)
	}
	denied := server.Faults().Deny(awslocal.Any, "sts:AssumeRole")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := error(nil)
	for err == nil {
		err = describe(ctx, clients)
	}
	if !awsclient.RoleRefused(err) || denied.Used() != 1 {
		t.Errorf("refused after %d renewals: %v", denied.Used(), err)
	}
}
