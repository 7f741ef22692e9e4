package api

import (
	"strings"
	"testing"
)

// triggerRules are what a ScanTrigger is refused for.
func triggerRules() []rule {
	return append([]rule{
		{
			name:   "no spec is refused",
			covers: "spec required",
			patch:  `{spec: null}`,
			want:   "spec: Required value",
		},
		{
			name:   "no environment is refused",
			covers: "spec.environmentName required",
			patch:  `{spec: {environmentName: null}}`,
			want:   "spec.environmentName: Required value",
		},
		{
			name:   "an empty environment is refused",
			covers: "spec.environmentName minLength",
			patch:  `{spec: {environmentName: ""}}`,
			want:   `spec.environmentName: Invalid value: "": spec.environmentName in body should be at least 1 chars long`,
		},
		{
			name:   "an environment's name that no object can have is refused",
			covers: "spec.environmentName maxLength",
			patch:  `{spec: {environmentName: ` + strings.Repeat("e", 254) + `}}`,
			want:   "spec.environmentName: Too long: may not be more than 253 bytes",
		},
		{
			name:   "a negative number of kept successful jobs is refused",
			covers: "spec.successfulJobsHistoryLimit minimum",
			patch:  `{spec: {successfulJobsHistoryLimit: -1}}`,
			want:   "spec.successfulJobsHistoryLimit: Invalid value: -1: spec.successfulJobsHistoryLimit in body should be greater than or equal to 0",
		},
		{
			name:   "a negative number of kept failed jobs is refused",
			covers: "spec.failedJobsHistoryLimit minimum",
			patch:  `{spec: {failedJobsHistoryLimit: -1}}`,
			want:   "spec.failedJobsHistoryLimit: Invalid value: -1: spec.failedJobsHistoryLimit in body should be greater than or equal to 0",
		},
		{
			name:   "33 labels of a template are refused",
			covers: "spec.template.metadata.labels maxProperties",
			patch:  `{spec: {template: {metadata: {labels: {` + list(33, "l%d: v") + `}}}}}`,
			want:   "spec.template.metadata.labels: Too many: 33: must have at most 32 items",
		},
		{
			name:   "33 annotations of a template are refused",
			covers: "spec.template.metadata.annotations maxProperties",
			patch:  `{spec: {template: {metadata: {annotations: {` + list(33, "a%d: v") + `}}}}}`,
			want:   "spec.template.metadata.annotations: Too many: 33: must have at most 32 items",
		},
		{
			name:   "an event that does not exist is refused",
			covers: "spec.events[] enum",
			patch:  `{spec: {events: [PullRequestMerged]}}`,
			want:   `spec.events[0]: Unsupported value: "PullRequestMerged": supported values: "PullRequestCreated", "PullRequestUpdated", "Push"`,
		},
		{
			name:   "an empty list of events is refused",
			covers: "spec.events minItems",
			patch:  `{spec: {events: []}}`,
			want:   "spec.events: Invalid value: 0: spec.events in body should have at least 1 items",
		},
		{
			name:   "four events are refused",
			covers: "spec.events maxItems",
			patch:  `{spec: {events: [Push, PullRequestCreated, PullRequestUpdated, Push]}}`,
			want:   `spec.events: Too many: 4: must have at most 3 items, spec.events[3]: Duplicate value: "Push"`,
		},
		{
			name:   "an event that is there twice is refused",
			covers: "spec.events unique",
			patch:  `{spec: {events: [Push, Push]}}`,
			want:   `spec.events[1]: Duplicate value: "Push"`,
		},
		{
			name:   "257 repositories are refused",
			covers: "spec.repositories maxItems",
			patch:  `{spec: {repositories: [` + list(257, "n%d") + `]}}`,
			want:   "spec.repositories: Too many: 257: must have at most 256 items",
		},
		{
			name:   "repositories that are there twice are refused",
			covers: "spec.repositories unique",
			patch:  `{spec: {repositories: [main, main]}}`,
			want:   `spec.repositories[1]: Duplicate value: "main"`,
		},
		{
			name:   "empty repositories are refused",
			covers: "spec.repositories[] minLength",
			patch:  `{spec: {repositories: [""]}}`,
			want:   `spec.repositories[0]: Invalid value: "": spec.repositories[0] in body should be at least 1 chars long`,
		},
		{
			name:   "repositories of more than 256 characters are refused",
			covers: "spec.repositories[] maxLength",
			patch:  `{spec: {repositories: [` + strings.Repeat("n", 257) + `]}}`,
			want:   "spec.repositories[0]: Too long: may not be more than 256 bytes",
		},
		{
			name:   "257 target branches are refused",
			covers: "spec.targetBranches maxItems",
			patch:  `{spec: {targetBranches: [` + list(257, "n%d") + `]}}`,
			want:   "spec.targetBranches: Too many: 257: must have at most 256 items",
		},
		{
			name:   "target branches that are there twice are refused",
			covers: "spec.targetBranches unique",
			patch:  `{spec: {targetBranches: [main, main]}}`,
			want:   `spec.targetBranches[1]: Duplicate value: "main"`,
		},
		{
			name:   "empty target branches are refused",
			covers: "spec.targetBranches[] minLength",
			patch:  `{spec: {targetBranches: [""]}}`,
			want:   `spec.targetBranches[0]: Invalid value: "": spec.targetBranches[0] in body should be at least 1 chars long`,
		},
		{
			name:   "target branches of more than 256 characters are refused",
			covers: "spec.targetBranches[] maxLength",
			patch:  `{spec: {targetBranches: [` + strings.Repeat("n", 257) + `]}}`,
			want:   "spec.targetBranches[0]: Too long: may not be more than 256 bytes",
		},
		{
			name:   "257 paths are refused",
			covers: "spec.paths maxItems",
			patch:  `{spec: {paths: [` + list(257, "n%d") + `]}}`,
			want:   "spec.paths: Too many: 257: must have at most 256 items",
		},
		{
			name:   "paths that are there twice are refused",
			covers: "spec.paths unique",
			patch:  `{spec: {paths: [src, src]}}`,
			want:   `spec.paths[1]: Duplicate value: "src"`,
		},
		{
			name:   "empty paths are refused",
			covers: "spec.paths[] minLength",
			patch:  `{spec: {paths: [""]}}`,
			want:   `spec.paths[0]: Invalid value: "": spec.paths[0] in body should be at least 1 chars long`,
		},
		{
			name:   "paths of more than 256 characters are refused",
			covers: "spec.paths[] maxLength",
			patch:  `{spec: {paths: [` + strings.Repeat("n", 257) + `]}}`,
			want:   "spec.paths[0]: Too long: may not be more than 256 bytes",
		},
		{
			name:   "257 ignored paths are refused",
			covers: "spec.pathsIgnore maxItems",
			patch:  `{spec: {pathsIgnore: [` + list(257, "n%d") + `]}}`,
			want:   "spec.pathsIgnore: Too many: 257: must have at most 256 items",
		},
		{
			name:   "ignored paths that are there twice are refused",
			covers: "spec.pathsIgnore unique",
			patch:  `{spec: {pathsIgnore: [src, src]}}`,
			want:   `spec.pathsIgnore[1]: Duplicate value: "src"`,
		},
		{
			name:   "empty ignored paths are refused",
			covers: "spec.pathsIgnore[] minLength",
			patch:  `{spec: {pathsIgnore: [""]}}`,
			want:   `spec.pathsIgnore[0]: Invalid value: "": spec.pathsIgnore[0] in body should be at least 1 chars long`,
		},
		{
			name:   "ignored paths of more than 256 characters are refused",
			covers: "spec.pathsIgnore[] maxLength",
			patch:  `{spec: {pathsIgnore: [` + strings.Repeat("n", 257) + `]}}`,
			want:   "spec.pathsIgnore[0]: Too long: may not be more than 256 bytes",
		},
		{
			name:   "an expression of more than 4096 characters is refused",
			covers: "spec.expression maxLength",
			patch:  `{spec: {expression: ` + strings.Repeat("e", 4097) + `}}`,
			want:   "spec.expression: Too long: may not be more than 4096 bytes",
		},
		{
			name:   "a negative debounce is refused",
			covers: "spec.debounceSeconds minimum",
			patch:  `{spec: {debounceSeconds: -1}}`,
			want:   "spec.debounceSeconds: Invalid value: -1: spec.debounceSeconds in body should be greater than or equal to 0",
		},
		{
			name:   "a debounce above 5 minutes is refused",
			covers: "spec.debounceSeconds maximum",
			patch:  `{spec: {debounceSeconds: 301}}`,
			want:   "spec.debounceSeconds: Invalid value: 301: spec.debounceSeconds in body should be less than or equal to 300",
		},
		{
			name:   "a negative sweep interval is refused",
			covers: "spec.sweepIntervalSeconds minimum",
			patch:  `{spec: {sweepIntervalSeconds: -1}}`,
			want:   "[spec.sweepIntervalSeconds: Invalid value: -1: spec.sweepIntervalSeconds in body should be greater than or equal to 0, spec.sweepIntervalSeconds: Invalid value: -1: sweepIntervalSeconds must be 0 or at least 60]",
		},
		{
			name:   "a sweep interval above a day is refused",
			covers: "spec.sweepIntervalSeconds maximum",
			patch:  `{spec: {sweepIntervalSeconds: 86401}}`,
			want:   "spec.sweepIntervalSeconds: Invalid value: 86401: spec.sweepIntervalSeconds in body should be less than or equal to 86400",
		},
		{
			name:   "a sweep more often than each minute is refused",
			covers: "spec.sweepIntervalSeconds: sweepIntervalSeconds must be 0 or at least 60",
			patch:  `{spec: {sweepIntervalSeconds: 59}}`,
			want:   "spec.sweepIntervalSeconds: Invalid value: 59: sweepIntervalSeconds must be 0 or at least 60",
		},
	}, inside("spec.template.spec", inTemplate, optionRules())...)
}

