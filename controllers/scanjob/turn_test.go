package scanjob

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestTasksAreStartedInTheOrderOfTheRecords(t *testing.T) {
	t.Parallel()
	own := holder{job: "m", recorded: 10}
	for name, test := range map[string]struct {
		others []holder
		want   int
	}{
		"none":                    {nil, 0},
		"an older record":         {[]holder{{job: "z", recorded: 9}}, 1},
		"a younger record":        {[]holder{{job: "a", recorded: 11}}, 0},
		"of the same second":      {[]holder{{job: "a", recorded: 10}, {job: "z", recorded: 10}}, 1},
		"a task that was started": {[]holder{{job: "z", recorded: 11, begun: true}}, 1},
	} {
		if got := own.ahead(test.others); got != test.want {
			t.Errorf("%s: %d are ahead, want %d", name, got, test.want)
		}
	}
	// Of records of which none has a task, as many as there are slots may always start.
	crashed := []holder{{job: "a", recorded: 1}, {job: "b", recorded: 1}, {job: "c", recorded: 2}}
	for place, h := range crashed {
		if got := h.ahead(append(append([]holder{}, crashed[:place]...), crashed[place+1:]...)); got != place {
			t.Errorf("%d are ahead of record %d", got, place)
		}
	}
}

func TestALateRecordWaitsForATaskThatIsBeingStarted(t *testing.T) {
	recorded := func(name string, seconds int) *scope {
		job := newJob(withAttempts(scanv1.Attempt{RecordedAt: *at(time.Duration(seconds) * time.Second), ClusterARN: testCluster}))
		job.Name, job.UID = name, types.UID(name)
		s := newScope(job, noon())
		s.environment = newEnvironment(func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks = 1 })
		return s
	}
	r := newRig(t, newJob()).reconciler
	mayStart := func(s *scope) bool {
		r.admission.jobs.put(s.job)
		return r.mayStart(s, openAttempt(s.job))
	}
	own, late := recorded("own", 10), recorded("late", 9)
	if !mayStart(own) {
		t.Fatal("the only record may not start")
	}
	// RunTask is under way now, and nobody knows yet what is answered.
	if mayStart(late) {
		t.Error("an older record that came late may start beside it")
	}
	if !mayStart(own) {
		t.Error("RunTask may not be repeated for the one that was first")
	}
}

// A limit that falls finds admissions on their way.
func TestAnAttemptThatALimitHasKeptBackIsStartedHoweverLateASlotIsFree(t *testing.T) {
	r := newRig(t, newJob())
	environment := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
		t.Fatal(err)
	}
	environment.Spec.Capacity.MaxConcurrentTasks = 1
	if err := r.kube.Update(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	other := named("other", withAttempts(running()))
	r.reconciler.admission.jobs.put(&other)
	r.admit()
	r.succeed()
	r.clock.Step(holdBack)
	r.succeed()
	r.clock.Step(replayWithin + time.Minute)
	r.succeed()
	if attempt := r.attempt(); attempt.UnlistedSince != nil || attempt.TaskARN != "" {
		t.Fatalf("while no slot is free the attempt is %+v", attempt)
	}
	r.reconciler.admission.jobs.remove(&other)
	r.succeed()
	if attempt := r.attempt(); attempt.Number != 1 || attempt.TaskARN == "" {
		t.Errorf("with a free slot the attempt is %+v", attempt)
	}
	if step := nextStep(&scanv1.Attempt{Number: 1}, newEnvironment(), r.reconciler.memory.keptBack(r.job().UID, 1), noon()); step != search {
		t.Errorf("after the call its answer is waited for without end: %d", step)
	}
}
