package scanenvironment

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

const generation = 3

var (
	usable  *problem
	unknown = &problem{reason: v1alpha1.ReasonAWSUnavailable, message: "could not be looked at: Rate exceeded", unknown: true}
	waits   = &problem{reason: "TaskDefinitionNotSynced", message: "is not synced"}
	denied  = &problem{reason: "QueueAccessDenied", message: "may not be looked at"}
)

// three are the references of a small environment, with what is wrong with each.
func three(cluster, definition, queue *problem) []reference {
	return []reference{
		{field: "cluster", kind: ack.Cluster, identifier: "scans", resolved: "arn-of-cluster", problem: cluster},
		{field: "taskDefinition", kind: ack.TaskDefinition, identifier: "scanner:8", resolved: "arn-of-scanner:8", problem: definition},
		{field: "inbox.queue", kind: ack.Queue, identifier: "url", resolved: "url", problem: queue},
	}
}

func readyBefore(observed int64) v1alpha1.ScanEnvironmentStatus {
	checked := metav1.NewTime(start.Add(-time.Minute))
	return v1alpha1.ScanEnvironmentStatus{
		ObservedGeneration: observed,
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, Message: "every reference can be used",
			ObservedGeneration: observed, LastTransitionTime: metav1.NewTime(start.Add(-time.Hour)),
		}},
		References: []v1alpha1.ReferenceStatus{
			{Field: "cluster", Ready: true, Resolved: "arn-of-cluster"},
			{Field: "taskDefinition", Ready: true, Resolved: "arn-of-scanner:7"},
			{Field: "inbox.queue", Ready: true, Resolved: "url"},
		},
		Resolved:      &v1alpha1.ResolvedEnvironment{TaskDefinitionARN: "arn-of-scanner:7"},
		LastCheckTime: &checked,
	}
}

func TestConclude(t *testing.T) {
	found := v1alpha1.ResolvedEnvironment{TaskDefinitionARN: "arn-of-scanner:8"}
	tests := []struct {
		name         string
		previous     v1alpha1.ScanEnvironmentStatus
		references   []reference
		ready        metav1.ConditionStatus
		reason       string
		message      string
		resolved     string // the task definition that jobs use
		entries      string // ready entries by position
		checkedAgain bool
	}{
		{
			name:       "a new environment with every reference usable is Ready",
			references: three(usable, usable, usable),
			ready:      metav1.ConditionTrue, reason: "Ready", resolved: "arn-of-scanner:8", entries: "+++", checkedAgain: true,
		},
		{
			name:       "the first unusable reference gives the reason, and the others are named",
			references: three(usable, waits, denied),
			ready:      metav1.ConditionFalse, reason: "TaskDefinitionNotSynced", message: "not usable either: inbox.queue", entries: "+--", checkedAgain: true,
		},
		{
			name:       "what is known to be wrong comes before what could not be looked at",
			references: three(unknown, usable, denied),
			ready:      metav1.ConditionFalse, reason: "QueueAccessDenied", message: "not usable either: cluster", entries: "-+-", checkedAgain: true,
		},
		{
			name:       "an environment that was never Ready is not made so by an outage",
			references: three(usable, usable, unknown),
			ready:      metav1.ConditionFalse, reason: "AWSUnavailable", message: "Rate exceeded", entries: "++-",
		},
		{
			name: "a Ready environment stays so in an outage, with what it had", previous: readyBefore(generation),
			references: three(unknown, unknown, unknown),
			ready:      metav1.ConditionTrue, reason: "Ready", message: "AWSUnavailable: could not be looked at: Rate exceeded", resolved: "arn-of-scanner:7", entries: "+++",
		},
		{
			name: "a part of an outage does not take up a part of the news", previous: readyBefore(generation),
			references: three(usable, usable, unknown),
			ready:      metav1.ConditionTrue, reason: "Ready", message: "stays in use", resolved: "arn-of-scanner:7", entries: "+++",
		},
		{
			name: "an outage does not vouch for a spec that was never checked", previous: readyBefore(generation - 1),
			references: three(unknown, usable, usable),
			ready:      metav1.ConditionFalse, reason: "AWSUnavailable", resolved: "arn-of-scanner:7", entries: "-++",
		},
		{
			name: "a definite fault ends Ready, and keeps what was resolved", previous: readyBefore(generation),
			references: three(usable, usable, denied),
			ready:      metav1.ConditionFalse, reason: "QueueAccessDenied", resolved: "arn-of-scanner:7", entries: "++-", checkedAgain: true,
		},
		{
			name: "in an outage a definite fault counts, and what is unknown keeps its entry", previous: readyBefore(generation),
			references: three(unknown, waits, usable),
			ready:      metav1.ConditionFalse, reason: "TaskDefinitionNotSynced", resolved: "arn-of-scanner:7", entries: "+-+", checkedAgain: true,
		},
		{
			name: "a new revision replaces what was resolved", previous: readyBefore(generation),
			references: three(usable, usable, usable),
			ready:      metav1.ConditionTrue, reason: "Ready", resolved: "arn-of-scanner:8", entries: "+++", checkedAgain: true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Status: test.previous}
			before := environment.DeepCopy()
			status := conclude(environment, test.references, found, start)

			if diff := cmp.Diff(before, environment); diff != "" {
				t.Errorf("the environment itself was changed:\n%s", diff)
			}
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Status != test.ready || ready.Reason != test.reason || !strings.Contains(ready.Message, test.message) {
				t.Errorf("condition %+v", ready)
			}
			if ready.ObservedGeneration != generation || status.ObservedGeneration != generation {
				t.Errorf("observed generations %d and %d", ready.ObservedGeneration, status.ObservedGeneration)
			}
			resolved := ""
			if status.Resolved != nil {
				resolved = status.Resolved.TaskDefinitionARN
			}
			if resolved != test.resolved {
				t.Errorf("jobs would use %q", resolved)
			}
			if got := entries(status.References); got != test.entries {
				t.Errorf("entries %s: %+v", got, status.References)
			}
			if again := status.LastCheckTime != nil && status.LastCheckTime.Time.Equal(start); again != test.checkedAgain {
				t.Errorf("last check %v", status.LastCheckTime)
			}
		})
	}
}

