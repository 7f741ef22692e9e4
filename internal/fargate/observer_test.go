package fargate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestTheNewestVersionWinsInWhateverOrderNewsComes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		o := newObserver()
		target := Target{TaskARN: "task", ClusterARN: observedCluster, StartedBy: StartedBy("a", 1)}
		watchAt := random.IntN(10)
		versions := []int64{1, 2, 3, 4, 5, 1, 3, 5, 2}
		random.Shuffle(len(versions), func(i, j int) { versions[i], versions[j] = versions[j], versions[i] })
		var highest int64
		for i, version := range versions {
			if i == watchAt {
				o.Watch(target)
			}
			o.Offer(taskOf(target, version, fmt.Sprint(version)), target.Owner)
			highest = max(highest, version)
			if i >= watchAt {
				if got := o.Watch(target).Task; got.Version != highest || got.LastStatus != fmt.Sprint(highest) {
					t.Fatalf("after %v, watched from %d on, version %d with status %s is known", versions[:i+1], watchAt, got.Version, got.LastStatus)
				}
			}
		}
		if got := o.Watch(target).Task.Version; got != 5 {
			t.Fatalf("after all of %v, watched from %d on, version %d is known", versions, watchAt, got)
		}
	}
}

// newObserver is one that is never polled.
func newObserver() *Observer {
	return NewObserver(time.Minute, clocktesting.NewFakeClock(time.Unix(0, 0)), funcr.New(func(string, string) {}, funcr.Options{}))
}

func TestPollAndEventsEndInTheSamePlace(t *testing.T) {
	o := newObserved(t)
	target := o.target(1)
	o.Watch(target)
	o.describer.set(target.TaskARN, 3)
	o.Offer(taskOf(target, 2, "PENDING"), target.Owner)
	o.poll(t.Context(), everyTask)
	if got := o.Watch(target).Task; got.Version != 3 || got.LastStatus != "RUNNING" {
		t.Errorf("after an older event and a newer poll: %+v", got)
	}
	o.Offer(taskOf(target, 4, "DEPROVISIONING"), target.Owner)
	o.poll(t.Context(), everyTask)
	if got := o.Watch(target).Task; got.Version != 4 || got.LastStatus != "DEPROVISIONING" {
		t.Errorf("after a newer event and an older poll: %+v", got)
	}
}

func TestOnlyNewsIsTold(t *testing.T) {
	o := newObserved(t)
	target := o.target(1)
	steps := []struct {
		name string
		do   func()
		want int
	}{
		{"to watch a task tells nobody", func() { o.Watch(target) }, 0},
		{"its first version is told", func() { o.Offer(taskOf(target, 2, "PENDING"), target.Owner) }, 1},
		{"the same version again is not", func() { o.Offer(taskOf(target, 2, "PENDING"), target.Owner) }, 1},
		{"an older version is not", func() { o.Offer(taskOf(target, 1, "PROVISIONING"), target.Owner) }, 1},
		{"a poll that finds the same version tells nobody", func() { o.describer.set(target.TaskARN, 2); o.poll(t.Context(), everyTask) }, 1},
		{"a poll that finds a newer version is told", func() { o.describer.set(target.TaskARN, 3); o.poll(t.Context(), everyTask) }, 2},
		{"that version's event, when it comes after all, is not", func() { o.Offer(taskOf(target, 3, "RUNNING"), target.Owner) }, 2},
		{"to watch it again tells nobody", func() { o.Watch(target) }, 2},
	}
	for _, step := range steps {
		step.do()
		if got := o.heard.count(target.Owner); got != step.want {
			t.Errorf("%s: the owner was told %d times, want %d", step.name, got, step.want)
		}
	}
}

