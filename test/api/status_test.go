package api

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// jobStatusRules are what a ScanJob's status is refused for: bounds that keep objects small and columns readable.
func jobStatusRules() []rule {
	return []rule{
		{
			name:   "a phase that does not exist is refused",
			covers: "status.phase enum",
			patch:  `{status: {phase: Done}}`,
			want:   `status.phase: Unsupported value: "Done": supported values: "Pending", "Queued", "Starting", "Running", "Succeeded", "Failed"`,
		},
		{
			name:   "a result that does not exist is refused",
			covers: "status.result enum",
			patch:  `{status: {result: Dirty}}`,
			want:   `status.result: Unsupported value: "Dirty": supported values: "Clean", "Findings", "Unknown"`,
		},
		{
			name:   "two attempts of one number are refused",
			covers: "status.attempts unique",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token}, {number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token}]}}`,
			want:   `status.attempts[1]: Duplicate value: {"number":1}`,
		},
		{
			name:   "an attempt without a number is refused",
			covers: "status.attempts[].number required",
			patch:  `{status: {attempts: [{recordedAt: "2026-11-24T00:00:00Z", clientToken: token}]}}`,
			want:   "status.attempts[0].number: Required value",
		},
		{
			name:   "an attempt without the time of its record is refused",
			covers: "status.attempts[].recordedAt required",
			patch:  `{status: {attempts: [{number: 1, clientToken: token}]}}`,
			want:   "status.attempts[0].recordedAt: Required value",
		},
		{
			name:   "an attempt without a client token is refused",
			covers: "status.attempts[].clientToken required",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z"}]}}`,
			want:   "status.attempts[0].clientToken: Required value",
		},
		{
			name:   "a failure class that does not exist is refused",
			covers: "status.attempts[].class enum",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token, class: Unlucky}]}}`,
			want:   `status.attempts[0].class: Unsupported value: "Unlucky": supported values: "Infrastructure", "Scan", "Configuration", "Cancelled", "Superseded", "DeadlineExceeded", "Suspended"`,
		},
		{
			name:   "a class to stop for that does not exist is refused",
			covers: "status.attempts[].stopRequestedFor enum",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token, stopRequestedFor: Unlucky}]}}`,
			want:   `status.attempts[0].stopRequestedFor: Unsupported value: "Unlucky": supported values: "Infrastructure", "Scan", "Configuration", "Cancelled", "Superseded", "DeadlineExceeded", "Suspended"`,
		},
		{
			name:   "a reason of more than 1024 characters is refused",
			covers: "status.attempts[].reason maxLength",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token, reason: ` + strings.Repeat("r", 1025) + `}]}}`,
			want:   "status.attempts[0].reason: Too long: may not be more than 1024 bytes",
		},
		{
			name:   "a reason to fall back of more than 1024 characters is refused",
			covers: "status.attempts[].fallbackReason maxLength",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token, fallbackReason: ` + strings.Repeat("r", 1025) + `}]}}`,
			want:   "status.attempts[0].fallbackReason: Too long: may not be more than 1024 bytes",
		},
		{
			name:   "more than 16 subnets of an attempt are refused",
			covers: "status.attempts[].subnets maxItems",
			patch:  `{status: {attempts: [{number: 1, recordedAt: "2026-11-24T00:00:00Z", clientToken: token, subnets: [` + list(17, "subnet-%d") + `]}]}}`,
			want:   "status.attempts[0].subnets: Too many: 17: must have at most 16 items",
		},
		{
			name:   "a cost without vCPU seconds is refused",
			covers: "status.cost.vcpuSeconds required",
			patch:  `{status: {cost: {memoryGBSeconds: 1, estimatedUSD: "0.01"}}}`,
			want:   "status.cost.vcpuSeconds: Required value",
		},
		{
			name:   "a cost without memory is refused",
			covers: "status.cost.memoryGBSeconds required",
			patch:  `{status: {cost: {vcpuSeconds: 1, estimatedUSD: "0.01"}}}`,
			want:   "status.cost.memoryGBSeconds: Required value",
		},
		{
			name:   "a cost without a price is refused",
			covers: "status.cost.estimatedUSD required",
			patch:  `{status: {cost: {vcpuSeconds: 1, memoryGBSeconds: 1}}}`,
			want:   "status.cost.estimatedUSD: Required value",
		},
		{
			name:   "two deliveries to one sink are refused",
			covers: "status.deliveries unique",
			patch:  `{status: {deliveries: [{sink: topic, state: Pending}, {sink: topic, state: Delivered}]}}`,
			want:   `status.deliveries[1]: Duplicate value: {"sink":"topic"}`,
		},
		{
			name:   "a delivery without a sink is refused",
			covers: "status.deliveries[].sink required",
			patch:  `{status: {deliveries: [{state: Pending}]}}`,
			want:   "status.deliveries[0].sink: Required value",
		},
		{
			name:   "a delivery without a state is refused",
			covers: "status.deliveries[].state required",
			patch:  `{status: {deliveries: [{sink: topic}]}}`,
			want:   "status.deliveries[0].state: Required value",
		},
		{
			name:   "a delivery state that does not exist is refused",
			covers: "status.deliveries[].state enum",
			patch:  `{status: {deliveries: [{sink: topic, state: Lost}]}}`,
			want:   `status.deliveries[0].state: Unsupported value: "Lost": supported values: "Pending", "Delivered", "Failed"`,
		},
		{
			name:   "a delivery error of more than 1024 characters is refused",
			covers: "status.deliveries[].lastError maxLength",
			patch:  `{status: {deliveries: [{sink: topic, state: Failed, lastError: ` + strings.Repeat("e", 1025) + `}]}}`,
			want:   "status.deliveries[0].lastError: Too long: may not be more than 1024 bytes",
		},
		{
			name:   "findings without a total are refused",
			covers: "status.findings.total required",
			patch:  `{status: {findings: {new: 1}}}`,
			want:   "status.findings.total: Required value",
		},
		{
			name:   "findings without the number of new ones are refused",
			covers: "status.findings.new required",
			patch:  `{status: {findings: {total: 1}}}`,
			want:   "status.findings.new: Required value",
		},
		{
			name:   "51 findings are refused",
			covers: "status.findings.items maxItems",
			patch:  `{status: {findings: {total: 51, new: 51, items: [` + list(51, "{rule: aws-access-key-id, severity: critical, path: main%d.go, fingerprint: ab12}") + `]}}}`,
			want:   "status.findings.items: Too many: 51: must have at most 50 items",
		},
		{
			name:   "a report's address of more than 2048 characters is refused",
			covers: "status.findings.reportURI maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, reportURI: "s3://scan-reports/` + strings.Repeat("u", 2048) + `"}}}`,
			want:   "status.findings.reportURI: Too long: may not be more than 2048 bytes",
		},
		{
			name:   "a finding without a rule is refused",
			covers: "status.findings.items[].rule required",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{severity: critical, path: main.go, fingerprint: ab12}]}}}`,
			want:   "status.findings.items[0].rule: Required value",
		},
		{
			name:   "a finding without a severity is refused",
			covers: "status.findings.items[].severity required",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, path: main.go, fingerprint: ab12}]}}}`,
			want:   "status.findings.items[0].severity: Required value",
		},
		{
			name:   "a finding without a path is refused",
			covers: "status.findings.items[].path required",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, fingerprint: ab12}]}}}`,
			want:   "status.findings.items[0].path: Required value",
		},
		{
			name:   "a finding without a fingerprint is refused",
			covers: "status.findings.items[].fingerprint required",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, path: main.go}]}}}`,
			want:   "status.findings.items[0].fingerprint: Required value",
		},
		{
			name:   "a severity that does not exist is refused",
			covers: "status.findings.items[].severity enum",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: dire, path: main.go, fingerprint: ab12}]}}}`,
			want:   `status.findings.items[0].severity: Unsupported value: "dire": supported values: "critical", "high", "medium", "low"`,
		},
		{
			name:   "a rule of more than 128 characters is refused",
			covers: "status.findings.items[].rule maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: ` + strings.Repeat("r", 129) + `, severity: critical, path: main.go, fingerprint: ab12}]}}}`,
			want:   "status.findings.items[0].rule: Too long: may not be more than 128 bytes",
		},
		{
			name:   "a path of more than 1024 characters is refused",
			covers: "status.findings.items[].path maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, path: ` + strings.Repeat("p", 1025) + `, fingerprint: ab12}]}}}`,
			want:   "status.findings.items[0].path: Too long: may not be more than 1024 bytes",
		},
		{
			name:   "a fingerprint of more than 128 characters is refused",
			covers: "status.findings.items[].fingerprint maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, path: main.go, fingerprint: ` + strings.Repeat("f", 129) + `}]}}}`,
			want:   "status.findings.items[0].fingerprint: Too long: may not be more than 128 bytes",
		},
		{
			name:   "a commit of more than 64 characters is refused",
			covers: "status.findings.items[].commit maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, path: main.go, fingerprint: ab12, commit: ` + strings.Repeat("c", 65) + `}]}}}`,
			want:   "status.findings.items[0].commit: Too long: may not be more than 64 bytes",
		},
		{
			name:   "a preview of more than 64 characters is refused",
			covers: "status.findings.items[].preview maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, path: main.go, fingerprint: ab12, preview: ` + strings.Repeat("p", 65) + `}]}}}`,
			want:   "status.findings.items[0].preview: Too long: may not be more than 64 bytes",
		},
		{
			name:   "an account of more than 16 characters is refused",
			covers: "status.findings.items[].account maxLength",
			patch:  `{status: {findings: {total: 1, new: 1, items: [{rule: aws-access-key-id, severity: critical, path: main.go, fingerprint: ab12, account: "` + strings.Repeat("1", 17) + `"}]}}}`,
			want:   "status.findings.items[0].account: Too long: may not be more than 16 bytes",
		},
	}
}

