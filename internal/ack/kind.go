// Package ack reads the objects of ACK (AWS Controllers for Kubernetes) that a ScanEnvironment refers to, and the plain
// identifiers that may stand in their place. It calls nothing.
package ack

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is a kind of AWS resource that an environment refers to. Its value opens the reasons of condition Ready.
type Kind string

// The kinds.
const (
	Cluster        Kind = "Cluster"
	TaskDefinition Kind = "TaskDefinition"
	Subnet         Kind = "Subnet"
	SecurityGroup  Kind = "SecurityGroup"
	Queue          Kind = "Queue"
	Topic          Kind = "Topic"
	Bucket         Kind = "Bucket"
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{Cluster, TaskDefinition, Subnet, SecurityGroup, Queue, Topic, Bucket}
}

// row is what differs between the kinds.
type row struct {
	// service is ACK's name of the controller: it opens the API group and names the Helm chart.
	service string
	// noun names the AWS resource in messages.
	noun string
	// identifier lists the fields that may hold what AWS is asked by; the first that is set counts.
	identifier [][]string
	// parse checks and normalises a plain identifier.
	parse func(string) (string, error)
}

// arnField holds an ARN for every kind of ACK but VPC, once the resource exists.
func arnField() []string { return []string{"status", "ackResourceMetadata", "arn"} }

func (k Kind) row() row {
	switch k {
	case Cluster:
		return row{service: "ecs", noun: "ECS cluster", identifier: [][]string{arnField()}, parse: parseCluster}
	case TaskDefinition:
		// The ARN carries the revision and changes with every update of the object.
		return row{service: "ecs", noun: "ECS task definition", identifier: [][]string{arnField()}, parse: parseTaskDefinition}
	case Subnet:
		return row{service: "ec2", noun: "subnet", identifier: [][]string{{"status", "subnetID"}}, parse: parseSubnet}
	case SecurityGroup:
		return row{service: "ec2", noun: "security group", identifier: [][]string{{"status", "id"}}, parse: parseSecurityGroup}
	case Queue:
		return row{service: "sqs", noun: "SQS queue", identifier: [][]string{{"status", "queueURL"}}, parse: parseQueue}
	case Topic:
		return row{service: "sns", noun: "SNS topic", identifier: [][]string{{"status", "topicARN"}, arnField()}, parse: parseTopic}
	case Bucket:
		// S3's bucket has no identifier in status: its name is its identity.
		return row{service: "s3", noun: "S3 bucket", identifier: [][]string{{"spec", "name"}}, parse: parseBucket}
	}
	panic(fmt.Sprintf("ack: %q is not one of Kinds", string(k)))
}

// GroupVersionKind returns ACK's group, version and kind.
func (k Kind) GroupVersionKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: k.row().service + ".services.k8s.aws", Version: "v1alpha1", Kind: string(k)}
}

// Noun names the AWS resource for people, such as "ECS cluster".
func (k Kind) Noun() string { return k.row().noun }

// Install says what to install where the API server does not know ACK's kind.
func (k Kind) Install() string {
	service := k.row().service
	return fmt.Sprintf("install ACK's controller for %s: helm install -n ack-system ack-%s-controller oci://public.ecr.aws/aws-controllers-k8s/%s-chart",
		service, service, service)
}

// Parse checks a plain identifier of a spec and returns it as AWS is asked by it. The error says what is expected.
func (k Kind) Parse(id string) (string, error) { return k.row().parse(id) }
