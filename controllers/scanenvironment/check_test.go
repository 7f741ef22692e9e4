package scanenvironment

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

const scanRole = "arn:aws:iam::111122223333:role/scans"

// provisioned starts an AWS with everything that an environment refers to.
func provisioned(t *testing.T) (*awslocal.Server, awslocal.Resources) {
	t.Helper()
	return provisionedAt(t, clock.RealClock{})
}

// provisionedAt is the same with the AWS's time under the test's control.
func provisionedAt(t *testing.T, time clock.Clock) (*awslocal.Server, awslocal.Resources) {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{Roles: []awslocal.Role{{ARN: scanRole}}, Clock: time})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	made, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	if err != nil {
		t.Fatal(err)
	}
	return server, made
}

// impatient is a configuration whose clients do not try a failed call again.
func impatient(cfg aws.Config) aws.Config {
	cfg.RetryMaxAttempts = 1
	return cfg
}

// checked checks one plain reference that has passed the format check.
func checked(t *testing.T, cfg aws.Config, spec v1alpha1.ScanEnvironmentSpec, kind ack.Kind, id string) (*reference, v1alpha1.ResolvedEnvironment) {
	t.Helper()
	references := []reference{{field: "field", kind: kind, source: v1alpha1.AWSReference{ID: id}}}
	parse(&references[0])
	clients := awsclient.NewFactory(impatient(cfg)).For(awsclient.Scope{RoleARN: spec.AssumeRoleARN, ExternalID: spec.ExternalID})
	asked := check{clients: clients, spec: spec, found: v1alpha1.ResolvedEnvironment{Region: "us-east-1"}}
	asked.all(t.Context(), references)
	return &references[0], asked.found
}

