package fargate_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func (a *account) find(attempt int32) (*fargate.Task, error) {
	return a.client.Find(a.t.Context(), a.resources.ClusterARN, a.resources.TaskDefinitionARN, fargate.StartedBy(uid, attempt))
}

func TestFindFindsTheAttemptsTaskAndNoOther(t *testing.T) {
	release := make(chan struct{})
	first := fargate.StartedBy(uid, 1)
	a := newAccount(t, awslocal.RunnerFunc(func(ctx context.Context, c awslocal.Container) int {
		if c.StartedBy == first {
			return 0
		}
		select {
		case <-ctx.Done():
		case <-release:
		}
		return 0
	}))
	defer close(release)
	if task, err := a.find(1); task != nil || err != nil {
		t.Fatalf("before anything was started: %v, %v", task, err)
	}
	stoppedARN := a.start(a.request(1))
	a.wait(stoppedARN, "STOPPED")
	liveARN := a.start(a.request(2))
	a.wait(liveARN, "RUNNING")

	for attempt, want := range map[int32]struct{ arn, status string }{1: {stoppedARN, "STOPPED"}, 2: {liveARN, "RUNNING"}} {
		task, err := a.find(attempt)
		if err != nil || task == nil || task.ARN != want.arn || task.LastStatus != want.status {
			t.Errorf("attempt %d: %+v, %v; want %s %s", attempt, task, err, want.arn, want.status)
		}
	}
	if task, err := a.find(3); task != nil || err != nil {
		t.Errorf("an attempt that was never started: %v, %v", task, err)
	}
	if err := a.client.Stop(t.Context(), a.resources.ClusterARN, liveARN, "stop"); err != nil {
		t.Fatal(err)
	}
	if task, err := a.find(2); err != nil || task == nil || task.ARN != liveARN {
		t.Errorf("a task that is being stopped: %+v, %v", task, err)
	}
}

func TestFindLooksThroughAllPagesOfStoppedTasks(t *testing.T) {
	a := newAccount(t, awslocal.ExitWith(0))
	raw := ecs.NewFromConfig(a.server.Config())
	input, err := a.request(7).Input()
	if err != nil {
		t.Fatal(err)
	}
	input.Count, input.ClientToken, input.StartedBy = aws.Int32(10), nil, aws.String("somebody-else")
	const others = 230
	for range others / 10 {
		if _, err := raw.RunTask(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	arn := a.start(a.request(1))
	for _, task := range a.server.Tasks() {
		a.wait(task.ARN, "STOPPED")
	}
	before := a.server.CallCount("ecs", "DescribeTasks")
	task, err := a.find(1)
	if err != nil || task == nil || task.ARN != arn {
		t.Errorf("found %+v, %v; want %s", task, err, arn)
	}
	if calls := a.server.CallCount("ecs", "DescribeTasks") - before; calls > 3 {
		t.Errorf("%d DescribeTasks calls for %d tasks", calls, others+1)
	}
}

func TestFindDoesNotTakeATaskThatIsListedButNotDescribedYetForNone(t *testing.T) {
	a := newAccount(t, awslocal.UntilStopped())
	a.server.Faults().Missing(1)
	arn := a.start(a.request(1))
	if task, err := a.find(1); err == nil {
		t.Fatalf("found %v and no error, although task %s exists", task, arn)
	}
	if task, err := a.find(1); err != nil || task == nil || task.ARN != arn {
		t.Errorf("found %+v, %v; want %s", task, err, arn)
	}
}

func TestFindThatCannotAskIsAnErrorAndNotNone(t *testing.T) {
	for _, operation := range []string{"ListTasks", "DescribeTasks"} {
		t.Run(operation, func(t *testing.T) {
			a := newAccount(t, awslocal.ExitWith(0))
			a.wait(a.start(a.request(1)), "STOPPED")
			a.server.Faults().Fail("ecs", operation, 1, awslocal.ServerFault())
			if task, err := a.find(1); err == nil {
				t.Errorf("found %v and no error", task)
			}
		})
	}
}

func TestDescribeTellsWhatTheLastEventToldInTheSameVersion(t *testing.T) {
	a := newAccount(t, awslocal.ExitWith(10))
	request := a.request(1)
	request.Strategy = []scanv1.CapacityProviderStrategyItem{{CapacityProvider: scanv1.CapacityProviderFargateSpot, Weight: 1}}
	arn := a.start(request)
	a.wait(arn, "STOPPED")
	unknown := arn[:len(arn)-32] + "c13b4cb40f1f4fe4a2971f76ae5a47ad"
	tasks, missing, err := a.client.Describe(t.Context(), a.resources.ClusterARN, []string{unknown, arn})
	if err != nil || len(tasks) != 1 || !cmp.Equal(missing, []string{unknown}) {
		t.Fatalf("%d tasks, missing %v, error %v", len(tasks), missing, err)
	}

	var last fargate.Task
	for _, event := range a.server.Events() {
		if event.Source != "aws.ecs" {
			continue
		}
		decoded, err := events.Decode(marshal(t, map[string]any{
			"id": event.ID, "detail-type": event.DetailType, "source": event.Source, "detail": event.Detail,
			"account": a.server.Account(), "region": a.server.Region(), "time": event.Time.UTC().Format(time.RFC3339),
		}))
		if err != nil {
			t.Fatal(err)
		}
		state, ok := decoded.(events.TaskState)
		if !ok {
			t.Fatalf("event %T", decoded)
		}
		last = state.Task
	}
	if diff := cmp.Diff(last, tasks[0], cmpopts.EquateApproxTime(time.Millisecond)); diff != "" {
		t.Errorf("the event and DescribeTasks differ (-event +DescribeTasks):\n%s", diff)
	}
	if last.CapacityProvider != "FARGATE_SPOT" || last.StartedBy != fargate.StartedBy(uid, 1) || last.Version == 0 || last.PullStartedAt.IsZero() {
		t.Errorf("the task lacks something: %+v", last)
	}
}
