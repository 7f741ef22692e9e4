package api

import (
	"strings"
	"testing"
)

// ownEnvironmentRules are what a ScanEnvironment is refused for, its references aside.
func ownEnvironmentRules() []rule {
	return []rule{
		{
			name:   "no spec is refused",
			covers: "spec required",
			patch:  `{spec: null}`,
			want:   "spec: Required value",
		},
		{
			name:   "no cluster is refused",
			covers: "spec.cluster required",
			patch:  `{spec: {cluster: null}}`,
			want:   "spec.cluster: Required value",
		},
		{
			name:   "no task definition is refused",
			covers: "spec.taskDefinition required",
			patch:  `{spec: {taskDefinition: null}}`,
			want:   "spec.taskDefinition: Required value",
		},
		{
			name:   "no network is refused",
			covers: "spec.network required",
			patch:  `{spec: {network: null}}`,
			want:   "spec.network: Required value",
		},
		{
			name:   "no subnets is refused",
			covers: "spec.network.subnets required",
			patch:  `{spec: {network: {subnets: null}}}`,
			want:   "spec.network.subnets: Required value",
		},
		{
			name:   "an empty list of subnets is refused",
			covers: "spec.network.subnets minItems",
			patch:  `{spec: {network: {subnets: []}}}`,
			want:   "spec.network.subnets: Invalid value: 0: spec.network.subnets in body should have at least 1 items",
		},
		{
			name:   "17 subnets are refused",
			covers: "spec.network.subnets maxItems",
			patch:  `{spec: {network: {subnets: [` + list(17, "{id: subnet-%d}") + `]}}}`,
			want:   "spec.network.subnets: Too many: 17: must have at most 16 items",
		},
		{
			name:   "6 security groups are refused",
			covers: "spec.network.securityGroups maxItems",
			patch:  `{spec: {network: {securityGroups: [` + list(6, "{id: sg-%d}") + `]}}}`,
			want:   "spec.network.securityGroups: Too many: 6: must have at most 5 items",
		},
		{
			name:   "an availability zone in place of a region is refused",
			covers: "spec.region pattern",
			patch:  `{spec: {region: us-east-1a}}`,
			want:   `spec.region: Invalid value: "us-east-1a": spec.region in body should match '^[a-z]{2}(-[a-z]+)+-[0-9]+$'`,
		},
		{
			name:   "a user's ARN in place of a role's is refused",
			covers: "spec.assumeRoleARN pattern",
			patch:  `{spec: {assumeRoleARN: "arn:aws:iam::111122223333:user/scanner"}}`,
			want:   `spec.assumeRoleARN: Invalid value: "arn:aws:iam::111122223333:user/scanner": spec.assumeRoleARN in body should match '^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$'`,
		},
		{
			name:   "an external identifier without a role to assume is refused",
			covers: "spec: externalID must not be set without assumeRoleARN: it is for the role named there",
			patch:  `{spec: {externalID: 5c1f6a2e-payments}}`,
			want:   "spec: Invalid value: externalID must not be set without assumeRoleARN: it is for the role named there",
		},
		{
			name:   "an external identifier of one character is refused",
			covers: "spec.externalID minLength",
			patch:  `{spec: {assumeRoleARN: "arn:aws:iam::444455556666:role/scanjob-environment", externalID: x}}`,
			want:   `spec.externalID: Invalid value: "x": spec.externalID in body should be at least 2 chars long`,
		},
		{
			name:   "an external identifier of more than 1224 characters is refused",
			covers: "spec.externalID maxLength",
			patch:  `{spec: {assumeRoleARN: "arn:aws:iam::444455556666:role/scanjob-environment", externalID: ` + strings.Repeat("x", 1225) + `}}`,
			want:   "spec.externalID: Too long: may not be more than 1224 bytes",
		},
		{
			name:   "an external identifier with a space is refused",
			covers: "spec.externalID pattern",
			patch:  `{spec: {assumeRoleARN: "arn:aws:iam::444455556666:role/scanjob-environment", externalID: "our handshake"}}`,
			want:   `spec.externalID: Invalid value: "our handshake": spec.externalID in body should match '^[\w+=,.@:/-]*$'`,
		},
		{
			name:   "an empty container name is refused",
			covers: "spec.containerName minLength",
			patch:  `{spec: {containerName: ""}}`,
			want:   `spec.containerName: Invalid value: "": spec.containerName in body should be at least 1 chars long`,
		},
		{
			name:   "a container name of more than 255 characters is refused",
			covers: "spec.containerName maxLength",
			patch:  `{spec: {containerName: ` + strings.Repeat("c", 256) + `}}`,
			want:   "spec.containerName: Too long: may not be more than 255 bytes",
		},
		{
			name:   "no room for a single task is refused",
			covers: "spec.capacity.maxConcurrentTasks minimum",
			patch:  `{spec: {capacity: {maxConcurrentTasks: 0}}}`,
			want:   "[spec.capacity.maxConcurrentTasks: Invalid value: 0: spec.capacity.maxConcurrentTasks in body should be greater than or equal to 1, spec.capacity.maxConcurrentTasks: Invalid value: 0: maxConcurrentTasks must be 1 to 10000]",
		},
		{
			name:   "a negative limit is refused, with the values that are valid",
			covers: "spec.capacity.maxConcurrentTasks: maxConcurrentTasks must be 1 to 10000",
			patch:  `{spec: {capacity: {maxConcurrentTasks: -5}}}`,
			want:   "[spec.capacity.maxConcurrentTasks: Invalid value: -5: spec.capacity.maxConcurrentTasks in body should be greater than or equal to 1, spec.capacity.maxConcurrentTasks: Invalid value: -5: maxConcurrentTasks must be 1 to 10000]",
		},
		{
			name:   "room for more than 10000 tasks is refused",
			covers: "spec.capacity.maxConcurrentTasks maximum",
			patch:  `{spec: {capacity: {maxConcurrentTasks: 10001}}}`,
			want:   "[spec.capacity.maxConcurrentTasks: Invalid value: 10001: spec.capacity.maxConcurrentTasks in body should be less than or equal to 10000, spec.capacity.maxConcurrentTasks: Invalid value: 10001: maxConcurrentTasks must be 1 to 10000]",
		},
		{
			name:   "three shares of a strategy are refused",
			covers: "spec.capacity.strategy maxItems",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE}, {capacityProvider: FARGATE_SPOT}, {capacityProvider: FARGATE}]}}}`,
			want:   `spec.capacity.strategy: Too many: 3: must have at most 2 items, spec.capacity.strategy[2]: Duplicate value: {"capacityProvider":"FARGATE"}`,
		},
		{
			name:   "two shares of one provider are refused",
			covers: "spec.capacity.strategy unique",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE}, {capacityProvider: FARGATE}]}}}`,
			want:   `spec.capacity.strategy[1]: Duplicate value: {"capacityProvider":"FARGATE"}`,
		},
		{
			name:   "a strategy whose weights are all 0 is refused",
			covers: "spec.capacity.strategy: at least one item must have a weight of 1 to 1000",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE, weight: 0}, {capacityProvider: FARGATE_SPOT, weight: 0}]}}}`,
			want:   "spec.capacity.strategy: Invalid value: at least one item must have a weight of 1 to 1000",
		},
		{
			name:   "a strategy with two bases is refused",
			covers: "spec.capacity.strategy: only one item may have a base",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE, base: 1}, {capacityProvider: FARGATE_SPOT, base: 1}]}}}`,
			want:   "spec.capacity.strategy: Invalid value: only one item may have a base",
		},
		{
			name:   "a share without a provider is refused",
			covers: "spec.capacity.strategy[].capacityProvider required",
			patch:  `{spec: {capacity: {strategy: [{weight: 1}]}}}`,
			want:   "spec.capacity.strategy[0].capacityProvider: Required value",
		},
		{
			name:   "a provider that Fargate does not have is refused",
			covers: "spec.capacity.strategy[].capacityProvider enum",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: EC2}]}}}`,
			want:   `spec.capacity.strategy[0].capacityProvider: Unsupported value: "EC2": supported values: "FARGATE", "FARGATE_SPOT"`,
		},
		{
			name:   "a negative weight is refused",
			covers: "spec.capacity.strategy[].weight minimum",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE}, {capacityProvider: FARGATE_SPOT, weight: -1}]}}}`,
			want:   "spec.capacity.strategy[1].weight: Invalid value: -1: spec.capacity.strategy[1].weight in body should be greater than or equal to 0",
		},
		{
			name:   "a weight above 1000 is refused",
			covers: "spec.capacity.strategy[].weight maximum",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE, weight: 1001}]}}}`,
			want:   "spec.capacity.strategy[0].weight: Invalid value: 1001: spec.capacity.strategy[0].weight in body should be less than or equal to 1000",
		},
		{
			name:   "a negative base is refused",
			covers: "spec.capacity.strategy[].base minimum",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE, base: -1}]}}}`,
			want:   "spec.capacity.strategy[0].base: Invalid value: -1: spec.capacity.strategy[0].base in body should be greater than or equal to 0",
		},
		{
			name:   "a base above 100000 is refused",
			covers: "spec.capacity.strategy[].base maximum",
			patch:  `{spec: {capacity: {strategy: [{capacityProvider: FARGATE, base: 100001}]}}}`,
			want:   "spec.capacity.strategy[0].base: Invalid value: 100001: spec.capacity.strategy[0].base in body should be less than or equal to 100000",
		},
		{
			name:   "an inbox without a queue is refused",
			covers: "spec.inbox.queue required",
			patch:  `{spec: {inbox: {}}}`,
			want:   "spec.inbox.queue: Required value",
		},
		{
			name:   "notifications without a topic are refused",
			covers: "spec.notifications.topic required",
			patch:  `{spec: {notifications: {}}}`,
			want:   "spec.notifications.topic: Required value",
		},
		{
			name:   "a branch of the repository that does not exist is refused with the values that do",
			covers: "spec.repositoryConfiguration enum",
			patch:  `{spec: {repositoryConfiguration: Both}}`,
			want:   `spec.repositoryConfiguration: Unsupported value: "Both": supported values: "TargetBranch", "SourceBranch", "None"`,
		},
		{
			name:   "reports without a bucket are refused",
			covers: "spec.reports.bucket required",
			patch:  `{spec: {reports: {prefix: sarif/}}}`,
			want:   "spec.reports.bucket: Required value",
		},
		{
			name:   "a prefix with characters that S3 advises against is refused",
			covers: "spec.reports.prefix pattern",
			patch:  `{spec: {reports: {bucket: {id: scan-reports}, prefix: "a b"}}}`,
			want:   `spec.reports.prefix: Invalid value: "a b": spec.reports.prefix in body should match '^[A-Za-z0-9/!_.*'()-]*$'`,
		},
		{
			name:   "a prefix of more than 512 characters is refused",
			covers: "spec.reports.prefix maxLength",
			patch:  `{spec: {reports: {bucket: {id: scan-reports}, prefix: ` + strings.Repeat("p", 513) + `}}}`,
			want:   "spec.reports.prefix: Too long: may not be more than 512 bytes",
		},
	}
}