func TestCheck(t *testing.T) {
	server, made := provisioned(t)
	spec := v1alpha1.ScanEnvironmentSpec{ContainerName: made.ContainerName}
	region := v1alpha1.ResolvedEnvironment{Region: "us-east-1"}
	found := func(change func(*v1alpha1.ResolvedEnvironment)) v1alpha1.ResolvedEnvironment {
		wanted := region
		change(&wanted)
		return wanted
	}
	definition := found(func(r *v1alpha1.ResolvedEnvironment) {
		described, err := ecs.NewFromConfig(server.Config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &made.TaskDefinitionARN})
		if err != nil {
			t.Fatal(err)
		}
		r.TaskDefinitionARN = made.TaskDefinitionARN
		r.CPU, r.Memory = aws.ToString(described.TaskDefinition.Cpu), aws.ToString(described.TaskDefinition.Memory)
		r.Architecture = architectureOf(described.TaskDefinition)
	})
	cluster := found(func(r *v1alpha1.ResolvedEnvironment) { r.ClusterARN, r.Account = made.ClusterARN, server.Account() })
	tests := []struct {
		name     string
		kind     ack.Kind
		id       string
		reason   string
		message  string
		resolved string
		found    v1alpha1.ResolvedEnvironment
	}{
		{"a cluster by name leads to its ARN and account", ack.Cluster, made.ClusterName, "", "", made.ClusterARN, cluster},
		{"a cluster by ARN", ack.Cluster, made.ClusterARN, "", "", made.ClusterARN, cluster},
		{"a cluster that does not exist", ack.Cluster, "gone", "ClusterNotFound", "correct field.id", "", region},
		{
			"a cluster of another region is refused before AWS is asked", ack.Cluster, "arn:aws:ecs:eu-west-1:111122223333:cluster/scans",
			"ClusterInvalid", "set region: eu-west-1", "", region,
		},
		{"a family is pinned to its newest revision", ack.TaskDefinition, "scanner", "", "", made.TaskDefinitionARN, definition},
		{"a task definition by family and revision", ack.TaskDefinition, "scanner:1", "", "", made.TaskDefinitionARN, definition},
		{"a revision that does not exist", ack.TaskDefinition, "scanner:99", "TaskDefinitionNotFound", "does not exist in AWS", "", region},
		{"a family that does not exist", ack.TaskDefinition, "gone", "TaskDefinitionNotFound", "does not exist in AWS", "", region},
		{
			"a subnet is taken as it is", ack.Subnet, "subnet-0123456789abcdef0", "", "", "subnet-0123456789abcdef0",
			found(func(r *v1alpha1.ResolvedEnvironment) { r.Subnets = []string{"subnet-0123456789abcdef0"} }),
		},
		{"a subnet of the wrong form", ack.Subnet, "private-a", "SubnetInvalid", "17 hexadecimal digits", "", region},
		{
			"a security group is taken as it is", ack.SecurityGroup, "sg-0123456789abcdef0", "", "", "sg-0123456789abcdef0",
			found(func(r *v1alpha1.ResolvedEnvironment) { r.SecurityGroups = []string{"sg-0123456789abcdef0"} }),
		},
		{
			"a queue by URL", ack.Queue, made.QueueURL, "", "", made.QueueURL,
			found(func(r *v1alpha1.ResolvedEnvironment) { r.QueueURL = made.QueueURL }),
		},
		{
			"a queue by ARN leads to its URL", ack.Queue, made.QueueARN, "", "", made.QueueURL,
			found(func(r *v1alpha1.ResolvedEnvironment) { r.QueueURL = made.QueueURL }),
		},
		{
			"a queue's URL of another region is refused before AWS is asked", ack.Queue, "https://sqs.eu-west-1.amazonaws.com/111122223333/scan-inbox",
			"QueueInvalid", "set region: eu-west-1", "", region,
		},
		{"a queue that does not exist, by URL", ack.Queue, made.QueueURL + "-gone", "QueueNotFound", "does not exist in AWS", "", region},
		{"a queue that does not exist, by ARN", ack.Queue, made.QueueARN + "-gone", "QueueNotFound", "does not exist in AWS", "", region},
		{
			"a topic", ack.Topic, made.TopicARN, "", "", made.TopicARN,
			found(func(r *v1alpha1.ResolvedEnvironment) { r.TopicARN = made.TopicARN }),
		},
		{"a topic that does not exist", ack.Topic, made.TopicARN + "-gone", "TopicNotFound", "does not exist in AWS", "", region},
		{"a FIFO topic delivers no mail", ack.Topic, made.TopicARN + ".fifo", "TopicInvalid", "standard topic", "", region},
		{
			"a bucket", ack.Bucket, made.Bucket, "", "", made.Bucket,
			found(func(r *v1alpha1.ResolvedEnvironment) { r.Bucket = made.Bucket }),
		},
		{"a bucket that does not exist", ack.Bucket, "scan-reports-gone", "BucketNotFound", "does not exist in AWS", "", region},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ref, got := checked(t, server.Config(), spec, test.kind, test.id)
			expect(t, ref, test.reason, test.message, test.resolved)
			if diff := cmp.Diff(test.found, got); diff != "" {
				t.Errorf("what jobs would use:\n%s", diff)
			}
		})
	}
}

func TestQueueRegion(t *testing.T) {
	for address, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/111122223333/inbox":                               "eu-west-1",
		"https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/inbox":                      "us-gov-west-1",
		"https://sqs.cn-north-1.amazonaws.com.cn/111122223333/inbox":                           "cn-north-1",
		"https://sqs.eu-west-1.api.aws/111122223333/inbox":                                     "eu-west-1",
		"https://eu-west-1.queue.amazonaws.com/111122223333/inbox":                             "eu-west-1",
		"https://queue.amazonaws.com/111122223333/inbox":                                       "",
		"https://vpce-0a1b2c3d4e5f6a7b8-x1y2z3a4.sqs.eu-west-1.vpce.amazonaws.com/1/eu-west-2": "eu-west-1",
		"http://127.0.0.1:4566/111122223333/inbox":                                             "",
		"https://queues.example.com/111122223333/inbox":                                        "",
	} {
		if got := queueRegion(address); got != want {
			t.Errorf("%s is in %q, want %q", address, got, want)
		}
	}
}

