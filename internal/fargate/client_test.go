package fargate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// account is a local AWS with a cluster and a task definition, and the client under test.
type account struct {
	t         *testing.T
	server    *awslocal.Server
	resources awslocal.Resources
	client    *fargate.Client
}

func newAccount(t *testing.T, container awslocal.Runner) *account {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{Container: container})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	resources, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	if err != nil {
		t.Fatal(err)
	}
	client := fargate.NewClient(ecs.NewFromConfig(server.Config(), func(o *ecs.Options) { o.RetryMaxAttempts = 1 }), fargate.NewBudget(fargate.DefaultQuotas()))
	return &account{t: t, server: server, resources: resources, client: client}
}

// request is one that the account takes.
func (a *account) request(attempt int32) fargate.Request {
	return fargate.Request{
		UID: uid, Attempt: attempt, ClusterARN: a.resources.ClusterARN, TaskDefinitionARN: a.resources.TaskDefinitionARN,
		ContainerName: a.resources.ContainerName, Subnets: a.resources.Subnets, SecurityGroups: a.resources.SecurityGroups,
		Environment: map[string]string{"SCAN_MODE": "Tree"}, Tags: map[string]string{"scanjob.dev/name": "a"},
	}
}

func (a *account) try(request fargate.Request) (string, error) {
	a.t.Helper()
	input, err := request.Input()
	if err != nil {
		a.t.Fatal(err)
	}
	return a.client.Start(a.t.Context(), input)
}

func (a *account) start(request fargate.Request) string {
	a.t.Helper()
	arn, err := a.try(request)
	if err != nil {
		a.t.Fatal(err)
	}
	return arn
}

// wait polls until a task has a status.
func (a *account) wait(arn, status string) awslocal.Task {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, task := range a.server.Tasks() {
			if task.ARN == arn && task.LastStatus == status {
				return task
			}
		}
	}
	a.t.Fatalf("task %s never was %s", arn, status)
	return awslocal.Task{}
}

func (a *account) wantTasks(want int) {
	a.t.Helper()
	if got := len(a.server.Tasks()); got != want {
		a.t.Errorf("%d tasks exist, want %d", got, want)
	}
}

func TestStartAfterALostAnswerNamesTheTaskThatWasStarted(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	a.server.Faults().LoseAnswer("ecs", "RunTask", 1)
	_, err := a.try(a.request(1))
	var rejection *fargate.Rejection
	if err == nil || errors.As(err, &rejection) {
		t.Fatalf("a lost answer gave %v, which must leave open whether there is a task", err)
	}
	arn := a.start(a.request(1))
	a.wantTasks(1)
	if got := a.server.Tasks()[0].ARN; arn != got {
		t.Errorf("the repetition named %s, want %s", arn, got)
	}
	if again := a.start(a.request(1)); again != arn {
		t.Errorf("a third call named %s, want %s", again, arn)
	}
}

func TestStartOfATaskThatHasStoppedNamesItAgain(t *testing.T) {
	a := newAccount(t, awslocal.ExitWith(0))
	arn := a.start(a.request(1))
	a.wait(arn, "STOPPED")
	if again := a.start(a.request(1)); again != arn {
		t.Errorf("the repetition named %s, want %s", again, arn)
	}
	a.wantTasks(1)
}

func TestStartWithAnotherRequestAdoptsTheTaskOfTheToken(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	arn := a.start(a.request(1))
	changed := a.request(1)
	changed.Environment = map[string]string{"SCAN_MODE": "History"}
	if again := a.start(changed); again != arn {
		t.Errorf("the other request named %s, want %s", again, arn)
	}
	a.wantTasks(1)
	if other := a.start(a.request(2)); other == arn {
		t.Error("the next attempt got the task of the one before")
	}
	a.wantTasks(2)
}

func TestFailureInAnAcceptedCallEndsTheAttemptAndTheNextOneHasItsOwnToken(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	a.server.Faults().NoCapacity(awslocal.Any, 1)
	for _, when := range []string{"at first", "when it is repeated, although there is capacity by then"} {
		_, err := a.try(a.request(1))
		var rejection *fargate.Rejection
		if !errors.As(err, &rejection) || !rejection.Final || !rejection.Capacity || rejection.Class != scanv1.ClassInfrastructure {
			t.Errorf("%s the call gave %v", when, err)
		}
	}
	a.wantTasks(0)
	a.start(a.request(2))
	a.wantTasks(1)
}

func TestExceptionStartsNoTaskAndLeavesTheTokenUnused(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	denial := a.server.Faults().Deny(awslocal.Any, "ecs:RunTask")
	_, err := a.try(a.request(1))
	var rejection *fargate.Rejection
	if !errors.As(err, &rejection) || rejection.Final || rejection.Class != scanv1.ClassConfiguration {
		t.Errorf("error %v", err)
	}
	a.wantTasks(0)
	denial.Clear()
	a.start(a.request(1))
	a.wantTasks(1)
}

