package api

import (
	"fmt"
	"strings"
)

// optionRules are the rules of ScanJobOptions, which a ScanJob has in its spec and the other kinds in their templates.
func optionRules() []rule {
	return append([]rule{
		{
			name:   "a mode that does not exist is refused with the modes that do",
			covers: "@.mode enum",
			patch:  `{mode: All}`,
			want:   `@.mode: Unsupported value: "All": supported values: "Changes", "Tree", "History"`,
		},
		{
			name:   "findings of a kind that does not exist are refused with the kinds that do",
			covers: "@.failOn enum",
			patch:  `{failOn: Existing}`,
			want:   `@.failOn: Unsupported value: "Existing": supported values: "New", "All"`,
		},
		{
			name:   "a negative backoffLimit is refused",
			covers: "@.backoffLimit minimum",
			patch:  `{backoffLimit: -1}`,
			want:   "@.backoffLimit: Invalid value: -1: @.backoffLimit in body should be greater than or equal to 0",
		},
		{
			name:   "more than 10 repeats of a spoiled scan are refused",
			covers: "@.backoffLimit maximum",
			patch:  `{backoffLimit: 11}`,
			want:   "@.backoffLimit: Invalid value: 11: @.backoffLimit in body should be less than or equal to 10",
		},
		{
			name:   "a negative infrastructureBackoffLimit is refused",
			covers: "@.infrastructureBackoffLimit minimum",
			patch:  `{infrastructureBackoffLimit: -1}`,
			want:   "@.infrastructureBackoffLimit: Invalid value: -1: @.infrastructureBackoffLimit in body should be greater than or equal to 0",
		},
		{
			name:   "more than 20 repeats of a start are refused",
			covers: "@.infrastructureBackoffLimit maximum",
			patch:  `{infrastructureBackoffLimit: 21}`,
			want:   "@.infrastructureBackoffLimit: Invalid value: 21: @.infrastructureBackoffLimit in body should be less than or equal to 20",
		},
		{
			name:   "a start deadline below 30 seconds is refused",
			covers: "@.startDeadlineSeconds minimum",
			patch:  `{startDeadlineSeconds: 29}`,
			want:   "@.startDeadlineSeconds: Invalid value: 29: @.startDeadlineSeconds in body should be greater than or equal to 30",
		},
		{
			name:   "a start deadline above an hour is refused",
			covers: "@.startDeadlineSeconds maximum",
			patch:  `{startDeadlineSeconds: 3601}`,
			want:   "@.startDeadlineSeconds: Invalid value: 3601: @.startDeadlineSeconds in body should be less than or equal to 3600",
		},
		{
			name:   "a deadline below a minute is refused",
			covers: "@.activeDeadlineSeconds minimum",
			patch:  `{activeDeadlineSeconds: 59}`,
			want:   "@.activeDeadlineSeconds: Invalid value: 59: @.activeDeadlineSeconds in body should be greater than or equal to 60",
		},
		{
			name:   "a deadline above a day is refused",
			covers: "@.activeDeadlineSeconds maximum",
			patch:  `{activeDeadlineSeconds: 86401}`,
			want:   "@.activeDeadlineSeconds: Invalid value: 86401: @.activeDeadlineSeconds in body should be less than or equal to 86400",
		},
		{
			name:   "a negative time to live is refused",
			covers: "@.ttlSecondsAfterFinished minimum",
			patch:  `{ttlSecondsAfterFinished: -1}`,
			want:   "@.ttlSecondsAfterFinished: Invalid value: -1: @.ttlSecondsAfterFinished in body should be greater than or equal to 0",
		},
		{
			name:   "a priority below -1000 is refused",
			covers: "@.priority minimum",
			patch:  `{priority: -1001}`,
			want:   "@.priority: Invalid value: -1001: @.priority in body should be greater than or equal to -1000",
		},
		{
			name:   "a priority above 1000 is refused",
			covers: "@.priority maximum",
			patch:  `{priority: 1001}`,
			want:   "@.priority: Invalid value: 1001: @.priority in body should be less than or equal to 1000",
		},
		{
			name:   "65 words of a command are refused",
			covers: "@.container.command maxItems",
			patch:  `{container: {command: [` + list(65, "word%d") + `]}}`,
			want:   "@.container.command: Too many: 65: must have at most 64 items",
		},
		{
			name:   "65 variables are refused",
			covers: "@.container.env maxItems",
			patch:  `{container: {env: [` + list(65, "{name: N%d}") + `]}}`,
			want:   "@.container.env: Too many: 65: must have at most 64 items",
		},
		{
			name:   "a variable that is there twice is refused",
			covers: "@.container.env unique",
			patch:  `{container: {env: [{name: LEVEL, value: a}, {name: LEVEL, value: b}]}}`,
			want:   `@.container.env[1]: Duplicate value: {"name":"LEVEL"}`,
		},
		{
			name:   "a variable without a name is refused",
			covers: "@.container.env[].name required",
			patch:  `{container: {env: [{value: debug}]}}`,
			want:   "@.container.env[0].name: Required value",
		},
		{
			name:   "a variable with an empty name is refused",
			covers: "@.container.env[].name minLength",
			patch:  `{container: {env: [{name: ""}]}}`,
			want:   `@.container.env[0].name: Invalid value: "": @.container.env[0].name in body should be at least 1 chars long`,
		},
		{
			name:   "a variable's name of more than 128 characters is refused",
			covers: "@.container.env[].name maxLength",
			patch:  `{container: {env: [{name: ` + strings.Repeat("N", 129) + `}]}}`,
			want:   "@.container.env[0].name: Too long: may not be more than 128 bytes",
		},
		{
			name:   "a variable's name that a shell cannot read is refused",
			covers: "@.container.env[].name pattern",
			patch:  `{container: {env: [{name: LOG-LEVEL}]}}`,
			want:   `@.container.env[0].name: Invalid value: "LOG-LEVEL": @.container.env[0].name in body should match '^[A-Za-z_][A-Za-z0-9_]*$'`,
		},
		{
			name:   "a variable of the contract is refused",
			covers: "@.container.env[].name: names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved",
			patch:  `{container: {env: [{name: SCAN_MODE}]}}`,
			want:   `@.container.env[0].name: Invalid value: "SCAN_MODE": names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved`,
		},
		{
			name:   "a variable that would divert the AWS client is refused",
			covers: "@.container.env[].name: names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved",
			patch:  `{container: {env: [{name: AWS_PROFILE}]}}`,
			want:   `@.container.env[0].name: Invalid value: "AWS_PROFILE": names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved`,
		},
		{
			name:   "the topic's variable is refused",
			covers: "@.container.env[].name: names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved",
			patch:  `{container: {env: [{name: SNS_TOPIC}]}}`,
			want:   `@.container.env[0].name: Invalid value: "SNS_TOPIC": names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved`,
		},
		{
			name:   "a value of more than 4096 characters is refused",
			covers: "@.container.env[].value maxLength",
			patch:  `{container: {env: [{name: LEVEL, value: ` + strings.Repeat("v", 4097) + `}]}}`,
			want:   "@.container.env[0].value: Too long: may not be more than 4096 bytes",
		},
	}, sizeRules()...)
}

