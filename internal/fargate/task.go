// Package fargate starts, observes, stops and judges the ECS tasks of attempts.
package fargate

import (
	"strings"
	"time"
)

// Task is what ECS says of one task, by DescribeTasks or by a task state-change event; both carry the same version.
type Task struct {
	// ARN and ClusterARN name the task.
	ARN        string
	ClusterARN string
	// TaskDefinitionARN is the definition with its revision.
	TaskDefinitionARN string
	// StartedBy is the value that RunTask was given; see contract.StartedByPrefix.
	StartedBy string
	// LastStatus is the known state, from PROVISIONING to STOPPED; DesiredStatus is RUNNING or STOPPED.
	LastStatus    string
	DesiredStatus string
	// Version grows with every change of the task.
	Version int64
	// CapacityProvider is FARGATE or FARGATE_SPOT, empty where the task has a launch type only.
	CapacityProvider string
	// CPU is in units of 1/1024 vCPU, Memory in MiB, as ECS writes them.
	CPU    string
	Memory string
	// StopCode and StoppedReason say why the task stopped or is stopping.
	StopCode      string
	StoppedReason string
	// The moments of the task; zero where they have not come.
	CreatedAt     time.Time
	PullStartedAt time.Time
	StartedAt     time.Time
	StoppedAt     time.Time
	// Tags are the task's; nil where they were not asked for.
	Tags map[string]string
	// Containers are all containers of the task.
	Containers []Container
}

// Container is one container of a task.
type Container struct {
	Name       string
	LastStatus string
	// ExitCode is nil where the container never started; nil is not 0.
	ExitCode *int32
	Reason   string
}

// StatusStopped is the last status that a task has.
const StatusStopped = "STOPPED"

// StatusRunning is the status of a task whose containers run.
const StatusRunning = "RUNNING"

// Stopped says whether the task is at its end, its network interface released.
func (t Task) Stopped() bool {
	// DELETED follows STOPPED for a moment and is seen in the API now and then.
	return t.LastStatus == StatusStopped || t.LastStatus == "DELETED"
}

// Container returns the container of that name, or nil.
func (t Task) Container(name string) *Container {
	for i := range t.Containers {
		if t.Containers[i].Name == name {
			return &t.Containers[i]
		}
	}
	return nil
}

// TaskID returns the last part of a task's ARN.
func TaskID(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}
