package scanjob

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// named makes a job of a name, which is its UID too.
func named(name string, changes ...func(*scanv1.ScanJob)) scanv1.ScanJob {
	job := newJob(changes...)
	job.Name, job.UID = name, types.UID(name)
	return *job
}

func createdAt(d time.Duration) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) { job.CreationTimestamp = *at(d) }
}

func priority(p int32) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) { job.Spec.Priority = p }
}

func backingOff(job *scanv1.ScanJob) {
	withAttempts(spoiledBy(scanv1.ClassScan))(job)
	job.Status.NextAttemptTime = at(time.Hour)
}

func candidates(jobs []scanv1.ScanJob) []*candidate {
	var found []*candidate
	for i := range jobs {
		if c := candidateOf(&jobs[i]); c != nil {
			found = append(found, c)
		}
	}
	return found
}

// plenty is a situation in which nothing but the slots holds a job back.
func plenty(limit int32) situation {
	enough := capacity{tasks: 1000, state: gobreaker.StateClosed}
	return situation{limit: limit, strategy: enough, onDemand: enough, served: map[string]int64{}, now: noon()}
}

func TestWhichWaitingJobsStartNow(t *testing.T) {
	admitted := func(attempt int32) verdict { return verdict{admitted: true, attempt: attempt} }
	for _, row := range []struct {
		name    string
		jobs    []scanv1.ScanJob
		earlier map[types.UID]verdict
		limit   int32
		// admitted and waiting are the names of the jobs with either verdict; the others have none.
		admitted []string
		waiting  []string
	}{
		{name: "no jobs", limit: 2},
		{name: "as many as there are slots", jobs: []scanv1.ScanJob{named("a"), named("b"), named("c")}, limit: 2, admitted: []string{"a", "b"}, waiting: []string{"c"}},
		{name: "the higher priority first", jobs: []scanv1.ScanJob{named("a", priority(-1)), named("b"), named("c", priority(5))}, limit: 2,
			admitted: []string{"b", "c"}, waiting: []string{"a"}},
		{name: "of the same priority the older first", jobs: []scanv1.ScanJob{named("a", createdAt(time.Hour)), named("b", createdAt(time.Minute))}, limit: 1,
			admitted: []string{"b"}, waiting: []string{"a"}},
		{name: "of the same age by name", jobs: []scanv1.ScanJob{named("b"), named("a")}, limit: 1, admitted: []string{"a"}, waiting: []string{"b"}},
		{name: "priority counts more than age", jobs: []scanv1.ScanJob{named("a", createdAt(0)), named("b", createdAt(time.Hour), priority(1))}, limit: 1,
			admitted: []string{"b"}, waiting: []string{"a"}},
		{name: "a job whose attempt is open holds a slot and needs no verdict", jobs: []scanv1.ScanJob{named("a", withAttempts(running())), named("b"), named("c")}, limit: 2,
			admitted: []string{"b"}, waiting: []string{"c"}},
		{name: "also while RunTask's answer is not known", limit: 1, waiting: []string{"b"},
			jobs: []scanv1.ScanJob{named("a", withAttempts(scanv1.Attempt{RecordedAt: *at(0)})), named("b")}},
		{name: "also while it is being deleted, cancelled or suspended", limit: 3, waiting: []string{"d"},
			jobs: []scanv1.ScanJob{named("a", deleted, withAttempts(running())), named("b", cancelled, withAttempts(running())), named("c", suspended, withAttempts(running())), named("d")}},
		{name: "a job that backs off holds none", jobs: []scanv1.ScanJob{named("a", backingOff), named("b")}, limit: 1, admitted: []string{"b"}},
		{name: "jobs that are suspended, cancelled, deleted or finished want none", limit: 1, admitted: []string{"e"},
			jobs: []scanv1.ScanJob{named("a", suspended), named("b", cancelled), named("c", deleted),
				named("d", withCondition(scanv1.ConditionFailed, scanv1.ReasonConfiguration)), named("e")}},
		{name: "a job that was admitted and is not recorded yet holds its slot", jobs: []scanv1.ScanJob{named("a", priority(9)), named("b")}, limit: 1,
			earlier: map[types.UID]verdict{"b": admitted(1)}, admitted: []string{"b"}, waiting: []string{"a"}},
		{name: "an admission for an attempt that is over by now does not count", limit: 1, admitted: []string{"b"}, waiting: []string{"a"},
			jobs:    []scanv1.ScanJob{named("a", withAttempts(spoiledBy(scanv1.ClassSuspended))), named("b", priority(1))},
			earlier: map[types.UID]verdict{"a": admitted(1)}},
		{name: "an admission of a job that does not want a slot any more is taken back", jobs: []scanv1.ScanJob{named("a", suspended), named("b")}, limit: 1,
			earlier: map[types.UID]verdict{"a": admitted(1)}, admitted: []string{"b"}},
		{name: "an admission of a job that is gone does not count", jobs: []scanv1.ScanJob{named("b")}, limit: 1,
			earlier: map[types.UID]verdict{"a": admitted(1)}, admitted: []string{"b"}},
		{name: "a job that had to wait before is looked at anew", jobs: []scanv1.ScanJob{named("a")}, limit: 1,
			earlier: map[types.UID]verdict{"a": {attempt: 1, place: place{reason: scanv1.ReasonConcurrencyLimit}}}, admitted: []string{"a"}},
		{name: "a limit that was lowered takes nothing back and admits nobody",
			jobs:  []scanv1.ScanJob{named("a", withAttempts(running())), named("b", withAttempts(running())), named("c"), named("d")},
			limit: 1, earlier: map[types.UID]verdict{"c": admitted(1)}, admitted: []string{"c"}, waiting: []string{"d"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			decided := decide(candidates(row.jobs), row.earlier, plenty(row.limit))
			verdicts := decided.verdicts
			var admitted, waiting []string
			for uid, word := range verdicts {
				job := row.jobs[slices.IndexFunc(row.jobs, func(job scanv1.ScanJob) bool { return job.UID == uid })]
				if word.attempt != nextNumber(&job) {
					t.Errorf("the verdict on %s is for attempt %d", uid, word.attempt)
				}
				if word.admitted {
					admitted = append(admitted, string(uid))
					continue
				}
				waiting = append(waiting, string(uid))
				if word.place.reason != scanv1.ReasonConcurrencyLimit || word.place.position < 1 || word.place.position > int(decided.waiting) {
					t.Errorf("%s waits at %+v", uid, word.place)
				}
			}
			slices.Sort(admitted)
			slices.Sort(waiting)
			if !slices.Equal(admitted, row.admitted) || !slices.Equal(waiting, row.waiting) {
				t.Errorf("admitted %v, waiting %v; want %v and %v", admitted, waiting, row.admitted, row.waiting)
			}
		})
	}
}

