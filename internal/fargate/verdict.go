package fargate

import (
	"fmt"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Verdict is what a stopped task means for its attempt.
type Verdict struct {
	// Done is set where the scanner finished its work; Result then says what it found and Class is empty.
	Done   bool
	Result scanv1.ScanResult
	// Class says who spoiled the attempt.
	Class scanv1.FailureClass
	// Capacity is set where a Spot task was taken back or got no capacity.
	Capacity bool
	// ExitCode is the scanner's, nil where its container never ran.
	ExitCode *int32
	// Message tells people what happened and what to do.
	Message string
}

// stop is a row of the table that classifies stopped tasks. Every set field must match.
type stop struct {
	stopCode string
	exitCode *int32
	// neverRan asks for a container without an exit code.
	neverRan bool
	// contains are texts of which one must be in the stopped reason or the container's reason, compared folded.
	contains []string
	class    scanv1.FailureClass
	capacity bool
	advice   string
}

func code(n int32) *int32 { return &n }

// stops classifies tasks that stopped without a result and without being asked to by this operator. The first row that
// matches counts; the last one matches all. Texts are from
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html.
func stops() []stop {
	const (
		infrastructure = scanv1.ClassInfrastructure
		configuration  = scanv1.ClassConfiguration
		scan           = scanv1.ClassScan
	)
	return []stop{
		{stopCode: "SpotInterruption", class: infrastructure, capacity: true, advice: "Spot capacity was taken back"},
		{stopCode: "TerminationNotice", class: infrastructure, capacity: true, advice: "Spot capacity was taken back"},
		{stopCode: "InfrastructureHealth", class: infrastructure, advice: "the host failed"},
		{stopCode: "UserInitiated", class: infrastructure, advice: "somebody else stopped the task; set spec.cancel to end the job instead"},
		{stopCode: "ServiceSchedulerInitiated", class: infrastructure},

		{exitCode: code(contract.ExitRequest), class: configuration, advice: "the scanner says that the request cannot be scanned; its log says why"},
		{exitCode: code(contract.ExitTemporary), class: scan, advice: "the scanner met a temporary failure; its log says which"},
		{contains: []string{"outofmemoryerror"}, class: scan, advice: "the scanner ran out of memory: raise spec.resources.memory"},
		{exitCode: code(137), class: scan, advice: "the scanner was killed"},
		{exitCode: code(139), class: scan, advice: "the scanner crashed (segmentation fault)"},
		{exitCode: code(143), class: scan, advice: "the scanner was terminated"},

		{contains: []string{"timeout waiting for network interface provisioning", "rate limit exceeded while preparing network interface",
			"timeout waiting for ephemeralstorage provisioning"}, class: infrastructure},
		{contains: []string{"insufficientfreeaddresses"}, class: infrastructure, advice: "a subnet has no free addresses: add one to spec.network.subnets"},
		{contains: []string{"capacity is unavailable"}, class: infrastructure, capacity: true},

		{contains: []string{"cannotpullcontainererror", "cannotpullimagemanifesterror", "cannotpullecrcontainererror"}, neverRan: true,
			class: infrastructure, advice: "the image could not be pulled"},
		{contains: []string{"resourceinitializationerror"}, class: infrastructure,
			advice: "check the execution role and the route to ECR, Secrets Manager and CloudWatch Logs"},
		{contains: []string{"exec format error"}, class: configuration,
			advice: "the image has no variant for the task definition's CPU architecture: build one, or correct the task definition's cpuArchitecture"},
		{contains: []string{"cannotstartcontainererror", "cannotcreatecontainererror"}, class: configuration,
			advice: "the container cannot be started as the task definition and spec.container say"},
		{contains: []string{"containerruntimeerror", "containerruntimetimeouterror", "internalerror", "cannotinspectcontainererror"}, class: infrastructure},

		{stopCode: "EssentialContainerExited", neverRan: true, class: infrastructure},
		// On Fargate this is all that ECS tells of a program for another architecture; that it was one is in the log alone.
		{stopCode: "EssentialContainerExited", exitCode: code(1), class: scan,
			advice: "the scanner crashed; its log says where: exec format error there means that the image is for another CPU architecture than the task definition"},
		{stopCode: "EssentialContainerExited", class: scan, advice: "the scanner crashed; its log says where"},
		{class: infrastructure},
	}
}

// hopeless are texts that turn a failed pull or initialisation, which is otherwise tried again, into a matter of
// configuration.
func hopeless() []stop {
	return []stop{
		{contains: []string{"manifest unknown", "not found", "repository does not exist", "can't find the specified secret"}, class: scanv1.ClassConfiguration,
			advice: "push the image or create the secret, or correct the task definition"},
		{contains: []string{"no space left on device"}, class: scanv1.ClassConfiguration, advice: "raise spec.resources.ephemeralStorage"},
		{contains: []string{"does not contain descriptor matching platform"}, class: scanv1.ClassConfiguration,
			advice: "the image has no variant for the task definition's CPU architecture: build one, or correct the task definition's cpuArchitecture"},
		{contains: []string{"access denied", "accessdenied", "not authorized", "403 forbidden", "pull access denied"}, class: scanv1.ClassConfiguration,
			advice: "allow the execution role to pull the image and read the secrets"},
		{contains: []string{"log group does not exist"}, class: scanv1.ClassConfiguration,
			advice: "create the log group, or correct it in the task definition"},
	}
}

// Judge returns what a stopped task means. requested is why this operator asked for the stop, empty where it did not: a
// scan that came to its end all the same keeps its result.
func Judge(task Task, containerName string, requested scanv1.FailureClass) Verdict {
	container := scannerOf(task, containerName)
	verdict := Verdict{ExitCode: container.ExitCode}
	if code := container.ExitCode; code != nil && (*code == contract.ExitClean || *code == contract.ExitFindings) {
		verdict.Done = true
		verdict.Result = scanv1.ResultClean
		if *code == contract.ExitFindings {
			verdict.Result = scanv1.ResultFindings
		}
		return verdict
	}
	told := explanation(task, container)
	if requested != "" {
		verdict.Class = requested
		verdict.Message = told
		return verdict
	}
	text := fold(task.StoppedReason + "\n" + container.Reason)
	for _, row := range stops() {
		if !row.matches(task.StopCode, container.ExitCode, text) {
			continue
		}
		verdict.Class, verdict.Capacity = row.class, row.capacity
		verdict.Message = withAdvice(told, row.advice)
		break
	}
	if prepares := strings.Contains(text, "cannotpull") || strings.Contains(text, "resourceinitializationerror"); prepares && container.ExitCode == nil {
		for _, row := range hopeless() {
			if row.matches(task.StopCode, container.ExitCode, text) {
				verdict.Class, verdict.Capacity = row.class, false
				verdict.Message = withAdvice(told, row.advice)
				break
			}
		}
	}
	return verdict
}

func (row stop) matches(stopCode string, exitCode *int32, text string) bool {
	if row.stopCode != "" && row.stopCode != stopCode {
		return false
	}
	if row.exitCode != nil && (exitCode == nil || *exitCode != *row.exitCode) {
		return false
	}
	if row.neverRan && exitCode != nil {
		return false
	}
	if len(row.contains) == 0 {
		return true
	}
	for _, part := range row.contains {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// scannerOf returns the scanner's container; where the name is unknown (the environment has changed since) and there is
// only one container, that one.
func scannerOf(task Task, name string) Container {
	if container := task.Container(name); container != nil {
		return *container
	}
	if len(task.Containers) == 1 {
		return task.Containers[0]
	}
	return Container{Name: name}
}

func explanation(task Task, container Container) string {
	text := task.StoppedReason
	if text == "" {
		text = "ECS gave no reason"
	}
	if container.Reason != "" && !strings.Contains(text, container.Reason) {
		text += "; container: " + container.Reason
	}
	if container.ExitCode != nil {
		text += fmt.Sprintf("; exit code %d", *container.ExitCode)
	}
	return text
}
