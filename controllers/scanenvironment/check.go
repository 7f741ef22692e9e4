package scanenvironment

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// check asks AWS about one environment's references.
type check struct {
	clients *awsclient.Clients
	spec    v1alpha1.ScanEnvironmentSpec
	// last are the results that status holds of this very spec.
	last []v1alpha1.ReferenceStatus
	// found collects what the usable references lead to. It is complete if every reference is usable.
	found v1alpha1.ResolvedEnvironment
	// health is how the consumption of the inbox goes.
	health inbox.Health
	// queueARN is the inbox, once it has been found.
	queueARN string
}

// all checks every reference that has an identifier, and records in each what it led to or what is wrong.
func (c *check) all(ctx context.Context, references []reference) {
	for i := range references {
		ref := &references[i]
		if ref.problem != nil {
			continue
		}
		if c.elsewhere(ref) {
			continue
		}
		switch ref.kind {
		case ack.Cluster:
			c.cluster(ctx, ref)
		case ack.TaskDefinition:
			c.taskDefinition(ctx, ref)
		case ack.Subnet:
			// Looking at it would need ec2 permissions that the manager has no other use for; RunTask says if it is wrong.
			ref.resolved = ref.identifier
			c.found.Subnets = append(c.found.Subnets, ref.resolved)
		case ack.SecurityGroup:
			ref.resolved = ref.identifier
			c.found.SecurityGroups = append(c.found.SecurityGroups, ref.resolved)
		case ack.Queue:
			c.queue(ctx, ref)
		case ack.Topic:
			c.topic(ctx, ref)
		case ack.Bucket:
			c.bucket(ctx, ref)
		}
	}
	c.suspectAccounts(ctx, references)
	oneVPC(references)
}

// elsewhere refuses what is in another region, which AWS would answer with errors that lead astray.
func (c *check) elsewhere(ref *reference) bool {
	region := regionOf(ref)
	if region == "" || region == c.found.Region {
		return false
	}
	ref.fail(v1alpha1.ReasonSuffixInvalid, "is in region %s, and the environment in %s; set region: %s, or refer to one of this region",
		region, c.found.Region, region)
	return true
}

// regionOf returns the region in an ARN or in the URL of a queue; empty where there is none.
func regionOf(ref *reference) string {
	if parsed, err := arn.Parse(ref.identifier); err == nil {
		return parsed.Region
	}
	if ref.kind == ack.Queue {
		return queueRegion(ref.identifier)
	}
	return ""
}

func (c *check) cluster(ctx context.Context, ref *reference) {
	answer, err := c.clients.ECS.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{ref.identifier}})
	if err != nil {
		c.refuse(ref, "ecs:DescribeClusters", err)
		return
	}
	if len(answer.Clusters) == 0 {
		ref.fail(v1alpha1.ReasonSuffixNotFound, "%s", absent(ref))
		return
	}
	judgeCluster(ref, answer.Clusters[0], c.spec.Capacity.Strategy)
	if ref.problem != nil {
		return
	}
	parsed, err := arn.Parse(ref.resolved)
	if err != nil {
		ref.fail(v1alpha1.ReasonSuffixInvalid, "has %q for an ARN", ref.resolved)
		return
	}
	c.found.ClusterARN, c.found.Account = ref.resolved, parsed.AccountID
}

func (c *check) taskDefinition(ctx context.Context, ref *reference) {
	answer, err := c.clients.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(ref.identifier)})
	var client *ecstypes.ClientException
	if errors.As(err, &client) {
		// ECS has no code of its own for a task definition, or a family's active revision, that is not there.
		ref.fail(v1alpha1.ReasonSuffixNotFound, "%s: %s", absent(ref), awsclient.Short(err))
		return
	}
	if err != nil {
		c.refuse(ref, "ecs:DescribeTaskDefinition", err)
		return
	}
	definition := answer.TaskDefinition
	judgeTaskDefinition(ref, definition, c.spec.ContainerName)
	if ref.problem != nil {
		return
	}
	c.found.TaskDefinitionARN = ref.resolved
	c.found.CPU, c.found.Memory = aws.ToString(definition.Cpu), aws.ToString(definition.Memory)
	c.found.Architecture = architectureOf(definition)
}