func TestStartTakesOverridesOfExactly8192Characters(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	request := a.request(1)
	for length := 8192; ; length-- {
		request.Environment["P"] = strings.Repeat("é", length)
		if _, err := request.Input(); err == nil {
			break
		}
	}
	a.start(request)
	// The server counts for itself.
	if sent := utf8.RuneCount(a.server.Tasks()[0].Overrides); sent != 8192 {
		t.Errorf("the longest overrides that are sent have %d characters, want 8192", sent)
	}
}

func TestStopGivesTheReasonThatPeopleRead(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	for i, row := range []struct{ name, reason, want string }{
		{"as it is", "ScanJob scans/a: spec.cancel was set", "ScanJob scans/a: spec.cancel was set"},
		{"of exactly as many bytes as ECS takes", strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{"cut where it is longer", strings.Repeat("a", 256), strings.Repeat("a", 255)},
		{"cut between characters", strings.Repeat("é", 200), strings.Repeat("é", 127)},
	} {
		t.Run(row.name, func(t *testing.T) {
			arn := a.start(a.request(int32(i + 1)))
			if err := a.client.Stop(t.Context(), a.resources.ClusterARN, arn, row.reason); err != nil {
				t.Fatal(err)
			}
			task := a.wait(arn, "STOPPED")
			if task.StopCode != "UserInitiated" || task.StoppedReason != row.want {
				t.Errorf("stop code %s, reason %q, want %q", task.StopCode, task.StoppedReason, row.want)
			}
		})
	}
}

func TestStopOfATaskThatECSDoesNotKnowIsNoError(t *testing.T) {
	a := newAccount(t, awslocal.ExitWith(0))
	unknown := strings.Replace(a.resources.ClusterARN, ":cluster/", ":task/", 1) + "/c13b4cb40f1f4fe4a2971f76ae5a47ad"
	if err := a.client.Stop(t.Context(), a.resources.ClusterARN, unknown, "gone"); err != nil {
		t.Errorf("an unknown task: %v", err)
	}
	arn := a.start(a.request(1))
	a.wait(arn, "STOPPED")
	for range 2 {
		if err := a.client.Stop(t.Context(), a.resources.ClusterARN, arn, "again"); err != nil {
			t.Errorf("a stopped task: %v", err)
		}
	}
}

func TestStopThatIsNotCarriedOutIsAnErrorThatNamesTheTask(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	arn := a.start(a.request(1))
	for name, fault := range map[string]*awslocal.Error{"throttled": awslocal.Throttled(), "failed": awslocal.ServerFault()} {
		refused := a.server.Faults().Fail("ecs", "StopTask", awslocal.Forever, fault)
		err := a.client.Stop(t.Context(), a.resources.ClusterARN, arn, "no")
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		contains(t, err.Error(), fargate.TaskID(arn))
		refused.Clear()
	}
	a.server.Faults().Deny(awslocal.Any, "ecs:StopTask")
	if err := a.client.Stop(t.Context(), a.resources.ClusterARN, arn, "no"); err == nil {
		t.Error("a denied call: no error")
	}
	if err := a.client.Stop(t.Context(), a.resources.ClusterARN+"-other", arn, "no"); err == nil {
		t.Error("an unknown cluster: no error")
	}
}

func TestJobsOfOneAccountAndRegionShareOneClient(t *testing.T) {
	clients := fargate.NewClients(awsclient.NewFactory(aws.Config{Region: "us-east-1"}), fargate.DefaultQuotas())
	place := func(region, role string) fargate.Place {
		return fargate.Place{Scope: awsclient.Scope{Region: region, RoleARN: role}, Account: "111122223333"}
	}
	one := clients.For(place("us-east-1", ""))
	if clients.For(place("us-east-1", "")) != one {
		t.Error("the same place has two clients")
	}
	for _, other := range []fargate.Place{place("eu-west-1", ""), place("us-east-1", "arn:aws:iam::111122223333:role/scans")} {
		if clients.For(other) == one {
			t.Errorf("%+v shares the client of us-east-1", other)
		}
	}
	budget := clients.Budget("111122223333", "us-east-1")
	if clients.Budget("111122223333", "us-east-1") != budget || clients.Budget("444455556666", "us-east-1") == budget || clients.Budget("111122223333", "eu-west-1") == budget {
		t.Error("a budget is that of one account in one region")
	}
}

func TestAThrottledCallIsMadeAgainAtHalfTheRate(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	arn := a.start(a.request(1))
	a.server.Faults().Fail("ecs", "StopTask", 1, awslocal.Throttled())
	if err := a.client.Stop(t.Context(), a.resources.ClusterARN, arn, "no"); err != nil {
		t.Error(err)
	}
	if calls := a.server.CallCount("ecs", "StopTask"); calls != 2 {
		t.Errorf("StopTask was called %d times", calls)
	}
}

func TestCallsAreHeldUnderTheAccountsRate(t *testing.T) {
	const calls = 100
	client, bodies := answering(t, 200, `{"tasks":[],"failures":[]}`)
	began := time.Now()
	for i := range calls {
		if _, _, err := client.Describe(t.Context(), cluster, []string{fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	// 90 at once and 19.6 a second from then on: the tenth after the burst comes after half a second.
	if took := time.Since(began); len(*bodies) != calls || took < 400*time.Millisecond {
		t.Errorf("%d calls were made within %s", len(*bodies), took)
	}
}
