package awslocal

import "fmt"

// placementFault makes RunTask answer 200 with failures.
type placementFault struct {
	Fault
	provider string
	reason   string
}

// FailRunTask lets the next RunTask calls that would place on a capacity provider (FARGATE, FARGATE_SPOT or Any) answer
// 200 with no task and this reason in failures.
func (f *Faults) FailRunTask(provider string, times int, reason string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &placementFault{Fault: f.newFault(times), provider: provider, reason: reason}
	f.placements = append(f.placements, p)
	return &p.Fault
}

// The reasons of failures[] as Fargate words them.
const (
	ReasonNoCapacity = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
	ReasonVCPULimit  = "You’ve reached the limit on the number of vCPUs you can run concurrently"
)

// NoCapacity lets the next RunTask calls on a capacity provider fail for want of capacity.
func (f *Faults) NoCapacity(provider string, times int) *Fault {
	return f.FailRunTask(provider, times, ReasonNoCapacity)
}

func (f *Faults) placement(provider string) (reason string, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.placements {
		if matches(p.provider, provider) && p.use() {
			return p.reason, true
		}
	}
	return "", false
}

// hiding keeps a task from being seen by an operation.
type hiding struct {
	task  string // ARN or Any
	times int
	seen  map[string]int
}

// Missing lets DescribeTasks answer MISSING for the first so many times for each task that is started from now on, or
// always with Forever, as eventual consistency may. The tasks run all the same.
func (f *Faults) Missing(times int) { f.MissingTask(Any, times) }

// MissingTask is Missing for one task, from now on.
func (f *Faults) MissingTask(arn string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missing = append(f.missing, newHiding(arn, times))
}

// Unlisted lets ListTasks leave out each task for the first so many times that it would name it, or always with Forever:
// lists are eventually consistent, too.
func (f *Faults) Unlisted(times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unlisted = append(f.unlisted, newHiding(Any, times))
}

func newHiding(arn string, times int) *hiding {
	return &hiding{task: arn, times: times, seen: map[string]int{}}
}

func (f *Faults) isMissing(arn string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hidden(f.missing, arn)
}

func (f *Faults) isUnlisted(arn string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hidden(f.unlisted, arn)
}

// hidden uses up one time of the first that hides the task.
func hidden(by []*hiding, arn string) bool {
	for _, h := range by {
		if !matches(h.task, arn) || h.times != Forever && h.seen[arn] >= h.times {
			continue
		}
		h.seen[arn]++
		return true
	}
	return false
}

// StartFailure is how a task ends that never runs.
type StartFailure struct {
	// StoppedReason is the task's; StopCode is TaskFailedToStart unless set.
	StopCode      string
	StoppedReason string
	// ContainerReason is the container's reason, where the failure is the container's.
	ContainerReason string
	// Pulling says that the task got its network interface and failed while it prepared the container; else it failed in
	// PROVISIONING.
	Pulling bool
}

// NetworkTimeout is a network interface that could not be provisioned in time.
func NetworkTimeout() StartFailure {
	return StartFailure{StoppedReason: "Timeout waiting for network interface provisioning to complete."}
}

// SubnetFull is a subnet without free addresses.
func SubnetFull() StartFailure {
	return StartFailure{StoppedReason: "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-0a1b2c3d4e5f60718': InsufficientFreeAddressesInSubnet"}
}

// ImagePullTimeout is a registry that could not be reached.
func ImagePullTimeout() StartFailure {
	return StartFailure{
		Pulling:         true,
		StoppedReason:   "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref: dial tcp 192.0.2.10:443: i/o timeout",
		ContainerReason: "CannotPullContainerError: pull image manifest has been retried 5 time(s)",
	}
}

// ImageNotFound is an image that is not in its registry.
func ImageNotFound() StartFailure {
	return StartFailure{
		Pulling:         true,
		StoppedReason:   "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: manifest unknown: not found",
		ContainerReason: "CannotPullContainerError: pull image manifest has been retried 1 time(s)",
	}
}

// LogGroupMissing is a task definition whose log group does not exist.
func LogGroupMissing() StartFailure {
	return StartFailure{
		Pulling:       true,
		StoppedReason: "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
	}
}

// startFault makes tasks fail to start.
type startFault struct {
	Fault
	failure StartFailure
}

// FailStart lets the next tasks fail to start in the given way: RunTask accepts them.
func (f *Faults) FailStart(times int, failure StartFailure) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &startFault{Fault: f.newFault(times), failure: failure}
	f.starts = append(f.starts, s)
	return &s.Fault
}

func (f *Faults) startFailure() (StartFailure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.starts {
		if s.use() {
			return s.failure, true
		}
	}
	return StartFailure{}, false
}

// ReclaimSpot interrupts a running task on Spot: the warning event, SIGTERM, SIGKILL after the stop timeout, and
// SpotInterruption as the stop code.
func (f *Faults) ReclaimSpot(taskARN string) error {
	t, err := f.liveTask(taskARN)
	if err != nil {
		return err
	}
	if t.provider != providerSpot {
		return fmt.Errorf("task %s runs on %s; only %s is reclaimed", taskARN, t.provider, providerSpot)
	}
	t.requestStop(f.server.tasks, stopRequest{code: "SpotInterruption", reason: "Your Spot Task was interrupted."})
	return nil
}

// OutOfMemory kills a running task's container as the kernel does when its memory is used up: exit code 137 with
// OutOfMemoryError as the reason.
func (f *Faults) OutOfMemory(taskARN string) error {
	t, err := f.liveTask(taskARN)
	if err != nil {
		return err
	}
	t.killOutOfMemory()
	return nil
}

func (f *Faults) liveTask(arn string) (*task, error) {
	t, ok := f.server.tasks.task(arn)
	if !ok || t.stopped() {
		return nil, fmt.Errorf("no live task %q", arn)
	}
	return t, nil
}

// TaskDefinitionInactive deregisters a task definition, given as family:revision or ARN.
func (f *Faults) TaskDefinitionInactive(id string) error {
	definition, refused := f.server.tasks.findDefinition(id)
	if refused != nil {
		return refused
	}
	f.server.tasks.deregister(definition)
	return nil
}