func (c *check) topic(ctx context.Context, ref *reference) {
	if strings.HasSuffix(ref.identifier, ".fifo") {
		ref.fail(v1alpha1.ReasonSuffixInvalid, "is a FIFO topic, which delivers no e-mail; refer to a standard topic")
		return
	}
	_, err := c.clients.SNS.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(ref.identifier)})
	if err != nil {
		c.refuse(ref, "sns:GetTopicAttributes", err)
		return
	}
	ref.resolved, c.found.TopicARN = ref.identifier, ref.identifier
	c.subscribers(ctx, ref)
}

func (c *check) bucket(ctx context.Context, ref *reference) {
	_, err := c.clients.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(ref.identifier)})
	if region := bucketRegion(err); region != "" && region != c.found.Region {
		ref.fail(v1alpha1.ReasonSuffixInvalid, "is in region %s, and the environment in %s; refer to a bucket of this region", region, c.found.Region)
		return
	}
	if err != nil {
		c.refuse(ref, "s3:ListBucket", err)
		return
	}
	ref.resolved, c.found.Bucket = ref.identifier, ref.identifier
}

// bucketRegion returns where S3 says that a bucket is, in the answers that it gives elsewhere: 301, or 400 to a signature
// for the wrong region. Both have no body.
func bucketRegion(err error) string {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return ""
	}
	switch response.HTTPStatusCode() {
	case http.StatusMovedPermanently, http.StatusBadRequest:
		return response.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

// refuse records the error of a call that needs a permission.
func (c *check) refuse(ref *reference, permission string, err error) {
	if awsclient.RoleRefused(err) {
		ref.problem = &problem{reason: v1alpha1.ReasonAssumeRoleFailed, message: shorten(c.notAssumed(err))}
		return
	}
	switch awsclient.ClassOf(err) {
	case awsclient.ClassAccessDenied:
		// A policy that names its resources denies a misspelt one too.
		ref.fail(v1alpha1.ReasonSuffixAccessDenied, "may not be looked at: %s; see that it is named right, and allow %s on it to the role that the manager uses",
			awsclient.Short(err), permission)
	case awsclient.ClassNotFound:
		ref.fail(v1alpha1.ReasonSuffixNotFound, "%s", absent(ref))
	case awsclient.ClassInvalid:
		ref.fail(v1alpha1.ReasonSuffixInvalid, "is refused by AWS: %s", awsclient.Short(err))
	case awsclient.ClassUnavailable:
		ref.problem = &problem{
			reason:  v1alpha1.ReasonAWSUnavailable,
			message: ref.say("could not be looked at: %s", awsclient.Short(err)),
			unknown: true,
		}
	}
}

// notAssumed says why the environment's role was not assumed and what to look at. AWS does not say which of it is wrong.
func (c *check) notAssumed(err error) string {
	external := "if it asks for sts:ExternalId, set externalID"
	if c.spec.ExternalID != "" {
		external = "see that the sts:ExternalId that it asks for is the one of externalID"
	}
	return "assumeRoleARN: the role " + c.spec.AssumeRoleARN + " could not be assumed: " + awsclient.Short(err) +
		"; allow sts:AssumeRole on it in the policy of the manager's role, and to the manager's role in its trust policy; " + external
}

// absent says that AWS does not know the resource, and what to look at.
func absent(ref *reference) string {
	if ref.objectName() != "" {
		return "is synced as " + ref.identifier + ", but AWS does not know that; see that region and assumeRoleARN are those of the ACK controller, " +
			"or let ACK create it again by touching the object"
	}
	return "does not exist in AWS; create it, or correct " + ref.field + ".id, region or assumeRoleARN"
}