// environmentStatusRules are what a ScanEnvironment's status is refused for.
func environmentStatusRules() []rule {
	return []rule{
		{
			name:   "a mark of the checked spec of more than 64 characters is refused",
			covers: "status.checkedSpec maxLength",
			patch:  `{status: {checkedSpec: ` + strings.Repeat("c", 65) + `}}`,
			want:   "status.checkedSpec: Too long: may not be more than 64 bytes",
		},
		{
			name:   "two results for one field are refused",
			covers: "status.references unique",
			patch:  `{status: {references: [{field: cluster, ready: true}, {field: cluster, ready: false}]}}`,
			want:   `status.references[1]: Duplicate value: {"field":"cluster"}`,
		},
		{
			name:   "a result without its field is refused",
			covers: "status.references[].field required",
			patch:  `{status: {references: [{ready: true}]}}`,
			want:   "status.references[0].field: Required value",
		},
		{
			name:   "a result without its answer is refused",
			covers: "status.references[].ready required",
			patch:  `{status: {references: [{field: cluster}]}}`,
			want:   "status.references[0].ready: Required value",
		},
		{
			name:   "slots without those in use are refused",
			covers: "status.slots.inUse required",
			patch:  `{status: {slots: {waiting: 0}}}`,
			want:   "status.slots.inUse: Required value",
		},
		{
			name:   "slots without the waiting jobs are refused",
			covers: "status.slots.waiting required",
			patch:  `{status: {slots: {inUse: 0}}}`,
			want:   "status.slots.waiting: Required value",
		},
		{
			name:   "resolved without region is refused",
			covers: "status.resolved.region required",
			patch:  `{status: {resolved: {account: "111122223333", clusterARN: cluster, taskDefinitionARN: definition, subnets: [subnet-0abc]}}}`,
			want:   "status.resolved.region: Required value",
		},
		{
			name:   "resolved without account is refused",
			covers: "status.resolved.account required",
			patch:  `{status: {resolved: {region: us-east-1, clusterARN: cluster, taskDefinitionARN: definition, subnets: [subnet-0abc]}}}`,
			want:   "status.resolved.account: Required value",
		},
		{
			name:   "resolved without clusterARN is refused",
			covers: "status.resolved.clusterARN required",
			patch:  `{status: {resolved: {region: us-east-1, account: "111122223333", taskDefinitionARN: definition, subnets: [subnet-0abc]}}}`,
			want:   "status.resolved.clusterARN: Required value",
		},
		{
			name:   "resolved without taskDefinitionARN is refused",
			covers: "status.resolved.taskDefinitionARN required",
			patch:  `{status: {resolved: {region: us-east-1, account: "111122223333", clusterARN: cluster, subnets: [subnet-0abc]}}}`,
			want:   "status.resolved.taskDefinitionARN: Required value",
		},
		{
			name:   "resolved without subnets is refused",
			covers: "status.resolved.subnets required",
			patch:  `{status: {resolved: {region: us-east-1, account: "111122223333", clusterARN: cluster, taskDefinitionARN: definition}}}`,
			want:   "status.resolved.subnets: Required value",
		},
		{
			name:   "an architecture that Fargate does not have is refused",
			covers: "status.resolved.architecture enum",
			patch:  `{status: {resolved: {region: us-east-1, account: "111122223333", clusterARN: cluster, taskDefinitionARN: definition, subnets: [subnet-0abc], architecture: riscv64}}}`,
			want:   `status.resolved.architecture: Unsupported value: "riscv64": supported values: "arm64", "amd64"`,
		},
	}
}

func TestStatusIsBounded(t *testing.T) {
	for _, row := range []struct {
		kind  kind
		rules []rule
	}{
		{scanJob(), jobStatusRules()},
		{scanEnvironment(), environmentStatusRules()},
		{scanTrigger(), triggerStatusRules()},
		{scanSchedule(), scheduleStatusRules()},
	} {
		namespace := plane.Namespace(t)
		_, err := row.kind.client(t, namespace).Create(t.Context(), row.kind.object(t), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range row.rules {
			t.Run(row.kind.name+": "+r.name, func(t *testing.T) {
				if got := row.kind.update(t, namespace, r.patch, "status"); got != r.want {
					t.Errorf("the user reads\n  %s\nwant\n  %s", got, r.want)
				}
			})
		}
	}
}
