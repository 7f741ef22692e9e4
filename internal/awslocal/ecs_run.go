package awslocal

import (
	"encoding/json"
	"fmt"
	"slices"
)

type runTaskInput struct {
	Cluster                  string          `json:"cluster"`
	TaskDefinition           string          `json:"taskDefinition"`
	Count                    *int            `json:"count"`
	ClientToken              string          `json:"clientToken"`
	StartedBy                string          `json:"startedBy"`
	Group                    string          `json:"group"`
	LaunchType               string          `json:"launchType"`
	CapacityProviderStrategy []strategyItem  `json:"capacityProviderStrategy"`
	PlatformVersion          string          `json:"platformVersion"`
	PropagateTags            string          `json:"propagateTags"`
	ReferenceID              string          `json:"referenceId"`
	EnableExecuteCommand     bool            `json:"enableExecuteCommand"`
	Tags                     []tag           `json:"tags"`
	Overrides                json.RawMessage `json:"overrides"`
	NetworkConfiguration     *struct {
		VPC networkConfiguration `json:"awsvpcConfiguration"`
	} `json:"networkConfiguration"`
}

type networkConfiguration struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
	AssignPublicIP string   `json:"assignPublicIp"`
}

type taskOverrides struct {
	CPU                string              `json:"cpu"`
	Memory             string              `json:"memory"`
	TaskRoleARN        string              `json:"taskRoleArn"`
	EphemeralStorage   *ephemeralStorage   `json:"ephemeralStorage"`
	ContainerOverrides []containerOverride `json:"containerOverrides"`
}

type containerOverride struct {
	Name        string      `json:"name"`
	Command     []string    `json:"command"`
	Environment []nameValue `json:"environment"`
}

// runRequest is a RunTask call that was found valid.
type runRequest struct {
	in         runTaskInput
	count      int
	cluster    *cluster
	definition *taskDefinition
	overrides  taskOverrides
	size       taskSize
	disk       int
	providers  []string
}

type runTaskOutput struct {
	Tasks    []map[string]any `json:"tasks"`
	Failures []failureItem    `json:"failures"`
}

func (e *ecsService) runTask(c *call, in runTaskInput) (any, error) {
	e.mu.Lock()
	r, refused := e.validateRun(in)
	if refused != nil {
		e.mu.Unlock()
		return nil, refused
	}
	hash, err := requestHash(c.body)
	if err != nil {
		e.mu.Unlock()
		return nil, err
	}
	if token, ok := r.cluster.token(in.ClientToken, c.time); ok {
		e.mu.Unlock()
		return token.replay(hash, c.time)
	}
	started, failures, refused := e.launch(c, r)
	if refused != nil {
		e.mu.Unlock()
		return nil, refused
	}
	if in.ClientToken != "" {
		r.cluster.tokens[in.ClientToken] = &tokenRecord{hash: hash, created: c.time, tasks: started, failures: failures}
	}
	e.mu.Unlock()
	out := runTaskOutput{Tasks: []map[string]any{}, Failures: nonNil(failures)}
	for _, t := range started {
		out.Tasks = append(out.Tasks, t.begin(e))
	}
	return out, nil
}

// launch creates the tasks for which there is capacity; the lock is held. They begin when the lock was released.
func (e *ecsService) launch(c *call, r runRequest) (started []*task, failures []failureItem, refused *Error) {
	type launch struct{ failure string }
	launches := make([]launch, len(r.providers))
	pending := map[string]float64{}
	for i, provider := range r.providers {
		reason, failed := e.server.faults.placement(provider)
		if !failed {
			reason, refused = e.server.faults.admitLaunches(c, provider, 1, e.vcpuInUse[provider]+pending[provider], r.size.vcpu())
			if refused != nil {
				return nil, nil, refused
			}
		}
		if reason == "" {
			pending[provider] += r.size.vcpu()
		}
		launches[i] = launch{failure: reason}
	}
	for i, provider := range r.providers {
		if reason := launches[i].failure; reason != "" {
			failures = append(failures, failureItem{Reason: reason})
			continue
		}
		t := e.newTask(c, r, provider)
		e.vcpuInUse[provider] += r.size.vcpu()
		e.tasks[t.arn] = t
		e.started = append(e.started, t)
		e.visible = append(e.visible, t)
		started = append(started, t)
	}
	return started, failures, nil
}

