package awslocal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestTaskGoesThroughEveryStateAndTellsTheBusEachTime(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(10)})
	arn := run(t, server, runInput(r, onProvider("FARGATE_SPOT")))
	waitStatus(t, server, arn, "STOPPED")

	var states []string
	version := 0
	for _, event := range server.Events() {
		if event.Source != "aws.ecs" {
			continue
		}
		detail := decodeDetail(t, event)
		states = append(states, fmt.Sprint(detail["lastStatus"]))
		if next := int(detail["version"].(float64)); next != version+1 {
			t.Errorf("version %d follows %d", next, version)
		}
		version++
		attachment := detail["attachments"].([]any)[0].(map[string]any)
		if attachment["type"] != "eni" {
			t.Errorf("attachment type %v in an event, want eni", attachment["type"])
		}
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(detail["createdAt"])); err != nil {
			t.Errorf("createdAt in an event: %v", err)
		}
		if _, ok := detail["tags"]; ok {
			t.Error("an event has tags")
		}
	}
	want := []string{"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"}
	if !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}

	got := describe(t, server, r, arn).Tasks[0]
	if got.StopCode != ecstypes.TaskStopCodeEssentialContainerExited || aws.ToInt32(got.Containers[0].ExitCode) != 10 || got.Version != 8 {
		t.Errorf("stop code %s, exit code %v, version %d", got.StopCode, got.Containers[0].ExitCode, got.Version)
	}
	if aws.ToString(got.CapacityProviderName) != "FARGATE_SPOT" || got.LaunchType != ecstypes.LaunchTypeFargate {
		t.Errorf("capacity provider %s, launch type %s", aws.ToString(got.CapacityProviderName), got.LaunchType)
	}
	if aws.ToString(got.Attachments[0].Type) != "ElasticNetworkInterface" || aws.ToString(got.Attachments[0].Status) != "DELETED" {
		t.Errorf("attachment %s %s", aws.ToString(got.Attachments[0].Type), aws.ToString(got.Attachments[0].Status))
	}
	for name, moment := range map[string]*time.Time{
		"createdAt": got.CreatedAt, "pullStartedAt": got.PullStartedAt, "pullStoppedAt": got.PullStoppedAt, "startedAt": got.StartedAt,
		"stoppingAt": got.StoppingAt, "executionStoppedAt": got.ExecutionStoppedAt, "stoppedAt": got.StoppedAt,
	} {
		if moment == nil || time.Since(*moment) > time.Minute {
			t.Errorf("%s is %v", name, moment)
		}
	}
}

func decodeDetail(t *testing.T, event awslocal.Event) map[string]any {
	t.Helper()
	text, err := json.Marshal(event.Detail)
	noError(t, err)
	var detail map[string]any
	noError(t, json.Unmarshal(text, &detail))
	return detail
}