func inTemplate(patch string) string { return "{spec: {template: {spec: " + patch + "}}}" }

func TestScanTriggerRefusesWhatCannotBeFollowed(t *testing.T) {
	checkRefused(t, scanTrigger(), triggerRules())
}

// triggerStatusRules are what a ScanTrigger's status is refused for.
func triggerStatusRules() []rule {
	return []rule{
		{
			name:   "a sweep that began at no time is refused",
			covers: "status.sweep.startTime required",
			patch:  `{status: {sweep: {missed: 1}}}`,
			want:   "status.sweep.startTime: Required value",
		},
		{
			name:   "a problem of no repository is refused",
			covers: "status.sweep.problems[].repository required",
			patch:  `{status: {sweep: {startTime: "2026-11-24T00:00:00Z", problems: [{reason: AccessDenied}]}}}`,
			want:   "status.sweep.problems[0].repository: Required value",
		},
		{
			name:   "a problem without a reason is refused",
			covers: "status.sweep.problems[].reason required",
			patch:  `{status: {sweep: {startTime: "2026-11-24T00:00:00Z", problems: [{repository: payments}]}}}`,
			want:   "status.sweep.problems[0].reason: Required value",
		},
		{
			name:   "two problems of one repository are refused",
			covers: "status.sweep.problems unique",
			patch:  `{status: {sweep: {startTime: "2026-11-24T00:00:00Z", problems: [{repository: payments, reason: a}, {repository: payments, reason: b}]}}}`,
			want:   `status.sweep.problems[1]: Duplicate value: {"repository":"payments"}`,
		},
		{
			name:   "a replay since no time is refused",
			covers: "status.replay.since required",
			patch:  `{status: {replay: {time: "2026-11-24T00:00:00Z"}}}`,
			want:   "status.replay.since: Required value",
		},
		{
			name:   "a replay at no time is refused",
			covers: "status.replay.time required",
			patch:  `{status: {replay: {since: "2026-11-24T00:00:00Z"}}}`,
			want:   "status.replay.time: Required value",
		},
	}
}
