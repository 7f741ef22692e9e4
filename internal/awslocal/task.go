package awslocal

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// The values of lastStatus, in order.
const (
	statusProvisioning   = "PROVISIONING"
	statusPending        = "PENDING"
	statusActivating     = "ACTIVATING"
	statusRunning        = "RUNNING"
	statusDeactivating   = "DEACTIVATING"
	statusStopping       = "STOPPING"
	statusDeprovisioning = "DEPROVISIONING"
	statusStopped        = "STOPPED"
)

// stoppedVisible is how long DescribeTasks shows a stopped task.
const stoppedVisible = time.Hour

// task is one ECS task.
type task struct {
	arn, id    string
	sequence   int
	cluster    *cluster
	request    runRequest
	provider   string
	principal  string
	overrides  any
	az         string
	attachment string
	eni        []nameValue
	address    string
	container  string
	digest     string
	created    time.Time

	stopping chan struct{} // closed when SIGTERM is due
	oom      chan struct{} // closed when the kernel kills the container

	mu    sync.Mutex // held while an event is published, so that a task's events leave in their order
	state taskState
}

// taskState is what changes in a task's life.
type taskState struct {
	lastStatus, desiredStatus       string
	version                         int
	tags                            []tag
	eniStatus                       string
	stopCode, stoppedReason         string
	containerStatus                 string
	containerReason                 string
	exitCode                        *int
	updated                         time.Time
	connectivityAt                  time.Time
	pullStarted, pullStopped        time.Time
	startedAt                       time.Time
	stoppingAt, executionStoppedAt  time.Time
	stoppedAt, describedAt          time.Time
	stopRequested, outOfMemoryAsked bool
}

// newTask makes a task that has not begun; the service's lock is held.
func (e *ecsService) newTask(c *call, r runRequest, provider string) *task {
	id := randomHex(16)
	octet := func() int { return 1 + rand.IntN(254) }
	address := fmt.Sprintf("10.20.%d.%d", octet(), octet())
	t := &task{
		arn: e.server.arn(serviceECS, "task/"+r.cluster.name+"/"+id), id: id, sequence: len(e.started),
		cluster: r.cluster, request: r, provider: provider, principal: c.principal.ARN,
		az:         e.server.options.Region + "b",
		attachment: randomUUID(),
		address:    address,
		eni: []nameValue{
			{"subnetId", r.in.NetworkConfiguration.VPC.Subnets[rand.IntN(len(r.in.NetworkConfiguration.VPC.Subnets))]},
			{"networkInterfaceId", "eni-0" + randomHex(8)},
			{"macAddress", fmt.Sprintf("0a:%02x:%02x:%02x:%02x:%02x", octet(), octet(), octet(), octet(), octet())},
			{"privateIPv4Address", address},
		},
		container: e.server.arn(serviceECS, "container/"+r.cluster.name+"/"+id+"/"+randomUUID()),
		digest:    "sha256:" + randomHex(32),
		created:   c.time,
		stopping:  make(chan struct{}), oom: make(chan struct{}),
		state: taskState{
			lastStatus: statusProvisioning, desiredStatus: statusRunning, version: 1, tags: r.in.Tags,
			eniStatus: "PRECREATED", containerStatus: statusPending, updated: c.time,
		},
	}
	t.overrides = map[string]any{"containerOverrides": []any{}}
	if len(r.in.Overrides) > 0 {
		t.overrides = r.in.Overrides
	}
	if r.in.PropagateTags == "TASK_DEFINITION" {
		t.state.tags = append(append([]tag{}, r.definition.input.Tags...), r.in.Tags...)
	}
	return t
}

// change alters the task's state, raises its version and publishes the event.
func (t *task) change(e *ecsService, alter func(*taskState)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changeLocked(e, alter)
}

func (t *task) changeLocked(e *ecsService, alter func(*taskState)) {
	alter(&t.state)
	t.state.version++
	t.state.updated = e.server.clock.Now()
	t.publish(e)
}

func (t *task) publish(e *ecsService) {
	e.server.bus.emit(Event{
		DetailType: "ECS Task State Change", Source: "aws.ecs", Time: t.state.updated,
		Resources: []string{t.arn}, Detail: t.documentLocked(eventForm{}),
	})
}

func (t *task) status() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.lastStatus
}

func (t *task) stopped() bool { return t.status() == statusStopped }

func (t *task) stoppedTime() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.stoppedAt, t.state.lastStatus == statusStopped
}

// gone says whether ECS has forgotten the task.
func (t *task) gone(now time.Time) bool {
	stopped, ok := t.stoppedTime()
	return ok && now.Sub(stopped) > stoppedVisible
}

// form is what differs between the API's and the event's way to write a task.
type form interface {
	time(time.Time) any
	eniType() string
	extra(t *task) map[string]any
}

// apiForm is the way of DescribeTasks: times are numbers, tags only if asked for.
type apiForm struct{ tags bool }

func (apiForm) time(t time.Time) any { return epoch(t) }
func (apiForm) eniType() string      { return "ElasticNetworkInterface" }
func (f apiForm) extra(t *task) map[string]any {
	extra := map[string]any{"platformFamily": "Linux", "tags": []tag{}}
	if f.tags {
		extra["tags"] = nonNil(t.state.tags)
	}
	return extra
}

// eventForm is the way of task state change events: times are ISO strings, and there are no tags.
type eventForm struct{}

func (eventForm) time(t time.Time) any { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
func (eventForm) eniType() string      { return "eni" }
func (f eventForm) extra(t *task) map[string]any {
	return map[string]any{"updatedAt": f.time(t.state.updated)}
}

func (t *task) document(f form) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.documentLocked(f)
}

