package fargate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// exit makes an exit code; a container that never ran has nil.
func exit(code int32) *int32 { return &code }

// stopped is a task whose scanner has stopped.
func stopped(stopCode, stoppedReason string, exitCode *int32, containerReason string) fargate.Task {
	return fargate.Task{
		ARN: taskARN, LastStatus: "STOPPED", DesiredStatus: "STOPPED", StopCode: stopCode, StoppedReason: stoppedReason,
		Containers: []fargate.Container{{Name: "scanner", LastStatus: "STOPPED", ExitCode: exitCode, Reason: containerReason}},
	}
}

const (
	essential = "Essential container in task exited"
	pull      = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 111122223333.dkr.ecr.us-east-1.amazonaws.com/scanner:7: "
	resource  = "ResourceInitializationError: "
)

// The rows follow the table of stopped tasks in Amazon ECS's developer guide.
func TestWhatAStoppedTaskMeans(t *testing.T) {
	const (
		infrastructure = scanv1.ClassInfrastructure
		configuration  = scanv1.ClassConfiguration
		scan           = scanv1.ClassScan
	)
	for _, row := range []struct {
		name     string
		task     fargate.Task
		class    scanv1.FailureClass
		capacity bool
		advice   string
	}{
		{"the request cannot be scanned", stopped("EssentialContainerExited", essential, exit(64), ""), configuration, false, "its log says why"},
		{"a temporary failure of the scan", stopped("EssentialContainerExited", essential, exit(75), ""), scan, false, "temporary failure"},
		{"a crash", stopped("EssentialContainerExited", essential, exit(2), ""), scan, false, "crashed"},
		{"a crash that may be a program for another architecture", stopped("EssentialContainerExited", essential, exit(1), ""), scan, false,
			"exec format error there means that the image is for another CPU architecture"},
		{"a crash with an exit code of no meaning", stopped("EssentialContainerExited", essential, exit(255), ""), scan, false, "crashed"},
		{"out of memory", stopped("EssentialContainerExited", essential, exit(137), "OutOfMemoryError: Container killed due to memory usage"),
			scan, false, "spec.resources.memory"},
		{"killed without a word on memory", stopped("EssentialContainerExited", essential, exit(137), ""), scan, false, "killed"},
		{"terminated", stopped("EssentialContainerExited", essential, exit(143), ""), scan, false, "terminated"},
		{"a segmentation fault", stopped("EssentialContainerExited", essential, exit(139), ""), scan, false, "segmentation"},

		{"Spot was reclaimed and the container killed", stopped("SpotInterruption", "Your Spot Task was interrupted.", exit(137), ""), infrastructure, true, "taken back"},
		{"Spot was reclaimed and the container terminated", stopped("SpotInterruption", "Your Spot Task was interrupted.", exit(143), ""), infrastructure, true, "taken back"},
		{"Spot was reclaimed before the container ran", stopped("SpotInterruption", "Your Spot Task was interrupted.", nil, ""), infrastructure, true, "taken back"},
		{"Spot was reclaimed and the scanner reported a temporary failure", stopped("SpotInterruption", "Your Spot Task was interrupted.", exit(75), ""),
			infrastructure, true, "taken back"},
		{"Spot was reclaimed, by the older code", stopped("TerminationNotice", "Spot Task was terminated.", exit(137), ""), infrastructure, true, "taken back"},
		{"the host failed", stopped("InfrastructureHealth", "The host is unhealthy", exit(137), ""), infrastructure, false, "host failed"},
		{"somebody else stopped the task", stopped("UserInitiated", "Task stopped by user", exit(143), ""), infrastructure, false, "spec.cancel"},
		{"a service scheduler stopped the task", stopped("ServiceSchedulerInitiated", "Scaling activity", exit(143), ""), infrastructure, false, ""},

		{"no network interface in time", stopped("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete.", nil, ""), infrastructure, false, ""},
		{"no disk in time", stopped("TaskFailedToStart", "Timeout waiting for EphemeralStorage provisioning to complete.", nil, ""), infrastructure, false, ""},
		{"network interfaces are throttled", stopped("TaskFailedToStart", "Rate limit exceeded while preparing network interface to be attached to instance", nil, ""),
			infrastructure, false, ""},
		{"a subnet is full", stopped("TaskFailedToStart",
			"Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': InsufficientFreeAddressesInSubnet", nil, ""),
			infrastructure, false, "spec.network.subnets"},
		{"no capacity after RunTask was accepted", stopped("TaskFailedToStart", "Capacity is unavailable at this time. Please try again later", nil, ""), infrastructure, true, ""},

		{"the registry could not be reached", stopped("TaskFailedToStart", pull+"dial tcp 192.0.2.10:443: i/o timeout", nil, ""), infrastructure, false, "could not be pulled"},
		{"a layer broke off", stopped("TaskFailedToStart", "CannotPullContainerError: failed to copy: httpReadSeeker: failed open: connection reset by peer", nil, ""),
			infrastructure, false, "could not be pulled"},
		{"the pull failed, as only the container tells", stopped("TaskFailedToStart", "Task failed to start", nil, "CannotPullContainerError: i/o timeout"),
			infrastructure, false, "could not be pulled"},
		{"the image does not exist", stopped("TaskFailedToStart", pull+"not found", nil, ""), configuration, false, "push the image"},
		{"the image's manifest does not exist", stopped("TaskFailedToStart", pull+"manifest unknown", nil, ""), configuration, false, "push the image"},
		{"the repository does not exist", stopped("TaskFailedToStart", "CannotPullContainerError: pull access denied for scanner, repository does not exist or may require 'docker login'", nil, ""),
			configuration, false, "push the image"},
		{"the image may not be pulled", stopped("TaskFailedToStart", "CannotPullContainerError: Error response from daemon: access denied", nil, ""),
			configuration, false, "execution role"},
		{"the registry answers 403", stopped("TaskFailedToStart", pull+"unexpected status code: 403 Forbidden", nil, ""), configuration, false, "execution role"},
		{"the image does not fit on the disk", stopped("TaskFailedToStart", "CannotPullContainerError: failed to extract layer: no space left on device", nil, ""),
			configuration, false, "ephemeralStorage"},
		{"the image is for another architecture", stopped("TaskFailedToStart",
			"CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'", nil, ""), configuration, false, "architecture"},

		{"the execution role may not read a secret", stopped("TaskFailedToStart",
			resource+"unable to pull secrets or registry auth: AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue", nil, ""),
			configuration, false, "execution role"},
		{"there is no route to ECR", stopped("TaskFailedToStart",
			resource+"unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue: i/o timeout", nil, ""),
			infrastructure, false, "route"},
		{"a secret does not exist", stopped("TaskFailedToStart",
			resource+"unable to retrieve secret from asm: ResourceNotFoundException: Secrets Manager can’t find the specified secret.", nil, ""),
			configuration, false, "create the secret"},
		{"the log group does not exist", stopped("TaskFailedToStart",
			resource+"failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: "+
				"ResourceNotFoundException: The specified log group does not exist. : exit status 1", nil, ""), configuration, false, "log group"},

		{"the command does not exist", stopped("TaskFailedToStart",
			`CannotStartContainerError: failed to create shim task: exec: "scan": executable file not found in $PATH`, nil, ""), configuration, false, "spec.container"},
		{"the container cannot be made", stopped("TaskFailedToStart", "CannotCreateContainerError: invalid mount", nil, ""), configuration, false, "spec.container"},
		{"the program is for another architecture", stopped("TaskFailedToStart", "CannotStartContainerError: exec /scanner: exec format error", nil, ""),
			configuration, false, "architecture"},
		{"the container runtime failed", stopped("TaskFailedToStart", "ContainerRuntimeError: failed to create container", nil, ""), infrastructure, false, ""},
		{"the container runtime was too slow", stopped("TaskFailedToStart", "ContainerRuntimeTimeoutError: Could not transition to running", nil, ""), infrastructure, false, ""},
		{"an error within ECS", stopped("TaskFailedToStart", "InternalError: failed to normalize image reference", nil, ""), infrastructure, false, ""},
		{"the container cannot be looked at", stopped("TaskFailedToStart", "CannotInspectContainerError: could not transition", nil, ""), infrastructure, false, ""},

		{"an exit without an exit code", stopped("EssentialContainerExited", essential, nil, ""), infrastructure, false, ""},
		{"a stop without any explanation", stopped("", "", nil, ""), infrastructure, false, "ECS gave no reason"},
		{"a code that is not known yet", stopped("NextYearsCode", "a text that AWS adds", nil, ""), infrastructure, false, ""},
		{"a task without containers", fargate.Task{ARN: taskARN, LastStatus: "STOPPED", StopCode: "TaskFailedToStart", StoppedReason: "unknown"}, infrastructure, false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, spell := range []func(string) string{keep, strings.ToUpper, strings.ToLower, curl} {
				task := row.task
				task.StoppedReason = spell(task.StoppedReason)
				verdict := fargate.Judge(task, "scanner", "")
				if verdict.Done || verdict.Result != "" || verdict.Class != row.class || verdict.Capacity != row.capacity {
					t.Errorf("%q is done %t, result %q, class %s, capacity %t", task.StoppedReason, verdict.Done, verdict.Result, verdict.Class, verdict.Capacity)
				}
				contains(t, verdict.Message, task.StoppedReason)
				contains(t, verdict.Message, row.advice)
				if len(row.task.Containers) == 0 {
					continue
				}
				if diff := cmp.Diff(row.task.Containers[0].ExitCode, verdict.ExitCode); diff != "" {
					t.Errorf("the exit code differs: %s", diff)
				}
				contains(t, verdict.Message, row.task.Containers[0].Reason)
			}
		})
	}
}