func TestRunTaskRefusesBadRequests(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	for _, id := range []string{"subnet-elsewhere", "sg-elsewhere"} {
		server.Faults().InOtherVPC(id)
	}
	client := ecs.NewFromConfig(server.Config(), once)
	strategy := func(items ...ecstypes.CapacityProviderStrategyItem) func(*ecs.RunTaskInput) {
		return func(in *ecs.RunTaskInput) { in.LaunchType, in.CapacityProviderStrategy = "", items }
	}
	spot := func(weight, base int32) ecstypes.CapacityProviderStrategyItem {
		return ecstypes.CapacityProviderStrategyItem{CapacityProvider: aws.String("FARGATE_SPOT"), Weight: weight, Base: base}
	}
	for _, row := range []struct {
		name   string
		change func(*ecs.RunTaskInput)
		code   string
		text   string
	}{
		{"a cluster that does not exist", func(in *ecs.RunTaskInput) { in.Cluster = aws.String("none") }, "ClusterNotFoundException", "Cluster not found"},
		{"a task definition that does not exist", func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("none:1") }, "ClientException", "not found"},
		{"a cluster of another account", func(in *ecs.RunTaskInput) {
			in.Cluster = aws.String("arn:aws:ecs:us-east-1:444455556666:cluster/scans")
		},
			"InvalidParameterException", "Identifier is for 444455556666. Your accountId is 111122223333"},
		{"a task definition of another account", func(in *ecs.RunTaskInput) {
			in.TaskDefinition = aws.String("arn:aws:ecs:us-east-1:444455556666:task-definition/scanner:1")
		}, "ClientException", "not found"},
		{"subnets of two VPCs", func(in *ecs.RunTaskInput) {
			in.NetworkConfiguration.AwsvpcConfiguration.Subnets = []string{r.Subnets[0], "subnet-elsewhere"}
		}, "InvalidParameterException", "Subnet subnet-elsewhere does not appear to belong to the same VPC"},
		{"a security group of another VPC", func(in *ecs.RunTaskInput) {
			in.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = []string{"sg-elsewhere"}
		}, "InvalidParameterException", "Security group sg-elsewhere does not appear to belong to the same VPC"},
		{"no network configuration", func(in *ecs.RunTaskInput) { in.NetworkConfiguration = nil }, "InvalidParameterException", "Network Configuration"},
		{"17 subnets", func(in *ecs.RunTaskInput) {
			in.NetworkConfiguration.AwsvpcConfiguration.Subnets = slices.Repeat([]string{"subnet-1"}, 17)
		}, "InvalidParameterException", "subnets"},
		{"6 security groups", func(in *ecs.RunTaskInput) {
			in.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = slices.Repeat([]string{"sg-1"}, 6)
		}, "InvalidParameterException", "securityGroups"},
		{"a launch type beside a strategy", func(in *ecs.RunTaskInput) {
			in.CapacityProviderStrategy = []ecstypes.CapacityProviderStrategyItem{spot(1, 0)}
		}, "InvalidParameterException", "launch type and capacity provider strategy"},
		{"a strategy whose weights are all zero", strategy(spot(0, 0)), "InvalidParameterException", "weight greater than 0"},
		{"a provider that the cluster does not have", strategy(ecstypes.CapacityProviderStrategyItem{CapacityProvider: aws.String("other"), Weight: 1}), "InvalidParameterException", "not associated"},
		{"neither launch type nor strategy on a cluster without a default", strategy(), "InvalidParameterException", "No Container Instances"},
		{"eleven tasks at once", func(in *ecs.RunTaskInput) { in.Count = aws.Int32(11) }, "InvalidParameterException", "Count"},
		{"a client token of 65 characters", withToken(strings.Repeat("a", 65)), "InvalidParameterException", "clientToken"},
		{"a client token with a space", withToken("a b"), "InvalidParameterException", "clientToken"},
		{"startedBy with a colon", func(in *ecs.RunTaskInput) { in.StartedBy = aws.String("scanjob:1") }, "InvalidParameterException", "startedBy"},
		{"startedBy of 129 characters", func(in *ecs.RunTaskInput) { in.StartedBy = aws.String(strings.Repeat("a", 129)) }, "InvalidParameterException", "startedBy"},
		{"a tag that begins with aws:", func(in *ecs.RunTaskInput) {
			in.Tags = []ecstypes.Tag{{Key: aws.String("aws:x"), Value: aws.String("y")}}
		}, "InvalidParameterException", "aws:"},
		{"tags propagated from a service", func(in *ecs.RunTaskInput) { in.PropagateTags = ecstypes.PropagateTagsService }, "InvalidParameterException", "propagateTags"},
		{"overrides of more than 8,192 characters", withEnvironment("A", strings.Repeat("ä", 8192)), "InvalidParameterException", "8192"},
		{"an override for a container that is not there", func(in *ecs.RunTaskInput) {
			in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("other")}}}
		}, "InvalidParameterException", "other"},
		{"a size that Fargate does not have", func(in *ecs.RunTaskInput) {
			in.Overrides = &ecstypes.TaskOverride{Cpu: aws.String("1024"), Memory: aws.String("1024")}
		}, "InvalidParameterException", "No Fargate configuration"},
		{"20 GiB of disk, which is the size without asking", func(in *ecs.RunTaskInput) {
			in.Overrides = &ecstypes.TaskOverride{EphemeralStorage: &ecstypes.EphemeralStorage{SizeInGiB: 20}}
		}, "InvalidParameterException", "ephemeral storage"},
		{"a platform version that does not exist", func(in *ecs.RunTaskInput) { in.PlatformVersion = aws.String("9.9.9") }, "PlatformUnknownException", "platform"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := client.RunTask(t.Context(), runInput(r, row.change))
			wantCode(t, err, row.code)
			if !strings.Contains(err.Error(), row.text) {
				t.Errorf("error %q does not contain %q", err, row.text)
			}
		})
	}
	if n := len(server.Tasks()); n != 0 {
		t.Errorf("%d tasks were started by refused requests", n)
	}
}

