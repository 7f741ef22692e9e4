package scanschedule

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

const (
	commitA = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"
	commitB = "b1b2c3d4e5f60718293a4b5c6d7e8f9001122334"
	commitC = "c1b2c3d4e5f60718293a4b5c6d7e8f9001122334"
)

// noon is the run of most tests.
func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// names returns "repository branch" of targets, with a mark where the history is known.
func names(targets []v1alpha1.ScheduleTarget) []string {
	all := []string{}
	for _, target := range targets {
		name := strings.TrimSpace(target.Repository + " " + target.Branch)
		if target.History != nil {
			name += " *"
		}
		all = append(all, name)
	}
	return all
}

func scanned(repository, branch string) v1alpha1.ScheduleTarget {
	return v1alpha1.ScheduleTarget{
		Repository: repository, Branch: branch,
		History: &v1alpha1.ScannedHistory{Revision: commitA, ScheduleTime: metav1.NewTime(noon())},
	}
}

func TestExpand(t *testing.T) {
	there := []string{"payments", "infra-dns", "infra-net", "tools"}
	for name, row := range map[string]struct {
		repositories, branches []string
		before                 []v1alpha1.ScheduleTarget
		want                   []string
	}{
		"a name, a pattern and a pattern that is met twice": {
			repositories: []string{"payments", "infra-*", "*-dns"}, want: []string{"infra-dns", "infra-net", "payments"},
		},
		"alternatives, classes and single characters": {
			repositories: []string{"{payments,nothing}", "infra-d?s", "[t-u]ools"}, want: []string{"infra-dns", "payments", "tools"},
		},
		"every repository": {repositories: []string{"*"}, want: []string{"infra-dns", "infra-net", "payments", "tools"}},
		"a name that does not exist is a target, a pattern that matches nothing is not": {
			repositories: []string{"nowhere", "nothing-*"}, want: []string{"nowhere"},
		},
		"a pattern that cannot be read does not spoil the others": {
			repositories: []string{"infra-[", "payments"}, want: []string{"payments"},
		},
		"each branch of each repository, with and without refs/heads/": {
			repositories: []string{"payments", "tools"}, branches: []string{"main", "refs/heads/release/1", "refs/heads/main"},
			want: []string{"payments main", "payments release/1", "tools main", "tools release/1"},
		},
		"what is known is kept, what is gone is dropped": {
			repositories: []string{"infra-*"}, before: []v1alpha1.ScheduleTarget{scanned("infra-dns", "main"), scanned("infra-old", "main")},
			want: []string{"infra-dns main *", "infra-net"},
		},
		"from the default branch to branches by name": {
			repositories: []string{"payments"}, branches: []string{"main", "develop"}, before: []v1alpha1.ScheduleTarget{scanned("payments", "main")},
			want: []string{"payments develop", "payments main *"},
		},
		"from branches by name to the default branch, of which one that was scanned is taken to be a part": {
			repositories: []string{"payments"}, before: []v1alpha1.ScheduleTarget{{Repository: "payments", Branch: "develop"}, scanned("payments", "main")},
			want: []string{"payments main *"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &v1alpha1.ScanScheduleSpec{Repositories: row.repositories, Branches: row.branches}
			targets, omitted := expand(spec, row.before, there)
			if diff := cmp.Diff(row.want, names(targets)); diff != "" || omitted != 0 {
				t.Errorf("%d omitted (-want +got)\n%s", omitted, diff)
			}
		})
	}
}

