package fargate

import (
	"testing"
	"time"
)

func TestAThrottleAnswerHalvesTheRateAndItComesBackByItself(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	b := newBucket(Rate{Burst: 20, PerSecond: 20})
	b.throttled(now)
	b.throttled(now.Add(300 * time.Millisecond)) // of a call that was in flight
	if tokens, wait := b.available(now.Add(300 * time.Millisecond)); tokens > 3 {
		t.Errorf("%d tokens are left of the burst, the next in %s", tokens, wait)
	}
	for _, row := range []struct {
		after       time.Duration
		least, most float64
	}{
		{0, 0.49, 0.52}, {2 * time.Second, 0.59, 0.62}, {5 * time.Second, 0.74, 0.77}, {11 * time.Second, 1, 1}, {time.Hour, 1, 1},
	} {
		if share := b.share(now.Add(row.after)); share < row.least || share > row.most {
			t.Errorf("after %s the rate is %.2f of the full one, want %.2f to %.2f", row.after, share, row.least, row.most)
		}
	}
}

func TestThrottleAnswersWithoutEndLeaveASixtyFourth(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	b := newBucket(Rate{Burst: 20, PerSecond: 20})
	for range 100 {
		now = now.Add(oneThrottle)
		b.throttled(now)
	}
	if share := b.share(now); share < slowest || share > 0.1 {
		t.Errorf("the rate is %.3f of the full one", share)
	}
}

// A task takes a token of every bucket that ECS may count it against, and of no other.
func TestSpotAndOnDemandLaunchesHaveBudgetsOfTheirOwn(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	quotas := DefaultQuotas()
	quotas.RunTask, quotas.Modify = Rate{Burst: 1000, PerSecond: 1000}, Rate{Burst: 1000, PerSecond: 1000}
	b := NewBudget(quotas)
	b.Spend(Launch{Spot: true}, 90, now)
	for _, row := range []struct {
		launch Launch
		tasks  int
	}{{Launch{Spot: true}, 0}, {Launch{OnDemand: true}, 90}, {Launch{Spot: true, OnDemand: true}, 0}} {
		tasks, next := b.Startable(row.launch, now)
		if tasks != row.tasks || (tasks == 0) != (next > 0) {
			t.Errorf("%+v: %d tasks may start, the next in %s; want %d", row.launch, tasks, next, row.tasks)
		}
	}
}

// What is started in a second, from a full bucket on, never exceeds the documented bucket.
func TestABudgetStaysBelowTheQuota(t *testing.T) {
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	b := NewBudget(DefaultQuotas())
	launch, started := Launch{OnDemand: true}, 0
	for now := start; now.Before(start.Add(50 * time.Second)); now = now.Add(7 * time.Millisecond) {
		tasks, _ := b.Startable(launch, now)
		b.Spend(launch, tasks, now)
		started += tasks
		if most := 20 + 20*now.Sub(start).Seconds(); float64(started) > most {
			t.Fatalf("after %s %d tasks were started, and the quota allows %.1f", now.Sub(start), started, most)
		}
	}
	if started < 980 {
		t.Errorf("%d tasks were started in 50 s, and the quota allows 1020", started)
	}
}

// A decision takes a while, and what it spends is spent as of its beginning.
func TestTokensSpentAsOfEarlierFillNothingTwice(t *testing.T) {
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	b := newBucket(Rate{Burst: 20, PerSecond: 20})
	b.spend(18, start)
	later := start.Add(500 * time.Millisecond)
	b.spend(9, later)
	b.spend(0, start)
	b.spend(1, start)
	if tokens, _ := b.available(later.Add(100 * time.Millisecond)); tokens != 1 {
		t.Errorf("%d tokens came in a tenth of a second after one was left to pay, want 1 of 2", tokens)
	}
}

func TestARateIsReadAsItIsWritten(t *testing.T) {
	var r Rate
	if err := r.UnmarshalText([]byte("100:40.5")); err != nil || r != (Rate{100, 40.5}) {
		t.Errorf("%+v, %v", r, err)
	}
	if text, err := r.MarshalText(); err != nil || string(text) != "100:40.5" {
		t.Errorf("%s, %v", text, err)
	}
	for _, bad := range []string{"", "20", "20/s", "0:20", "-1:20", "20:0", "20:-1", "20:NaN", "a:b"} {
		if err := r.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken for %+v", bad, r)
		}
	}
}

// Between the decision to start a task and the call lies a write of its record, which takes a different time each time.
func TestCallsThatComeInABunchAreSpaced(t *testing.T) {
	quotas := DefaultQuotas()
	quotas.RunTask = Rate{Burst: 10, PerSecond: 200}
	budget, launch := NewBudget(quotas), Launch{OnDemand: true}
	at := time.Now()
	const calls = 49
	budget.Spend(launch, calls, at.Add(-time.Second)) // over a second, as far as the bucket knows
	for range calls {
		if err := budget.pace(t.Context(), launch); err != nil {
			t.Fatal(err)
		}
	}
	// The bucket has 9, and 196 flow into it in a second.
	if took := time.Since(at); took < 200*time.Millisecond {
		t.Errorf("%d calls went out within %s, more than AWS's bucket takes", calls, took)
	}
}