// referenceRules are the rules of AWSReference.
func referenceRules() []rule {
	return []rule{
		{
			name:   "neither id nor from is refused",
			covers: "@: exactly one of id and from must be set",
			patch:  `{}`,
			want:   "@: Invalid value: exactly one of id and from must be set",
		},
		{
			name:   "both id and from are refused",
			covers: "@: exactly one of id and from must be set",
			patch:  `{id: plain, from: {name: object}}`,
			want:   "@: Invalid value: exactly one of id and from must be set",
		},
		{
			name:   "an empty id is refused",
			covers: "@.id minLength",
			patch:  `{id: ""}`,
			want:   `@.id: Invalid value: "": @.id in body should be at least 1 chars long`,
		},
		{
			name:   "an id of more than 2048 characters is refused",
			covers: "@.id maxLength",
			patch:  `{id: ` + strings.Repeat("i", 2049) + `}`,
			want:   "@.id: Too long: may not be more than 2048 bytes",
		},
		{
			name:   "an ACK object without a name is refused",
			covers: "@.from: from.name must be set",
			patch:  `{from: {}}`,
			want:   "@.from: Invalid value: from.name must be set",
		},
		{
			name:   "an ACK object with an empty name is refused",
			covers: "@.from: from.name must be set",
			patch:  `{from: {name: ""}}`,
			want:   "@.from: Invalid value: from.name must be set",
		},
		{
			name:   "an ACK object of another namespace is refused",
			covers: "@.from: from.namespace must not be set: nothing refers across namespaces",
			patch:  `{from: {name: object, namespace: other}}`,
			want:   "@.from: Invalid value: from.namespace must not be set: nothing refers across namespaces",
		},
	}
}

