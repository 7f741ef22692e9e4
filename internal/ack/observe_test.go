package ack_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/ack"
)

const (
	synced = `{type: ACK.ResourceSynced, status: "True", message: Resource synced successfully}`
	meta   = `{arn: "arn:aws:ecs:us-east-1:111122223333:cluster/scans", ownerAccountID: "111122223333", region: us-east-1}`
)

func TestObserve(t *testing.T) {
	tests := []struct {
		name       string
		kind       ack.Kind
		object     string
		state      ack.State
		identifier string
		message    string // must be contained
	}{
		{
			name: "a synced cluster is known by its ARN", kind: ack.Cluster,
			object: `status: {ackResourceMetadata: ` + meta + `, conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "arn:aws:ecs:us-east-1:111122223333:cluster/scans",
		},
		{
			name: "a task definition is known by the ARN with its revision", kind: ack.TaskDefinition,
			object: `status: {revision: 8, ackResourceMetadata: {arn: "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:8"}, conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:8",
		},
		{
			name: "a subnet is known by its id and not by its ARN", kind: ack.Subnet,
			object: `status: {subnetID: subnet-0123456789abcdef0, ackResourceMetadata: ` + meta + `, conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "subnet-0123456789abcdef0",
		},
		{
			name: "a security group's id is called id", kind: ack.SecurityGroup,
			object: `status: {id: sg-0123456789abcdef0, conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "sg-0123456789abcdef0",
		},
		{
			name: "a queue is known by its URL", kind: ack.Queue,
			object: `status: {queueURL: "https://sqs.us-east-1.amazonaws.com/111122223333/inbox", queueARN: "arn:aws:sqs:us-east-1:111122223333:inbox", conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "https://sqs.us-east-1.amazonaws.com/111122223333/inbox",
		},
		{
			name: "a topic is known by its ARN", kind: ack.Topic,
			object: `status: {topicARN: "arn:aws:sns:us-east-1:111122223333:findings", conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "arn:aws:sns:us-east-1:111122223333:findings",
		},
		{
			name: "a topic without topicARN is known by its metadata", kind: ack.Topic,
			object: `status: {ackResourceMetadata: {arn: "arn:aws:sns:us-east-1:111122223333:findings"}, conditions: [` + synced + `]}`,
			state:  ack.Synced, identifier: "arn:aws:sns:us-east-1:111122223333:findings",
		},
		{
			name: "a bucket is known by the name in its spec", kind: ack.Bucket,
			object: `{spec: {name: scan-reports}, status: {conditions: [` + synced + `]}}`,
			state:  ack.Synced, identifier: "scan-reports",
		},
		{
			name: "an object that no controller has seen", kind: ack.Queue,
			object: `spec: {queueName: inbox}`,
			state:  ack.NotSynced, message: "ACK's controller for sqs has not looked at it yet",
		},
		{
			name: "a bucket that no controller has seen is not usable for its name", kind: ack.Bucket,
			object: `spec: {name: scan-reports}`,
			state:  ack.NotSynced, message: "ACK's controller for s3",
		},
		{
			name: "a synced condition before the identifier is there", kind: ack.Cluster,
			object: `status: {conditions: [` + synced + `]}`,
			state:  ack.NotSynced, message: "status.ackResourceMetadata.arn is still empty",
		},
		{
			name: "an identifier before the object is synced", kind: ack.Subnet,
			object: `status: {subnetID: subnet-0123456789abcdef0, conditions: [{type: ACK.ResourceSynced, status: "False", message: Resource not synced, reason: subnet is pending}]}`,
			state:  ack.NotSynced, message: "Resource not synced: subnet is pending",
		},
		{
			name: "the mirror condition Ready of newer controllers does not stand for ResourceSynced", kind: ack.Subnet,
			object: `status: {subnetID: subnet-0123456789abcdef0, conditions: [{type: Ready, status: "True"}]}`,
			state:  ack.NotSynced, message: "has not looked at it yet",
		},
		{
			name: "a missing reference shows in one condition only, its text in reason", kind: ack.Subnet,
			object: `status: {conditions: [{type: ACK.ReferencesResolved, status: "Unknown", message: Reference resolution failed, reason: "vpcs.ec2.services.k8s.aws \"main\" not found"}]}`,
			state:  ack.NotSynced, message: `vpcs.ec2.services.k8s.aws "main" not found`,
		},
		{
			name: "a refused call is recoverable and says more than the unknown sync", kind: ack.Queue,
			object: `status: {conditions: [{type: ACK.ResourceSynced, status: "Unknown", message: Unable to determine}, {type: ACK.Recoverable, status: "True", message: "AccessDenied: not authorized to perform sqs:CreateQueue"}]}`,
			state:  ack.NotSynced, message: "not authorized to perform sqs:CreateQueue",
		},
		{
			name: "a recoverable error of the past does not hide the present", kind: ack.Queue,
			object: `status: {conditions: [{type: ACK.Recoverable, status: "False", message: old}, {type: ACK.ResourceSynced, status: "False", message: still creating}]}`,
			state:  ack.NotSynced, message: "still creating",
		},
		{
			name: "a terminal error is told from waiting", kind: ack.Topic,
			object: `status: {conditions: [{type: ACK.ResourceSynced, status: "False"}, {type: ACK.Terminal, status: "True", message: "InvalidParameter: Topic Name"}]}`,
			state:  ack.Terminal, message: "InvalidParameter: Topic Name",
		},
		{
			name: "a terminal error wins over an identifier of earlier", kind: ack.Topic,
			object: `status: {topicARN: "arn:aws:sns:us-east-1:111122223333:findings", conditions: [` + synced + `, {type: ACK.Terminal, status: "True"}]}`,
			state:  ack.Terminal, message: "cannot be created or updated",
		},
		{
			name: "an object that is being deleted is not usable though it is synced", kind: ack.Cluster,
			object: `{metadata: {deletionTimestamp: "2026-11-23T10:00:00Z"}, status: {ackResourceMetadata: ` + meta + `, conditions: [` + synced + `]}}`,
			state:  ack.Deleting, message: "being deleted",
		},
		{
			name: "conditions of another shape count as none", kind: ack.Cluster,
			object: `status: {conditions: [1, {status: "True"}]}`,
			state:  ack.NotSynced, message: "has not looked at it yet",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(test.object), &object.Object); err != nil {
				t.Fatal(err)
			}
			got := test.kind.Observe(object)
			if got.State != test.state || got.Identifier != test.identifier || !strings.Contains(got.Message, test.message) {
				t.Errorf("got %+v, want state %s, identifier %q and a message with %q", got, test.state, test.identifier, test.message)
			}
			if (got.State == ack.Synced) != (got.Message == "") {
				t.Errorf("a message is for what is not synced, and always there: %+v", got)
			}
		})
	}
}