// sizeRules are the sizes that Fargate does not have.
func sizeRules() []rule {
	return []rule{
		{
			name:   "cpu without memory is refused",
			covers: "@.resources: cpu and memory must be set together",
			patch:  `{resources: {cpu: "1"}}`,
			want:   "@.resources: Invalid value: cpu and memory must be set together",
		},
		{
			name:   "memory without cpu is refused",
			covers: "@.resources: cpu and memory must be set together",
			patch:  `{resources: {memory: 2Gi}}`,
			want:   "@.resources: Invalid value: cpu and memory must be set together",
		},
		{
			name:   "a cpu that Fargate does not have is refused with the ones it has",
			covers: "@.resources.cpu enum",
			patch:  `{resources: {cpu: "3", memory: 8Gi}}`,
			want:   `@.resources.cpu: Unsupported value: "3": supported values: "250m", "500m", "1", "2", "4", "8", "16"`,
		},
		{
			name:   "memory in another unit is refused",
			covers: "@.resources.memory pattern",
			patch:  `{resources: {cpu: "1", memory: 2048Mi}}`,
			want:   `[@.resources.memory: Invalid value: "2048Mi": @.resources.memory in body should match '^(512Mi|[1-9][0-9]{0,2}Gi)$', @.resources: Invalid value: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi]`,
		},
		{
			name:   "memory in fractions is refused, with the sizes that there are",
			covers: "@.resources.memory pattern",
			patch:  `{resources: {cpu: "1", memory: 2.5Gi}}`,
			want:   `[@.resources.memory: Invalid value: "2.5Gi": @.resources.memory in body should match '^(512Mi|[1-9][0-9]{0,2}Gi)$', @.resources: Invalid value: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi]`,
		},
		{
			name:   "cpu 250m with 3Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 250m needs memory 512Mi, 1Gi or 2Gi",
			patch:  `{resources: {cpu: 250m, memory: 3Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 250m needs memory 512Mi, 1Gi or 2Gi",
		},
		{
			name:   "cpu 500m with 512Mi is refused",
			covers: "@.resources: Fargate has no such size: cpu 500m needs memory 1Gi to 4Gi in steps of 1Gi",
			patch:  `{resources: {cpu: 500m, memory: 512Mi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 500m needs memory 1Gi to 4Gi in steps of 1Gi",
		},
		{
			name:   "cpu 500m with 5Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 500m needs memory 1Gi to 4Gi in steps of 1Gi",
			patch:  `{resources: {cpu: 500m, memory: 5Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 500m needs memory 1Gi to 4Gi in steps of 1Gi",
		},
		{
			name:   "cpu 1 with 512Mi is refused",
			covers: "@.resources: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "1", memory: 512Mi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi",
		},
		{
			name:   "cpu 1 with 1Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "1", memory: 1Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi",
		},
		{
			name:   "cpu 1 with 9Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "1", memory: 9Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi",
		},
		{
			name:   "cpu 2 with 3Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 2 needs memory 4Gi to 16Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "2", memory: 3Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 2 needs memory 4Gi to 16Gi in steps of 1Gi",
		},
		{
			name:   "cpu 2 with 17Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 2 needs memory 4Gi to 16Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "2", memory: 17Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 2 needs memory 4Gi to 16Gi in steps of 1Gi",
		},
		{
			name:   "cpu 4 with 7Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 4 needs memory 8Gi to 30Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "4", memory: 7Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 4 needs memory 8Gi to 30Gi in steps of 1Gi",
		},
		{
			name:   "cpu 4 with 31Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 4 needs memory 8Gi to 30Gi in steps of 1Gi",
			patch:  `{resources: {cpu: "4", memory: 31Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 4 needs memory 8Gi to 30Gi in steps of 1Gi",
		},
		{
			name:   "cpu 8 with 18Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 8 needs memory 16Gi to 60Gi in steps of 4Gi",
			patch:  `{resources: {cpu: "8", memory: 18Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 8 needs memory 16Gi to 60Gi in steps of 4Gi",
		},
		{
			name:   "cpu 8 with 64Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 8 needs memory 16Gi to 60Gi in steps of 4Gi",
			patch:  `{resources: {cpu: "8", memory: 64Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 8 needs memory 16Gi to 60Gi in steps of 4Gi",
		},
		{
			name:   "cpu 16 with 36Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 16 needs memory 32Gi to 120Gi in steps of 8Gi",
			patch:  `{resources: {cpu: "16", memory: 36Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 16 needs memory 32Gi to 120Gi in steps of 8Gi",
		},
		{
			name:   "cpu 16 with 128Gi is refused",
			covers: "@.resources: Fargate has no such size: cpu 16 needs memory 32Gi to 120Gi in steps of 8Gi",
			patch:  `{resources: {cpu: "16", memory: 128Gi}}`,
			want:   "@.resources: Invalid value: Fargate has no such size: cpu 16 needs memory 32Gi to 120Gi in steps of 8Gi",
		},
		{
			name:   "a disk of Fargate's own size is refused: the least that can be asked for is 21Gi",
			covers: "@.resources.ephemeralStorage: ephemeralStorage must be 21Gi to 200Gi in steps of 1Gi",
			patch:  `{resources: {ephemeralStorage: 20Gi}}`,
			want:   `@.resources.ephemeralStorage: Invalid value: "20Gi": ephemeralStorage must be 21Gi to 200Gi in steps of 1Gi`,
		},
		{
			name:   "a disk above 200Gi is refused",
			covers: "@.resources.ephemeralStorage: ephemeralStorage must be 21Gi to 200Gi in steps of 1Gi",
			patch:  `{resources: {ephemeralStorage: 201Gi}}`,
			want:   `@.resources.ephemeralStorage: Invalid value: "201Gi": ephemeralStorage must be 21Gi to 200Gi in steps of 1Gi`,
		},
		{
			name:   "a disk that is a long text is refused",
			covers: "@.resources.ephemeralStorage maxLength",
			patch:  `{resources: {ephemeralStorage: 40000000Gi}}`,
			want:   "@.resources.ephemeralStorage: Too long: may not be more than 8 bytes",
		},
		{
			name:   "an architecture that Fargate does not have is refused",
			covers: "@.resources.architecture enum",
			patch:  `{resources: {architecture: riscv64}}`,
			want:   `@.resources.architecture: Unsupported value: "riscv64": supported values: "arm64", "amd64"`,
		},
	}
}

// list is count comma-separated copies of a format with one number.
func list(count int, format string) string {
	items := make([]string, 0, count)
	for number := range count {
		items = append(items, fmt.Sprintf(format, number))
	}
	return strings.Join(items, ", ")
}
