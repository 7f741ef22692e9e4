package awslocal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func badInStartedBy(r rune) bool {
	return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-", r)
}

// validateRunFields checks what RunTask can check without looking anything up. The bounds are those of the API
// reference of RunTask.
func validateRunFields(in runTaskInput, count int) *Error {
	const code = "InvalidParameterException"
	switch {
	case in.TaskDefinition == "":
		return refuse(code, "TaskDefinition can not be blank.")
	case count < 1 || count > 10:
		return refuse(code, "Count must be between 1 and 10.")
	case len(in.ClientToken) > 64 || strings.ContainsFunc(in.ClientToken, func(r rune) bool { return r < 33 || r > 126 }):
		return refuse(code, "clientToken must be at most 64 characters of ASCII 33-126.")
	case len(in.StartedBy) > 128 || strings.ContainsFunc(in.StartedBy, badInStartedBy):
		return refuse(code, "startedBy must be at most 128 letters, numbers, hyphens, forward slashes and underscores.")
	case in.LaunchType != "" && len(in.CapacityProviderStrategy) > 0:
		return refuse(code, "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case !slices.Contains([]string{"", "TASK_DEFINITION", "NONE"}, in.PropagateTags):
		return refuse(code, "Invalid value for propagateTags: %s.", in.PropagateTags)
	case in.ReferenceID != "":
		return refuse(code, "referenceId is reserved for Amazon ECS.")
	}
	if !slices.Contains([]string{"", "LATEST", "1.4.0"}, in.PlatformVersion) {
		return refuse("PlatformUnknownException", "The specified platform version does not exist.")
	}
	return validateTags(in.Tags)
}

func validateTags(tags []tag) *Error {
	const code = "InvalidParameterException"
	if len(tags) > 50 {
		return refuse(code, "The maximum number of tags is 50.")
	}
	forbidden := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune(" _.:/=+@-", r)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || utf8.RuneCountInString(t.Value) > 256:
			return refuse(code, "Tag keys have 1 to 128 characters and values up to 256: %q.", t.Key)
		case strings.ContainsFunc(t.Key+t.Value, forbidden):
			return refuse(code, "Tag %q contains invalid characters.", t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return refuse(code, "Tag keys must not begin with aws:: %q.", t.Key)
		case seen[t.Key]:
			return refuse(code, "Duplicate tag key %q.", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

func validateNetwork(in runTaskInput) *Error {
	const code = "InvalidParameterException"
	if in.NetworkConfiguration == nil {
		return refuse(code, "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	vpc := in.NetworkConfiguration.VPC
	switch {
	case len(vpc.Subnets) == 0:
		return refuse(code, "subnets can not be empty.")
	case len(vpc.Subnets) > 16:
		return refuse(code, "subnets can have at most 16 items.")
	case len(vpc.SecurityGroups) > 5:
		return refuse(code, "securityGroups can have at most 5 items.")
	case vpc.AssignPublicIP != "" && vpc.AssignPublicIP != "ENABLED" && vpc.AssignPublicIP != "DISABLED":
		return refuse(code, "assignPublicIp must be ENABLED or DISABLED.")
	}
	for _, subnet := range vpc.Subnets {
		if !strings.HasPrefix(subnet, "subnet-") {
			return refuse(code, "The subnet ID '%s' does not exist", subnet)
		}
	}
	for _, group := range vpc.SecurityGroups {
		if !strings.HasPrefix(group, "sg-") {
			return refuse(code, "The security group '%s' does not exist", group)
		}
	}
	return nil
}

// jsonCharacters counts the characters of a JSON text without insignificant space.
func jsonCharacters(raw json.RawMessage) (int, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return 0, fmt.Errorf("compact JSON: %w", err)
	}
	return utf8.RuneCount(compact.Bytes()), nil
}
