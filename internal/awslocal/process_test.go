package awslocal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// selfAsScanner runs this test binary as every task's container.
func selfAsScanner(t *testing.T) awslocal.Options {
	t.Helper()
	path, err := os.Executable()
	noError(t, err)
	return awslocal.Options{Scanner: path}
}

// lines are what a task wrote to its log so far.
func lines(server *awslocal.Server, arn string) []string {
	var lines []string
	for _, line := range server.LogLines() {
		if strings.HasSuffix(line.Stream, arn[strings.LastIndex(arn, "/"):]) {
			lines = append(lines, line.Message)
		}
	}
	return lines
}

func TestProcessSeesWhatEcsInjectsAndNothingOfTheHost(t *testing.T) {
	t.Setenv("HOST_VARIABLE", "must not leak")
	server, r := provisioned(t, selfAsScanner(t))
	arn := run(t, server, runInput(r, withEnvironment(childVariable, "environment", "SCAN_MODE", "Tree")))
	if got := waitStatus(t, server, arn, "STOPPED"); got.ExitCode == nil || *got.ExitCode != 10 {
		t.Fatalf("exit code %v; log: %v", got.ExitCode, lines(server, arn))
	}
	var names []string
	for _, line := range lines(server, arn) {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		names = append(names, name)
		switch name {
		case "HOST_VARIABLE":
			t.Error("a variable of the host reached the container")
		case "AWS_ENDPOINT_URL":
			if value != server.URL() {
				t.Errorf("AWS_ENDPOINT_URL is %s", value)
			}
		case "TMPDIR":
			if _, err := os.Stat(value); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the task's folder is left behind: %v", err)
			}
		}
	}
	want := []string{
		childVariable, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
		"AWS_EXECUTION_ENV", "AWS_REGION", "ECS_CONTAINER_METADATA_URI_V4", "HOME", "PATH", "SCAN_MODE", "TMPDIR",
	}
	if !slices.Equal(names, want) {
		t.Errorf("variables %v, want %v", names, want)
	}
	if !slices.Contains(lines(server, arn), "an unfinished line") {
		t.Error("the last line, which has no end, is not in the log")
	}
}

func TestProcessActsAsItsTaskRoleThroughTheCredentialsEndpoint(t *testing.T) {
	server, r := provisioned(t, selfAsScanner(t))
	arn := run(t, server, runInput(r, withEnvironment(childVariable, "identity")))
	waitStatus(t, server, arn, "STOPPED")
	want := "identity arn:aws:sts::111122223333:assumed-role/scanjob-task/" + arn[strings.LastIndex(arn, "/")+1:]
	if got := lines(server, arn); !slices.Equal(got, []string{want}) {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestCredentialsOfATaskEndWithIt(t *testing.T) {
	leaked := make(chan aws.Config, 1)
	server, r := provisioned(t, awslocal.Options{Container: awslocal.RunnerFunc(func(_ context.Context, c awslocal.Container) int {
		leaked <- c.Config()
		return 0
	})})
	arn := run(t, server, runInput(r))
	waitStatus(t, server, arn, "STOPPED")
	cfg := <-leaked
	eventually(t, "credentials refused", func() bool {
		_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		return code(err) == "UnrecognizedClientException"
	})
}

func TestStoppedProcessGetsSigtermThenSigkill(t *testing.T) {
	for _, row := range []struct {
		name, child string
		want        int
	}{
		{"a process that handles SIGTERM ends with its own code", "wait", 3},
		{"a process that ignores SIGTERM is killed", "stubborn", 137},
	} {
		t.Run(row.name, func(t *testing.T) {
			options := selfAsScanner(t)
			options.Timing = awslocal.FastTiming()
			options.Timing.StopTimeout = 300 * time.Millisecond
			server, r := provisioned(t, options)
			arn := run(t, server, runInput(r, withEnvironment(childVariable, row.child)))
			eventually(t, "the process waits", func() bool { return slices.Contains(lines(server, arn), "waiting") })
			_, err := ecs.NewFromConfig(server.Config()).StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String(r.ClusterName), Task: aws.String(arn)})
			noError(t, err)
			if got := waitStatus(t, server, arn, "STOPPED"); got.ExitCode == nil || *got.ExitCode != row.want {
				t.Errorf("exit code %v, want %d", got.ExitCode, row.want)
			}
		})
	}
}

