package scanenvironment

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// elsewhere is an account that is not the local AWS's.
const elsewhere = "444455556666"

func inAccount(arn string) string { return strings.Replace(arn, "111122223333", elsewhere, 1) }

// registerWith registers a revision of the scanner that differs from the good one.
func (w *world) registerWith(change func(*ecs.RegisterTaskDefinitionInput)) string {
	w.t.Helper()
	input := &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("other"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ContainerDefinitions:    []ecstypes.ContainerDefinition{{Name: aws.String("scanner"), Image: aws.String("scanner:latest")}},
	}
	change(input)
	registered, err := ecs.NewFromConfig(w.aws.Config()).RegisterTaskDefinition(w.t.Context(), input)
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
}

// TestBadInputIsNamedBeforeTheFirstScan has the mistakes that AWS lets the manager know of. A subnet of another VPC that
// is given by its identifier, a role that may not be passed, and an image for another architecture show in the first
// attempt: see internal/fargate.
func TestBadInputIsNamedBeforeTheFirstScan(t *testing.T) {
	for _, row := range []struct {
		name    string
		mistake func(*world, *v1alpha1.ScanEnvironmentSpec)
		reason  string
		message string
	}{
		{
			"the account of the cluster is wrong", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) { spec.Cluster = plain(inAccount(w.made.ClusterARN)) },
			"ClusterInvalid", "it is of account 444455556666, and AWS is asked as account 111122223333: correct the account",
		},
		{
			"the account of the task definition is wrong", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) {
				spec.TaskDefinition = plain(inAccount(w.made.TaskDefinitionARN))
			},
			"TaskDefinitionInvalid", "it is of account 444455556666",
		},
		{
			"the account of a role in the task definition is wrong", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) {
				spec.TaskDefinition = plain(w.registerWith(func(input *ecs.RegisterTaskDefinitionInput) {
					input.ExecutionRoleArn = aws.String("arn:aws:iam::" + elsewhere + ":role/scanjob-execution")
				}))
			},
			"TaskDefinitionInvalid", "its executionRoleArn arn:aws:iam::444455556666:role/scanjob-execution is of account 444455556666, and the task definition of 111122223333",
		},
		{
			"the account of the queue is wrong", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) {
				spec.Inbox.Queue = plain(inAccount(w.made.QueueARN))
			},
			"QueueNotFound", "it is of account 444455556666",
		},
		{
			"the account of the topic is wrong", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) {
				spec.Notifications.Topic = plain(inAccount(w.made.TopicARN))
			},
			"TopicNotFound", "it is of account 444455556666",
		},
		{
			"the topic may not be looked at", func(w *world, _ *v1alpha1.ScanEnvironmentSpec) {
				w.aws.Faults().Deny(awslocal.Any, "sns:GetTopicAttributes")
			},
			"TopicAccessDenied", "allow sns:GetTopicAttributes",
		},
		{
			"the cluster has no Spot and the strategy asks for it", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) {
				_, err := ecs.NewFromConfig(w.aws.Config()).CreateCluster(w.t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("plain"), CapacityProviders: []string{"FARGATE"}})
				if err != nil {
					w.t.Fatal(err)
				}
				spec.Cluster = plain("plain")
				spec.Capacity.Strategy = []v1alpha1.CapacityProviderStrategyItem{{CapacityProvider: v1alpha1.CapacityProviderFargateSpot, Weight: 1}}
			},
			"ClusterInvalid", "does not have the capacity provider FARGATE_SPOT of capacity.strategy; it has FARGATE: associate it with the cluster",
		},
		{
			"the task definition does not have the container", func(w *world, spec *v1alpha1.ScanEnvironmentSpec) {
				spec.TaskDefinition = plain(w.registerWith(func(input *ecs.RegisterTaskDefinitionInput) { input.ContainerDefinitions[0].Name = aws.String("scan") }))
			},
			"TaskDefinitionInvalid", "it has no container scanner, only scan; correct containerName",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			environment := w.plainEnvironment("default")
			row.mistake(w, &environment.Spec)
			w.start(w.aws.Config())
			w.create(environment)
			ready := readiness(w.await("default", row.reason))
			if ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, row.message) {
				t.Errorf("condition %+v", ready)
			}
		})
	}
}

func TestASubnetOfAnotherVPCIsNamedWhereACKTells(t *testing.T) {
	refersTo := func(name string) map[string]any {
		return map[string]any{"vpcRef": map[string]any{"from": map[string]any{"name": name}}}
	}
	is := func(id string) map[string]any { return map[string]any{"vpcID": id} }
	for _, row := range []struct {
		name          string
		subnet, group map[string]any
		message       string // empty: nothing is wrong
	}{
		{"both refer to one VPC", refersTo("scans"), refersTo("scans"), ""},
		{"both name one VPC", is("vpc-0a"), is("vpc-0a"), ""},
		{"they refer to two", refersTo("scans"), refersTo("other"), `is in ACK VPC "other", and network.subnets[0] in ACK VPC "scans"`},
		{"they name two", is("vpc-0a"), is("vpc-0b"), "is in vpc-0b, and network.subnets[0] in vpc-0a"},
		{"one refers and one names, which may be the same", refersTo("scans"), is("vpc-0b"), ""},
		{"one does not say", nil, is("vpc-0b"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			for _, object := range w.ackObjects() {
				for field, value := range map[ack.Kind]map[string]any{ack.Subnet: row.subnet, ack.SecurityGroup: row.group}[object.kind] {
					object.spec[field] = value
				}
				w.apply(object)
				w.report(object, synced())
			}
			w.start(w.aws.Config())
			w.create(w.ackEnvironment("default"))
			if row.message == "" {
				w.await("default", v1alpha1.ReasonReady)
				return
			}
			if ready := readiness(w.await("default", "SecurityGroupInvalid")); !strings.Contains(ready.Message, row.message) {
				t.Errorf("condition %+v", ready)
			}
		})
	}
}