// Invariant 3: a slot is counted from observed state. The loop sees jobs later than they are, one later than another.
func TestTheLimitHoldsHoweverFarTheLoopsViewIsBehind(t *testing.T) {
	const count, limit = 8, 3
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		actual, seen := map[int]scanv1.ScanJob{}, map[int]scanv1.ScanJob{}
		for i := range count {
			actual[i] = named(fmt.Sprint(i), priority(int32(i%3)))
			seen[i] = *ptrCopy(actual[i])
		}
		verdicts, claimed := map[types.UID]verdict{}, map[types.UID]int32{}
		read := map[int]string{} // the versions of the jobs whose reconciles were told that they are admitted
		most, ended := 0, 0
		for step := range 3000 {
			i := random.IntN(count)
			job, changed := ptrCopy(actual[i]), false
			switch random.IntN(10) {
			case 0, 8, 9: // the loop's view catches up on one job
				seen[i] = *ptrCopy(actual[i])
			case 1, 2: // the loop decides, now and then while there is no capacity
				now := plenty(limit)
				if random.IntN(4) == 0 {
					now.strategy.state = gobreaker.StateOpen
				}
				takeBack(verdicts, claimed, now)
				verdicts = decide(candidates(slices.Collect(maps.Values(seen))), verdicts, now).verdicts
				forgetClaims(claimed, verdicts)
			case 3, 4: // a job's reconcile reads its verdict
				delete(read, i)
				view := *job
				if word := verdicts[view.UID]; wantsSlot(&view) && word.admitted && word.attempt == nextNumber(&view) {
					read[i], claimed[view.UID] = view.ResourceVersion, word.attempt
				}
			case 5, 6: // and records the attempt; its write is refused where the job was read from an old view
				if version, told := read[i]; told && version == job.ResourceVersion {
					withAttempts(running())(job)
					changed = true
				}
				delete(read, i)
			case 7: // an attempt ends
				if attempt := openAttempt(job); attempt != nil {
					closeAttempt(job, attempt, scanv1.ClassSuspended, "", noon())
					ended++
					changed = true
				}
			}
			if changed {
				job.ResourceVersion = fmt.Sprint(step)
			}
			actual[i] = *job
			open := 0
			for _, job := range actual {
				if openAttempt(&job) != nil {
					open++
				}
			}
			if most = max(most, open); open > limit {
				t.Fatalf("seed %d, step %d: %d attempts are open, the limit is %d", seed, step, open, limit)
			}
		}
		if most < limit || ended < count {
			t.Fatalf("seed %d: the story is too quiet: at most %d open, %d ended", seed, most, ended)
		}
	}
}

func ptrCopy(job scanv1.ScanJob) *scanv1.ScanJob { return job.DeepCopy() }

