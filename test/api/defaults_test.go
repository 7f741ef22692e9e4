package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDefaults compares the whole spec, so that a default that is added or lost shows up here.
func TestDefaults(t *testing.T) {
	namespace := plane.Namespace(t)
	for _, row := range []struct {
		name  string
		kind  kind
		patch string
		want  string
	}{
		{
			name: "a ScanEnvironment runs the container scanner, 100 at once, and falls back to On-Demand",
			kind: scanEnvironment(),
			want: `
cluster: {id: scans}
taskDefinition: {id: "scanner:7"}
containerName: scanner
network: {subnets: [{id: subnet-0abc}], assignPublicIP: false}
capacity: {onDemandFallback: true, maxConcurrentTasks: 100, drain: false}
repositoryConfiguration: TargetBranch`,
		},
		{
			name:  "a share of a strategy has weight 1 and no base",
			kind:  scanEnvironment(),
			patch: `{spec: {capacity: {strategy: [{capacityProvider: FARGATE_SPOT}]}}}`,
			want: `
cluster: {id: scans}
taskDefinition: {id: "scanner:7"}
containerName: scanner
network: {subnets: [{id: subnet-0abc}], assignPublicIP: false}
capacity:
  strategy: [{capacityProvider: FARGATE_SPOT, weight: 1, base: 0}]
  onDemandFallback: true
  maxConcurrentTasks: 100
  drain: false
repositoryConfiguration: TargetBranch`,
		},
		{
			name: "a ScanJob scans changes, within an hour, and is kept for a week",
			kind: scanJob(),
			want: `
environmentName: default
source: {codeCommit: {repository: payments}, revision: ` + revision + `}
mode: Changes
backoffLimit: 2
failOn: New
infrastructureBackoffLimit: 6
startDeadlineSeconds: 600
activeDeadlineSeconds: 3600
ttlSecondsAfterFinished: 604800
priority: 0
suspend: false
cancel: false`,
		},
		{
			name: "a ScanTrigger scans every pull request that is opened or updated",
			kind: scanTrigger(),
			want: `
environmentName: default
events: [PullRequestCreated, PullRequestUpdated]
debounceSeconds: 5
supersede: true
sweepIntervalSeconds: 600
suspend: false
successfulJobsHistoryLimit: 100
failedJobsHistoryLimit: 100
template:
  spec:
    mode: Changes
    backoffLimit: 2
    failOn: New
    infrastructureBackoffLimit: 6
    startDeadlineSeconds: 600
    activeDeadlineSeconds: 3600
    ttlSecondsAfterFinished: 604800
    priority: 0`,
		},
		{
			name: "a ScanSchedule is read in UTC, lets a branch wait while its last scan is unfinished, and goes on from it",
			kind: scanSchedule(),
			want: `
environmentName: default
schedule: "@daily"
timeZone: Etc/UTC
jitterSeconds: 0
concurrencyPolicy: Forbid
suspend: false
repositories: [payments]
incremental: true
successfulJobsHistoryLimit: 3
failedJobsHistoryLimit: 1
template:
  spec:
    mode: Tree
    backoffLimit: 2
    failOn: New
    infrastructureBackoffLimit: 6
    startDeadlineSeconds: 600
    activeDeadlineSeconds: 3600
    ttlSecondsAfterFinished: 604800
    priority: 0`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			made, err := row.kind.client(t, namespace).Create(t.Context(), row.kind.object(t, row.patch), dryRunCreate())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parse(t, row.want), numbers(made.Object["spec"])); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

// numbers turns integers into floating point, as parse reads them.
func numbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		converted := make(map[string]any, len(value))
		for key, item := range value {
			converted[key] = numbers(item)
		}
		return converted
	case []any:
		converted := make([]any, 0, len(value))
		for _, item := range value {
			converted = append(converted, numbers(item))
		}
		return converted
	case int64:
		return float64(value)
	default:
		return value
	}
}