func keep(text string) string { return text }

func curl(text string) string { return strings.ReplaceAll(text, "'", "’") }

func TestAScanThatCameToItsEndKeepsItsResultWhateverStoppedTheTask(t *testing.T) {
	results := map[int32]scanv1.ScanResult{0: scanv1.ResultClean, 10: scanv1.ResultFindings}
	requests := []scanv1.FailureClass{
		"", scanv1.ClassCancelled, scanv1.ClassSuperseded, scanv1.ClassDeadlineExceeded, scanv1.ClassSuspended, scanv1.ClassInfrastructure,
	}
	for code, want := range results {
		for _, stopCode := range []string{"EssentialContainerExited", "UserInitiated", "SpotInterruption", "InfrastructureHealth", ""} {
			for _, requested := range requests {
				verdict := fargate.Judge(stopped(stopCode, essential, exit(code), ""), "scanner", requested)
				if !verdict.Done || verdict.Result != want || verdict.Class != "" || verdict.Capacity || verdict.ExitCode == nil || *verdict.ExitCode != code {
					t.Errorf("exit code %d, stop code %q, requested for %q: %+v", code, stopCode, requested, verdict)
				}
			}
		}
	}
}

func TestARequestedStopHasTheClassThatItWasRequestedFor(t *testing.T) {
	for _, requested := range []scanv1.FailureClass{
		scanv1.ClassCancelled, scanv1.ClassSuperseded, scanv1.ClassDeadlineExceeded, scanv1.ClassSuspended, scanv1.ClassInfrastructure,
	} {
		for name, task := range map[string]fargate.Task{
			"terminated":                      stopped("UserInitiated", "ScanJob scans/a: spec.cancel was set", exit(143), ""),
			"killed":                          stopped("UserInitiated", "ScanJob scans/a: spec.cancel was set", exit(137), ""),
			"stopped before it ran":           stopped("UserInitiated", "ScanJob scans/a: spec.cancel was set", nil, ""),
			"reclaimed at the same time":      stopped("SpotInterruption", "Your Spot Task was interrupted.", exit(137), ""),
			"crashed at the same time":        stopped("EssentialContainerExited", essential, exit(1), ""),
			"refused the request meanwhile":   stopped("EssentialContainerExited", essential, exit(64), ""),
			"failed to pull at the same time": stopped("TaskFailedToStart", pull+"not found", nil, ""),
		} {
			verdict := fargate.Judge(task, "scanner", requested)
			if verdict.Done || verdict.Result != "" || verdict.Class != requested || verdict.Capacity {
				t.Errorf("%s, requested for %s: %+v", name, requested, verdict)
			}
			contains(t, verdict.Message, task.StoppedReason)
		}
	}
}

