package scantrigger

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func readyEnvironment(edits ...func(*v1alpha1.ScanEnvironment)) *v1alpha1.ScanEnvironment {
	environment := &v1alpha1.ScanEnvironment{
		Spec: v1alpha1.ScanEnvironmentSpec{Inbox: &v1alpha1.InboxConfiguration{}},
		Status: v1alpha1.ScanEnvironmentStatus{
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady}},
			Resolved:   &v1alpha1.ResolvedEnvironment{QueueURL: "https://sqs.us-east-1.amazonaws.com/111122223333/scan-inbox"},
		},
	}
	for _, edit := range edits {
		edit(environment)
	}
	return environment
}

func TestReadiness(t *testing.T) {
	tests := map[string]struct {
		spec        v1alpha1.ScanTriggerSpec
		environment *v1alpha1.ScanEnvironment
		reason      string
		says        []string
	}{
		"a ready environment with an inbox": {
			v1alpha1.ScanTriggerSpec{}, readyEnvironment(), v1alpha1.ReasonListening, []string{"Listening to https://sqs"},
		},
		"a suspended trigger": {
			v1alpha1.ScanTriggerSpec{Suspend: true}, readyEnvironment(), v1alpha1.ReasonListening, []string{"Suspended", "dropped"},
		},
		"no environment": {
			v1alpha1.ScanTriggerSpec{}, nil, v1alpha1.ReasonEnvironmentNotFound, []string{`"default"`, "create it"},
		},
		"an environment without an inbox": {
			v1alpha1.ScanTriggerSpec{}, readyEnvironment(func(e *v1alpha1.ScanEnvironment) { e.Spec.Inbox = nil }),
			v1alpha1.ReasonNoInboxConfigured, []string{`"default"`, "spec.inbox.queue", "spec.sweepIntervalSeconds"},
		},
		"an environment without an inbox, for a trigger that sweeps": {
			v1alpha1.ScanTriggerSpec{Events: []v1alpha1.TriggerEvent{v1alpha1.EventPullRequestCreated}, SweepIntervalSeconds: ptr.To[int32](600)},
			readyEnvironment(func(e *v1alpha1.ScanEnvironment) { e.Spec.Inbox, e.Status.Resolved.QueueURL = nil, "" }),
			v1alpha1.ReasonSweeping, []string{`"default"`, "found by the sweep"},
		},
		"an environment without an inbox, for pushes, which no sweep finds": {
			v1alpha1.ScanTriggerSpec{Events: []v1alpha1.TriggerEvent{v1alpha1.EventPush}, SweepIntervalSeconds: ptr.To[int32](600)},
			readyEnvironment(func(e *v1alpha1.ScanEnvironment) { e.Spec.Inbox = nil }),
			v1alpha1.ReasonNoInboxConfigured, []string{`"default"`},
		},
		"an environment that is not ready": {
			v1alpha1.ScanTriggerSpec{}, readyEnvironment(func(e *v1alpha1.ScanEnvironment) {
				e.Status.Conditions[0] = metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "ClusterInactive", Message: "cluster scans is INACTIVE"}
			}), v1alpha1.ReasonEnvironmentNotReady, []string{"ClusterInactive: cluster scans is INACTIVE"},
		},
		"an environment that was not checked": {
			v1alpha1.ScanTriggerSpec{}, readyEnvironment(func(e *v1alpha1.ScanEnvironment) { e.Status = v1alpha1.ScanEnvironmentStatus{} }),
			v1alpha1.ReasonEnvironmentNotReady, []string{"not checked yet"},
		},
		"an environment whose queue was not resolved": {
			v1alpha1.ScanTriggerSpec{}, readyEnvironment(func(e *v1alpha1.ScanEnvironment) { e.Status.Resolved.QueueURL = "" }),
			v1alpha1.ReasonEnvironmentNotReady, []string{"not resolved its inbox queue"},
		},
		"a pattern that cannot be read, before all else": {
			v1alpha1.ScanTriggerSpec{Repositories: []string{"pay[ments"}}, nil, v1alpha1.ReasonInvalidPattern, []string{"spec.repositories[0]", "scanned as if"},
		},
		"a label that no job can have": {
			v1alpha1.ScanTriggerSpec{Template: v1alpha1.ScanJobTemplate{Metadata: v1alpha1.TemplateMetadata{Labels: map[string]string{"team": "not a label"}}}},
			readyEnvironment(), v1alpha1.ReasonInvalidTemplate, []string{"spec.template.metadata.labels", "scanned as if"},
		},
		"an expression that cannot be evaluated": {
			v1alpha1.ScanTriggerSpec{Expression: "event.nope"}, readyEnvironment(), v1alpha1.ReasonInvalidExpression, []string{"spec.expression", "scanned as if"},
		},
	}
	x := mustExpressions(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.spec.EnvironmentName = "default"
			got := readiness(&v1alpha1.ScanTrigger{Spec: test.spec}, test.environment, x)
			good := test.reason == v1alpha1.ReasonListening || test.reason == v1alpha1.ReasonSweeping
			if got.Reason != test.reason || (got.Status == metav1.ConditionTrue) != good {
				t.Errorf("Ready = %s, %s; want %s", got.Status, got.Reason, test.reason)
			}
			for _, want := range test.says {
				if !strings.Contains(got.Message, want) {
					t.Errorf("message %q does not say %q", got.Message, want)
				}
			}
		})
	}
}

