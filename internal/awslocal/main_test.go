package awslocal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// childVariable tells this test binary, started as a task's container, what to do.
const childVariable = "AWSLOCAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childVariable); mode != "" {
		os.Exit(child(mode))
	}
	os.Exit(m.Run())
}

// child is what the test binary does as a container.
func child(mode string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	switch mode {
	case "environment":
		environ := os.Environ()
		slices.Sort(environ)
		fmt.Println(strings.Join(environ, "\n"))
		fmt.Fprint(os.Stderr, "an unfinished line")
		return 10
	case "identity":
		cfg, err := config.LoadDefaultConfig(context.Background())
		if err != nil {
			fmt.Println(err)
			return 1
		}
		out, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("identity", aws.ToString(out.Arn))
		return 0
	case "wait":
		fmt.Println("waiting")
		<-terminated
		fmt.Println("terminated")
		return 3
	case "stubborn":
		fmt.Println("waiting")
		select {}
	case "server":
		return serveUntilKilled()
	}
	return 2
}

// start starts a server that the test closes; a server that met an error of its own fails the test.
func start(t *testing.T, options awslocal.Options) *awslocal.Server {
	t.Helper()
	server, err := awslocal.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return server
}

// provisioned starts a server and makes the default resources.
func provisioned(t *testing.T, options awslocal.Options) (*awslocal.Server, awslocal.Resources) {
	t.Helper()
	server := start(t, options)
	resources, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	if err != nil {
		t.Fatal(err)
	}
	return server, resources
}

// patience bounds every wait for a condition.
const patience = 20 * time.Second

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// fakeClock starts at the real time, as SDK clients compare expiries with it.
func fakeClock() *clocktesting.FakeClock { return clocktesting.NewFakeClock(time.Now()) }

// code is the API error code of an error; empty for nil.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Fatalf("error code %q, want %q (error: %v)", got, want, err)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// once makes a client not retry, so that a test sees every answer.
func once(o *ecs.Options) { o.RetryMaxAttempts = 1 }

// runInput is a RunTask request that is right; change may spoil it.
func runInput(r awslocal.Resources, change ...func(*ecs.RunTaskInput)) *ecs.RunTaskInput {
	in := &ecs.RunTaskInput{
		Cluster: aws.String(r.ClusterName), TaskDefinition: aws.String(r.TaskDefinitionARN), LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: r.Subnets, SecurityGroups: r.SecurityGroups,
		}},
		ClientToken: aws.String("token-1"), StartedBy: aws.String("scanjob/1"),
	}
	for _, alter := range change {
		alter(in)
	}
	return in
}

// withToken and the others are changes of runInput.
func withToken(token string) func(*ecs.RunTaskInput) {
	return func(in *ecs.RunTaskInput) { in.ClientToken = aws.String(token) }
}

func onProvider(provider string) func(*ecs.RunTaskInput) {
	return func(in *ecs.RunTaskInput) {
		in.LaunchType = ""
		in.CapacityProviderStrategy = []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String(provider), Weight: 1}}
	}
}

func withEnvironment(pairs ...string) func(*ecs.RunTaskInput) {
	return func(in *ecs.RunTaskInput) {
		override := ecstypes.ContainerOverride{Name: aws.String("scanner")}
		for i := 0; i < len(pairs); i += 2 {
			override.Environment = append(override.Environment, ecstypes.KeyValuePair{Name: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
		}
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{override}}
	}
}

// run starts one task that must be accepted and returns its ARN.
func run(t *testing.T, server *awslocal.Server, in *ecs.RunTaskInput) string {
	t.Helper()
	out, err := ecs.NewFromConfig(server.Config(), once).RunTask(t.Context(), in)
	noError(t, err)
	if len(out.Tasks) != 1 || len(out.Failures) != 0 {
		t.Fatalf("RunTask answered with %d tasks and failures %v", len(out.Tasks), out.Failures)
	}
	return aws.ToString(out.Tasks[0].TaskArn)
}

// task is a task as the server sees it.
func task(t *testing.T, server *awslocal.Server, arn string) awslocal.Task {
	t.Helper()
	for _, task := range server.Tasks() {
		if task.ARN == arn {
			return task
		}
	}
	t.Fatalf("no task %s", arn)
	return awslocal.Task{}
}

func waitStatus(t *testing.T, server *awslocal.Server, arn, status string) awslocal.Task {
	t.Helper()
	eventually(t, "task "+status, func() bool { return task(t, server, arn).LastStatus == status })
	return task(t, server, arn)
}

func describe(t *testing.T, server *awslocal.Server, r awslocal.Resources, arns ...string) *ecs.DescribeTasksOutput {
	t.Helper()
	out, err := ecs.NewFromConfig(server.Config()).DescribeTasks(t.Context(), &ecs.DescribeTasksInput{
		Cluster: aws.String(r.ClusterName), Tasks: arns, Include: []ecstypes.TaskField{ecstypes.TaskFieldTags},
	})
	noError(t, err)
	return out
}

func optionsExit0() awslocal.Options { return awslocal.Options{Container: awslocal.ExitWith(0)} }
