package scanschedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestReadinessOfTargets(t *testing.T) {
	target := func(repository string, state v1alpha1.TargetState, reason string) v1alpha1.ScheduleTarget {
		return v1alpha1.ScheduleTarget{Repository: repository, Branch: "main", State: state, Reason: reason, Message: "because"}
	}
	fine := target("payments", v1alpha1.TargetCreated, "")
	for name, row := range map[string]struct {
		repositories []string
		targets      []v1alpha1.ScheduleTarget
		unmatched    []string
		omitted      int32
		suspend      bool
		reason       string
		says         string
	}{
		"all is well": {[]string{"payments"}, []v1alpha1.ScheduleTarget{fine}, nil, 0, false, v1alpha1.ReasonScheduled, "Scanning 1 branch"},
		"suspended":   {[]string{"payments"}, []v1alpha1.ScheduleTarget{fine}, nil, 0, true, v1alpha1.ReasonScheduled, "Suspended"},
		"a pattern that matches nothing is named": {
			[]string{"payments", "infra-*"}, []v1alpha1.ScheduleTarget{fine}, []string{"infra-*"}, 0, false, v1alpha1.ReasonNoRepositoryMatches, "no repository in us-east-1 matches infra-*",
		},
		"a named repository that does not exist": {
			[]string{"payments", "nowhere"}, []v1alpha1.ScheduleTarget{target("nowhere", v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryNotFound), fine}, nil, 0, false,
			v1alpha1.ReasonTargetsNotScanned, "nowhere main (RepositoryNotFound: because)",
		},
		"a named repository that is empty": {
			[]string{"empty"}, []v1alpha1.ScheduleTarget{target("empty", v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryEmpty)}, nil, 0, false,
			v1alpha1.ReasonTargetsNotScanned, "empty main (RepositoryEmpty",
		},
		"what a pattern brings may be empty": {
			[]string{"*"}, []v1alpha1.ScheduleTarget{target("empty", v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryEmpty), fine}, nil, 0, false,
			v1alpha1.ReasonScheduled, "in 1 there was nothing to scan",
		},
		"what a pattern brings may lack a branch that others have": {
			[]string{"*"}, []v1alpha1.ScheduleTarget{target("tools", v1alpha1.TargetAbsent, v1alpha1.ReasonBranchNotFound), fine}, nil, 0, false,
			v1alpha1.ReasonScheduled, "in 1 there was nothing to scan",
		},
		"a branch that no repository has is a mistake": {
			[]string{"*"}, []v1alpha1.ScheduleTarget{target("tools", v1alpha1.TargetAbsent, v1alpha1.ReasonBranchNotFound)}, nil, 0, false,
			v1alpha1.ReasonTargetsNotScanned, "tools main (BranchNotFound",
		},
		"what a pattern brings must be readable": {
			[]string{"*"}, []v1alpha1.ScheduleTarget{target("secret", v1alpha1.TargetWaiting, v1alpha1.ReasonAccessDenied), fine}, nil, 0, false,
			v1alpha1.ReasonTargetsNotScanned, "secret main (AccessDenied",
		},
		"waiting for an earlier scan is no trouble": {
			[]string{"payments"}, []v1alpha1.ScheduleTarget{target("payments", v1alpha1.TargetWaiting, v1alpha1.ReasonScanUnfinished)}, nil, 0, false, v1alpha1.ReasonScheduled, "",
		},
		"a missed scan is told by its event": {
			[]string{"payments"}, []v1alpha1.ScheduleTarget{target("payments", v1alpha1.TargetMissed, v1alpha1.ReasonStartingDeadlineExceeded)}, nil, 0, false, v1alpha1.ReasonScheduled, "",
		},
		"more targets than there can be": {
			[]string{"payments"}, []v1alpha1.ScheduleTarget{fine}, nil, 203, false, v1alpha1.ReasonTooManyTargets, "there are 204 branches to scan and 203 of them are not",
		},
		"all that is wrong is said": {
			[]string{"payments", "infra-*", "nowhere"}, []v1alpha1.ScheduleTarget{target("nowhere", v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryNotFound), fine}, []string{"infra-*"}, 0, false,
			v1alpha1.ReasonNoRepositoryMatches, "TargetsNotScanned: not scanned: nowhere main",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scope{now: noon(), region: "us-east-1", schedule: &v1alpha1.ScanSchedule{
				Spec: v1alpha1.ScanScheduleSpec{Repositories: row.repositories, Branches: []string{"main"}, Suspend: row.suspend, Schedule: "@hourly"},
				Status: v1alpha1.ScanScheduleStatus{
					Targets: row.targets, OmittedTargets: row.omitted, UnmatchedPatterns: row.unmatched, ExpandedTime: ptr.To(metav1.NewTime(noon())),
				},
			}}
			s.readSpec()
			s.judge()
			s.conclude()
			ready := s.schedule.Status.Conditions[0]
			if ready.Reason != row.reason || !strings.Contains(ready.Message, row.says) || (ready.Status == metav1.ConditionTrue) != (row.reason == v1alpha1.ReasonScheduled) {
				t.Errorf("%s %s: %s\nwant %s that says %q", ready.Status, ready.Reason, ready.Message, row.reason, row.says)
			}
		})
	}
}