func TestAnEnvironmentThatIsNotReadyAdmitsNobodyAndCountsItsSlots(t *testing.T) {
	admitted, waits := verdict{admitted: true, attempt: 1}, verdict{attempt: 1, told: place{scanv1.ReasonRateLimited, 3}, since: noon()}
	now := plenty(10)
	now.closed = true
	decided := decide(candidates([]scanv1.ScanJob{named("a", withAttempts(running())), named("b"), named("c"), named("d"), named("e", backingOff)}),
		map[types.UID]verdict{"b": admitted, "c": waits}, now)
	if decided.inUse != 2 || decided.waiting != 2 || decided.strategy != 0 || !maps.Equal(decided.verdicts, map[types.UID]verdict{"b": admitted, "c": waits}) {
		t.Errorf("%+v", decided)
	}
}

func TestAnAdmissionIsTakenBackWhereItsCapacityIsGone(t *testing.T) {
	r := newRig(t, newJob())
	admission := r.reconciler.admission
	claims, waits := named("claims"), named("waits")
	for _, job := range []*scanv1.ScanJob{&claims, &waits} {
		admission.jobs.put(job)
	}
	admission.queueOf(newEnvironment()).verdicts = map[types.UID]verdict{
		"claims": {admitted: true, attempt: 1}, "waits": {admitted: true, attempt: 1},
	}
	decideAnew := func() {
		t.Helper()
		r.clock.Step(longestPause)
		if _, err := admission.Reconcile(t.Context(), ctrl.Request{NamespacedName: r.environmentKey()}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(job *scanv1.ScanJob, admitted bool) {
		t.Helper()
		if word, _ := admission.verdict(job, 1); word.admitted != admitted {
			t.Errorf("%s is admitted: %t", job.Name, word.admitted)
		}
	}
	want(&claims, true) // and its record is on its way
	admission.report(&claims, &scanv1.Attempt{OnDemandFallback: true}, errMissed)
	decideAnew()
	if word := admission.queues()[r.environmentKey()].verdicts["waits"]; !word.admitted {
		t.Errorf("without capacity elsewhere the verdict is %+v", word)
	}
	admission.report(&claims, &scanv1.Attempt{}, errMissed)
	decideAnew()
	want(&claims, true)
	want(&waits, false)
	if slots := admission.queues()[r.environmentKey()].inUse; slots != 1 {
		t.Errorf("%d slots are in use, want 1", slots)
	}
}

func TestTheSlotsOfAnEnvironmentThatIsNotReadyAreWritten(t *testing.T) {
	r := newRig(t, newJob())
	admission := r.reconciler.admission
	environment := func() *scanv1.ScanEnvironment {
		t.Helper()
		found := &scanv1.ScanEnvironment{}
		if err := r.kube.Get(t.Context(), r.environmentKey(), found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	decideAnew := func() ctrl.Result {
		t.Helper()
		r.clock.Step(longestPause)
		result, err := admission.Reconcile(t.Context(), ctrl.Request{NamespacedName: r.environmentKey()})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	broken := environment()
	broken.Status.Conditions[0].Status = metav1.ConditionFalse
	broken.Status.Slots = &scanv1.SlotsStatus{InUse: 2}
	if err := r.kube.Status().Update(t.Context(), broken); err != nil {
		t.Fatal(err)
	}
	first, second, third := named("a", withAttempts(running())), named("b", withAttempts(running())), named("c")
	for _, job := range []*scanv1.ScanJob{&first, &second, &third} {
		admission.jobs.put(job)
	}
	decideAnew()
	if slots := environment().Status.Slots; *slots != (scanv1.SlotsStatus{InUse: 2, Waiting: 1}) {
		t.Fatalf("the slots are %+v", slots)
	}
	closeAttempt(&first, openAttempt(&first), scanv1.ClassCancelled, "", noon())
	first.Spec.Cancel = true
	admission.jobs.put(&first)
	again := decideAnew().RequeueAfter
	if slots := environment().Status.Slots; slots.InUse != 2 || again <= 0 || again > slotsEvery {
		t.Fatalf("the slots are %+v, and are written again after %s", slots, again)
	}
	r.clock.Step(again)
	decideAnew()
	written := environment()
	if *written.Status.Slots != (scanv1.SlotsStatus{InUse: 1, Waiting: 1}) {
		t.Fatalf("the slots are %+v", written.Status.Slots)
	}
	if again := decideAnew().RequeueAfter; again != 0 || environment().ResourceVersion != written.ResourceVersion {
		t.Errorf("with nothing new the slots were written, or are looked at after %s", again)
	}
	if word, decided := admission.verdict(&third, 1); decided {
		t.Errorf("the verdict is %+v", word)
	}
}