func TestOverridesOfExactly8192CharactersAreAccepted(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	frame := len(`{"containerOverrides":[{"environment":[{"name":"A","value":""}],"name":"scanner"}]}`)
	arn := run(t, server, runInput(r, withEnvironment("A", strings.Repeat("ä", 8192-frame))))
	if got := len([]rune(task(t, server, arn).Environment["A"])); got != 8192-frame {
		t.Errorf("the container got %d characters", got)
	}
}

func TestClientToken(t *testing.T) {
	clock := fakeClock()
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped(), Clock: clock})
	client := ecs.NewFromConfig(server.Config(), once)
	step := func() { clock.Step(10 * time.Millisecond) }
	first := run(t, server, runInput(r))

	if again := run(t, server, runInput(r)); again != first {
		t.Fatalf("a repeated request started %s beside %s", again, first)
	}

	_, err := client.RunTask(t.Context(), runInput(r, withEnvironment("A", "other")))
	wantCode(t, err, "ConflictException")
	var conflict *ecstypes.ConflictException
	if !errors.As(err, &conflict) || !slices.Equal(conflict.ResourceIds, []string{first}) {
		t.Fatalf("conflict names %v, want the task that holds the token", conflict)
	}

	_, err = client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("other")})
	noError(t, err)
	other := run(t, server, runInput(r, func(in *ecs.RunTaskInput) { in.Cluster = aws.String("other") }))
	if other == first {
		t.Fatal("a token of one cluster was taken for that of another")
	}

	_, err = client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(r.ClusterName), Task: aws.String(first)})
	noError(t, err)
	eventually(t, "stopped", func() bool { step(); return task(t, server, first).LastStatus == "STOPPED" })

	clock.Step(59 * time.Minute)
	out, err := client.RunTask(t.Context(), runInput(r))
	noError(t, err)
	if got := out.Tasks[0]; aws.ToString(got.TaskArn) != first || aws.ToString(got.LastStatus) != "STOPPED" || got.StoppedReason != nil || got.CreatedAt != nil {
		t.Fatalf("a replay for a stopped task must hold its ARN and statuses alone: %+v", got)
	}

	clock.Step(2 * time.Minute)
	if second := run(t, server, runInput(r)); second == first {
		t.Fatal("a token outlived its task by more than an hour")
	}
}

func TestClientTokenExpiresAfterADayEvenIfTheTaskRuns(t *testing.T) {
	clock := fakeClock()
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped(), Clock: clock})
	first := run(t, server, runInput(r))
	eventually(t, "running", func() bool { clock.Step(10 * time.Millisecond); return task(t, server, first).LastStatus == "RUNNING" })
	clock.Step(24*time.Hour - time.Minute)
	if again := run(t, server, runInput(r)); again != first {
		t.Fatal("the token was forgotten within a day")
	}
	clock.Step(2 * time.Minute)
	if again := run(t, server, runInput(r)); again == first {
		t.Fatal("the token was kept for more than a day")
	}
}

