package scanenvironment

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

// ackObject is an ACK object of a test, whose controller is the test itself.
type ackObject struct {
	kind ack.Kind
	name string
	// spec is what ACK's schema requires at least.
	spec map[string]any
	// identity is what status holds once the resource exists, besides the metadata.
	identity map[string]any
	arn      string
}

// ackObjects are an object for each kind, for what was provisioned.
func (w *world) ackObjects() []ackObject {
	container := map[string]any{"name": w.made.ContainerName, "image": "scanner:latest"}
	arn := func(service, rest string) string { return "arn:aws:" + service + ":us-east-1:111122223333:" + rest }
	return []ackObject{
		{ack.Cluster, "scans", map[string]any{"name": w.made.ClusterName}, nil, w.made.ClusterARN},
		{ack.TaskDefinition, "scanner", map[string]any{"family": "scanner", "containerDefinitions": []any{container}}, nil, w.made.TaskDefinitionARN},
		{
			ack.Subnet, "private-a", map[string]any{"cidrBlock": "10.0.0.0/24"},
			map[string]any{"subnetID": w.made.Subnets[0]}, arn("ec2", "subnet/"+w.made.Subnets[0]),
		},
		{
			ack.SecurityGroup, "scans", map[string]any{"name": "scans", "description": "scans"},
			map[string]any{"id": w.made.SecurityGroups[0]}, arn("ec2", "security-group/"+w.made.SecurityGroups[0]),
		},
		{ack.Queue, "scan-inbox", map[string]any{"queueName": "scan-inbox"}, map[string]any{"queueURL": w.made.QueueURL, "queueARN": w.made.QueueARN}, w.made.QueueARN},
		{ack.Topic, "scan-findings", map[string]any{"name": "scan-findings"}, map[string]any{"topicARN": w.made.TopicARN}, w.made.TopicARN},
		{ack.Bucket, "scan-reports", map[string]any{"name": w.made.Bucket}, nil, "arn:aws:s3:::" + w.made.Bucket},
	}
}

// ackEnvironment refers to everything by ACK objects.
func (w *world) ackEnvironment(name string) *v1alpha1.ScanEnvironment {
	environment := w.plainEnvironment(name)
	environment.Spec.Cluster = fromObject("scans")
	environment.Spec.TaskDefinition = fromObject("scanner")
	environment.Spec.Network.Subnets = []v1alpha1.AWSReference{fromObject("private-a")}
	environment.Spec.Network.SecurityGroups = []v1alpha1.AWSReference{fromObject("scans")}
	environment.Spec.Inbox.Queue = fromObject("scan-inbox")
	environment.Spec.Notifications.Topic = fromObject("scan-findings")
	environment.Spec.Reports.Bucket = fromObject("scan-reports")
	return environment
}

// apply creates an object as a user would.
func (w *world) apply(object ackObject) {
	w.t.Helper()
	created := &unstructured.Unstructured{Object: map[string]any{"spec": object.spec}}
	created.SetGroupVersionKind(object.kind.GroupVersionKind())
	created.SetNamespace(w.namespace)
	created.SetName(object.name)
	w.create(created)
}

// synced is what ACK says of an object whose resource exists.
func synced() []any {
	return []any{map[string]any{"type": "ACK.ResourceSynced", "status": "True", "message": "Resource synced successfully"}}
}

// notSynced is what ACK says while it works on an object.
func notSynced(message string) []any {
	return []any{map[string]any{"type": "ACK.ResourceSynced", "status": "False", "message": message}}
}

// report writes the status of an object as ACK's controller would, with its identity.
func (w *world) report(object ackObject, conditions []any) {
	w.t.Helper()
	status := maps.Clone(object.identity)
	if status == nil {
		status = map[string]any{}
	}
	status["ackResourceMetadata"] = map[string]any{"arn": object.arn, "ownerAccountID": "111122223333", "region": "us-east-1"}
	status["conditions"] = conditions
	patched := &unstructured.Unstructured{}
	patched.SetGroupVersionKind(object.kind.GroupVersionKind())
	patched.SetNamespace(w.namespace)
	patched.SetName(object.name)
	before := patched.DeepCopy()
	patched.Object["status"] = status
	if err := w.client.Status().Patch(w.t.Context(), patched, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// applySynced makes all objects, synced.
func (w *world) applySynced(t *testing.T) []ackObject {
	t.Helper()
	objects := w.ackObjects()
	for _, object := range objects {
		w.apply(object)
		w.report(object, synced())
	}
	return objects
}

// one picks the object of a kind.
func one(objects []ackObject, kind ack.Kind) ackObject {
	for _, object := range objects {
		if object.kind == kind {
			return object
		}
	}
	panic("no object of kind " + kind)
}
