package scanenvironment

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// leastReceives is the maxReceiveCount of a queue below which an outage may cost events. A message that cannot be handled
// comes back after 10 s, 20 s, 40 s and so on up to ten minutes: five receives are over after two and a half minutes, ten
// after three quarters of an hour, as after the restart of a control plane.
const leastReceives = 10

func (c *check) queue(ctx context.Context, ref *reference) {
	address := ref.identifier
	if parsed, err := arn.Parse(ref.identifier); err == nil {
		answer, err := c.clients.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{
			QueueName:              aws.String(parsed.Resource),
			QueueOwnerAWSAccountId: aws.String(parsed.AccountID),
		})
		if err != nil {
			c.refuse(ref, "sqs:GetQueueUrl", err)
			return
		}
		address = aws.ToString(answer.QueueUrl)
	}
	answer, err := c.clients.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(address),
		AttributeNames: []sqstypes.QueueAttributeName{
			sqstypes.QueueAttributeNameQueueArn, sqstypes.QueueAttributeNameRedrivePolicy,
		},
	})
	if err != nil {
		c.refuse(ref, "sqs:GetQueueAttributes", err)
		return
	}
	c.queueARN = answer.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
	if c.unconsumed(ref, address) {
		return
	}
	ref.resolved, c.found.QueueURL = address, address
	if fault := impatientQueue(answer.Attributes[string(sqstypes.QueueAttributeNameRedrivePolicy)]); fault != "" {
		ref.warning = ref.say("%s", fault)
	}
}

// unconsumed refuses a queue that the inbox has not been able to consume for a while, although it can be looked at. What
// AWS may be able to do in a moment is no fault of the queue.
func (c *check) unconsumed(ref *reference, address string) bool {
	h := c.health
	if h.Err == nil || h.QueueURL != address || awsclient.RoleRefused(h.Err) {
		return false
	}
	since, why := h.Since.UTC().Format(time.RFC3339), awsclient.Short(h.Err)
	switch awsclient.ClassOf(h.Err) {
	case awsclient.ClassAccessDenied:
		ref.fail(v1alpha1.ReasonSuffixAccessDenied, "cannot be consumed since %s: %s; allow %s on it to the role that the manager uses, "+
			"and kms:Decrypt on its key if it is encrypted with one of yours", since, why, h.Action)
	case awsclient.ClassNotFound:
		ref.fail(v1alpha1.ReasonSuffixNotFound, "cannot be consumed since %s: %s", since, absent(ref))
	case awsclient.ClassInvalid:
		ref.fail(v1alpha1.ReasonSuffixInvalid, "cannot be consumed since %s: %s (%s)", since, why, h.Action)
	case awsclient.ClassUnavailable:
		return false
	}
	return true
}

// impatientQueue says what is wrong with a queue's redrive policy, or nothing.
func impatientQueue(policy string) string {
	var redrive struct {
		// MaxReceiveCount is a number, which some write as a text.
		MaxReceiveCount json.Number `json:"maxReceiveCount"`
	}
	if policy == "" {
		return "has no dead-letter queue, so that a message which cannot be read comes back until it expires; set its RedrivePolicy"
	}
	if err := json.Unmarshal([]byte(policy), &redrive); err != nil {
		return "" // SQS checks what it is given
	}
	count, err := redrive.MaxReceiveCount.Int64()
	if err != nil || count >= leastReceives {
		return ""
	}
	return fmt.Sprintf("gives a message up after %d receives, so that an outage of some minutes loses events; set the maxReceiveCount of its RedrivePolicy to %d or more",
		count, leastReceives)
}

// queueRegion returns the region in the host name of a queue's URL, such as sqs.eu-west-1.amazonaws.com, the older
// eu-west-1.queue.amazonaws.com, or a VPC endpoint's; empty where there is none.
func queueRegion(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	form := regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	for _, label := range strings.Split(parsed.Hostname(), ".") {
		if form.MatchString(label) {
			return label
		}
	}
	return ""
}
