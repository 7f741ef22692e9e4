package scantrigger

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestExcess(t *testing.T) {
	complete, failed := finished(v1alpha1.ConditionComplete), finished(v1alpha1.ConditionFailed)
	aged := func(job *v1alpha1.ScanJob) { job.CreationTimestamp = metav1.NewTime(noon.Add(-25 * time.Hour)) }
	created := func(job *v1alpha1.ScanJob) { job.CreationTimestamp = metav1.NewTime(noon) }
	awaiting := func(job *v1alpha1.ScanJob) {
		job.Status.Conditions = append(job.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionReported, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAwaitingFindings,
		})
	}
	limits := func(successful, failed int32) func(*v1alpha1.ScanTrigger) {
		return func(trigger *v1alpha1.ScanTrigger) {
			trigger.Spec.SuccessfulJobsHistoryLimit, trigger.Spec.FailedJobsHistoryLimit = &successful, &failed
		}
	}
	noSweeps := func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.SweepIntervalSeconds = ptr.To[int32](0) }
	behind := func(trigger *v1alpha1.ScanTrigger) {
		trigger.Status.Sweep.Problems = []v1alpha1.SweepProblem{{Repository: "payments"}}
	}
	type jobs = []v1alpha1.ScanJob
	for name, test := range map[string]struct {
		trigger *v1alpha1.ScanTrigger
		jobs    jobs
		want    []string
	}{
		"the oldest beyond each limit go": {
			sweeping(swept(3600), limits(1, 1)),
			jobs{jobAt("a", commitA, 0, created, complete), jobAt("b", commitA, 1, created, complete), jobAt("c", commitA, 2, created, failed), jobAt("d", commitA, 3, created, failed)},
			[]string{"a", "c"},
		},
		"one that shows that the commit of a cancelled job was scanned stays with that": {
			sweeping(swept(3600), limits(0, 5)), jobs{jobAt("a", commitA, 0, created, cancelled, failed), jobAt("b", commitA, 2, created, complete)}, nil,
		},
		"and goes with it": {
			sweeping(swept(3600), limits(0, 0)), jobs{jobAt("a", commitA, 0, created, cancelled, failed), jobAt("b", commitA, 2, created, complete)}, []string{"a", "b"},
		},
		"one of another commit goes": {
			sweeping(swept(3600), limits(0, 5)), jobs{jobAt("a", commitB, 0, created, cancelled, failed), jobAt("b", commitA, 2, created, complete)}, []string{"b"},
		},
		"a limit of 0 keeps none":                              {sweeping(swept(3600), limits(0, 0)), jobs{jobAt("a", commitA, 0, created, complete)}, []string{"a"}},
		"one whose findings are still to come stays":           {sweeping(swept(3600), limits(0, 0)), jobs{jobAt("a", commitA, 0, created, complete, awaiting)}, nil},
		"one that is unfinished stays":                         {sweeping(swept(3600), limits(0, 0)), jobs{jobAt("a", commitA, 0, created)}, nil},
		"one that no sweep has passed stays":                   {sweeping(swept(60), limits(0, 0)), jobs{jobAt("a", commitA, 0, created, complete)}, nil},
		"one that the last sweep may just have missed, too":    {sweeping(swept(110), limits(0, 0)), jobs{jobAt("a", commitA, 0, created, complete)}, nil},
		"before any sweep, all stay":                           {sweeping(limits(0, 0)), jobs{jobAt("a", commitA, 0, created, complete)}, nil},
		"but for no longer than a day":                         {sweeping(limits(0, 0)), jobs{jobAt("a", commitA, 0, aged, complete)}, []string{"a"}},
		"one of a repository that sweeps could not reach":      {sweeping(swept(3600), limits(0, 0), behind), jobs{jobAt("a", commitA, 0, created, complete)}, nil},
		"where nothing is swept, nothing is kept for a sweep":  {sweeping(limits(0, 0), noSweeps), jobs{jobAt("a", commitA, 0, created, complete)}, []string{"a"}},
		"nor is the job of a push, which sweeps do not see to": {sweeping(limits(0, 0)), jobs{jobAt("a", commitA, 0, created, complete, ofPush)}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, job := range excess(test.trigger, test.jobs, noon) {
				got = append(got, job.Name)
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func ofPush(job *v1alpha1.ScanJob) { job.Spec.Source.CodeCommit.PullRequestID = "" }
