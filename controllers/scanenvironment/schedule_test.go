package scanenvironment

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestNextCheck(t *testing.T) {
	uninstalled := &problem{reason: "ClusterKindNotInstalled", uninstalled: true}
	tests := []struct {
		name       string
		ready      metav1.ConditionStatus
		age        time.Duration
		references []reference
		want       time.Duration
	}{
		{"a Ready environment is checked every five minutes", metav1.ConditionTrue, time.Hour, three(usable, usable, usable), 5 * time.Minute},
		{"a Ready environment in an outage is tried again soon", metav1.ConditionTrue, time.Hour, three(usable, unknown, usable), 15 * time.Second},
		{"a new fault is looked at after five seconds", metav1.ConditionFalse, 0, three(usable, waits, usable), 5 * time.Second},
		{"a fault of a minute is looked at after another", metav1.ConditionFalse, time.Minute, three(usable, waits, usable), time.Minute},
		{"an old fault is looked at as often as a Ready environment", metav1.ConditionFalse, 24 * time.Hour, three(usable, waits, usable), 5 * time.Minute},
		{"a kind that is not installed is looked for every 30 seconds", metav1.ConditionFalse, 24 * time.Hour, three(uninstalled, waits, usable), 30 * time.Second},
		{"a clock that went backwards does not make it spin", metav1.ConditionFalse, -time.Hour, three(usable, waits, usable), 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conditions := []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: test.ready, LastTransitionTime: metav1.NewTime(start.Add(-test.age))}}
			if got := nextCheck(conditions, test.references, start); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