func TestAnswerWithFailuresIsReplayedForItsToken(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	client := ecs.NewFromConfig(server.Config(), once)
	server.Faults().NoCapacity(awslocal.Any, 1)
	for range 2 {
		out, err := client.RunTask(t.Context(), runInput(r))
		noError(t, err)
		if len(out.Tasks) != 0 || len(out.Failures) != 1 || !strings.HasPrefix(aws.ToString(out.Failures[0].Reason), "Capacity is unavailable") {
			t.Fatalf("tasks %v, failures %v", out.Tasks, out.Failures)
		}
	}
	run(t, server, runInput(r, withToken("token-2")))
}

func TestListTasks(t *testing.T) {
	clock := fakeClock()
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped(), Clock: clock})
	client := ecs.NewFromConfig(server.Config(), once)
	step := func() { clock.Step(10 * time.Millisecond) }
	stopped := run(t, server, runInput(r))
	live := run(t, server, runInput(r, withToken("2"), func(in *ecs.RunTaskInput) { in.StartedBy = aws.String("scanjob/2") }))
	_, err := client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(r.ClusterName), Task: aws.String(stopped)})
	noError(t, err)
	eventually(t, "stopped", func() bool { step(); return task(t, server, stopped).LastStatus == "STOPPED" })

	for _, row := range []struct {
		name string
		in   ecs.ListTasksInput
		want []string
		code string
	}{
		{"shows running tasks unless asked otherwise", ecs.ListTasksInput{}, []string{live}, ""},
		{"does not find a stopped task by startedBy", ecs.ListTasksInput{StartedBy: aws.String("scanjob/1")}, nil, ""},
		{"finds a live task by startedBy", ecs.ListTasksInput{StartedBy: aws.String("scanjob/2")}, []string{live}, ""},
		{"finds stopped tasks by family", ecs.ListTasksInput{Family: aws.String("scanner"), DesiredStatus: ecstypes.DesiredStatusStopped}, []string{stopped}, ""},
		{"never finds PENDING", ecs.ListTasksInput{DesiredStatus: ecstypes.DesiredStatusPending}, nil, ""},
		{"refuses startedBy with family", ecs.ListTasksInput{StartedBy: aws.String("a"), Family: aws.String("b")}, nil, "InvalidParameterException"},
		{"refuses startedBy with desiredStatus", ecs.ListTasksInput{StartedBy: aws.String("a"), DesiredStatus: ecstypes.DesiredStatusStopped}, nil, "InvalidParameterException"},
		{"refuses pages of more than 100", ecs.ListTasksInput{MaxResults: aws.Int32(101)}, nil, "InvalidParameterException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.in.Cluster = aws.String(r.ClusterName)
			out, err := client.ListTasks(t.Context(), &row.in)
			wantCode(t, err, row.code)
			if err == nil && !slices.Equal(out.TaskArns, row.want) {
				t.Errorf("got %v, want %v", out.TaskArns, row.want)
			}
		})
	}

	clock.Step(time.Hour + time.Second)
	out, err := client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String(r.ClusterName), DesiredStatus: ecstypes.DesiredStatusStopped})
	noError(t, err)
	if len(out.TaskArns) != 0 {
		t.Errorf("a task that stopped more than an hour ago is listed: %v", out.TaskArns)
	}
	if described := describe(t, server, r, stopped); len(described.Tasks) != 0 || aws.ToString(described.Failures[0].Reason) != "MISSING" {
		t.Errorf("a task that stopped more than an hour ago is described: %v", described)
	}
}