func TestAQueueThatMayLoseEventsIsUsableAndWarnedOf(t *testing.T) {
	server, made := provisioned(t)
	client := sqs.NewFromConfig(server.Config())
	for name, attributes := range map[string]map[string]string{
		"no dead-letter queue": nil,
		"after 3 receives": {
			"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":3}`, made.DeadLetterQueueARN),
		},
	} {
		t.Run(name, func(t *testing.T) {
			queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(strings.ReplaceAll(name, " ", "-")), Attributes: attributes})
			if err != nil {
				t.Fatal(err)
			}
			ref, _ := checked(t, server.Config(), v1alpha1.ScanEnvironmentSpec{}, ack.Queue, *queue.QueueUrl)
			expect(t, ref, "", "", *queue.QueueUrl)
			if !strings.Contains(ref.warning, name) {
				t.Errorf("warning %q, want %q", ref.warning, name)
			}
		})
	}
	ref, _ := checked(t, server.Config(), v1alpha1.ScanEnvironmentSpec{}, ack.Queue, made.QueueURL)
	if ref.warning != "" {
		t.Errorf("a queue as it should be is warned of: %s", ref.warning)
	}
}

func TestImpatientQueue(t *testing.T) {
	tests := map[string]struct{ policy, says string }{
		"no dead-letter queue":         {"", "has no dead-letter queue"},
		"five receives":                {`{"deadLetterTargetArn":"arn","maxReceiveCount":5}`, "after 5 receives"},
		"five receives as a text":      {`{"deadLetterTargetArn":"arn","maxReceiveCount":"5"}`, "maxReceiveCount of its RedrivePolicy to 10 or more"},
		"ten receives":                 {`{"deadLetterTargetArn":"arn","maxReceiveCount":10}`, ""},
		"a policy of some later shape": {`{"deadLetterTargetArn":"arn"}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := impatientQueue(test.policy); test.says == "" && got != "" || !strings.Contains(got, test.says) {
				t.Errorf("%q, want %q", got, test.says)
			}
		})
	}
}

func TestADeniedCallNamesThePermission(t *testing.T) {
	server, made := provisioned(t)
	tests := []struct {
		name, permission string
		kind             ack.Kind
		id               string
	}{
		{"cluster", "ecs:DescribeClusters", ack.Cluster, made.ClusterName},
		{"task definition", "ecs:DescribeTaskDefinition", ack.TaskDefinition, "scanner"},
		{"queue by URL", "sqs:GetQueueAttributes", ack.Queue, made.QueueURL},
		{"queue by ARN", "sqs:GetQueueUrl", ack.Queue, made.QueueARN},
		{"topic", "sns:GetTopicAttributes", ack.Topic, made.TopicARN},
		{"bucket", "s3:ListBucket", ack.Bucket, made.Bucket},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			defer server.Faults().Deny(awslocal.Any, test.permission).Clear()
			ref, _ := checked(t, server.Config(), v1alpha1.ScanEnvironmentSpec{ContainerName: "scanner"}, test.kind, test.id)
			expect(t, ref, string(test.kind)+"AccessDenied", "allow "+test.permission, "")
		})
	}
}

func TestAnAnswerThatSaysNothingOfTheResourceIsUnknown(t *testing.T) {
	server, made := provisioned(t)
	faults := server.Faults()
	tests := []struct {
		name  string
		fault func() *awslocal.Fault
	}{
		{"throttled", func() *awslocal.Fault {
			return faults.Fail("ecs", awslocal.Any, awslocal.Forever, awslocal.Throttled())
		}},
		{"AWS's own failure", func() *awslocal.Fault {
			return faults.Fail("ecs", awslocal.Any, awslocal.Forever, awslocal.ServerFault())
		}},
		{"a lost answer", func() *awslocal.Fault { return faults.LoseAnswer("ecs", awslocal.Any, awslocal.Forever) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			defer test.fault().Clear()
			for kind, id := range map[ack.Kind]string{ack.Cluster: made.ClusterName, ack.TaskDefinition: "scanner:1"} {
				ref, _ := checked(t, server.Config(), v1alpha1.ScanEnvironmentSpec{ContainerName: "scanner"}, kind, id)
				expect(t, ref, v1alpha1.ReasonAWSUnavailable, "could not be looked at", "")
				if !ref.problem.unknown {
					t.Error("it counts as known")
				}
			}
		})
	}
}

