package jobs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// job is a ScanJob of a minute with one condition, written Type or Type/Reason of Reported.
func job(minute int, condition string) *v1alpha1.ScanJob {
	made := &v1alpha1.ScanJob{ObjectMeta: metav1.ObjectMeta{
		Name:              fmt.Sprintf("%d-%s", minute, strings.ToLower(condition)),
		CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 9, 12, minute, 0, 0, time.UTC)),
	}}
	kind, reason, reported := strings.Cut(condition, "/")
	if kind != "" {
		made.Status.Conditions = append(made.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue})
	}
	if reported {
		made.Status.Conditions = append(made.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReported, Status: metav1.ConditionFalse, Reason: reason})
	}
	return made
}

func TestFinishedAndSettled(t *testing.T) {
	for condition, want := range map[string][3]bool{
		"":                          {false, false, false},
		"Admitted":                  {false, false, false},
		"Complete":                  {true, true, true},
		"Failed":                    {false, true, true},
		"Complete/AwaitingFindings": {true, true, false},
		"Complete/NoInbox":          {true, true, true},
	} {
		j := job(0, condition)
		if got := [3]bool{Complete(j), Finished(j), Settled(j)}; got != want {
			t.Errorf("%q: complete, finished, settled = %v, want %v", condition, got, want)
		}
	}
}

func TestExcess(t *testing.T) {
	leaving := job(1, "Complete")
	leaving.DeletionTimestamp = ptr.To(metav1.Now())
	for name, test := range map[string]struct {
		jobs               []*v1alpha1.ScanJob
		successful, failed *int32
		want               []string
	}{
		"the newest of each kind are kept": {
			jobs:       []*v1alpha1.ScanJob{job(3, "Complete"), job(1, "Complete"), job(2, "Failed"), job(4, "Failed"), job(0, "Complete")},
			successful: ptr.To[int32](2), failed: ptr.To[int32](1), want: []string{"0-complete", "2-failed"},
		},
		"a limit of zero keeps none": {
			jobs:       []*v1alpha1.ScanJob{job(1, "Complete"), job(2, "Failed")},
			successful: ptr.To[int32](0), failed: ptr.To[int32](0), want: []string{"1-complete", "2-failed"},
		},
		"no limit keeps all": {jobs: []*v1alpha1.ScanJob{job(1, "Complete"), job(2, "Failed")}},
		"what is unfinished, awaits its findings or is being deleted does not count": {
			jobs:       []*v1alpha1.ScanJob{job(1, ""), job(2, "Complete/AwaitingFindings"), leaving, job(3, "Complete")},
			successful: ptr.To[int32](1), failed: ptr.To[int32](0),
		},
		"of one second, the order is by name": {
			jobs:       []*v1alpha1.ScanJob{job(1, "Complete/NoInbox"), job(1, "Complete")},
			successful: ptr.To[int32](1), want: []string{"1-complete"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, j := range Excess(test.jobs, test.successful, test.failed) {
				got = append(got, j.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