// described notes that DescribeTasks tells of the task.
func (t *task) described(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.describedAt = at
}

// documentLocked is the task as the API or an event shows it.
func (t *task) documentLocked(f form) map[string]any {
	s := &t.state
	document := map[string]any{
		"taskArn": t.arn, "clusterArn": t.cluster.arn, "taskDefinitionArn": t.request.definition.arn,
		"group": t.request.group(), "launchType": providerOnDemand, "platformVersion": "1.4.0",
		"cpu": fmt.Sprint(t.request.size.cpuUnits), "memory": fmt.Sprint(t.request.size.memoryMiB),
		"ephemeralStorage":     ephemeralStorage{t.request.disk},
		"enableExecuteCommand": t.request.in.EnableExecuteCommand, "overrides": t.overrides,
		"attributes":  []any{map[string]any{"name": "ecs.cpu-architecture", "value": t.architecture()}},
		"attachments": []any{map[string]any{"id": t.attachment, "type": f.eniType(), "status": s.eniStatus, "details": t.eni}},
		"containers":  []any{t.containerDocument()},
		"lastStatus":  s.lastStatus, "desiredStatus": s.desiredStatus, "version": s.version, "createdAt": f.time(t.created),
	}
	if t.request.in.LaunchType == "" {
		document["capacityProviderName"] = t.provider
	}
	if !s.connectivityAt.IsZero() {
		document["connectivity"], document["availabilityZone"] = "CONNECTED", t.az
	}
	for name, text := range map[string]string{
		"startedBy": t.request.in.StartedBy, "stopCode": s.stopCode, "stoppedReason": s.stoppedReason,
	} {
		if text != "" {
			document[name] = text
		}
	}
	for name, moment := range map[string]time.Time{
		"connectivityAt": s.connectivityAt, "pullStartedAt": s.pullStarted, "pullStoppedAt": s.pullStopped, "startedAt": s.startedAt,
		"stoppingAt": s.stoppingAt, "executionStoppedAt": s.executionStoppedAt, "stoppedAt": s.stoppedAt,
	} {
		if !moment.IsZero() {
			document[name] = f.time(moment)
		}
	}
	maps.Copy(document, f.extra(t))
	return document
}

func (t *task) containerDocument() map[string]any {
	s := &t.state
	interfaces := []any{}
	if !s.connectivityAt.IsZero() {
		interfaces = append(interfaces, map[string]any{"attachmentId": t.attachment, "privateIpv4Address": t.address})
	}
	container := map[string]any{
		"containerArn": t.container, "taskArn": t.arn, "name": t.request.definition.container.Name,
		"image": t.request.definition.container.Image, "lastStatus": s.containerStatus, "networkInterfaces": interfaces, "cpu": "0",
	}
	if !s.startedAt.IsZero() {
		container["runtimeId"], container["imageDigest"] = t.id+"-0527074092", t.digest
	}
	if s.exitCode != nil {
		container["exitCode"] = *s.exitCode
	}
	if s.containerReason != "" {
		container["reason"] = s.containerReason
	}
	return container
}

func (t *task) architecture() string {
	if t.request.definition.input.RuntimePlatform.CPUArchitecture == "ARM64" {
		return "arm64"
	}
	return "x86_64"
}

// Task is a task as a test sees it: also when ECS has forgotten it.
type Task struct {
	ARN, Cluster, TaskDefinition, CapacityProvider string
	ClientToken, StartedBy, Group, Principal       string
	LastStatus, DesiredStatus                      string
	StopCode, StoppedReason, ContainerReason       string
	// ExitCode is nil while the container runs, and for good if it never did.
	ExitCode *int
	// Environment is the container's from the task definition and the overrides.
	Environment map[string]string
	// Overrides are as given to RunTask; nil if there were none.
	Overrides json.RawMessage
	Tags      map[string]string
	Version   int
	// Times that have not come yet are zero.
	CreatedAt, StartedAt, StoppedAt time.Time
	// DescribedAt is when DescribeTasks last told of the task.
	DescribedAt time.Time
}

// Tasks are all tasks that were ever started, oldest first.
func (s *Server) Tasks() []Task {
	s.tasks.mu.Lock()
	started := s.tasks.started[:len(s.tasks.started):len(s.tasks.started)]
	s.tasks.mu.Unlock()
	tasks := make([]Task, 0, len(started))
	for _, t := range started {
		tasks = append(tasks, t.snapshot())
	}
	return tasks
}

// TaskCount is how many tasks were ever started.
func (s *Server) TaskCount() int {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	return len(s.tasks.started)
}

func (t *task) snapshot() Task {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.state
	tags := map[string]string{}
	for _, tag := range s.tags {
		tags[tag.Key] = tag.Value
	}
	return Task{
		ARN: t.arn, Cluster: t.cluster.arn, TaskDefinition: t.request.definition.arn, CapacityProvider: t.provider,
		ClientToken: t.request.in.ClientToken, StartedBy: t.request.in.StartedBy, Group: t.request.group(), Principal: t.principal,
		LastStatus: s.lastStatus, DesiredStatus: s.desiredStatus,
		StopCode: s.stopCode, StoppedReason: s.stoppedReason, ContainerReason: s.containerReason, ExitCode: s.exitCode,
		Environment: t.request.environment(), Overrides: t.request.in.Overrides, Tags: tags, Version: s.version,
		CreatedAt: t.created, StartedAt: s.startedAt, StoppedAt: s.stoppedAt, DescribedAt: s.describedAt,
	}
}
