package ack_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/ack"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		kind ack.Kind
		id   string
		want string // empty: refused
	}{
		{"a cluster is named", ack.Cluster, "scans", "scans"},
		{"a cluster is given by its ARN", ack.Cluster, "arn:aws:ecs:us-east-1:111122223333:cluster/scans", "arn:aws:ecs:us-east-1:111122223333:cluster/scans"},
		{"a cluster in China has another partition", ack.Cluster, "arn:aws-cn:ecs:cn-north-1:111122223333:cluster/scans", "arn:aws-cn:ecs:cn-north-1:111122223333:cluster/scans"},
		{"a cluster's name has no blanks", ack.Cluster, "my scans", ""},
		{"a service's ARN is no cluster", ack.Cluster, "arn:aws:ecs:us-east-1:111122223333:service/scans", ""},
		{"an ARN without an account is no cluster", ack.Cluster, "arn:aws:ecs:us-east-1::cluster/scans", ""},

		{"a family alone stands for its newest revision", ack.TaskDefinition, "scanner", "scanner"},
		{"a family with a revision", ack.TaskDefinition, "scanner:7", "scanner:7"},
		{"a task definition's ARN", ack.TaskDefinition, "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7", "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7"},
		{"a revision is a number", ack.TaskDefinition, "scanner:latest", ""},
		{"revisions start at 1", ack.TaskDefinition, "scanner:0", ""},
		{"an image is no task definition", ack.TaskDefinition, "registry.example.com/scanner:7", ""},

		{"a subnet with 17 digits", ack.Subnet, "subnet-0123456789abcdef0", "subnet-0123456789abcdef0"},
		{"a subnet of old with 8 digits", ack.Subnet, "subnet-01234567", "subnet-01234567"},
		{"a subnet that lost a digit on the way", ack.Subnet, "subnet-0123456789abcdef", ""},
		{"a CIDR block is no subnet", ack.Subnet, "10.0.0.0/24", ""},

		{"a security group", ack.SecurityGroup, "sg-0123456789abcdef0", "sg-0123456789abcdef0"},
		{"a security group's name is no identifier", ack.SecurityGroup, "scans", ""},

		{"a queue's URL", ack.Queue, "https://sqs.us-east-1.amazonaws.com/111122223333/inbox", "https://sqs.us-east-1.amazonaws.com/111122223333/inbox"},
		{"a queue's URL at another endpoint", ack.Queue, "http://127.0.0.1:4566/111122223333/inbox", "http://127.0.0.1:4566/111122223333/inbox"},
		{"a queue's ARN", ack.Queue, "arn:aws:sqs:us-east-1:111122223333:inbox", "arn:aws:sqs:us-east-1:111122223333:inbox"},
		{"a queue's name alone leaves its account open", ack.Queue, "inbox", ""},
		{"a queue's URL without an account", ack.Queue, "https://sqs.us-east-1.amazonaws.com/inbox", ""},
		{"a topic's ARN is no queue", ack.Queue, "arn:aws:sns:us-east-1:111122223333:findings", ""},

		{"a topic's ARN", ack.Topic, "arn:aws:sns:us-east-1:111122223333:findings", "arn:aws:sns:us-east-1:111122223333:findings"},
		{"a subscription's ARN is no topic", ack.Topic, "arn:aws:sns:us-east-1:111122223333:findings:0a1b2c3d", ""},
		{"a topic's name alone leaves its account open", ack.Topic, "findings", ""},

		{"a bucket's name", ack.Bucket, "scan-reports", "scan-reports"},
		{"a bucket's ARN is reduced to the name", ack.Bucket, "arn:aws:s3:::scan-reports", "scan-reports"},
		{"an address of an object is no bucket", ack.Bucket, "s3://scan-reports/sarif", ""},
		{"a bucket has no capitals", ack.Bucket, "Scan-Reports", ""},
		{"a bucket has no neighbouring dots", ack.Bucket, "scan..reports", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.kind.Parse(test.id)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if (err == nil) != (test.want != "") {
				t.Errorf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), test.id) {
				t.Errorf("the error %q does not repeat what was given", err)
			}
		})
	}
}

func TestEveryKindHasAnObjectKindAndInstallation(t *testing.T) {
	for _, kind := range ack.Kinds() {
		gvk := kind.GroupVersionKind()
		if gvk.Kind != string(kind) || gvk.Version != "v1alpha1" || !strings.HasSuffix(gvk.Group, ".services.k8s.aws") {
			t.Errorf("%s: %s", kind, gvk)
		}
		if service, _, _ := strings.Cut(gvk.Group, "."); !strings.Contains(kind.Install(), "ack-"+service+"-controller") {
			t.Errorf("%s: %s", kind, kind.Install())
		}
		if kind.Noun() == "" {
			t.Errorf("%s has no noun", kind)
		}
	}
}
