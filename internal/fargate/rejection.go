package fargate

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Rejection is ECS's answer that a RunTask call started no task.
type Rejection struct {
	// Class says whether another attempt makes sense.
	Class scanv1.FailureClass
	// Code is the exception's name, or the failure's reason.
	Code string
	// Message is ECS's text, with advice where there is some.
	Message string
	// Capacity is set where Fargate had no capacity, or the account's vCPU quota is used up.
	Capacity bool
	// Final is set where the answer also rules out a task of an earlier call with the same token. An exception does not:
	// it is given before the token is looked at.
	Final bool
	// TokenUsed is set where an earlier call with the token started a task that the answer does not name.
	TokenUsed bool
}

func (r *Rejection) Error() string { return r.Code + ": " + r.Message }

// answer is a row of the tables below: which text of ECS means what.
type answer struct {
	// code is the exception's name; empty in rows on failures[].
	code string
	// contains is looked for in the text, case folded and with typographic apostrophes made plain; empty matches any text.
	contains string
	class    scanv1.FailureClass
	capacity bool
	// again means that nothing was decided: the same call is to be repeated with the same token.
	again  bool
	advice string
}

// failureAnswers says what the entries of failures[] in a 200 response mean. The first row that matches counts; what
// AWS may add, and no row matches, is worth a bounded number of further attempts.
func failureAnswers() []answer {
	return []answer{
		{contains: "capacity is unavailable", class: scanv1.ClassInfrastructure, capacity: true,
			advice: "add subnets in other availability zones, or FARGATE beside FARGATE_SPOT"},
		{contains: "limit on the number of vcpus", class: scanv1.ClassInfrastructure, capacity: true,
			advice: "raise the Fargate vCPU quota (Service Quotas L-3032A538, Spot L-36FBB829) or lower spec.capacity.maxConcurrentTasks"},
		{contains: "limit on the number of tasks", class: scanv1.ClassInfrastructure, capacity: true,
			advice: "raise the Fargate quota or lower spec.capacity.maxConcurrentTasks"},
		{contains: "configuration is above your limit", class: scanv1.ClassConfiguration,
			advice: "a new account's Fargate quota is too small for this size: raise it or ask for smaller spec.resources"},
		{contains: "resource:", class: scanv1.ClassInfrastructure, capacity: true},
	}
}

// exceptionAnswers says what RunTask's exceptions mean. The first row that matches counts; an exception without a row is
// treated as unknown, and the call is repeated.
func exceptionAnswers() []answer {
	return []answer{
		{code: "ThrottlingException", again: true},
		{code: "ServerException", again: true},
		{code: "InvalidParameterException", contains: "request limit exceeded", again: true},
		{code: "InvalidParameterException", contains: "requestlimitexceeded", again: true},
		{code: "InvalidParameterException", contains: "insufficientfreeaddresses", class: scanv1.ClassInfrastructure,
			advice: "a subnet has no free addresses: add one to spec.network.subnets"},
		{code: "InvalidParameterException", contains: " vpc", class: scanv1.ClassConfiguration,
			advice: "the subnets and security groups of spec.network of the ScanEnvironment must be of one VPC"},
		{code: "InvalidParameterException", contains: "subnet", class: scanv1.ClassConfiguration,
			advice: "correct spec.network.subnets of the ScanEnvironment"},
		{code: "InvalidParameterException", contains: "security group", class: scanv1.ClassConfiguration,
			advice: "correct spec.network.securityGroups of the ScanEnvironment"},
		{code: "InvalidParameterException", contains: "capacity provider", class: scanv1.ClassConfiguration,
			advice: "associate it with the cluster, or take it out of spec.capacity.strategy of the ScanEnvironment"},
		{code: "InvalidParameterException", class: scanv1.ClassConfiguration},
		{code: "ClientException", contains: "provisioning", class: scanv1.ClassInfrastructure, capacity: true,
			advice: "too many tasks of the cluster are being provisioned"},
		{code: "ClientException", contains: "unable to assume the role", class: scanv1.ClassInfrastructure,
			advice: "a role that was just created takes minutes to be usable; if it lasts, let ecs-tasks.amazonaws.com assume it in its trust policy"},
		{code: "ClientException", contains: "inactive", class: scanv1.ClassConfiguration,
			advice: "the task definition is not ACTIVE: register a new revision and name it in the ScanEnvironment"},
		{code: "ClientException", class: scanv1.ClassConfiguration},
		{code: "ClusterNotFoundException", class: scanv1.ClassConfiguration, advice: "create the cluster, or name another in the ScanEnvironment"},
		{code: "PlatformUnknownException", class: scanv1.ClassConfiguration},
		{code: "PlatformTaskDefinitionIncompatibilityException", class: scanv1.ClassConfiguration},
		{code: "UnsupportedFeatureException", class: scanv1.ClassConfiguration},
		{code: "BlockedException", class: scanv1.ClassConfiguration, advice: "AWS has blocked the account: ask AWS Support"},
		{code: "AccessDeniedException", contains: "iam:passrole", class: scanv1.ClassConfiguration,
			advice: "allow the manager's role iam:PassRole on that role, to be passed to ecs-tasks.amazonaws.com"},
		{code: "AccessDeniedException", class: scanv1.ClassConfiguration,
			advice: "allow the manager's role ecs:RunTask on the task definition, ecs:TagResource, and iam:PassRole on the task's two roles"},
	}
}

func rejectionOfFailure(reason, detail string) *Rejection {
	text := reason
	if detail != "" {
		text += ": " + detail
	}
	for _, row := range failureAnswers() {
		if strings.Contains(fold(text), row.contains) {
			return &Rejection{Class: row.class, Code: "RunTaskFailure", Message: withAdvice(text, row.advice), Capacity: row.capacity, Final: true}
		}
	}
	return &Rejection{Class: scanv1.ClassInfrastructure, Code: "RunTaskFailure", Message: text, Final: true}
}

// rejectionOfError returns nil where the error decides nothing.
func rejectionOfError(err error) *Rejection {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil
	}
	for _, row := range exceptionAnswers() {
		if row.code != api.ErrorCode() || !strings.Contains(fold(api.ErrorMessage()), row.contains) {
			continue
		}
		if row.again {
			return nil
		}
		return &Rejection{Class: row.class, Code: row.code, Message: withAdvice(api.ErrorMessage(), row.advice), Capacity: row.capacity}
	}
	return nil
}

// fold makes AWS's texts comparable: their case and their apostrophes vary.
func fold(text string) string {
	return strings.ToLower(strings.ReplaceAll(text, "’", "'"))
}

func withAdvice(text, advice string) string {
	if advice == "" {
		return text
	}
	return text + " (" + advice + ")"
}
