package awslocal_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestLostAnswerLeavesTheWorkDone(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	client := ecs.NewFromConfig(server.Config(), once)
	fault := server.Faults().LoseAnswer("ecs", "RunTask", 1)
	if _, err := client.RunTask(t.Context(), runInput(r)); err == nil {
		t.Fatal("the answer arrived")
	}
	if fault.Used() != 1 || len(server.Tasks()) != 1 {
		t.Fatalf("fault used %d times, %d tasks", fault.Used(), len(server.Tasks()))
	}
	if again := run(t, server, runInput(r)); again != server.Tasks()[0].ARN || len(server.Tasks()) != 1 {
		t.Errorf("the repeated request started another task")
	}
	var lost int
	for _, call := range server.Calls() {
		if call.Operation == "RunTask" && call.Lost {
			lost++
		}
	}
	if lost != 1 {
		t.Errorf("%d calls are recorded as lost", lost)
	}
}

func TestClientRetriesALostAnswerByItselfWithTheSameToken(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	server.Faults().LoseAnswer("ecs", "RunTask", 2)
	_, err := ecs.NewFromConfig(server.Config()).RunTask(t.Context(), runInput(r))
	noError(t, err)
	if n, calls := len(server.Tasks()), server.CallCount("ecs", "RunTask"); n != 1 || calls != 3 {
		t.Errorf("%d tasks after %d calls, want 1 after 3", n, calls)
	}
}

func TestFailedCallDoesNoWork(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	client := ecs.NewFromConfig(server.Config(), once)
	for _, row := range []struct {
		name   string
		answer *awslocal.Error
		code   string
	}{
		{"throttled", awslocal.Throttled(), "ThrottlingException"},
		{"failed server", awslocal.ServerFault(), "ServerException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			server.Faults().Fail("ecs", "RunTask", 1, row.answer)
			_, err := client.RunTask(t.Context(), runInput(r))
			wantCode(t, err, row.code)
		})
	}
	if n := len(server.Tasks()); n != 0 {
		t.Errorf("%d tasks were started", n)
	}
	run(t, server, runInput(r))
}

func TestFaultsEndWhenCleared(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	client := ecs.NewFromConfig(server.Config(), once)
	one := server.Faults().Fail("ecs", "RunTask", awslocal.Forever, awslocal.Throttled())
	for range 3 {
		_, err := client.RunTask(t.Context(), runInput(r))
		wantCode(t, err, "ThrottlingException")
	}
	one.Clear()
	run(t, server, runInput(r))
	server.Faults().Fail(awslocal.Any, awslocal.Any, awslocal.Forever, awslocal.ServerFault())
	server.Faults().Deny(awslocal.Any, "*")
	server.Faults().Clear()
	run(t, server, runInput(r))
}

func TestHooksRunBeforeAndAfterTheWork(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	var before, after int
	server.Faults().Before("ecs", "RunTask", 1, func(c awslocal.Call) {
		if c.Principal == "" {
			t.Error("the hook does not learn who calls")
		}
		before = len(server.Tasks())
	})
	server.Faults().After("ecs", "RunTask", 1, func(awslocal.Call) { after = len(server.Tasks()) })
	run(t, server, runInput(r))
	if before != 0 || after != 1 {
		t.Errorf("%d tasks before, %d after the work; want 0 and 1", before, after)
	}
}

func TestDelayedCallOutlastsTheClientsPatience(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	server.Faults().Delay("ecs", "RunTask", 1, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ecs.NewFromConfig(server.Config(), once).RunTask(ctx, runInput(r)); err == nil {
		t.Fatal("the call was not delayed")
	}
	if n := len(server.Tasks()); n != 0 {
		t.Errorf("%d tasks for a client that went away before the work", n)
	}
}

func TestDeniedPrincipal(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	server.Faults().Deny("*assumed-role/scanjob-manager/*", "ecs:Run*")
	_, err := ecs.NewFromConfig(server.Config(), once).RunTask(t.Context(), runInput(r))
	wantCode(t, err, "AccessDeniedException")
	if !strings.Contains(err.Error(), "scanjob-manager") || !strings.Contains(err.Error(), "ecs:RunTask") {
		t.Errorf("error %q does not name principal and action", err)
	}
	developer, err := server.UserConfig("developer")
	noError(t, err)
	_, err = ecs.NewFromConfig(developer, once).RunTask(t.Context(), runInput(r))
	noError(t, err)
	server.Faults().Deny(awslocal.Any, "sns:Publish")
	_, err = sns.NewFromConfig(developer).Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(r.TopicARN), Message: aws.String("a")})
	wantCode(t, err, "AuthorizationError")
}