func TestReadinessTellsOfWhatTheLastSweepMet(t *testing.T) {
	for name, test := range map[string]struct {
		sweep v1alpha1.SweepStatus
		says  string
	}{
		"all was well":                       {v1alpha1.SweepStatus{}, ""},
		"a pattern that matches nothing":     {v1alpha1.SweepStatus{UnmatchedPatterns: []string{"infra-*", "ops"}}, "no repository that spec.repositories could mean by infra-*, ops"},
		"a repository that cannot be read":   {v1alpha1.SweepStatus{Problems: []v1alpha1.SweepProblem{{Repository: "payments"}}}, "see status.sweep"},
		"a sweep that did not get through":   {v1alpha1.SweepStatus{Message: "no answer in time"}, "see status.sweep"},
		"a thousand patterns, cut to a size": {v1alpha1.SweepStatus{UnmatchedPatterns: []string{strings.Repeat("é", 4000)}}, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			trigger := &v1alpha1.ScanTrigger{Status: v1alpha1.ScanTriggerStatus{Sweep: &test.sweep}}
			got := readiness(trigger, readyEnvironment(), mustExpressions(t))
			if got.Reason != v1alpha1.ReasonListening || !strings.Contains(got.Message, test.says) || len(got.Message) > messageBytes {
				t.Errorf("%s: %s; want %q", got.Reason, got.Message, test.says)
			}
			if test.says == "" && strings.Contains(got.Message, ";") {
				t.Errorf("message %q", got.Message)
			}
		})
	}
}

func TestReadinessFitsIntoTheStatusWhateverItQuotes(t *testing.T) {
	long := readyEnvironment(func(e *v1alpha1.ScanEnvironment) {
		e.Status.Conditions[0].Status, e.Status.Conditions[0].Message = metav1.ConditionFalse, strings.Repeat("é", 16_384)
	})
	for name, test := range map[string]struct {
		spec v1alpha1.ScanTriggerSpec
		says string
	}{
		// Each of the unknown names is an error that CEL tells with the whole expression.
		"an expression with a thousand errors": {v1alpha1.ScanTriggerSpec{Expression: strings.Repeat("a||", 1365) + "a"}, "spec.expression: it does not compile"},
		"a long pattern":                       {v1alpha1.ScanTriggerSpec{Repositories: []string{strings.Repeat("\x00", 255) + "["}}, "spec.repositories[0]"},
		"an environment with much to say":      {v1alpha1.ScanTriggerSpec{}, "is not ready"},
	} {
		t.Run(name, func(t *testing.T) {
			got := readiness(&v1alpha1.ScanTrigger{Spec: test.spec}, long, mustExpressions(t))
			if len(got.Message) > messageBytes || !strings.Contains(got.Message, test.says) {
				t.Errorf("a message of %d bytes, want at most %d and %q: %s", len(got.Message), messageBytes, test.says, got.Message)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	created := func(seconds int) func(*v1alpha1.ScanJob) {
		return func(job *v1alpha1.ScanJob) {
			job.CreationTimestamp = metav1.NewTime(noon.Add(time.Duration(seconds) * time.Second))
		}
	}
	at := func(seconds int) *metav1.Time {
		return ptr.To(metav1.NewTime(noon.Add(time.Duration(seconds) * time.Second)))
	}
	tests := map[string]struct {
		before v1alpha1.ScanTriggerStatus
		jobs   []v1alpha1.ScanJob
		active int32
		last   string
	}{
		"no job":                                   {v1alpha1.ScanTriggerStatus{}, nil, 0, ""},
		"finished jobs are not active":             {v1alpha1.ScanTriggerStatus{}, []v1alpha1.ScanJob{jobAt("a", commitA, 0, created(0), finished(v1alpha1.ConditionComplete)), jobAt("b", commitB, 1, created(1)), jobAt("c", commitM, 2, created(2), finished(v1alpha1.ConditionFailed))}, 1, "c"},
		"the last of one second is by its event":   {v1alpha1.ScanTriggerStatus{}, []v1alpha1.ScanJob{jobAt("b", commitB, 1, created(1)), jobAt("a", commitA, 0, created(1))}, 2, "b"},
		"the last job stays when all are gone":     {v1alpha1.ScanTriggerStatus{ActiveJobs: 3, LastJobName: "z", LastJobTime: at(9)}, nil, 0, "z"},
		"the last job stays when it alone is gone": {v1alpha1.ScanTriggerStatus{LastJobName: "z", LastJobTime: at(9)}, []v1alpha1.ScanJob{jobAt("a", commitA, 0, created(1))}, 1, "z"},
		"a newer job takes its place":              {v1alpha1.ScanTriggerStatus{LastJobName: "z", LastJobTime: at(1)}, []v1alpha1.ScanJob{jobAt("a", commitA, 0, created(2))}, 1, "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status := test.before
			summarize(&status, test.jobs)
			if status.ActiveJobs != test.active || status.LastJobName != test.last {
				t.Errorf("active %d, last %q; want %d, %q", status.ActiveJobs, status.LastJobName, test.active, test.last)
			}
		})
	}
}
