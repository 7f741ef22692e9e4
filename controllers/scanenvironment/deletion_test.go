package scanenvironment

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestInFlight(t *testing.T) {
	stopped := metav1.NewTime(start)
	job := func(name, environment string, attempts ...v1alpha1.Attempt) v1alpha1.ScanJob {
		return v1alpha1.ScanJob{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       v1alpha1.ScanJobSpec{EnvironmentName: environment},
			Status:     v1alpha1.ScanJobStatus{Attempts: attempts},
		}
	}
	open, closed := v1alpha1.Attempt{Number: 2}, v1alpha1.Attempt{Number: 1, StoppedAt: &stopped}
	awaiting := func(job v1alpha1.ScanJob) v1alpha1.ScanJob {
		job.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReported, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAwaitingFindings}}
		return job
	}
	jobs := []v1alpha1.ScanJob{
		awaiting(job("awaits", "default", closed)),
		job("waits", "default"),
		job("runs", "default", closed, open),
		job("finished", "default", closed),
		job("elsewhere", "other", open),
		job("ambiguous", "default", v1alpha1.Attempt{Number: 1, TaskARN: ""}),
	}
	if diff := cmp.Diff([]string{"ambiguous", "awaits", "runs"}, inFlight(jobs, "default")); diff != "" {
		t.Error(diff)
	}
}

func TestSettled(t *testing.T) {
	tests := []struct {
		name   string
		status metav1.ConditionStatus
		age    time.Duration
		want   bool
	}{
		{"an environment that is still shown as Ready may be taken for it", metav1.ConditionTrue, time.Hour, false},
		{"one that was Ready a moment ago too", metav1.ConditionFalse, time.Second, false},
		{"one that was not Ready for a while is seen as such by all", metav1.ConditionFalse, time.Minute, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conditions := []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: test.status, LastTransitionTime: metav1.NewTime(start.Add(-test.age))}}
			if got := settled(conditions, start); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
	if settled(nil, start) {
		t.Error("an environment without the condition has settled")
	}
}

func TestLeavingNamesTheJobsThatHoldTheEnvironment(t *testing.T) {
	environment := &v1alpha1.ScanEnvironment{Status: readyBefore(generation)}
	jobs := []string{"a", "b", "c", "d", "e", "f", "g"}
	status := leaving(environment, jobs, start)
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != metav1.ConditionFalse || ready.Reason != ReasonDeleting {
		t.Errorf("condition %+v", ready)
	}
	if !strings.Contains(ready.Message, "ScanJobs a, b, c, d, e and 2 more; delete these jobs") {
		t.Errorf("message %q", ready.Message)
	}
	if status.Resolved == nil {
		t.Error("what was resolved is gone, though tasks must still be stopped with it")
	}
	if len(environment.Status.Conditions) != 1 || environment.Status.Conditions[0].Status != metav1.ConditionTrue {
		t.Error("the environment itself was changed")
	}
}