func TestMissingIsCountedPollByPollUntilTheTaskIsSeenAgain(t *testing.T) {
	o := newObserved(t)
	target := o.target(1)
	o.Watch(target)
	for poll := 1; poll <= 3; poll++ {
		o.poll(t.Context(), everyTask)
		if got := o.Watch(target); got.Missing != poll || got.Task.ARN != "" {
			t.Errorf("after %d polls that miss it: %+v", poll, got)
		}
		if got := o.heard.count(target.Owner); got != poll {
			t.Errorf("the owner, who must decide, was told %d times in %d polls", got, poll)
		}
	}
	o.describer.set(target.TaskARN, 1)
	o.poll(t.Context(), everyTask)
	if got := o.Watch(target); got.Missing != 0 || got.Task.Version != 1 {
		t.Errorf("seen: %+v", got)
	}

	o.describer.mu.Lock()
	delete(o.describer.versions, target.TaskARN)
	o.describer.mu.Unlock()
	o.poll(t.Context(), everyTask)
	if got := o.Watch(target); got.Missing != 1 || got.Task.Version != 1 {
		t.Errorf("missed after it was seen: %+v", got)
	}
	o.describer.set(target.TaskARN, 1)
	o.poll(t.Context(), everyTask)
	if got := o.Watch(target).Missing; got != 0 {
		t.Errorf("seen again in the version that was known: missing %d", got)
	}
	o.describer.mu.Lock()
	delete(o.describer.versions, target.TaskARN)
	o.describer.mu.Unlock()
	o.poll(t.Context(), everyTask)
	o.Offer(taskOf(target, 2, "RUNNING"), target.Owner)
	if got := o.Watch(target); got.Missing != 0 || got.Task.Version != 2 {
		t.Errorf("missed by the poll and seen by an event: %+v", got)
	}
}

func TestAFailingPollMissesNothing(t *testing.T) {
	o := newObserved(t)
	target := o.target(1)
	o.Watch(target)
	o.describer.refused[target.TaskARN] = true
	o.poll(t.Context(), everyTask)
	if got := o.Watch(target); got.Missing != 0 {
		t.Errorf("a poll that ECS did not answer counts as missing %d", got.Missing)
	}
	if got := o.heard.count(target.Owner); got != 0 {
		t.Errorf("the owner was told %d times of nothing", got)
	}
}

func TestAnEventBeforeItsTaskIsWatchedIsKept(t *testing.T) {
	o := newObserved(t)
	target := o.target(1)
	for _, version := range []int64{2, 1, 3, 3, 2} {
		o.Offer(taskOf(target, version, "STATUS"), target.Owner)
	}
	if got := o.heard.count(target.Owner); got != 2 {
		t.Errorf("the owner was told %d times of two pieces of news", got)
	}
	if got, ok := o.StartedBy(target.StartedBy); !ok || got.ARN != target.TaskARN || got.Version != 3 {
		t.Errorf("by startedBy: %+v, %t", got, ok)
	}
	if _, ok := o.StartedBy(StartedBy("another", 1)); ok {
		t.Error("another attempt finds it too")
	}
	if got := o.Watch(target); got.Task.Version != 3 {
		t.Errorf("Watch hands over %+v", got)
	}
	if _, ok := o.StartedBy(target.StartedBy); ok {
		t.Error("it is kept although it was handed over")
	}
}

func TestNewsOfAnotherTaskOfTheSameAttemptIsNotHandedOver(t *testing.T) {
	o := newObserved(t)
	target := o.target(1)
	stray := taskOf(target, 9, "STOPPED")
	stray.ARN += "-stray"
	o.Offer(stray, target.Owner)
	if got := o.Watch(target).Task; got.ARN != "" {
		t.Errorf("Watch of %s hands over %+v", target.TaskARN, got)
	}
}

func TestNewsThatNobodyAsksForIsForgotten(t *testing.T) {
	o := newObserved(t)
	old, young := o.target(1), o.target(2)
	o.Offer(taskOf(old, 1, "PENDING"), old.Owner)
	o.clock.Step(offeredFor)
	o.Offer(taskOf(young, 1, "PENDING"), young.Owner)
	o.poll(t.Context(), everyTask)
	if _, ok := o.StartedBy(old.StartedBy); !ok {
		t.Errorf("news was forgotten after %s already", offeredFor)
	}
	o.clock.Step(time.Second)
	o.poll(t.Context(), everyTask)
	if _, ok := o.StartedBy(old.StartedBy); ok {
		t.Errorf("news is kept for longer than %s", offeredFor)
	}
	if _, ok := o.StartedBy(young.StartedBy); !ok {
		t.Error("younger news was forgotten with it")
	}
}