// referencePlaces are the fields that hold an AWSReference, and how a patch gets there.
func referencePlaces() map[string]func(patch string) string {
	return map[string]func(string) string{
		"spec.cluster":                  func(p string) string { return "{spec: {cluster: " + withoutID(p) + "}}" },
		"spec.taskDefinition":           func(p string) string { return "{spec: {taskDefinition: " + withoutID(p) + "}}" },
		"spec.network.subnets[]":        func(p string) string { return "{spec: {network: {subnets: [" + p + "]}}}" },
		"spec.network.securityGroups[]": func(p string) string { return "{spec: {network: {securityGroups: [" + p + "]}}}" },
		"spec.inbox.queue":              func(p string) string { return "{spec: {inbox: {queue: " + p + "}}}" },
		"spec.notifications.topic":      func(p string) string { return "{spec: {notifications: {topic: " + p + "}}}" },
		"spec.reports.bucket":           func(p string) string { return "{spec: {reports: {bucket: " + p + "}}}" },
	}
}

// withoutID takes the id of the minimal object away, where the patch does not set one.
func withoutID(patch string) string {
	if strings.HasPrefix(patch, "{id:") {
		return patch
	}
	return strings.Replace(patch, "{", "{id: null, ", 1)
}

func environmentRules() []rule {
	rules := ownEnvironmentRules()
	for path, wrap := range referencePlaces() {
		rules = append(rules, inside(path, wrap, referenceRules())...)
	}
	return rules
}

func TestScanEnvironmentRefusesWhatScansCannotRunIn(t *testing.T) {
	checkRefused(t, scanEnvironment(), environmentRules())
}