func TestACheckThatFindsNothingNewIsNotedOnlyNowAndThen(t *testing.T) {
	environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
	found := v1alpha1.ResolvedEnvironment{TaskDefinitionARN: "arn-of-scanner:8"}
	environment.Status = conclude(environment, three(usable, usable, usable), found, start)

	soon := conclude(environment, three(usable, usable, usable), found, start.Add(time.Minute))
	if diff := cmp.Diff(environment.Status, soon); diff != "" {
		t.Errorf("a minute later something is written:\n%s", diff)
	}
	later := conclude(environment, three(usable, usable, usable), found, start.Add(readyInterval))
	if !later.LastCheckTime.Time.Equal(start.Add(readyInterval)) {
		t.Errorf("five minutes later the check is not noted: %v", later.LastCheckTime)
	}
	later.LastCheckTime = environment.Status.LastCheckTime
	if diff := cmp.Diff(environment.Status, later); diff != "" {
		t.Errorf("more than the time changed:\n%s", diff)
	}
}

func TestAnOutageIsWrittenOnce(t *testing.T) {
	environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Status: readyBefore(generation)}
	environment.Status = conclude(environment, three(unknown, unknown, unknown), v1alpha1.ResolvedEnvironment{}, start)
	again := conclude(environment, three(unknown, unknown, unknown), v1alpha1.ResolvedEnvironment{}, start.Add(time.Hour))
	if diff := cmp.Diff(environment.Status, again); diff != "" {
		t.Errorf("an hour later something is written:\n%s", diff)
	}
}

func TestUnaskable(t *testing.T) {
	environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
	status := unaskable(environment, three(usable, waits, usable), start)
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonRegionUnknown || !strings.Contains(ready.Message, "spec.region") {
		t.Errorf("condition %+v", ready)
	}
	if got := entries(status.References); got != "---" || status.References[1].Reason != "TaskDefinitionNotSynced" {
		t.Errorf("entries %+v", status.References)
	}
}

func TestTheReferencesAreInTheOrderOfTheSpec(t *testing.T) {
	id := v1alpha1.AWSReference{ID: "x"}
	full := v1alpha1.ScanEnvironmentSpec{
		Network:       v1alpha1.NetworkConfiguration{Subnets: []v1alpha1.AWSReference{id, id}, SecurityGroups: []v1alpha1.AWSReference{id}},
		Inbox:         &v1alpha1.InboxConfiguration{},
		Notifications: &v1alpha1.NotificationsConfiguration{},
		Reports:       &v1alpha1.ReportsConfiguration{},
	}
	var fields []string
	for _, ref := range referencesOf(full) {
		fields = append(fields, ref.field)
	}
	want := []string{
		"cluster", "taskDefinition", "network.subnets[0]", "network.subnets[1]", "network.securityGroups[0]",
		"inbox.queue", "notifications.topic", "reports.bucket",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
	if got := len(referencesOf(v1alpha1.ScanEnvironmentSpec{})); got != 2 {
		t.Errorf("an environment without the optional parts has %d references", got)
	}
}

func entries(references []v1alpha1.ReferenceStatus) string {
	text := ""
	for _, entry := range references {
		if entry.Ready {
			text += "+"
		} else {
			text += "-"
		}
	}
	return text
}

// The limit is the operator's own to hold: whoever changes it during an outage of AWS stops no scan.
func TestALimitIsChangedWhileAWSCannotBeReached(t *testing.T) {
	environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
	environment.Spec.Capacity.MaxConcurrentTasks = 10
	found := v1alpha1.ResolvedEnvironment{TaskDefinitionARN: "arn-of-scanner:8"}
	environment.Status = conclude(environment, three(usable, usable, usable), found, start)
	outage := func(change func(*v1alpha1.ScanEnvironmentSpec)) bool {
		changed := environment.DeepCopy()
		change(&changed.Spec)
		changed.Generation++
		status := conclude(changed, three(unknown, unknown, unknown), v1alpha1.ResolvedEnvironment{}, start.Add(time.Minute))
		return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady)
	}
	for _, row := range []struct {
		name   string
		change func(*v1alpha1.ScanEnvironmentSpec)
		ready  bool
	}{
		{"raised", func(s *v1alpha1.ScanEnvironmentSpec) { s.Capacity.MaxConcurrentTasks = 20 }, true},
		{"lowered, to drain", func(s *v1alpha1.ScanEnvironmentSpec) { s.Capacity.MaxConcurrentTasks, s.Capacity.Drain = 1, true }, true},
		{"something else", func(s *v1alpha1.ScanEnvironmentSpec) { s.ContainerName = "other" }, false},
	} {
		if ready := outage(row.change); ready != row.ready {
			t.Errorf("%s: Ready is %t, want %t", row.name, ready, row.ready)
		}
	}
}
