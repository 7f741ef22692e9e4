package api

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
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
			covers: "spec.schedule: schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
			patch:  `{spec: {schedule: ""}}`,
			want:   `spec.schedule: Invalid value: "": schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
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
			name:   "a schedule of four fields is refused",
			covers: "spec.schedule: schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
			patch:  `{spec: {schedule: "0 2 * *"}}`,
			want:   `spec.schedule: Invalid value: "0 2 * *": schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		},
		{
			name:   "a schedule of six fields is refused",
			covers: "spec.schedule: schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
			patch:  `{spec: {schedule: "0 0 2 * * *"}}`,
			want:   `spec.schedule: Invalid value: "0 0 2 * * *": schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		},
		{
			name:   "a schedule by an interval is refused",
			covers: "spec.schedule: schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
			patch:  `{spec: {schedule: "@every 1h"}}`,
			want:   `spec.schedule: Invalid value: "@every 1h": schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		},
		{
			name:   "a schedule of characters that no field has is refused",
			covers: "spec.schedule: schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
			patch:  `{spec: {schedule: "0 2 * * #1"}}`,
			want:   `spec.schedule: Invalid value: "0 2 * * #1": schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		},
		{
			name:   "a macro that does not exist is refused",
			covers: "spec.schedule: schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
			patch:  `{spec: {schedule: "@reboot"}}`,
			want:   `spec.schedule: Invalid value: "@reboot": schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		},
		{
			name:   "an empty time zone is refused",
			covers: "spec.timeZone pattern",
			patch:  `{spec: {timeZone: ""}}`,
			want:   `spec.timeZone: Invalid value: "": spec.timeZone in body should match '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$'`,
		},
		{
			name:   "a path in place of a time zone is refused",
			covers: "spec.timeZone pattern",
			patch:  `{spec: {timeZone: "../Berlin"}}`,
			want:   `spec.timeZone: Invalid value: "../Berlin": spec.timeZone in body should match '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$'`,
		},
		{
			name:   "the zone of the machine is refused",
			covers: "spec.timeZone: timeZone must be the name of a zone: Local is another one on each machine",
			patch:  `{spec: {timeZone: LOCAL}}`,
			want:   `spec.timeZone: Invalid value: "LOCAL": timeZone must be the name of a zone: Local is another one on each machine`,
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
			name:   "a negative jitter is refused",
			covers: "spec.jitterSeconds minimum",
			patch:  `{spec: {jitterSeconds: -1}}`,
			want:   "spec.jitterSeconds: Invalid value: -1: spec.jitterSeconds in body should be greater than or equal to 0",
		},
		{
			name:   "a jitter of more than a day is refused",
			covers: "spec.jitterSeconds maximum",
			patch:  `{spec: {jitterSeconds: 86401}}`,
			want:   "spec.jitterSeconds: Invalid value: 86401: spec.jitterSeconds in body should be less than or equal to 86400",
		},
		{
			name:   "a scan of the history that may be gone before the next one can go on from it is refused",
			covers: "spec: a scan that the next one goes on from must be kept for at least 300 seconds: raise template.spec.ttlSecondsAfterFinished, or set incremental to false",
			patch:  `{spec: {template: {spec: {mode: History, ttlSecondsAfterFinished: 299}}}}`,
			want: "spec: Invalid value: a scan that the next one goes on from must be kept for at least 300 seconds: raise template.spec.ttlSecondsAfterFinished, " +
				"or set incremental to false",
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

// scheduleStatusRules are what a ScanSchedule's status is refused for.
func scheduleStatusRules() []rule {
	return []rule{
		{
			name:   "1001 targets are refused",
			covers: "status.targets maxItems",
			patch:  `{status: {targets: [` + list(1001, "{repository: r%d}") + `]}}`,
			want:   "status.targets: Too many: 1001: must have at most 1000 items",
		},
		{
			name:   "257 patterns without a match are refused",
			covers: "status.unmatchedPatterns maxItems",
			patch:  `{status: {unmatchedPatterns: [` + list(257, "n%d") + `]}}`,
			want:   "status.unmatchedPatterns: Too many: 257: must have at most 256 items",
		},
		{
			name:   "a pattern of more than 256 characters is refused",
			covers: "status.unmatchedPatterns[] maxLength",
			patch:  `{status: {unmatchedPatterns: [` + strings.Repeat("n", 257) + `]}}`,
			want:   "status.unmatchedPatterns[0]: Too long: may not be more than 256 bytes",
		},
		{
			name:   "a target without a repository is refused",
			covers: "status.targets[].repository required",
			patch:  `{status: {targets: [{branch: main}]}}`,
			want:   "status.targets[0].repository: Required value",
		},
		{
			name:   "a target's repository of more than 256 characters is refused",
			covers: "status.targets[].repository maxLength",
			patch:  `{status: {targets: [{repository: ` + strings.Repeat("x", 257) + `}]}}`,
			want:   "status.targets[0].repository: Too long: may not be more than 256 bytes",
		},
		{
			name:   "a target's branch of more than 256 characters is refused",
			covers: "status.targets[].branch maxLength",
			patch:  `{status: {targets: [{repository: payments, branch: ` + strings.Repeat("x", 257) + `}]}}`,
			want:   "status.targets[0].branch: Too long: may not be more than 256 bytes",
		},
		{
			name:   "a target's reason of more than 64 characters is refused",
			covers: "status.targets[].reason maxLength",
			patch:  `{status: {targets: [{repository: payments, reason: ` + strings.Repeat("x", 65) + `}]}}`,
			want:   "status.targets[0].reason: Too long: may not be more than 64 bytes",
		},
		{
			name:   "a target's message of more than 256 characters is refused",
			covers: "status.targets[].message maxLength",
			patch:  `{status: {targets: [{repository: payments, message: ` + strings.Repeat("x", 257) + `}]}}`,
			want:   "status.targets[0].message: Too long: may not be more than 256 bytes",
		},
		{
			name:   "a target's jobName of more than 63 characters is refused",
			covers: "status.targets[].jobName maxLength",
			patch:  `{status: {targets: [{repository: payments, jobName: ` + strings.Repeat("x", 64) + `}]}}`,
			want:   "status.targets[0].jobName: Too long: may not be more than 63 bytes",
		},
		{
			name:   "a target's state that does not exist is refused",
			covers: "status.targets[].state enum",
			patch:  `{status: {targets: [{repository: payments, state: Done}]}}`,
			want:   `status.targets[0].state: Unsupported value: "Done": supported values: "Waiting", "Created", "Unchanged", "Absent", "Missed", "Failed"`,
		},
		{
			name:   "a history without a revision is refused",
			covers: "status.targets[].history.revision required",
			patch:  `{status: {targets: [{repository: payments, history: {scheduleTime: "2026-11-24T00:00:00Z"}}]}}`,
			want:   "status.targets[0].history.revision: Required value",
		},
		{
			name:   "a history that ends at a branch is refused",
			covers: "status.targets[].history.revision pattern",
			patch:  `{status: {targets: [{repository: payments, history: {revision: main, scheduleTime: "2026-11-24T00:00:00Z"}}]}}`,
			want:   `status.targets[0].history.revision: Invalid value: "main": targets[0].history.revision in body should match '^([0-9a-f]{40}|[0-9a-f]{64})$'`,
		},
		{
			name:   "a history without its run is refused",
			covers: "status.targets[].history.scheduleTime required",
			patch:  `{status: {targets: [{repository: payments, history: {revision: ` + revision + `}}]}}`,
			want:   "status.targets[0].history.scheduleTime: Required value",
		},
		{
			name:   "a history's scanner of more than 64 characters is refused",
			covers: "status.targets[].history.scanner maxLength",
			patch:  `{status: {targets: [{repository: payments, history: {revision: ` + revision + `, scheduleTime: "2026-11-24T00:00:00Z", scanner: ` + strings.Repeat("x", 65) + `}}]}}`,
			want:   "status.targets[0].history.scanner: Too long: may not be more than 64 bytes",
		},
	}
}

func TestScanScheduleRefusesWhatCannotBeFollowed(t *testing.T) {
	checkRefused(t, scanSchedule(), scheduleRules())
}

// The status has an entry per target; the object must fit into etcd when all are as long as they can be.
func TestAStatusOfAsManyAndAsLongTargetsAsThereCanBeIsStored(t *testing.T) {
	client := scanSchedule().client(t, plane.Namespace(t))
	made, err := client.Create(t.Context(), scanSchedule().object(t), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	targets := make([]any, 0, v1alpha1.MaxScheduleTargets)
	for range v1alpha1.MaxScheduleTargets {
		targets = append(targets, map[string]any{
			"repository": long(256), "branch": long(256), "scheduleTime": "2026-11-24T00:00:00Z", "state": "Unchanged", "reason": long(64),
			"message": long(256), "nextAttemptTime": "2026-11-24T00:00:00Z", "jobName": long(63),
			"history": map[string]any{"revision": strings.Repeat("a", 64), "scheduleTime": "2026-11-24T00:00:00Z", "scanner": long(64)},
		})
	}
	made.Object["status"] = map[string]any{"targets": targets}
	if _, err := client.UpdateStatus(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
