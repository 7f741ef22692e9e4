package report

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// publishAttempts is how often the SDK sends a request before it gives up, with its own backoff between.
const publishAttempts = 5

// ParseTopic returns the region of an SNS topic, or an error of class request that says what is wrong with the ARN.
func ParseTopic(topic string) (region string, err error) {
	parsed, err := arn.Parse(topic)
	if err != nil || parsed.Service != "sns" || parsed.Region == "" || parsed.AccountID == "" || parsed.Resource == "" {
		return "", failure.Request(err, "%s is no ARN of an SNS topic: give one such as arn:aws:sns:REGION:ACCOUNT:NAME", contract.EnvTopic)
	}
	if strings.HasSuffix(parsed.Resource, ".fifo") {
		return "", failure.Request(nil, "%s is a FIFO topic, which cannot send mail: use a standard topic", contract.EnvTopic)
	}
	return parsed.Region, nil
}

// Publish sends the message to the topic and returns when it was accepted or has failed for good. Its errors have a class: a topic that
// does not exist or refuses is a request that must change, everything else may pass.
func Publish(ctx context.Context, config aws.Config, topic string, message Message) (messageID string, err error) {
	region, err := ParseTopic(topic)
	if err != nil {
		return "", err
	}
	client := sns.NewFromConfig(config, func(o *sns.Options) {
		o.Region = region
		o.RetryMaxAttempts = publishAttempts
	})
	output, err := client.Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(topic), Subject: aws.String(message.Subject), Message: aws.String(message.Body),
		MessageStructure: aws.String("json"), MessageAttributes: message.Attributes,
	})
	if err != nil {
		return "", explainPublish(topic, err)
	}
	return aws.ToString(output.MessageId), nil
}

func explainPublish(topic string, err error) error {
	// The text of the service is left out: it may repeat the message or the identity of the task.
	name := topic[strings.LastIndexByte(topic, ':')+1:]
	code := errorCode(err)
	switch code {
	case "NotFound", "NotFoundException":
		return failure.Request(err, "the SNS topic %s does not exist: check %s", name, contract.EnvTopic)
	case "AuthorizationError", "AuthorizationErrorException", "AccessDenied", "AccessDeniedException":
		return failure.Request(err, "no permission to publish to the SNS topic %s: allow sns:Publish on it in the task role", name)
	case "KMSAccessDenied", "KMSAccessDeniedException", "KMSDisabled", "KMSNotFound", "KMSInvalidState", "KMSOptInRequired":
		return failure.Request(err, "the key of the SNS topic %s cannot be used (%s): allow kms:GenerateDataKey* and kms:Decrypt on it", name, code)
	case "InvalidParameter", "InvalidParameterException", "ParameterValueInvalid":
		return failure.Request(err, "the SNS topic %s refused the message as invalid (%s)", name, code)
	case "":
		return failure.Temporary(err, "the SNS topic %s could not be reached: check the network of the task, or its sns endpoint", name)
	}
	return failure.Temporary(err, "the SNS topic %s did not accept the findings: %s", name, code)
}

// errorCode returns the code of an answer of AWS; empty where there was no answer.
func errorCode(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}
