package fargate

import (
	"context"
	"slices"
	"testing"
	"time"
)

// Invariant 7: one DescribeTasks call per 100 tasks.
func TestAPollAsksForAHundredTasksAtATime(t *testing.T) {
	o := newObserved(t)
	const tasks = 250
	for i := range tasks {
		target := o.target(i)
		o.describer.set(target.TaskARN, 1)
		o.Watch(target)
	}
	o.poll(t.Context(), everyTask)
	asked := map[string]int{}
	batches := o.describer.calls()
	for _, batch := range batches {
		if len(batch) > DescribeBatch {
			t.Errorf("a call asks for %d tasks", len(batch))
		}
		for _, arn := range batch {
			asked[arn]++
		}
	}
	if len(batches) != 3 || len(asked) != tasks {
		t.Errorf("%d calls asked for %d different tasks, want 3 for %d", len(batches), len(asked), tasks)
	}
	for i := range tasks {
		if got := o.Watch(o.target(i)).Task.Version; got != 1 {
			t.Fatalf("task %d is not known after the poll", i)
		}
	}
}

func TestTasksOfOtherClustersAndClientsAreAskedForApart(t *testing.T) {
	o := newObserved(t)
	elsewhere := o.target(2)
	elsewhere.ClusterARN += "-other"
	otherDescriber, otherClient := newDescriber(t)
	otherAccount := o.target(3)
	otherAccount.Client = otherClient
	for _, target := range []Target{o.target(1), elsewhere, otherAccount} {
		o.Watch(target)
	}
	o.poll(t.Context(), everyTask)
	if clusters := slices.Sorted(slices.Values(o.describer.clusters)); !slices.Equal(clusters, []string{observedCluster, observedCluster + "-other"}) {
		t.Errorf("the clusters that were asked: %v", clusters)
	}
	if got := otherDescriber.calls(); len(got) != 1 || !slices.Equal(got[0], []string{otherAccount.TaskARN}) {
		t.Errorf("the other account was asked for %v", got)
	}
}

func TestABatchThatFailsKeepsNoOtherFromBeingAsked(t *testing.T) {
	o := newObserved(t)
	const tasks = 250
	bad := o.target(7).TaskARN
	o.describer.refused[bad] = true
	for i := range tasks {
		target := o.target(i)
		o.describer.set(target.TaskARN, 1)
		o.Watch(target)
	}
	o.poll(t.Context(), everyTask)
	spoiled := map[string]bool{}
	batches := o.describer.calls()
	for _, batch := range batches {
		if slices.Contains(batch, bad) {
			for _, arn := range batch {
				spoiled[arn] = true
			}
		}
	}
	if len(batches) != 3 || len(spoiled) < 50 || len(spoiled) > 100 {
		t.Fatalf("%d calls were made, and the one that failed was for %d tasks", len(batches), len(spoiled))
	}
	for i := range tasks {
		target := o.target(i)
		if known := o.Watch(target).Task.Version == 1; known == spoiled[target.TaskARN] {
			t.Fatalf("task %d: in the failed batch %t, known %t", i, spoiled[target.TaskARN], known)
		}
	}
	delete(o.describer.refused, bad)
	o.poll(t.Context(), everyTask)
	for i := range tasks {
		if o.Watch(o.target(i)).Task.Version != 1 {
			t.Fatalf("task %d is not known after the next poll", i)
		}
	}
}

func TestNobodyIsAskedAboutTasksThatHaveStoppedOrAreForgotten(t *testing.T) {
	o := newObserved(t)
	running, stopped, forgotten, orphan := o.target(1), o.target(2), o.target(3), o.target(4)
	for _, target := range []Target{running, stopped, forgotten, orphan} {
		o.describer.set(target.TaskARN, 1)
		o.Watch(target)
	}
	o.describer.stopped[stopped.TaskARN] = true
	o.Forget(forgotten.TaskARN)
	o.ForgetOwner(orphan.Owner)
	o.poll(t.Context(), everyTask)
	o.poll(t.Context(), everyTask)
	calls := o.describer.calls()
	slices.Sort(calls[0])
	if len(calls) != 2 || !slices.Equal(calls[0], []string{running.TaskARN, stopped.TaskARN}) || !slices.Equal(calls[1], []string{running.TaskARN}) {
		t.Errorf("the polls asked for %v", calls)
	}
	if got := o.Watch(stopped).Task; !got.Stopped() {
		t.Errorf("the stopped task is known as %+v", got)
	}
	if o.heard.count(forgotten.Owner)+o.heard.count(orphan.Owner) != 0 {
		t.Error("an owner of a forgotten task was told")
	}
}

func TestTasksArePolledAtOnceThenEveryIntervalAndWhenAskedFor(t *testing.T) {
	o := newObserved(t)
	running, starting := o.target(1), o.target(2)
	for _, target := range []Target{running, starting} {
		o.describer.set(target.TaskARN, 1)
		o.Watch(target)
	}
	o.describer.starting[starting.TaskARN] = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- o.Start(ctx) }()
	polled := func(times int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); len(o.describer.calls()) < times; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d polls, want %d", len(o.describer.calls()), times)
			}
		}
	}
	polled(1)
	o.clock.Step(4 * time.Second)
	o.PollSoon()
	polled(2)
	for i, step := range []time.Duration{time.Second, 5 * time.Second, 5 * time.Second} {
		o.clock.Step(step)
		polled(3 + i)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end of its context made Start fail: %v", err)
	}
	// At 0 s, 4 s, 5 s, 10 s and 15 s.
	for i, want := range []int{2, 2, 1, 1, 2} {
		call := o.describer.calls()[i]
		if len(call) != want || !slices.Contains(call, starting.TaskARN) {
			t.Errorf("poll %d asked for %d tasks (%v), want %d and the one that starts among them", i+1, len(call), call, want)
		}
	}
	if got := len(o.describer.calls()); got != 5 {
		t.Errorf("%d polls, want 5", got)
	}
}