func TestExpandKeepsWhatItHasWhereThereAreTooMany(t *testing.T) {
	var there []string
	for i := range 700 {
		there = append(there, fmt.Sprintf("r%03d", i))
	}
	spec := &v1alpha1.ScanScheduleSpec{Repositories: []string{"*"}, Branches: []string{"main", "develop"}}
	targets, omitted := expand(spec, []v1alpha1.ScheduleTarget{scanned("r699", "main")}, there)
	if len(targets) != 1000 || omitted != 400 {
		t.Errorf("%d targets and %d omitted, want 1000 and 400", len(targets), omitted)
	}
	if last := names(targets[999:])[0]; last != "r699 main *" {
		t.Errorf("the last target is %q, want the one that was there before", last)
	}
	again, omitted := expand(spec, targets, there)
	if diff := cmp.Diff(targets, again); diff != "" || omitted != 400 {
		t.Errorf("the second time: %d omitted (-first +second)\n%s", omitted, diff)
	}
}

func TestUnmatched(t *testing.T) {
	spec := &v1alpha1.ScanScheduleSpec{Repositories: []string{"nowhere", "infra-*", "tools-*", "broken-[", "{a,b}"}}
	if diff := cmp.Diff([]string{"tools-*", "{a,b}"}, unmatched(spec, []string{"infra-dns", "payments", "tools"})); diff != "" {
		t.Errorf("names and what cannot be read are told elsewhere (-want +got)\n%s", diff)
	}
}

func TestNoteExistence(t *testing.T) {
	targets := []v1alpha1.ScheduleTarget{
		{Repository: "gone", State: v1alpha1.TargetCreated},
		{Repository: "gone-waiting", State: v1alpha1.TargetWaiting},
		{Repository: "here", State: v1alpha1.TargetUnchanged},
		{Repository: "here-again", State: v1alpha1.TargetAbsent, Reason: v1alpha1.ReasonRepositoryNotFound, Message: "old"},
		{Repository: "empty", State: v1alpha1.TargetAbsent, Reason: v1alpha1.ReasonRepositoryEmpty},
	}
	noteExistence(targets, []string{"here", "here-again", "empty"})
	var got []string
	for _, target := range targets {
		got = append(got, strings.TrimSpace(target.Repository+" "+string(target.State)+" "+target.Reason))
	}
	want := []string{"gone Absent RepositoryNotFound", "gone-waiting Waiting", "here Unchanged", "here-again", "empty Absent RepositoryEmpty"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBegin(t *testing.T) {
	schedule := &v1alpha1.ScanSchedule{
		ObjectMeta: metav1.ObjectMeta{UID: "uid"},
		Spec:       v1alpha1.ScanScheduleSpec{JitterSeconds: 600},
		Status: v1alpha1.ScanScheduleStatus{Targets: []v1alpha1.ScheduleTarget{
			{Repository: "payments", Branch: "main", State: v1alpha1.TargetWaiting, Reason: v1alpha1.ReasonAccessDenied, Message: "no"},
			{Repository: "payments", Branch: "develop", State: v1alpha1.TargetAbsent, Reason: v1alpha1.ReasonBranchNotFound, JobName: "before"},
			{Repository: "tools"},
		}},
	}
	if overtaken := begin(schedule, mustTimetable(t, "0 * * * *", ""), noon()); overtaken != 1 {
		t.Errorf("%d overtaken, want the one that waited", overtaken)
	}
	run := ptr.To(metav1.NewTime(noon()))
	at := func(repository string) *metav1.Time {
		return apiTime(noon().Add(delay("uid", repository, 600, 10*time.Minute)))
	}
	want := v1alpha1.ScanScheduleStatus{LastScheduleTime: run, Targets: []v1alpha1.ScheduleTarget{
		{Repository: "payments", Branch: "main", ScheduleTime: run, State: v1alpha1.TargetWaiting, NextAttemptTime: at("payments")},
		{Repository: "payments", Branch: "develop", ScheduleTime: run, State: v1alpha1.TargetWaiting, NextAttemptTime: at("payments"), JobName: "before"},
		{Repository: "tools", ScheduleTime: run, State: v1alpha1.TargetWaiting, NextAttemptTime: at("tools")},
	}}
	if diff := cmp.Diff(want, schedule.Status); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
