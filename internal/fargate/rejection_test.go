package fargate_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// spellings are the forms in which AWS has been seen to write one text.
func spellings(text string) []string {
	return []string{
		text, strings.ToUpper(text), strings.ToLower(text),
		strings.ReplaceAll(text, "’", "'"), strings.ReplaceAll(text, "'", "’"),
	}
}

func marshal(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func startWith(t *testing.T, status int, answer string) (string, error) {
	t.Helper()
	client, _ := answering(t, status, answer)
	input, err := fullRequest().Input()
	if err != nil {
		t.Fatal(err)
	}
	return client.Start(t.Context(), input)
}

func TestWhatFailuresInAnAcceptedRunTaskMean(t *testing.T) {
	for _, row := range []struct {
		name     string
		reason   string
		class    scanv1.FailureClass
		capacity bool
		advice   string
	}{
		{"Fargate has no capacity", "Capacity is unavailable at this time. Please try again later or in a different availability zone",
			scanv1.ClassInfrastructure, true, "availability zones"},
		{"the vCPU quota is used up", "You’ve reached the limit on the number of vCPUs you can run concurrently",
			scanv1.ClassInfrastructure, true, "L-3032A538"},
		{"the older quota of tasks is used up", "You’ve reached the limit on the number of tasks you can run concurrently",
			scanv1.ClassInfrastructure, true, "maxConcurrentTasks"},
		{"the size is above a new account's limit", "The requested CPU/MEMORY configuration is above your limit",
			scanv1.ClassConfiguration, false, "spec.resources"},
		{"the pool of Fargate is empty", "RESOURCE:FARGATE", scanv1.ClassInfrastructure, true, ""},
		{"no network interface is left", "RESOURCE:ENI", scanv1.ClassInfrastructure, true, ""},
		{"no host has the CPU", "RESOURCE:CPU", scanv1.ClassInfrastructure, true, ""},
		{"an agent is not connected", "AGENT", scanv1.ClassInfrastructure, false, ""},
		{"no host has the attribute", "ATTRIBUTE", scanv1.ClassInfrastructure, false, ""},
		{"the location is not available", "LOCATION", scanv1.ClassInfrastructure, false, ""},
		{"something that is not known yet", "A reason that AWS adds next year", scanv1.ClassInfrastructure, false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, reason := range spellings(row.reason) {
				arn, err := startWith(t, http.StatusOK, marshal(t, map[string]any{"tasks": []any{}, "failures": []any{map[string]any{"reason": reason}}}))
				var rejection *fargate.Rejection
				if arn != "" || !errors.As(err, &rejection) {
					t.Fatalf("%q gave ARN %q and error %v", reason, arn, err)
				}
				if rejection.Class != row.class || rejection.Capacity != row.capacity {
					t.Errorf("%q is class %s, capacity %t", reason, rejection.Class, rejection.Capacity)
				}
				if !rejection.Final {
					t.Errorf("%q does not end the attempt: its token answers the same again", reason)
				}
				contains(t, err.Error(), reason)
				contains(t, err.Error(), row.advice)
			}
		})
	}
}

func TestDetailOfAFailureIsLookedAtAndShown(t *testing.T) {
	_, err := startWith(t, http.StatusOK, `{"tasks":[],"failures":[{"arn":"`+cluster+`","reason":"Unavailable","detail":"Capacity is unavailable at this time."}]}`)
	var rejection *fargate.Rejection
	if !errors.As(err, &rejection) || !rejection.Capacity {
		t.Fatalf("error %v", err)
	}
	contains(t, err.Error(), "Unavailable: Capacity is unavailable at this time.")
}