func TestNoCapacityOnOneProviderLeavesTheOther(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	server.Faults().NoCapacity("FARGATE_SPOT", awslocal.Forever)
	out, err := ecs.NewFromConfig(server.Config(), once).RunTask(t.Context(), runInput(r, onProvider("FARGATE_SPOT")))
	noError(t, err)
	if len(out.Tasks) != 0 || !strings.Contains(aws.ToString(out.Failures[0].Reason), "Capacity is unavailable") {
		t.Errorf("tasks %v, failures %v", out.Tasks, out.Failures)
	}
	run(t, server, runInput(r, onProvider("FARGATE"), withToken("2")))
}

func TestMissingTasksExistAllTheSame(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped()})
	server.Faults().Missing(2)
	arn := run(t, server, runInput(r))
	for i := range 3 {
		out := describe(t, server, r, arn)
		if missing := len(out.Failures) == 1 && aws.ToString(out.Failures[0].Reason) == "MISSING"; missing != (i < 2) {
			t.Errorf("describe %d: missing %v", i+1, missing)
		}
	}
	waitStatus(t, server, arn, "RUNNING")
	server.Faults().MissingTask(arn, awslocal.Forever)
	for range 3 {
		if out := describe(t, server, r, arn); len(out.Failures) != 1 {
			t.Error("the task is not missing any more")
		}
	}
}

func TestUnlistedTasksExistAllTheSame(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped()})
	server.Faults().Unlisted(2)
	arn := run(t, server, runInput(r))
	for i := range 3 {
		out, err := ecs.NewFromConfig(server.Config()).ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String(r.ClusterARN)})
		noError(t, err)
		if listed := slices.Contains(out.TaskArns, arn); listed != (i == 2) {
			t.Errorf("list %d: listed %v", i+1, listed)
		}
		if out := describe(t, server, r, arn); len(out.Tasks) != 1 {
			t.Error("DescribeTasks does not know the task")
		}
	}
}

func TestTasksThatFailToStart(t *testing.T) {
	for _, row := range []struct {
		name      string
		failure   awslocal.StartFailure
		reason    string
		container bool
		pulled    bool
	}{
		{"a network interface that does not come", awslocal.NetworkTimeout(), "Timeout waiting for network interface", false, false},
		{"a subnet without addresses", awslocal.SubnetFull(), "InsufficientFreeAddressesInSubnet", false, false},
		{"a registry that cannot be reached", awslocal.ImagePullTimeout(), "i/o timeout", true, true},
		{"an image that does not exist", awslocal.ImageNotFound(), "not found", true, true},
		{"a log group that does not exist", awslocal.LogGroupMissing(), "log group does not exist", false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
			server.Faults().FailStart(1, row.failure)
			arn := run(t, server, runInput(r))
			waitStatus(t, server, arn, "STOPPED")
			got := describe(t, server, r, arn).Tasks[0]
			if got.StopCode != ecstypes.TaskStopCodeTaskFailedToStart || !strings.Contains(aws.ToString(got.StoppedReason), row.reason) {
				t.Errorf("stop code %s, reason %s", got.StopCode, aws.ToString(got.StoppedReason))
			}
			if (got.Containers[0].Reason != nil) != row.container || got.Containers[0].ExitCode != nil {
				t.Errorf("container reason %v, exit code %v", got.Containers[0].Reason, got.Containers[0].ExitCode)
			}
			if (got.PullStartedAt != nil) != row.pulled || got.StartedAt != nil {
				t.Errorf("pull started %v, started %v", got.PullStartedAt, got.StartedAt)
			}
		})
	}
}

