package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// asScanner, set in the environment of the test binary, makes it the scanner: so the tests run the whole program as a
// process of its own.
const asScanner = "SCANNER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asScanner) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// outcome is what a run of the program left.
type outcome struct {
	exit   int
	stdout string
	stderr string
	state  *os.ProcessState
}

// command returns the program with the environment and nothing else of ours.
func command(t *testing.T, environment map[string]string, arguments ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, arguments...)
	c.Env = []string{asScanner + "=1", "PATH=" + os.Getenv("PATH")}
	for name, value := range environment {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

func start(t *testing.T, environment map[string]string, arguments ...string) outcome {
	t.Helper()
	c := command(t, environment, arguments...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String(), c.ProcessState}
}

// newOrder returns an environment as the contract asks for.
func newOrder(t *testing.T, url, mode, revision string) map[string]string {
	t.Helper()
	return map[string]string{
		contract.EnvNamespace: "scans", contract.EnvName: "demo-1", contract.EnvUID: "3f2a9c1e-0000-4000-8000-000000000001",
		contract.EnvAttempt: "1", contract.EnvSourceURL: url, contract.EnvRepository: "demo", contract.EnvRevision: revision,
		contract.EnvMode: mode, envWorkDir: t.TempDir(),
	}
}

func TestArguments(t *testing.T) {
	help := start(t, nil, "--help")
	if help.exit != contract.ExitClean || !strings.Contains(help.stdout, "SCAN_SOURCE_URL") {
		t.Errorf("--help: exit %d, %s", help.exit, help.stdout)
	}
	if v := start(t, nil, "--version"); v.exit != contract.ExitClean || !strings.HasPrefix(v.stdout, "scanner version ") {
		t.Errorf("--version: exit %d, %s", v.exit, v.stdout)
	}
	if unknown := start(t, nil, "--unknown"); unknown.exit != contract.ExitRequest || !strings.Contains(unknown.stderr, "--help") {
		t.Errorf("an unknown flag: exit %d, %s", unknown.exit, unknown.stderr)
	}
}

func TestGarbledEnvironment(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	rows := []struct {
		name, variable, value, want string
	}{
		{"a variable is missing", contract.EnvRepository, "", "SCAN_REPOSITORY is missing"},
		{"the UID is missing", contract.EnvUID, "", "SCANJOB_UID is missing"},
		{"the UID would leave the folder of reports", contract.EnvUID, "../../x", "SCANJOB_UID must consist of"},
		{"the attempt is no number", contract.EnvAttempt, "one", "SCANJOB_ATTEMPT must be a number from 1"},
		{"the attempt is zero", contract.EnvAttempt, "0", "SCANJOB_ATTEMPT must be a number from 1"},
		{"an unknown mode", contract.EnvMode, "Everything", "SCAN_MODE must be one of Changes, Tree, History"},
		{"findings of an unknown kind", contract.EnvFailOn, "Existing", "SCAN_FAIL_ON must be one of New, All"},
		{"an unknown branch", contract.EnvRepositoryConfiguration, "Both", "SCAN_REPOSITORY_CONFIGURATION must be one of TargetBranch, SourceBranch, None"},
		{"an unknown authentication", contract.EnvSourceAuth, "basic", "SCAN_SOURCE_AUTH must be empty or codecommit"},
		{"a deadline that is no time", contract.EnvDeadline, "tomorrow", "SCAN_DEADLINE must be a time"},
		{"a topic that is no ARN", contract.EnvTopic, "findings", "SNS_TOPIC is no ARN"},
		{"a report address of another kind", contract.EnvReportURI, "/tmp/report", "SCAN_REPORT_URI is no address"},
		{"a control character", contract.EnvRepository, "demo\x1b[2J", "SCAN_REPOSITORY must not hold control characters"},
		{"a short revision", contract.EnvRevision, "abc", "SCAN_REVISION must be a full commit id"},
		{"credentials in the URL", contract.EnvSourceURL, "https://bob:hunter2@host/x", "SCAN_SOURCE_URL must not hold credentials"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			environment := newOrder(t, "file:///nonexistent", contract.ModeTree, revision)
			environment[row.variable] = row.value
			got := start(t, environment)
			if got.exit != contract.ExitRequest || !strings.Contains(got.stderr, row.want) {
				t.Errorf("exit %d, %s", got.exit, got.stderr)
			}
			if strings.Contains(got.stderr, "hunter2") || strings.Contains(got.stderr, "[2J") {
				t.Errorf("the log repeats the value: %s", got.stderr)
			}
		})
	}
	t.Run("all problems are named at once", func(t *testing.T) {
		got := start(t, nil)
		for _, name := range []string{contract.EnvNamespace, contract.EnvName, contract.EnvSourceURL, contract.EnvRevision, contract.EnvMode} {
			if !strings.Contains(got.stderr, name+" is missing") {
				t.Errorf("%s is not named: %s", name, got.stderr)
			}
		}
	})
}