func TestListTasksPages(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.UntilStopped()})
	var want []string
	for i := range 7 {
		want = append(want, run(t, server, runInput(r, withToken(fmt.Sprint(i)))))
	}
	var got []string
	pages := ecs.NewListTasksPaginator(ecs.NewFromConfig(server.Config()), &ecs.ListTasksInput{Cluster: aws.String(r.ClusterName), MaxResults: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		noError(t, err)
		got = append(got, page.TaskArns...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDescribeTasksTakesAtMost100AndNamesThoseItDoesNotKnow(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	client := ecs.NewFromConfig(server.Config(), once)
	_, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(r.ClusterName), Tasks: slices.Repeat([]string{"a"}, 101)})
	wantCode(t, err, "InvalidParameterException")
	out := describe(t, server, r, "0123456789abcdef0123456789abcdef")
	if len(out.Failures) != 1 || aws.ToString(out.Failures[0].Reason) != "MISSING" {
		t.Errorf("failures %v", out.Failures)
	}
}

func TestStopTask(t *testing.T) {
	for _, row := range []struct {
		name      string
		container awslocal.Runner
		at        string
		want      *int32
	}{
		{"gives a running container the time to end by itself", awslocal.UntilStopped(), "RUNNING", aws.Int32(143)},
		{"kills a container that ignores SIGTERM when the stop timeout is over", awslocal.UntilKilled(), "RUNNING", aws.Int32(137)},
		{"leaves no exit code when the container never ran", awslocal.UntilStopped(), "PROVISIONING", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			timing := awslocal.FastTiming()
			timing.StopTimeout = 50 * time.Millisecond
			if row.at == "PROVISIONING" {
				timing.Provisioning = time.Hour
			}
			server, r := provisioned(t, awslocal.Options{Container: row.container, Timing: timing})
			arn := run(t, server, runInput(r, func(in *ecs.RunTaskInput) {
				in.Tags = []ecstypes.Tag{{Key: aws.String("scanjob"), Value: aws.String("a")}}
			}))
			waitStatus(t, server, arn, row.at)
			if tags := describe(t, server, r, arn).Tasks[0].Tags; len(tags) != 1 {
				t.Errorf("tags before StopTask: %v", tags)
			}
			client := ecs.NewFromConfig(server.Config())
			out, err := client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(r.ClusterName), Task: aws.String(arn), Reason: aws.String("superseded")})
			noError(t, err)
			if aws.ToString(out.Task.DesiredStatus) != "STOPPED" || aws.ToString(out.Task.LastStatus) != row.at {
				t.Errorf("StopTask returns at once: desired %s, last %s", aws.ToString(out.Task.DesiredStatus), aws.ToString(out.Task.LastStatus))
			}
			waitStatus(t, server, arn, "STOPPED")
			got := describe(t, server, r, arn).Tasks[0]
			if got.StopCode != ecstypes.TaskStopCodeUserInitiated || aws.ToString(got.StoppedReason) != "superseded" || len(got.Tags) != 0 {
				t.Errorf("stop code %s, reason %s, tags %v", got.StopCode, aws.ToString(got.StoppedReason), got.Tags)
			}
			exit := got.Containers[0].ExitCode
			if (exit == nil) != (row.want == nil) || exit != nil && *exit != *row.want {
				t.Errorf("exit code %v, want %v", exit, row.want)
			}
		})
	}
}

func TestStopTaskOfAnUnknownTaskIsRefused(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	_, err := ecs.NewFromConfig(server.Config()).StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(r.ClusterName), Task: aws.String("none")})
	wantCode(t, err, "InvalidParameterException")
}

func TestCapacityProviderStrategy(t *testing.T) {
	item := func(provider string, weight, base int32) ecstypes.CapacityProviderStrategyItem {
		return ecstypes.CapacityProviderStrategyItem{CapacityProvider: aws.String(provider), Weight: weight, Base: base}
	}
	for _, row := range []struct {
		name     string
		strategy []ecstypes.CapacityProviderStrategyItem
		spot     int // of eight tasks
	}{
		{"spreads single tasks by weight", []ecstypes.CapacityProviderStrategyItem{item("FARGATE_SPOT", 3, 0), item("FARGATE", 1, 0)}, 6},
		{"counts the base in each call, so that a single task always falls into it", []ecstypes.CapacityProviderStrategyItem{item("FARGATE_SPOT", 3, 0), item("FARGATE", 1, 1)}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
			for i := range 8 {
				run(t, server, runInput(r, withToken(fmt.Sprint(i)), func(in *ecs.RunTaskInput) { in.LaunchType, in.CapacityProviderStrategy = "", row.strategy }))
			}
			spot := 0
			for _, task := range server.Tasks() {
				if task.CapacityProvider == "FARGATE_SPOT" {
					spot++
				}
			}
			if spot != row.spot {
				t.Errorf("%d of 8 tasks on Spot, want %d", spot, row.spot)
			}
		})
	}
}