func TestTheScannerIsFoundAmongTheContainers(t *testing.T) {
	sidecar := fargate.Container{Name: "sidecar", ExitCode: exit(0)}
	for _, row := range []struct {
		name       string
		containers []fargate.Container
		container  string
		wantDone   bool
		wantExit   *int32
	}{
		{"by its name, whatever the others did", []fargate.Container{sidecar, {Name: "scanner", ExitCode: exit(1)}}, "scanner", false, exit(1)},
		{"by its name, wherever it stands", []fargate.Container{{Name: "scanner", ExitCode: exit(10)}, sidecar}, "scanner", true, exit(10)},
		{"as the only one, where the environment has changed", []fargate.Container{{Name: "scanner", ExitCode: exit(10)}}, "renamed", true, exit(10)},
		{"as the only one, where the environment is gone", []fargate.Container{{Name: "scanner", ExitCode: exit(10)}}, "", true, exit(10)},
		{"not at all where none of several has its name", []fargate.Container{sidecar, {Name: "other", ExitCode: exit(0)}}, "scanner", false, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			task := stopped("EssentialContainerExited", essential, nil, "")
			task.Containers = row.containers
			verdict := fargate.Judge(task, row.container, "")
			if verdict.Done != row.wantDone || !cmp.Equal(verdict.ExitCode, row.wantExit) {
				t.Errorf("done %t, exit code %v", verdict.Done, verdict.ExitCode)
			}
		})
	}
}