func TestMissingLogGroupFailsTheTaskWithoutAnyFault(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	client := ecs.NewFromConfig(server.Config())
	out, err := client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("other"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		ExecutionRoleArn: aws.String("arn:aws:iam::111122223333:role/execution"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("scanner"), Image: aws.String("scanner"),
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "none", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "a",
			}},
		}},
	})
	noError(t, err)
	arn := run(t, server, runInput(r, func(in *ecs.RunTaskInput) { in.TaskDefinition = out.TaskDefinition.TaskDefinitionArn }))
	if got := waitStatus(t, server, arn, "STOPPED"); !strings.Contains(got.StoppedReason, "log group does not exist") {
		t.Errorf("reason %s", got.StoppedReason)
	}
}

func TestSpotReclaimWarnsThenStops(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped()})
	arn := run(t, server, runInput(r, onProvider("FARGATE_SPOT")))
	waitStatus(t, server, arn, "RUNNING")
	noError(t, server.Faults().ReclaimSpot(arn))
	got := waitStatus(t, server, arn, "STOPPED")
	if got.StopCode != "SpotInterruption" || got.StoppedReason != "Your Spot Task was interrupted." || *got.ExitCode != 143 {
		t.Errorf("stop code %s, reason %s, exit code %v", got.StopCode, got.StoppedReason, *got.ExitCode)
	}
	warned := false
	for _, event := range server.Events() {
		if event.Source != "aws.ecs" {
			continue
		}
		detail := decodeDetail(t, event)
		warned = warned || detail["lastStatus"] == "RUNNING" && detail["desiredStatus"] == "STOPPED" && detail["stopCode"] == "SpotInterruption"
	}
	if !warned {
		t.Error("no event warned of the interruption while the task ran")
	}
	onDemand := run(t, server, runInput(r, withToken("2")))
	waitStatus(t, server, onDemand, "RUNNING")
	if err := server.Faults().ReclaimSpot(onDemand); err == nil {
		t.Error("a task that is not on Spot was reclaimed")
	}
}

func TestOutOfMemory(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped()})
	arn := run(t, server, runInput(r))
	waitStatus(t, server, arn, "RUNNING")
	noError(t, server.Faults().OutOfMemory(arn))
	got := waitStatus(t, server, arn, "STOPPED")
	if got.StopCode != "EssentialContainerExited" || *got.ExitCode != 137 || !strings.HasPrefix(got.ContainerReason, "OutOfMemoryError") {
		t.Errorf("stop code %s, exit code %d, reason %s", got.StopCode, *got.ExitCode, got.ContainerReason)
	}
	if err := server.Faults().OutOfMemory(arn); err == nil {
		t.Error("a stopped task ran out of memory")
	}
}

func TestQuotas(t *testing.T) {
	t.Run("RunTask is throttled above 20 a second", func(t *testing.T) {
		clock := fakeClock()
		server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped(), Clock: clock})
		quotas := awslocal.DefaultQuotas()
		quotas.OnDemandVCPU = 0
		server.Faults().EnforceQuotas(quotas)
		client := ecs.NewFromConfig(server.Config(), once)
		for i := range 20 {
			run(t, server, runInput(r, withToken(fmt.Sprint(i))))
		}
		_, err := client.RunTask(t.Context(), runInput(r, withToken("20")))
		wantCode(t, err, "ThrottlingException")
		clock.Step(time.Second / 20)
		run(t, server, runInput(r, withToken("20")))
	})
	t.Run("tasks above the vCPU quota of their provider fail to be placed until others stop", func(t *testing.T) {
		server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped(), Quotas: awslocal.Quotas{OnDemandVCPU: 2}})
		client := ecs.NewFromConfig(server.Config(), once)
		first := run(t, server, runInput(r, withToken("1")))
		run(t, server, runInput(r, withToken("2")))
		out, err := client.RunTask(t.Context(), runInput(r, withToken("3")))
		noError(t, err)
		if len(out.Tasks) != 0 || !strings.Contains(aws.ToString(out.Failures[0].Reason), "vCPUs") {
			t.Fatalf("tasks %v, failures %v", out.Tasks, out.Failures)
		}
		run(t, server, runInput(r, withToken("4"), onProvider("FARGATE_SPOT")))
		_, err = client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(r.ClusterName), Task: aws.String(first)})
		noError(t, err)
		waitStatus(t, server, first, "STOPPED")
		run(t, server, runInput(r, withToken("5")))
	})
}