func TestWhatExceptionsOfRunTaskMean(t *testing.T) {
	// No class means that the call decided nothing and is to be repeated with the same token.
	const again = scanv1.FailureClass("")
	for _, row := range []struct {
		name     string
		status   int
		code     string
		message  string
		class    scanv1.FailureClass
		capacity bool
		advice   string
	}{
		{"throttled", 400, "ThrottlingException", "Rate exceeded", again, false, ""},
		{"throttled in other words", 400, "TooManyRequestsException", "Rate exceeded", again, false, ""},
		{"ECS failed by itself", 500, "ServerException", "Service Unavailable. Please try again later.", again, false, ""},
		{"EC2 behind it throttled", 400, "InvalidParameterException", "Request limit exceeded.", again, false, ""},
		{"EC2 behind it throttled, by its code", 400, "InvalidParameterException",
			"Error retrieving subnet information for [subnet-1]: RequestLimitExceeded (ErrorCode: RequestLimitExceeded)", again, false, ""},
		{"a subnet is full", 400, "InvalidParameterException", "InsufficientFreeAddressesInSubnet: subnet-1", scanv1.ClassInfrastructure, false, "spec.network.subnets"},
		{"a parameter is wrong", 400, "InvalidParameterException", "Something that is not known yet", scanv1.ClassConfiguration, false, ""},
		{"a subnet does not exist", 400, "InvalidParameterException", "The subnet ID 'subnet-1' does not exist", scanv1.ClassConfiguration, false, "correct spec.network.subnets"},
		{"a security group does not exist", 400, "InvalidParameterException", "The security group 'sg-1' does not exist", scanv1.ClassConfiguration, false, "correct spec.network.securityGroups"},
		{"there is no network", 400, "InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
			scanv1.ClassConfiguration, false, "Network Configuration must be provided"},
		{"a subnet is of another VPC", 400, "InvalidParameterException", "Security group sg-1 does not appear to belong to the same VPC as the input subnets.",
			scanv1.ClassConfiguration, false, "must be of one VPC"},
		{"the cluster lacks a capacity provider", 400, "InvalidParameterException",
			"The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.",
			scanv1.ClassConfiguration, false, "spec.capacity.strategy"},
		{"too many tasks are provisioned", 400, "ClientException", "You've reached the limit on the number of tasks that can be in the PROVISIONING state",
			scanv1.ClassInfrastructure, true, "provisioned"},
		{"a role was just created", 400, "ClientException", "ECS was unable to assume the role 'arn:aws:iam::111122223333:role/scans' that was provided for this task.",
			scanv1.ClassInfrastructure, false, "let ecs-tasks.amazonaws.com assume it"},
		{"the task definition is inactive", 400, "ClientException", "TaskDefinition is inactive", scanv1.ClassConfiguration, false, "register a new revision"},
		{"the client is wrong in another way", 400, "ClientException", "TaskDefinition not found.", scanv1.ClassConfiguration, false, ""},
		{"the cluster does not exist", 400, "ClusterNotFoundException", "Cluster not found.", scanv1.ClassConfiguration, false, "create the cluster"},
		{"the platform does not exist", 400, "PlatformUnknownException", "The specified platform version does not exist.", scanv1.ClassConfiguration, false, ""},
		{"the platform cannot run the task", 400, "PlatformTaskDefinitionIncompatibilityException", "The specified platform version does not satisfy it.",
			scanv1.ClassConfiguration, false, ""},
		{"the region lacks a feature", 400, "UnsupportedFeatureException", "The specified task isn't supported in this Region.", scanv1.ClassConfiguration, false, ""},
		{"AWS has blocked the account", 400, "BlockedException", "Your account has been blocked.", scanv1.ClassConfiguration, false, "AWS Support"},
		{"the manager may not", 400, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/manager/x is not authorized to perform: iam:PassRole",
			scanv1.ClassConfiguration, false, "iam:PassRole on that role"},
		{"the manager may not start tasks", 400, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/manager/x is not authorized to perform: ecs:RunTask",
			scanv1.ClassConfiguration, false, "ecs:RunTask on the task definition"},
		{"the manager's credentials have expired", 400, "ExpiredTokenException", "The security token included in the request is expired", again, false, ""},
		{"something that is not known yet", 400, "NextYearsException", "no", again, false, ""},
		{"a conflict that names no task", 400, "ConflictException", "The token is in use.", scanv1.ClassInfrastructure, false, "another request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, message := range spellings(row.message) {
				arn, err := startWith(t, row.status, marshal(t, map[string]any{"__type": row.code, "message": message}))
				if arn != "" || err == nil {
					t.Fatalf("%q gave ARN %q and error %v", message, arn, err)
				}
				contains(t, err.Error(), message)
				var rejection *fargate.Rejection
				if !errors.As(err, &rejection) {
					if row.class != again {
						t.Errorf("%q decides nothing, want class %s: %v", message, row.class, err)
					}
					continue
				}
				if rejection.Class != row.class || rejection.Capacity != row.capacity || rejection.Code != row.code {
					t.Errorf("%q is code %s, class %q, capacity %t", message, rejection.Code, rejection.Class, rejection.Capacity)
				}
				if rejection.Final {
					t.Errorf("%q claims to know of earlier calls with the token", message)
				}
				if rejection.TokenUsed != (row.code == "ConflictException") {
					t.Errorf("%q says of the token being used: %t", message, rejection.TokenUsed)
				}
				contains(t, err.Error(), row.advice)
			}
		})
	}
}

func TestAnswersThatSayNothingAreRepeated(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		answer string
	}{
		{"neither a task nor a failure", http.StatusOK, `{"tasks":[],"failures":[]}`},
		{"an empty document", http.StatusOK, `{}`},
		{"an answer that is cut off", http.StatusOK, `{"tasks":[{"taskArn":"arn:aws:ecs`},
		{"a gateway that failed", http.StatusBadGateway, `<html>Bad Gateway</html>`},
	} {
		t.Run(row.name, func(t *testing.T) {
			arn, err := startWith(t, row.status, row.answer)
			var rejection *fargate.Rejection
			if arn != "" || err == nil || errors.As(err, &rejection) {
				t.Errorf("ARN %q, error %v", arn, err)
			}
		})
	}
	t.Run("a server that is gone", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		input, err := fullRequest().Input()
		if err != nil {
			t.Fatal(err)
		}
		var rejection *fargate.Rejection
		if arn, err := clientOf(server.URL).Start(t.Context(), input); arn != "" || err == nil || errors.As(err, &rejection) {
			t.Errorf("ARN %q, error %v", arn, err)
		}
	})
}

func TestConflictNamesTheTaskThatTheTokenStandsFor(t *testing.T) {
	arn, err := startWith(t, http.StatusBadRequest, marshal(t, map[string]any{
		"__type": "ConflictException", "message": "The provided clientToken is already in use.", "resourceIds": []string{taskARN},
	}))
	if err != nil || arn != taskARN {
		t.Errorf("ARN %q, error %v", arn, err)
	}
}