func TestAMessageNamesAFewAndCountsTheRest(t *testing.T) {
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("r%d", i))
	}
	if got, want := list(names), "r0, r1, r2, r3, r4 and 7 more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := list(names[:5]); got != "r0, r1, r2, r3, r4" {
		t.Errorf("%q", got)
	}
}

func TestTheMessageOfReadyIsBounded(t *testing.T) {
	s := &scope{now: noon(), schedule: &v1alpha1.ScanSchedule{Spec: v1alpha1.ScanScheduleSpec{Schedule: "@hourly"}}}
	for range 20 {
		s.trouble(v1alpha1.ReasonInvalidPattern, strings.Repeat("x", 1000))
	}
	s.conclude()
	if n := len(s.schedule.Status.Conditions[0].Message); n > maxReady || n < 3000 {
		t.Errorf("%d bytes", n)
	}
}

func TestExpansionDue(t *testing.T) {
	ago := func(d time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(noon().Add(-d))) }
	for name, row := range map[string]struct {
		status v1alpha1.ScanScheduleStatus
		run    time.Time
		want   bool
	}{
		"at first":                              {v1alpha1.ScanScheduleStatus{ObservedGeneration: 2}, time.Time{}, true},
		"after a change of the spec":            {v1alpha1.ScanScheduleStatus{ObservedGeneration: 1, ExpandedTime: ago(time.Minute)}, time.Time{}, true},
		"not without a reason":                  {v1alpha1.ScanScheduleStatus{ObservedGeneration: 2, ExpandedTime: ago(24 * time.Hour)}, time.Time{}, false},
		"for a run":                             {v1alpha1.ScanScheduleStatus{ObservedGeneration: 2, ExpandedTime: ago(time.Minute)}, noon(), true},
		"once a run":                            {v1alpha1.ScanScheduleStatus{ObservedGeneration: 2, ExpandedTime: ago(0), LastScheduleTime: ago(0)}, time.Time{}, false},
		"for a run that began without the list": {v1alpha1.ScanScheduleStatus{ObservedGeneration: 2, ExpandedTime: ago(time.Hour), LastScheduleTime: ago(time.Minute)}, time.Time{}, true},
		"for what is missing, after a while": {
			v1alpha1.ScanScheduleStatus{ObservedGeneration: 2, ExpandedTime: ago(matchRetry), Targets: []v1alpha1.ScheduleTarget{{Repository: "payments", Reason: v1alpha1.ReasonRepositoryNotFound}}},
			time.Time{}, true,
		},
		"for what is missing, not at once": {
			v1alpha1.ScanScheduleStatus{ObservedGeneration: 2, ExpandedTime: ago(matchRetry - time.Second), Targets: []v1alpha1.ScheduleTarget{{Repository: "payments", Reason: v1alpha1.ReasonRepositoryNotFound}}},
			time.Time{}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scope{now: noon(), schedule: &v1alpha1.ScanSchedule{
				ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: v1alpha1.ScanScheduleSpec{Repositories: []string{"payments"}}, Status: row.status,
			}}
			if got := s.expansionDue(row.run); got != row.want {
				t.Errorf("%t, want %t", got, row.want)
			}
		})
	}
}
