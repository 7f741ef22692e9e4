package scanenvironment

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// active is the status of a cluster or task definition that tasks can be started with.
const active = "ACTIVE"

// judgeCluster says whether tasks can be started in a cluster with a capacity provider strategy.
func judgeCluster(ref *reference, cluster ecstypes.Cluster, strategy []v1alpha1.CapacityProviderStrategyItem) {
	if status := aws.ToString(cluster.Status); status != active {
		ref.fail(v1alpha1.ReasonSuffixInactive, "is %s, not ACTIVE; create it again, or refer to another one", orNothing(status))
		return
	}
	for _, item := range strategy {
		if !slices.Contains(cluster.CapacityProviders, string(item.CapacityProvider)) {
			ref.fail(v1alpha1.ReasonSuffixInvalid, "does not have the capacity provider %s of capacity.strategy; it has %s: associate it with the cluster, or take it out of the strategy",
				item.CapacityProvider, orNothing(strings.Join(cluster.CapacityProviders, ", ")))
			return
		}
	}
	ref.resolved = aws.ToString(cluster.ClusterArn)
}

// judgeTaskDefinition says whether a task definition can run the scanner container on Fargate.
func judgeTaskDefinition(ref *reference, definition *ecstypes.TaskDefinition, containerName string) {
	if definition == nil {
		ref.fail(v1alpha1.ReasonSuffixNotFound, "%s", absent(ref))
		return
	}
	if definition.Status != ecstypes.TaskDefinitionStatusActive {
		ref.fail(v1alpha1.ReasonSuffixInactive, "is %s, not ACTIVE; refer to an active revision, or register a new one", orNothing(string(definition.Status)))
		return
	}
	if fault := unfit(definition, containerName); fault != "" {
		ref.fail(v1alpha1.ReasonSuffixInvalid, "cannot run scans: %s", fault)
		return
	}
	ref.resolved = aws.ToString(definition.TaskDefinitionArn)
}

// unfit says why a task definition does not fit, or nothing.
func unfit(definition *ecstypes.TaskDefinition, containerName string) string {
	fargate := ecstypes.CompatibilityFargate
	if !slices.Contains(definition.RequiresCompatibilities, fargate) && !slices.Contains(definition.Compatibilities, fargate) {
		return "it is not compatible with Fargate; register it with requiresCompatibilities: [FARGATE]"
	}
	if definition.NetworkMode != ecstypes.NetworkModeAwsvpc {
		return "its networkMode is " + orNothing(string(definition.NetworkMode)) + "; register it with awsvpc"
	}
	if platform := definition.RuntimePlatform; platform != nil && platform.OperatingSystemFamily != "" && platform.OperatingSystemFamily != ecstypes.OSFamilyLinux {
		return "its operating system is " + string(platform.OperatingSystemFamily) + "; register it with LINUX"
	}
	if fault := foreignRole(definition); fault != "" {
		return fault
	}
	names := make([]string, 0, len(definition.ContainerDefinitions))
	for _, container := range definition.ContainerDefinitions {
		name := aws.ToString(container.Name)
		if name != containerName {
			names = append(names, name)
			continue
		}
		// ECS takes a container without the field as essential.
		if container.Essential != nil && !*container.Essential {
			return "its container " + name + " is not essential, so the task would outlive the scan; register it with essential: true"
		}
		return ""
	}
	return "it has no container " + containerName + ", only " + orNothing(strings.Join(names, ", ")) + "; correct containerName"
}

// architectureOf returns the architecture of a task definition. Fargate takes one without a runtime platform as x86.
func architectureOf(definition *ecstypes.TaskDefinition) v1alpha1.Architecture {
	if definition.RuntimePlatform != nil && definition.RuntimePlatform.CpuArchitecture == ecstypes.CPUArchitectureArm64 {
		return v1alpha1.ArchitectureARM64
	}
	return v1alpha1.ArchitectureAMD64
}

func orNothing(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
