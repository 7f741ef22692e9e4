package fargate_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// sample returns the task of a recorded task state-change event.
func sample(t *testing.T, name string) fargate.Task {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "events", "testdata", "ecs-task-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	event, err := events.Decode(string(body))
	if err != nil {
		t.Fatal(err)
	}
	state, ok := event.(events.TaskState)
	if !ok {
		t.Fatalf("event %T", event)
	}
	return state.Task
}

func TestRecordedTasksThatStopped(t *testing.T) {
	for _, row := range []struct {
		sample   string
		done     bool
		class    scanv1.FailureClass
		capacity bool
		exitCode *int32
		told     string
	}{
		{"5-stopped-exit0", true, "", false, exit(0), ""},
		{"5-stopped-exit1", false, scanv1.ClassScan, false, exit(1), "exit code 1"},
		{"5-stopped-oom", false, scanv1.ClassScan, false, exit(137), "OutOfMemoryError"},
		{"5-stopped-user", false, scanv1.ClassInfrastructure, false, exit(143), "superseded by newer commit"},
		{"failed-eni-timeout", false, scanv1.ClassInfrastructure, false, nil, "network interface"},
		{"failed-image-pull", false, scanv1.ClassInfrastructure, false, nil, "i/o timeout"},
		{"failed-resource-init", false, scanv1.ClassConfiguration, false, nil, "log group"},
		{"spot-stopped", false, scanv1.ClassInfrastructure, true, exit(137), "Spot"},
	} {
		t.Run(row.sample, func(t *testing.T) {
			task := sample(t, row.sample)
			if !task.Stopped() {
				t.Fatalf("the task is %s", task.LastStatus)
			}
			verdict := fargate.Judge(task, "scanner", "")
			if verdict.Done != row.done || verdict.Class != row.class || verdict.Capacity != row.capacity {
				t.Errorf("verdict %+v", verdict)
			}
			if (verdict.ExitCode == nil) != (row.exitCode == nil) || verdict.ExitCode != nil && *verdict.ExitCode != *row.exitCode {
				t.Errorf("exit code %v", verdict.ExitCode)
			}
			contains(t, verdict.Message, row.told)
			if row.done != (verdict.Message == "") {
				t.Errorf("message %q", verdict.Message)
			}
		})
	}
}

func TestRecordedTasksThatHaveNotStopped(t *testing.T) {
	for _, name := range []string{"1-provisioning", "2-pending", "3-running", "4-deprovisioning", "spot-warning"} {
		if task := sample(t, name); task.Stopped() {
			t.Errorf("%s counts as stopped with status %s", name, task.LastStatus)
		}
	}
}

func TestRecordedTaskIsBilledFromItsPullToItsStop(t *testing.T) {
	task := sample(t, "5-stopped-oom")
	if got, want := fargate.Billed(task.PullStartedAt, task.StoppedAt), 167537*time.Millisecond; got != want {
		t.Errorf("billed %s, want %s", got, want)
	}
}