func TestImageWithoutBinaryCannotBePulled(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Scanner: filepath.Join(t.TempDir(), "missing")})
	arn := run(t, server, runInput(r))
	got := waitStatus(t, server, arn, "STOPPED")
	if got.StopCode != "TaskFailedToStart" || !strings.HasPrefix(got.StoppedReason, "CannotPullContainerError") || got.ExitCode != nil {
		t.Errorf("stop code %s, reason %s, exit code %v", got.StopCode, got.StoppedReason, got.ExitCode)
	}
}

func TestTaskLogsGoToTheStreamOfItsContainer(t *testing.T) {
	server, r := provisioned(t, awslocal.Options{Container: awslocal.RunnerFunc(func(_ context.Context, c awslocal.Container) int {
		for i := range 5 {
			fmt.Fprintf(c.Stdout, "line %d\n", i)
		}
		return 0
	})})
	arn := run(t, server, runInput(r))
	waitStatus(t, server, arn, "STOPPED")
	stream := "scan/scanner/" + arn[strings.LastIndex(arn, "/")+1:]
	client := cloudwatchlogs.NewFromConfig(server.Config())
	streams, err := client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String(r.LogGroup), LogStreamNamePrefix: aws.String("scan/")})
	noError(t, err)
	if len(streams.LogStreams) != 1 || aws.ToString(streams.LogStreams[0].LogStreamName) != stream {
		t.Fatalf("streams %+v, want %s", streams.LogStreams, stream)
	}
	var got []string
	var token *string
	for {
		page, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: aws.String(r.LogGroup), LogStreamName: aws.String(stream), StartFromHead: aws.Bool(true), Limit: aws.Int32(2), NextToken: token,
		})
		noError(t, err)
		for _, event := range page.Events {
			got = append(got, aws.ToString(event.Message))
		}
		if aws.ToString(page.NextForwardToken) == aws.ToString(token) {
			break
		}
		token = page.NextForwardToken
	}
	if want := []string{"line 0", "line 1", "line 2", "line 3", "line 4"}; !slices.Equal(got, want) {
		t.Errorf("log %q, want %q", got, want)
	}
	_, err = client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(r.LogGroup), LogStreamName: aws.String("scan/scanner/none")})
	wantCode(t, err, "ResourceNotFoundException")
}

// pidFile tells serveUntilKilled where its task's process writes its process id.
const pidFile = "AWSLOCAL_TEST_PID_FILE"

// serveUntilKilled is a server in a process of its own, with one task whose process waits.
func serveUntilKilled() int {
	path := os.Getenv(pidFile)
	server, err := awslocal.Start(awslocal.Options{Scanner: "/bin/sh", Dir: filepath.Dir(path)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	r, err := awslocal.Provision(ctx, server.Config(), awslocal.DefaultNames())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	in := runInput(r, withEnvironment())
	in.Overrides.ContainerOverrides[0].Command = []string{"-c", "echo $$ > " + path + ".new && mv " + path + ".new " + path + "; while :; do sleep 1; done"}
	if _, err := ecs.NewFromConfig(server.Config()).RunTask(ctx, in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	select {}
}

func TestCloseEndsTheProcessesOfRunningTasks(t *testing.T) {
	server, err := awslocal.Start(selfAsScanner(t))
	noError(t, err)
	r, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	noError(t, err)
	arn := run(t, server, runInput(r, withEnvironment(childVariable, "stubborn")))
	eventually(t, "the process waits", func() bool { return slices.Contains(lines(server, arn), "waiting") })
	begin := time.Now()
	noError(t, server.Close())
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
}
