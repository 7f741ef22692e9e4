package awslocal

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// definitionFamily is all revisions of a task definition, oldest first.
type definitionFamily struct{ revisions []*taskDefinition }

type taskDefinition struct {
	arn       string
	family    string
	revision  int
	active    bool
	input     registerInput
	container containerDefinition
	document  map[string]any // as registered
}

type registerInput struct {
	Family                  string                `json:"family"`
	ContainerDefinitions    []containerDefinition `json:"containerDefinitions"`
	CPU                     string                `json:"cpu"`
	Memory                  string                `json:"memory"`
	NetworkMode             string                `json:"networkMode"`
	RequiresCompatibilities []string              `json:"requiresCompatibilities"`
	TaskRoleARN             string                `json:"taskRoleArn"`
	ExecutionRoleARN        string                `json:"executionRoleArn"`
	EphemeralStorage        *ephemeralStorage     `json:"ephemeralStorage"`
	RuntimePlatform         struct {
		CPUArchitecture string `json:"cpuArchitecture"`
	} `json:"runtimePlatform"`
	Tags []tag `json:"tags"`
}

type containerDefinition struct {
	Name             string            `json:"name"`
	Image            string            `json:"image"`
	Command          []string          `json:"command"`
	Environment      []nameValue       `json:"environment"`
	Privileged       bool              `json:"privileged"`
	StopTimeout      *int              `json:"stopTimeout"`
	LogConfiguration *logConfiguration `json:"logConfiguration"`
}

type logConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

type nameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type ephemeralStorage struct {
	SizeInGiB int `json:"sizeInGiB"`
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (e *ecsService) registerTaskDefinition(c *call, in registerInput) (any, error) {
	if refused := validateDefinition(in); refused != nil {
		return nil, refused
	}
	document := map[string]any{}
	if err := json.Unmarshal(c.body, &document); err != nil {
		return nil, refuse("SerializationException", "%v", err)
	}
	delete(document, "tags")
	e.mu.Lock()
	defer e.mu.Unlock()
	family, ok := e.definitions[in.Family]
	if !ok {
		family = &definitionFamily{}
		e.definitions[in.Family] = family
	}
	revision := len(family.revisions) + 1
	d := &taskDefinition{
		arn:    e.server.arn(serviceECS, fmt.Sprintf("task-definition/%s:%d", in.Family, revision)),
		family: in.Family, revision: revision, active: true,
		input: in, container: in.ContainerDefinitions[0],
	}
	maps.Copy(document, map[string]any{
		"taskDefinitionArn": d.arn, "revision": revision,
		"compatibilities": []string{"EC2", providerOnDemand}, "registeredAt": epoch(c.time), "registeredBy": c.principal.ARN,
	})
	d.document = document
	family.revisions = append(family.revisions, d)
	return map[string]any{"taskDefinition": d.describe(), "tags": nonNil(in.Tags)}, nil
}

// describe is the definition as the API shows it; the service's lock is held.
func (d *taskDefinition) describe() map[string]any {
	document := maps.Clone(d.document)
	document["status"] = "INACTIVE"
	if d.active {
		document["status"] = "ACTIVE"
	}
	return document
}

func validateDefinition(in registerInput) *Error {
	family := regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	switch {
	case !family.MatchString(in.Family):
		return refuse("ClientException", "Family contains invalid characters.")
	case len(in.ContainerDefinitions) != 1:
		return refuse("ClientException", "The local AWS runs task definitions with exactly one container, not %d.", len(in.ContainerDefinitions))
	case in.NetworkMode != "awsvpc":
		return refuse("ClientException", "Fargate only supports network mode 'awsvpc'.")
	case in.EphemeralStorage != nil && !validEphemeralStorage(in.EphemeralStorage.SizeInGiB):
		return refuse("ClientException", "The ephemeral storage size must be between 21 and 200 GiB.")
	}
	if _, refused := fargateSize(in.CPU, in.Memory, "ClientException"); refused != nil {
		return refused
	}
	return validateContainer(in.ContainerDefinitions[0], in.ExecutionRoleARN)
}

func validateContainer(c containerDefinition, executionRole string) *Error {
	switch {
	case c.Name == "" || c.Image == "":
		return refuse("ClientException", "Container.name and Container.image must not be null or empty.")
	case c.Privileged:
		return refuse("ClientException", "Tasks using the Fargate launch type do not support privileged containers.")
	case c.StopTimeout != nil && (*c.StopTimeout < 2 || *c.StopTimeout > 120):
		return refuse("ClientException", "The stopTimeout must be between 2 and 120 seconds on Fargate.")
	}
	if c.LogConfiguration == nil {
		return nil
	}
	if c.LogConfiguration.LogDriver == "awslogs" {
		for _, option := range []string{"awslogs-group", "awslogs-region", "awslogs-stream-prefix"} {
			if c.LogConfiguration.Options[option] == "" {
				return refuse("ClientException", "Log driver awslogs requires options: awslogs-group, awslogs-region, awslogs-stream-prefix; %s is missing.", option)
			}
		}
		if executionRole == "" {
			return refuse("ClientException", "Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		}
	}
	return nil
}

func (e *ecsService) describeTaskDefinition(_ *call, in struct {
	TaskDefinition string `json:"taskDefinition"`
}) (any, error) {
	d, refused := e.findDefinition(in.TaskDefinition)
	if refused != nil {
		return nil, refused
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return map[string]any{"taskDefinition": d.describe(), "tags": nonNil(d.input.Tags)}, nil
}

func (e *ecsService) deregisterTaskDefinition(_ *call, in struct {
	TaskDefinition string `json:"taskDefinition"`
}) (any, error) {
	if _, revision, _ := splitDefinition(in.TaskDefinition); revision == 0 {
		return nil, refuse("ClientException", "taskDefinition must be a family and revision, such as scanner:1")
	}
	d, refused := e.findDefinition(in.TaskDefinition)
	if refused != nil {
		return nil, refused
	}
	e.deregister(d)
	e.mu.Lock()
	defer e.mu.Unlock()
	return map[string]any{"taskDefinition": d.describe()}, nil
}

func (e *ecsService) deregister(d *taskDefinition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d.active = false
}

// findDefinition resolves family, family:revision or ARN; a family alone is its newest active revision.
func (e *ecsService) findDefinition(id string) (*taskDefinition, *Error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lookUpDefinition(id)
}

// lookUpDefinition is findDefinition with the lock held.
func (e *ecsService) lookUpDefinition(id string) (*taskDefinition, *Error) {
	if refused := e.refuseForeign(id); refused != nil {
		return nil, refused
	}
	name, revision, err := splitDefinition(id)
	if err != nil {
		return nil, refuse("ClientException", "Invalid revision number in %q.", id)
	}
	family, ok := e.definitions[name]
	if !ok || revision > len(family.revisions) {
		return nil, refuse("ClientException", "Unable to describe task definition.")
	}
	if revision > 0 {
		return family.revisions[revision-1], nil
	}
	for i := len(family.revisions) - 1; i >= 0; i-- {
		if family.revisions[i].active {
			return family.revisions[i], nil
		}
	}
	return nil, refuse("ClientException", "Unable to describe task definition.")
}

func splitDefinition(id string) (family string, revision int, err error) {
	family, number, found := strings.Cut(nameOf(id), ":")
	if !found {
		return family, 0, nil
	}
	revision, err = strconv.Atoi(number)
	if err == nil && revision < 1 {
		err = fmt.Errorf("revision %d is not positive", revision)
	}
	return family, revision, err
}