// validateRun checks a request in the order in which ECS's answers suggest that it does; the lock is held.
func (e *ecsService) validateRun(in runTaskInput) (runRequest, *Error) {
	r := runRequest{in: in, count: 1, disk: 20}
	if in.Count != nil {
		r.count = *in.Count
	}
	var refused *Error
	if r.cluster, refused = e.findCluster(in.Cluster); refused != nil {
		return r, refused
	}
	if refused = validateRunFields(in, r.count); refused != nil {
		return r, refused
	}
	definition, refused := e.lookUpDefinition(in.TaskDefinition)
	if refused != nil {
		return r, refuse("ClientException", "TaskDefinition not found.")
	}
	if !definition.active {
		return r, refuse("ClientException", "TaskDefinition is inactive")
	}
	r.definition = definition
	if refused = validateNetwork(in); refused != nil {
		return r, refused
	}
	if refused = e.server.faults.sameVPC(in.NetworkConfiguration.VPC); refused != nil {
		return r, refused
	}
	if refused = r.applyOverrides(); refused != nil {
		return r, refused
	}
	return r, r.chooseProviders()
}

func (r *runRequest) chooseProviders() *Error {
	strategy := r.in.CapacityProviderStrategy
	if len(strategy) == 0 && r.in.LaunchType == "" {
		strategy = r.cluster.defaultStrategy
	}
	switch {
	case len(strategy) > 0:
		if refused := validateStrategy(r.cluster, strategy); refused != nil {
			return refused
		}
		r.providers = r.cluster.place(strategy, r.count)
	case r.in.LaunchType == "FARGATE":
		r.providers = slices.Repeat([]string{providerOnDemand}, r.count)
	default:
		return refuse("InvalidParameterException", "No Container Instances were found in your cluster.")
	}
	return nil
}

// applyOverrides reads the overrides and settles the task's size.
func (r *runRequest) applyOverrides() *Error {
	const code = "InvalidParameterException"
	input := r.definition.input
	cpu, memory := input.CPU, input.Memory
	if input.EphemeralStorage != nil {
		r.disk = input.EphemeralStorage.SizeInGiB
	}
	if len(r.in.Overrides) > 0 {
		if n, err := jsonCharacters(r.in.Overrides); err != nil || n > 8192 {
			return refuse(code, "Container Overrides length must be at most 8192")
		}
		if err := json.Unmarshal(r.in.Overrides, &r.overrides); err != nil {
			return refuse("SerializationException", "overrides: %v", err)
		}
	}
	o := r.overrides
	for _, c := range o.ContainerOverrides {
		if c.Name != r.definition.container.Name {
			return refuse(code, "Override for container named %s is not a container in the TaskDefinition.", c.Name)
		}
	}
	if o.EphemeralStorage != nil {
		if r.disk = o.EphemeralStorage.SizeInGiB; !validEphemeralStorage(r.disk) {
			return refuse(code, "The ephemeral storage size must be between 21 and 200 GiB.")
		}
	}
	if o.CPU != "" {
		cpu = o.CPU
	}
	if o.Memory != "" {
		memory = o.Memory
	}
	size, refused := fargateSize(cpu, memory, code)
	r.size = size
	return refused
}

// environment is the container's environment: the definition's under the override's.
func (r runRequest) environment() map[string]string {
	environment := map[string]string{}
	for _, item := range r.definition.container.Environment {
		environment[item.Name] = item.Value
	}
	for _, override := range r.overrides.ContainerOverrides {
		for _, item := range override.Environment {
			environment[item.Name] = item.Value
		}
	}
	return environment
}

func (r runRequest) command() []string {
	for _, override := range r.overrides.ContainerOverrides {
		if len(override.Command) > 0 {
			return override.Command
		}
	}
	return r.definition.container.Command
}

func (r runRequest) taskRole() string {
	if r.overrides.TaskRoleARN != "" {
		return r.overrides.TaskRoleARN
	}
	return r.definition.input.TaskRoleARN
}

func (r runRequest) group() string {
	if r.in.Group != "" {
		return r.in.Group
	}
	return fmt.Sprintf("family:%s", r.definition.family)
}
