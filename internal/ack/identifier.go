package ack

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

var (
	// Names: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html and API_RegisterTaskDefinition.
	clusterName    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	familyRevision = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}(:[1-9][0-9]{0,9})?$`)

	// EC2's identifiers are 8 hexadecimal digits, or 17 since 2016.
	subnetID        = regexp.MustCompile(`^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`)
	securityGroupID = regexp.MustCompile(`^sg-([0-9a-f]{8}|[0-9a-f]{17})$`)

	queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}(\.fifo)?$`)
	topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}(\.fifo)?$`)
	account   = regexp.MustCompile(`^[0-9]{12}$`)

	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

func parseCluster(id string) (string, error) {
	if name, ok := resourceOf(id, "ecs", "cluster/"); clusterName.MatchString(id) || ok && clusterName.MatchString(name) {
		return id, nil
	}
	return "", fmt.Errorf("%q is neither a cluster name nor an ARN such as arn:aws:ecs:us-east-1:111122223333:cluster/scans", id)
}

func parseTaskDefinition(id string) (string, error) {
	if name, ok := resourceOf(id, "ecs", "task-definition/"); familyRevision.MatchString(id) || ok && familyRevision.MatchString(name) {
		return id, nil
	}
	return "", fmt.Errorf("%q is neither family, family:revision nor an ARN such as arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7", id)
}

func parseSubnet(id string) (string, error) {
	if subnetID.MatchString(id) {
		return id, nil
	}
	return "", fmt.Errorf("%q is not a subnet identifier: subnet- and 8 or 17 hexadecimal digits", id)
}

func parseSecurityGroup(id string) (string, error) {
	if securityGroupID.MatchString(id) {
		return id, nil
	}
	return "", fmt.Errorf("%q is not a security group identifier: sg- and 8 or 17 hexadecimal digits", id)
}

func parseQueue(id string) (string, error) {
	if name, ok := resourceOf(id, "sqs", ""); ok && queueName.MatchString(name) {
		return id, nil
	}
	u, err := url.Parse(id)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" {
		owner, name, ok := strings.Cut(strings.Trim(u.Path, "/"), "/")
		if ok && account.MatchString(owner) && queueName.MatchString(name) {
			return id, nil
		}
	}
	return "", fmt.Errorf("%q is neither a queue URL such as https://sqs.us-east-1.amazonaws.com/111122223333/inbox nor an ARN such as arn:aws:sqs:us-east-1:111122223333:inbox", id)
}

func parseTopic(id string) (string, error) {
	if name, ok := resourceOf(id, "sns", ""); ok && topicName.MatchString(name) {
		return id, nil
	}
	return "", fmt.Errorf("%q is not a topic ARN such as arn:aws:sns:us-east-1:111122223333:findings", id)
}

func parseBucket(id string) (string, error) {
	name := id
	if parsed, err := arn.Parse(id); err == nil && parsed.Service == "s3" {
		name = parsed.Resource
	}
	if bucketName.MatchString(name) && !strings.Contains(name, "..") {
		return name, nil
	}
	return "", fmt.Errorf("%q is not a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens", id)
}

// resourceOf returns what follows prefix in the resource of an ARN of a service, with its region and account there.
func resourceOf(id, service, prefix string) (string, bool) {
	parsed, err := arn.Parse(id)
	if err != nil || parsed.Service != service || parsed.Region == "" || !account.MatchString(parsed.AccountID) {
		return "", false
	}
	return strings.CutPrefix(parsed.Resource, prefix)
}
