package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestScanEnvironmentAcceptsTheEdges(t *testing.T) {
	checkAccepted(t, scanEnvironment(), []accepted{
		{"an ACK object in place of every identifier", `
spec:
  cluster: {id: null, from: {name: scans}}
  taskDefinition: {id: null, from: {name: scanner}}
  network:
    subnets: [{from: {name: private-a}}, {from: {name: private-b}}]
    securityGroups: [{from: {name: scans}}]
  inbox: {queue: {from: {name: scan-inbox}}}
  notifications: {topic: {from: {name: scan-findings}}}
  reports: {bucket: {from: {name: scan-reports}}, prefix: sarif/}`},
		{"16 subnets", `{spec: {network: {subnets: [` + list(16, "{id: subnet-%d}") + `]}}}`},
		{"5 security groups", `{spec: {network: {securityGroups: [` + list(5, "{id: sg-%d}") + `]}}}`},
		{"a GovCloud region", `{spec: {region: us-gov-west-1}}`},
		{"an isolated region", `{spec: {region: us-isob-east-1}}`},
		{"a role of another partition with a path", `{spec: {assumeRoleARN: "arn:aws-cn:iam::111122223333:role/teams/scanner"}}`},
		{"the shortest external identifier", `{spec: {assumeRoleARN: "arn:aws:iam::444455556666:role/scanjob-environment", externalID: ab}}`},
		{"the longest external identifier, with every kind of character", `{spec: {assumeRoleARN: "arn:aws:iam::444455556666:role/scanjob-environment", externalID: "` +
			strings.Repeat("aZ09_+=,.@:/-xyz", 76) + `12345678"}}`},
		{"one task at a time", `{spec: {capacity: {maxConcurrentTasks: 1}}}`},
		{"10000 tasks at a time", `{spec: {capacity: {maxConcurrentTasks: 10000}}}`},
		{"an empty strategy", `{spec: {capacity: {strategy: []}}}`},
		{"a strategy of one weight and one base", `
spec:
  capacity:
    strategy:
    - {capacityProvider: FARGATE_SPOT, weight: 1000}
    - {capacityProvider: FARGATE, weight: 0, base: 100000}`},
	})
}

func TestScanJobAcceptsTheEdges(t *testing.T) {
	checkAccepted(t, scanJob(), []accepted{
		{"a commit of a SHA-256 repository", `{spec: {source: {revision: ` + strings.Repeat("0123456789abcdef", 4) + `}}}`},
		{"a repository on another host", `{spec: {source: {codeCommit: null, git: {url: "http://git.example.com:3000/team/payments.git", pullRequestID: "7"}}}}`},
		{"a pull request with its base", `{spec: {source: {codeCommit: {pullRequestID: "42"}, baseRevision: ` + base + `}}}`},
		{"no repeats", `{spec: {backoffLimit: 0, infrastructureBackoffLimit: 0}}`},
		{"as many repeats as there can be", `{spec: {backoffLimit: 10, infrastructureBackoffLimit: 20}}`},
		{"the shortest deadlines", `{spec: {startDeadlineSeconds: 30, activeDeadlineSeconds: 60}}`},
		{"the longest deadlines", `{spec: {startDeadlineSeconds: 3600, activeDeadlineSeconds: 86400}}`},
		{"deletion as soon as it is finished", `{spec: {ttlSecondsAfterFinished: 0}}`},
		{"the least priority", `{spec: {priority: -1000}}`},
		{"the highest priority", `{spec: {priority: 1000}}`},
		{"the smallest disk", `{spec: {resources: {ephemeralStorage: 21Gi}}}`},
		{"the largest disk", `{spec: {resources: {ephemeralStorage: 200Gi}}}`},
		{"an architecture without a size", `{spec: {resources: {architecture: arm64}}}`},
		{"variables that only look like reserved ones", `{spec: {container: {env: [{name: SNS_TOPICS}, {name: MY_SCAN_MODE}, {name: SCANNER}, {name: AWSOME}]}}}`},
		{"64 variables and 64 words", `{spec: {container: {env: [` + list(64, "{name: N%d}") + `], command: [` + list(64, "w%d") + `]}}}`},
	})
}

