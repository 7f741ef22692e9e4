package scanenvironment

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestAChangeCastsDoubtOnWhatAttemptsSaid(t *testing.T) {
	degraded := func(status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionDegraded, Status: status, Reason: "Because", Message: "of attempts", LastTransitionTime: metav1.NewTime(start.Add(-time.Hour))}
	}
	for _, row := range []struct {
		name       string
		observed   int64
		definition string
		checked    string
		before     metav1.ConditionStatus
		want       metav1.ConditionStatus
	}{
		{"nothing has changed", generation, "arn-of-scanner:7", "", metav1.ConditionTrue, metav1.ConditionTrue},
		{"the spec has changed", generation - 1, "arn-of-scanner:7", "", metav1.ConditionTrue, metav1.ConditionUnknown},
		{"only a limit has changed", generation - 1, "arn-of-scanner:7", (&v1alpha1.ScanEnvironment{}).CheckedSpec(), metav1.ConditionTrue, metav1.ConditionTrue},
		{"a reference leads elsewhere", generation, "arn-of-scanner:8", "", metav1.ConditionTrue, metav1.ConditionUnknown},
		{"the change comes after an attempt that ran", generation, "arn-of-scanner:8", "", metav1.ConditionFalse, metav1.ConditionFalse},
	} {
		t.Run(row.name, func(t *testing.T) {
			previous := readyBefore(row.observed)
			previous.Conditions = append(previous.Conditions, degraded(row.before))
			previous.CheckedSpec = row.checked
			environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Status: previous}
			environment.Spec.Capacity.MaxConcurrentTasks = 7
			status := conclude(environment, three(usable, usable, usable), v1alpha1.ResolvedEnvironment{TaskDefinitionARN: row.definition}, start)
			condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionDegraded)
			if condition == nil || condition.Status != row.want {
				t.Fatalf("condition %+v", condition)
			}
			if changed := row.before != row.want; changed != (condition.Reason == v1alpha1.ReasonEnvironmentChanged) || changed != condition.LastTransitionTime.Time.Equal(start) {
				t.Errorf("condition %+v", condition)
			}
		})
	}
	t.Run("an environment of which no attempt failed gets no condition", func(t *testing.T) {
		environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Status: readyBefore(generation - 1)}
		status := conclude(environment, three(usable, usable, usable), v1alpha1.ResolvedEnvironment{}, start)
		if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionDegraded); condition != nil {
			t.Errorf("condition %+v", condition)
		}
	})
}

func TestACheckKeepsConditionsOfOthers(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	w.create(w.plainEnvironment("default"))
	environment := w.await("default", v1alpha1.ReasonReady)
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAttemptFailed})
	if err := w.client.Status().Update(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	w.aws.Faults().Deny("*", "sns:GetTopicAttributes")
	w.touch("default")
	environment = w.await("default", "TopicAccessDenied")
	if !meta.IsStatusConditionTrue(environment.Status.Conditions, v1alpha1.ConditionDegraded) {
		t.Errorf("conditions %+v", environment.Status.Conditions)
	}
}
