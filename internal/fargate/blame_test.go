package fargate_test

import (
	"testing"

	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func TestWhoseMatterAFailureIs(t *testing.T) {
	for _, row := range []struct {
		name   string
		reason string
		// plain and own: the environment is at fault for a scan without overrides, and for one with its own.
		plain, own bool
	}{
		{"the image is not there", pull + "not found (push the image or create the secret, or correct the task definition)", true, true},
		{"the image may not be pulled", "CannotPullContainerError: access denied", true, true},
		{"the image is for another architecture", "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'", true, true},
		{"the program is for another architecture", "CannotStartContainerError: exec /scanner: exec format error", true, true},
		{"the secret is not there", resource + "can’t find the specified secret", true, true},
		{"the log group is not there", resource + "the specified log group does not exist", true, true},
		{"a role may not be passed", "AccessDeniedException: User: a is not authorized to perform: iam:PassRole on resource: b", true, true},
		{"the cluster is not there", "ClusterNotFoundException: Cluster not found.", true, true},
		{"the task definition is inactive", "ClientException: TaskDefinition is inactive", true, true},
		{"the subnet is not there", "InvalidParameterException: The subnet ID 'subnet-1' does not exist", true, true},
		{"the security group is of another VPC", "InvalidParameterException: Security group sg-1 does not appear to belong to the same VPC as the input subnets.", true, true},
		{"the cluster lacks a capacity provider", "InvalidParameterException: The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster.", true, true},
		{"the account is blocked", "BlockedException: Your AWS account is blocked", true, true},
		{"the size is none of Fargate's", "ClientException: No Fargate configuration exists for given values.", true, false},
		{"another parameter is invalid", "InvalidParameterException: something", true, false},
		{"the size is above a new account's limit", "RunTaskFailure: The requested CPU/MEMORY configuration is above your limit", true, false},
		{"the command is not there", `CannotStartContainerError: exec: "scan": executable file not found in $PATH`, true, false},
		{"the image does not fit on the disk", "CannotPullContainerError: failed to extract layer: no space left on device", true, false},
		{"the overrides are too long", (&fargate.OverridesTooLargeError{Characters: 9000}).Error(), false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := fargate.EnvironmentAtFault(row.reason, false); got != row.plain {
				t.Errorf("the environment is at fault: %t", got)
			}
			if got := fargate.EnvironmentAtFault(row.reason, true); got != row.own {
				t.Errorf("the environment is at fault for a scan with overrides: %t", got)
			}
		})
	}
}
