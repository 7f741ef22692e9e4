package fargate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Request is all that decides what task an attempt runs. Equal requests give equal bytes on the wire: ECS refuses a token
// that is repeated with other parameters.
type Request struct {
	UID               string
	Attempt           int32
	ClusterARN        string
	TaskDefinitionARN string
	ContainerName     string
	Subnets           []string
	SecurityGroups    []string
	AssignPublicIP    bool
	// Strategy is the capacity provider strategy; empty means launch type FARGATE.
	Strategy []scanv1.CapacityProviderStrategyItem
	// CPU is in units of 1/1024 vCPU and Memory in MiB; empty means the task definition's.
	CPU    string
	Memory string
	// EphemeralStorageGiB is 21 to 200, or 0 for Fargate's own 20 GiB.
	EphemeralStorageGiB int32
	Command             []string
	// Environment is set in the container on top of the task definition's.
	Environment map[string]string
	// Tags are set on the task.
	Tags map[string]string
}

// OverridesTooLargeError says that a request's overrides exceed what ECS takes.
type OverridesTooLargeError struct {
	Characters int
}

func (e *OverridesTooLargeError) Error() string {
	return fmt.Sprintf("the overrides of RunTask are %d characters of JSON and ECS takes %d: shorten container.command and container.env, or put them into the task definition",
		e.Characters, contract.MaxOverrideCharacters)
}

// Input returns the RunTask call of the request, or an *OverridesTooLargeError.
func (r Request) Input() (*ecs.RunTaskInput, error) {
	overrides := r.overrides()
	if characters := overrideCharacters(overrides); characters > contract.MaxOverrideCharacters {
		return nil, &OverridesTooLargeError{Characters: characters}
	}
	input := &ecs.RunTaskInput{
		ClientToken:    aws.String(ClientToken(r.UID, r.Attempt)),
		StartedBy:      aws.String(StartedBy(r.UID, r.Attempt)),
		Cluster:        aws.String(r.ClusterARN),
		TaskDefinition: aws.String(r.TaskDefinitionARN),
		Count:          aws.Int32(1),
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets:        present(r.Subnets),
			SecurityGroups: present(r.SecurityGroups),
			AssignPublicIp: assignPublicIP(r.AssignPublicIP),
		}},
		Overrides: overrides,
	}
	for _, name := range sortedKeys(r.Tags) {
		input.Tags = append(input.Tags, ecstypes.Tag{Key: aws.String(name), Value: aws.String(r.Tags[name])})
	}
	if len(r.Strategy) == 0 {
		input.LaunchType = ecstypes.LaunchTypeFargate
		return input, nil
	}
	for _, item := range r.Strategy {
		input.CapacityProviderStrategy = append(input.CapacityProviderStrategy, ecstypes.CapacityProviderStrategyItem{
			CapacityProvider: aws.String(string(item.CapacityProvider)), Weight: item.Weight, Base: item.Base,
		})
	}
	return input, nil
}

func assignPublicIP(assign bool) ecstypes.AssignPublicIp {
	if assign {
		return ecstypes.AssignPublicIpEnabled
	}
	return ecstypes.AssignPublicIpDisabled
}

func (r Request) overrides() *ecstypes.TaskOverride {
	container := ecstypes.ContainerOverride{Name: aws.String(r.ContainerName), Command: present(r.Command)}
	for _, name := range sortedKeys(r.Environment) {
		container.Environment = append(container.Environment, ecstypes.KeyValuePair{Name: aws.String(name), Value: aws.String(r.Environment[name])})
	}
	overrides := &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{container}}
	if r.CPU != "" {
		overrides.Cpu = aws.String(r.CPU)
	}
	if r.Memory != "" {
		overrides.Memory = aws.String(r.Memory)
	}
	if r.EphemeralStorageGiB != 0 {
		overrides.EphemeralStorage = &ecstypes.EphemeralStorage{SizeInGiB: r.EphemeralStorageGiB}
	}
	return overrides
}

// overrideCharacters counts the overrides' JSON as ECS does: names, values and punctuation.
func overrideCharacters(overrides *ecstypes.TaskOverride) int {
	type pair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	type container struct {
		Name        string   `json:"name"`
		Command     []string `json:"command,omitempty"`
		Environment []pair   `json:"environment,omitempty"`
	}
	type storage struct {
		SizeInGiB int32 `json:"sizeInGiB"`
	}
	type task struct {
		CPU                string      `json:"cpu,omitempty"`
		Memory             string      `json:"memory,omitempty"`
		EphemeralStorage   *storage    `json:"ephemeralStorage,omitempty"`
		ContainerOverrides []container `json:"containerOverrides"`
	}
	shape := task{CPU: aws.ToString(overrides.Cpu), Memory: aws.ToString(overrides.Memory)}
	if overrides.EphemeralStorage != nil {
		shape.EphemeralStorage = &storage{SizeInGiB: overrides.EphemeralStorage.SizeInGiB}
	}
	for _, override := range overrides.ContainerOverrides {
		c := container{Name: aws.ToString(override.Name), Command: override.Command}
		for _, variable := range override.Environment {
			c.Environment = append(c.Environment, pair{Name: aws.ToString(variable.Name), Value: aws.ToString(variable.Value)})
		}
		shape.ContainerOverrides = append(shape.ContainerOverrides, c)
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	// The SDK sends <, > and & as they are, one character each.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(shape); err != nil {
		// Strings and integers always encode.
		panic(err)
	}
	return utf8.RuneCount(bytes.TrimSuffix(encoded.Bytes(), []byte("\n")))
}

// present makes no list of an empty one: on the wire they are two requests.
func present(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
