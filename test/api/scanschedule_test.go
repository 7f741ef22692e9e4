package api

import (
	"strings"
	"testing"
)

// scheduleRules are what a ScanSchedule is refused for.
func scheduleRules() []rule {
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
			name:   "no schedule is refused",
			covers: "spec.schedule required",
			patch:  `{spec: {schedule: null}}`,
			want:   "spec.schedule: Required value",
		},
		{
			name:   "an empty schedule is refused",
			covers: "spec.schedule minLength",
			patch:  `{spec: {schedule: ""}}`,
			want:   `spec.schedule: Invalid value: "": spec.schedule in body should be at least 1 chars long`,
		},
		{
			name:   "a schedule of more than 128 characters is refused",
			covers: "spec.schedule maxLength",
			patch:  `{spec: {schedule: "` + strings.Repeat("*", 129) + `"}}`,
			want:   "spec.schedule: Too long: may not be more than 128 bytes",
		},
		{
			name:   "a time zone inside the schedule is refused",
			covers: "spec.schedule: set timeZone instead of TZ= or CRON_TZ=",
			patch:  `{spec: {schedule: "CRON_TZ=Europe/Berlin 0 2 * * *"}}`,
			want:   `spec.schedule: Invalid value: "CRON_TZ=Europe/Berlin 0 2 * * *": set timeZone instead of TZ= or CRON_TZ=`,
		},
		{
			name:   "an empty time zone is refused",
			covers: "spec.timeZone minLength",
			patch:  `{spec: {timeZone: ""}}`,
			want:   `spec.timeZone: Invalid value: "": spec.timeZone in body should be at least 1 chars long`,
		},
		{
			name:   "a time zone of more than 64 characters is refused",
			covers: "spec.timeZone maxLength",
			patch:  `{spec: {timeZone: ` + strings.Repeat("z", 65) + `}}`,
			want:   "spec.timeZone: Too long: may not be more than 64 bytes",
		},
		{
			name:   "a starting deadline below 10 seconds is refused",
			covers: "spec.startingDeadlineSeconds minimum",
			patch:  `{spec: {startingDeadlineSeconds: 9}}`,
			want:   "spec.startingDeadlineSeconds: Invalid value: 9: spec.startingDeadlineSeconds in body should be greater than or equal to 10",
		},
		{
			name:   "a concurrency policy that does not exist is refused",
			covers: "spec.concurrencyPolicy enum",
			patch:  `{spec: {concurrencyPolicy: Queue}}`,
			want:   `spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"`,
		},
		{
			name:   "no repositories is refused",
			covers: "spec.repositories required",
			patch:  `{spec: {repositories: null}}`,
			want:   "spec.repositories: Required value",
		},
		{
			name:   "an empty list of repositories is refused",
			covers: "spec.repositories minItems",
			patch:  `{spec: {repositories: []}}`,
			want:   "spec.repositories: Invalid value: 0: spec.repositories in body should have at least 1 items",
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
			name:   "17 branches are refused",
			covers: "spec.branches maxItems",
			patch:  `{spec: {branches: [` + list(17, "n%d") + `]}}`,
			want:   "spec.branches: Too many: 17: must have at most 16 items",
		},
		{
			name:   "branches that are there twice are refused",
			covers: "spec.branches unique",
			patch:  `{spec: {branches: [main, main]}}`,
			want:   `spec.branches[1]: Duplicate value: "main"`,
		},
		{
			name:   "empty branches are refused",
			covers: "spec.branches[] minLength",
			patch:  `{spec: {branches: [""]}}`,
			want:   `spec.branches[0]: Invalid value: "": spec.branches[0] in body should be at least 1 chars long`,
		},
		{
			name:   "branches of more than 256 characters are refused",
			covers: "spec.branches[] maxLength",
			patch:  `{spec: {branches: [` + strings.Repeat("n", 257) + `]}}`,
			want:   "spec.branches[0]: Too long: may not be more than 256 bytes",
		},
		{
			name:   "no template is refused",
			covers: "spec.template required",
			patch:  `{spec: {template: null}}`,
			want:   "spec.template: Required value",
		},
		{
			name:   "scans of changes are refused",
			covers: "spec: a schedule scans whole repositories: template.spec.mode must be Tree or History",
			patch:  `{spec: {template: {spec: {mode: Changes}}}}`,
			want:   "spec: Invalid value: a schedule scans whole repositories: template.spec.mode must be Tree or History",
		},
		{
			name:   "the default mode is refused, because it is Changes",
			covers: "spec: a schedule scans whole repositories: template.spec.mode must be Tree or History",
			patch:  `{spec: {template: {spec: {mode: null}}}}`,
			want:   "spec: Invalid value: a schedule scans whole repositories: template.spec.mode must be Tree or History",
		},
	}, inside("spec.template.spec", inTemplate, optionRules())...)
}

func TestScanScheduleRefusesWhatCannotBeFollowed(t *testing.T) {
	checkRefused(t, scanSchedule(), scheduleRules())
}