func TestScanTriggerAcceptsTheEdges(t *testing.T) {
	checkAccepted(t, scanTrigger(), []accepted{
		{"every event", `{spec: {events: [PullRequestCreated, PullRequestUpdated, Push]}}`},
		{"no debounce and no sweep", `{spec: {debounceSeconds: 0, sweepIntervalSeconds: 0}}`},
		{"the shortest sweep interval", `{spec: {sweepIntervalSeconds: 60}}`},
		{"the longest debounce and sweep interval", `{spec: {debounceSeconds: 300, sweepIntervalSeconds: 86400}}`},
		{"no history", `{spec: {successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0}}`},
		{"32 labels and annotations", `{spec: {template: {metadata: {labels: {` + list(32, "l%d: v") + `}, annotations: {` + list(32, "a%d: v") + `}}}}}`},
	})
}

func TestScanScheduleAcceptsTheEdges(t *testing.T) {
	checkAccepted(t, scanSchedule(), []accepted{
		{"five fields", `{spec: {schedule: "*/15 2-4 1,15 * MON"}}`},
		{"blanks around five fields", `{spec: {schedule: "  0 2  * * 1-5 "}}`},
		{"every macro but an interval", `{spec: {schedule: "@annually"}}`},
		{"a zone of three parts", `{spec: {timeZone: America/Argentina/Buenos_Aires}}`},
		{"a zone that counts from Greenwich", `{spec: {timeZone: Etc/GMT+12}}`},
		{"the longest jitter", `{spec: {jitterSeconds: 86400}}`},
		{"scans of the history", `{spec: {template: {spec: {mode: History}}}}`},
		{"scans of the history that are kept as long as they must", `{spec: {template: {spec: {mode: History, ttlSecondsAfterFinished: 300}}}}`},
		{"scans of the whole history that are gone at once", `{spec: {incremental: false, template: {spec: {mode: History, ttlSecondsAfterFinished: 0}}}}`},
		{"scans of the tree that are gone at once", `{spec: {template: {spec: {ttlSecondsAfterFinished: 0}}}}`},
		{"16 branches", `{spec: {branches: [` + list(16, "b%d") + `]}}`},
		{"256 repositories", `{spec: {repositories: [` + list(256, "r%d") + `]}}`},
		{"the shortest starting deadline", `{spec: {startingDeadlineSeconds: 10}}`},
	})
}

// fargateSizes are the sizes of Linux tasks, in GiB but for the first
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html).
func fargateSizes() map[string][]string {
	gibibytes := func(from, to, step int) []string {
		var sizes []string
		for size := from; size <= to; size += step {
			sizes = append(sizes, fmt.Sprintf("%dGi", size))
		}
		return sizes
	}
	return map[string][]string{
		"250m": {"512Mi", "1Gi", "2Gi"},
		"500m": gibibytes(1, 4, 1),
		"1":    gibibytes(2, 8, 1),
		"2":    gibibytes(4, 16, 1),
		"4":    gibibytes(8, 30, 1),
		"8":    gibibytes(16, 60, 4),
		"16":   gibibytes(32, 120, 8),
	}
}

func TestExactlyTheSizesOfFargateAreAccepted(t *testing.T) {
	client := scanJob().client(t, plane.Namespace(t))
	memories := []string{"512Mi"}
	for size := 1; size <= 130; size++ {
		memories = append(memories, fmt.Sprintf("%dGi", size))
	}
	for cpu, sizes := range fargateSizes() {
		for _, memory := range memories {
			patch := fmt.Sprintf("{spec: {resources: {cpu: %q, memory: %s}}}", cpu, memory)
			_, err := client.Create(t.Context(), scanJob().object(t, patch), dryRunCreate())
			if got, want := scanJob().refusal(t, err) == "", slices.Contains(sizes, memory); got != want {
				t.Errorf("cpu %s with %s: accepted = %t, want %t", cpu, memory, got, want)
			}
		}
	}
}