func TestTheRoleOfTheEnvironmentIsAssumed(t *testing.T) {
	server, made := provisioned(t)
	spec := v1alpha1.ScanEnvironmentSpec{AssumeRoleARN: scanRole}
	ref, _ := checked(t, server.Config(), spec, ack.Cluster, made.ClusterName)
	expect(t, ref, "", "", made.ClusterARN)

	spec.AssumeRoleARN = "arn:aws:iam::111122223333:role/locked"
	ref, _ = checked(t, server.Config(), spec, ack.Cluster, made.ClusterName)
	expect(t, ref, v1alpha1.ReasonAssumeRoleFailed, spec.AssumeRoleARN+" could not be assumed", "")

	defer server.Faults().Fail("sts", "AssumeRole", awslocal.Forever, awslocal.ServerFault()).Clear()
	spec.AssumeRoleARN = scanRole
	ref, _ = checked(t, server.Config(), spec, ack.Cluster, made.ClusterName)
	expect(t, ref, v1alpha1.ReasonAWSUnavailable, "could not be looked at", "")
}

func TestARoleThatWantsAnExternalIdentifierIsRefusedWithoutIt(t *testing.T) {
	const role = "arn:aws:iam::444455556666:role/scanjob-environment"
	server, err := awslocal.Start(awslocal.Options{Roles: []awslocal.Role{{ARN: role, TrustPolicy: `{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"agreed-on"}}}]}`}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	made, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, externalID, reason, message, resolved string }{
		{"without one", "", v1alpha1.ReasonAssumeRoleFailed, "if it asks for sts:ExternalId, set externalID", ""},
		{"with another one", "guessed", v1alpha1.ReasonAssumeRoleFailed, "see that the sts:ExternalId that it asks for is the one of externalID", ""},
		{"with the one that was agreed on", "agreed-on", "", "", made.ClusterARN},
	} {
		t.Run(row.name, func(t *testing.T) {
			ref, _ := checked(t, server.Config(), v1alpha1.ScanEnvironmentSpec{AssumeRoleARN: role, ExternalID: row.externalID}, ack.Cluster, made.ClusterName)
			expect(t, ref, row.reason, row.message, row.resolved)
		})
	}
}

func TestABucketOfAnotherRegionIsNamed(t *testing.T) {
	// S3 answers a HEAD for a bucket elsewhere without a body, with the region in a header.
	for _, status := range []int{http.StatusMovedPermanently, http.StatusBadRequest} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
				w.WriteHeader(status)
			}))
			defer elsewhere.Close()
			cfg := aws.Config{
				Region: "us-east-1", BaseEndpoint: aws.String(elsewhere.URL),
				Credentials: credentials.NewStaticCredentialsProvider("AKIA"+"IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
			}
			ref, _ := checked(t, cfg, v1alpha1.ScanEnvironmentSpec{}, ack.Bucket, "scan-reports")
			expect(t, ref, "BucketInvalid", "is in region eu-west-1, and the environment in us-east-1", "")
		})
	}
}

func TestAnObjectWhoseResourceIsGoneSaysWhereToLook(t *testing.T) {
	server, made := provisioned(t)
	name := "findings"
	references := []reference{{field: "notifications.topic", kind: ack.Topic, source: fromObject(name), identifier: made.TopicARN + "-gone"}}
	asked := check{clients: awsclient.NewFactory(server.Config()).For(awsclient.Scope{}), found: v1alpha1.ResolvedEnvironment{Region: "us-east-1"}}
	asked.all(t.Context(), references)
	expect(t, &references[0], "TopicNotFound", `ACK Topic "findings" is synced as `+made.TopicARN+"-gone, but AWS does not know that", "")

	if _, err := sns.NewFromConfig(server.Config()).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("scan-findings-gone")}); err != nil {
		t.Fatal(err)
	}
	references[0].problem = nil
	asked.all(t.Context(), references)
	expect(t, &references[0], "", "", made.TopicARN+"-gone")
}
