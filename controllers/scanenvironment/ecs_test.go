package scanenvironment

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

func TestJudgeCluster(t *testing.T) {
	strategy := []v1alpha1.CapacityProviderStrategyItem{{CapacityProvider: v1alpha1.CapacityProviderFargateSpot, Weight: 3}, {CapacityProvider: v1alpha1.CapacityProviderFargate, Weight: 1}}
	tests := []struct {
		name     string
		status   string
		has      []string
		strategy []v1alpha1.CapacityProviderStrategyItem
		reason   string // empty: usable
		message  string
	}{
		{"an active cluster with the strategy's providers", "ACTIVE", []string{"FARGATE", "FARGATE_SPOT"}, strategy, "", ""},
		{"without a strategy no provider is needed", "ACTIVE", nil, nil, "", ""},
		{"a deleted cluster is shown as inactive for a while", "INACTIVE", []string{"FARGATE", "FARGATE_SPOT"}, strategy, "ClusterInactive", "is INACTIVE, not ACTIVE"},
		{"a cluster that is being made", "PROVISIONING", nil, nil, "ClusterInactive", "is PROVISIONING, not ACTIVE"},
		{"a provider of the strategy is not associated", "ACTIVE", []string{"FARGATE"}, strategy, "ClusterInvalid", "capacity provider FARGATE_SPOT of capacity.strategy; it has FARGATE"},
		{"no provider is associated at all", "ACTIVE", nil, strategy, "ClusterInvalid", "it has none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const arn = "arn:aws:ecs:us-east-1:111122223333:cluster/scans"
			ref := &reference{field: "cluster", kind: ack.Cluster, source: v1alpha1.AWSReference{ID: "scans"}}
			judgeCluster(ref, ecstypes.Cluster{ClusterArn: aws.String(arn), Status: aws.String(test.status), CapacityProviders: test.has}, test.strategy)
			expect(t, ref, test.reason, test.message, arn)
		})
	}
}

func TestJudgeTaskDefinition(t *testing.T) {
	const arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7"
	good := func() *ecstypes.TaskDefinition {
		return &ecstypes.TaskDefinition{
			TaskDefinitionArn:       aws.String(arn),
			Status:                  ecstypes.TaskDefinitionStatusActive,
			RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
			NetworkMode:             ecstypes.NetworkModeAwsvpc,
			ContainerDefinitions:    []ecstypes.ContainerDefinition{{Name: aws.String("proxy")}, {Name: aws.String("scanner"), Essential: aws.Bool(true)}},
		}
	}
	tests := []struct {
		name    string
		change  func(*ecstypes.TaskDefinition)
		reason  string
		message string
	}{
		{"an active Fargate task definition with the container", func(*ecstypes.TaskDefinition) {}, "", ""},
		{"a deregistered revision", func(d *ecstypes.TaskDefinition) { d.Status = ecstypes.TaskDefinitionStatusInactive }, "TaskDefinitionInactive", "is INACTIVE"},
		{"a revision that is being deleted", func(d *ecstypes.TaskDefinition) { d.Status = ecstypes.TaskDefinitionStatusDeleteInProgress }, "TaskDefinitionInactive", "DELETE_IN_PROGRESS"},
		{"one that could run on Fargate though it does not ask for it", func(d *ecstypes.TaskDefinition) {
			d.RequiresCompatibilities, d.Compatibilities = nil, []ecstypes.Compatibility{ecstypes.CompatibilityEc2, ecstypes.CompatibilityFargate}
		}, "", ""},
		{"one for EC2", func(d *ecstypes.TaskDefinition) {
			d.RequiresCompatibilities = []ecstypes.Compatibility{ecstypes.CompatibilityEc2}
		}, "TaskDefinitionInvalid", "not compatible with Fargate"},
		{"one with a bridge network", func(d *ecstypes.TaskDefinition) { d.NetworkMode = ecstypes.NetworkModeBridge }, "TaskDefinitionInvalid", "networkMode is bridge"},
		{"one for Windows", func(d *ecstypes.TaskDefinition) {
			d.RuntimePlatform = &ecstypes.RuntimePlatform{OperatingSystemFamily: ecstypes.OSFamilyWindowsServer2019Core}
		}, "TaskDefinitionInvalid", "WINDOWS_SERVER_2019_CORE"},
		{"one without the container", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions = d.ContainerDefinitions[:1] }, "TaskDefinitionInvalid", "no container scanner, only proxy"},
		{"one whose scanner does not end the task", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions[1].Essential = aws.Bool(false) }, "TaskDefinitionInvalid", "not essential"},
		{"a container that does not say is essential", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions[1].Essential = nil }, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ref := &reference{field: "taskDefinition", kind: ack.TaskDefinition, source: v1alpha1.AWSReference{ID: "scanner"}}
			definition := good()
			test.change(definition)
			judgeTaskDefinition(ref, definition, "scanner")
			expect(t, ref, test.reason, test.message, arn)
		})
	}
}

func TestArchitectureOf(t *testing.T) {
	tests := []struct {
		name     string
		platform *ecstypes.RuntimePlatform
		want     v1alpha1.Architecture
	}{
		{"no runtime platform is x86", nil, v1alpha1.ArchitectureAMD64},
		{"a runtime platform without an architecture is x86", &ecstypes.RuntimePlatform{OperatingSystemFamily: ecstypes.OSFamilyLinux}, v1alpha1.ArchitectureAMD64},
		{"X86_64", &ecstypes.RuntimePlatform{CpuArchitecture: ecstypes.CPUArchitectureX8664}, v1alpha1.ArchitectureAMD64},
		{"ARM64", &ecstypes.RuntimePlatform{CpuArchitecture: ecstypes.CPUArchitectureArm64}, v1alpha1.ArchitectureARM64},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := architectureOf(&ecstypes.TaskDefinition{RuntimePlatform: test.platform}); got != test.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// expect compares a judged reference with the reason and a part of the message that it should have, or, if reason is
// empty, with what it should have been resolved to.
func expect(t *testing.T, ref *reference, reason, message, resolved string) {
	t.Helper()
	if reason == "" {
		if ref.problem != nil || ref.resolved != resolved {
			t.Errorf("got %q and %+v, want it resolved to %q", ref.resolved, ref.problem, resolved)
		}
		return
	}
	if ref.problem == nil || ref.problem.reason != reason || !strings.Contains(ref.problem.message, message) {
		t.Errorf("got %+v, want reason %s and a message with %q", ref.problem, reason, message)
	}
	if ref.resolved != "" {
		t.Errorf("resolved to %q all the same", ref.resolved)
	}
}