func TestRegisterTaskDefinitionRefusesWhatFargateDoesNotRun(t *testing.T) {
	server := start(t, awslocal.Options{})
	client := ecs.NewFromConfig(server.Config())
	good := func() *ecs.RegisterTaskDefinitionInput {
		return &ecs.RegisterTaskDefinitionInput{
			Family: aws.String("scanner"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("1 vCPU"), Memory: aws.String("2GB"),
			ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("scanner"), Image: aws.String("scanner")}},
		}
	}
	for _, row := range []struct {
		name   string
		change func(*ecs.RegisterTaskDefinitionInput)
		code   string
	}{
		{"a definition with units is accepted", func(*ecs.RegisterTaskDefinitionInput) {}, ""},
		{"another network mode is refused", func(in *ecs.RegisterTaskDefinitionInput) { in.NetworkMode = ecstypes.NetworkModeBridge }, "ClientException"},
		{"a privileged container is refused", func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].Privileged = aws.Bool(true)
		}, "ClientException"},
		{"256 CPU units with 4 GB are refused", func(in *ecs.RegisterTaskDefinitionInput) {
			in.Cpu, in.Memory = aws.String("256"), aws.String("4096")
		}, "ClientException"},
		{"awslogs without a stream prefix is refused", func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].LogConfiguration = &ecstypes.LogConfiguration{
				LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "a", "awslogs-region": "b"},
			}
		}, "ClientException"},
		{"a stop timeout above two minutes is refused", func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].StopTimeout = aws.Int32(121)
		}, "ClientException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := good()
			row.change(in)
			_, err := client.RegisterTaskDefinition(t.Context(), in)
			wantCode(t, err, row.code)
		})
	}
}

func TestFamilyAloneStandsForItsNewestActiveRevision(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.ExitWith(0)})
	_, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	noError(t, err)
	client := ecs.NewFromConfig(server.Config(), once)
	newest := func() int32 {
		out, err := client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("scanner")})
		noError(t, err)
		return out.TaskDefinition.Revision
	}
	if got := newest(); got != 2 {
		t.Errorf("newest revision %d, want 2", got)
	}
	_, err = client.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("scanner:2")})
	noError(t, err)
	if got := newest(); got != 1 {
		t.Errorf("newest active revision %d, want 1", got)
	}
	noError(t, server.Faults().TaskDefinitionInactive("scanner:1"))
	out, err := client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("scanner:1")})
	noError(t, err)
	if out.TaskDefinition.Status != ecstypes.TaskDefinitionStatusInactive {
		t.Errorf("status %s", out.TaskDefinition.Status)
	}
	_, err = client.RunTask(t.Context(), runInput(r))
	wantCode(t, err, "ClientException")
	if !strings.Contains(err.Error(), "inactive") {
		t.Errorf("error %q does not say that the definition is inactive", err)
	}
}

func TestDescribeClusters(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{})
	out, err := ecs.NewFromConfig(server.Config()).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{r.ClusterARN, "none"}})
	noError(t, err)
	if len(out.Clusters) != 1 || aws.ToString(out.Clusters[0].Status) != "ACTIVE" || !slices.Contains(out.Clusters[0].CapacityProviders, "FARGATE_SPOT") {
		t.Errorf("clusters %+v", out.Clusters)
	}
	if len(out.Failures) != 1 || aws.ToString(out.Failures[0].Reason) != "MISSING" {
		t.Errorf("failures %+v", out.Failures)
	}
}

func TestUnknownOperationIsNamed(t *testing.T) {
	server := start(t, awslocal.Options{})
	_, err := ecs.NewFromConfig(server.Config()).ListServices(context.Background(), &ecs.ListServicesInput{})
	wantCode(t, err, "UnknownOperationException")
	if !strings.Contains(err.Error(), "ListServices") {
		t.Errorf("error %q does not name the operation", err)
	}
}
