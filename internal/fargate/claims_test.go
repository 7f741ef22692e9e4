package fargate

import (
	"strconv"
	"testing"
	"time"
)

// emptied returns a budget of the default quotas of which the tokens for tasks were just spent.
func emptied(launch Launch, now time.Time) *Budget {
	b := NewBudget(DefaultQuotas())
	tasks, _ := b.Startable(launch, now)
	b.Spend(launch, tasks, now)
	return b
}

func TestAClaimIsMetAtOnceWhereThereAreTokens(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	b, launch := NewBudget(DefaultQuotas()), Launch{OnDemand: true}
	before, _ := b.Startable(launch, now)
	if wait := b.Claim(launch, "a", now); wait != 0 {
		t.Errorf("of a full budget a task waits for %s", wait)
	}
	if after, _ := b.Startable(launch, now); after != before-1 {
		t.Errorf("%d of %d tasks are startable after one was claimed", after, before)
	}
}

// StopTask takes its token of one of the buckets, and the worker waits for it.
func TestClaimsWithoutTokensDoNotDelayStopTask(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	launch := Launch{OnDemand: true}
	b := emptied(launch, now)
	for i := range 1000 {
		if wait := b.Claim(launch, strconv.Itoa(i), now); wait <= 0 || wait > askAgain {
			t.Fatalf("claim %d waits for %s", i, wait)
		}
	}
	if delay := b.modify.limiter.ReserveN(now, 1).DelayFrom(now); delay > 0 {
		t.Errorf("the next StopTask waits for %s", delay)
	}
}

// The rate is a part of the full one after throttle answers, and comes back while the claims wait.
func TestClaimsComeBeforeWhatIsStartableWhileTheRateRecovers(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	launch := Launch{OnDemand: true}
	b := emptied(launch, now)
	for range 6 {
		now = now.Add(oneThrottle)
		b.throttled(launch, now)
	}
	const claims = 40
	due := map[string]time.Time{}
	for i := range claims {
		due[strconv.Itoa(i)] = now
	}
	for end := now.Add(time.Minute); len(due) > 0; now = now.Add(20 * time.Millisecond) {
		if now.After(end) {
			t.Fatalf("%d of %d claims still wait after a minute", len(due), claims)
		}
		for who, at := range due {
			if now.Before(at) {
				continue
			}
			if wait := b.Claim(launch, who, now); wait > 0 {
				due[who] = now.Add(wait)
			} else {
				delete(due, who)
			}
		}
		if tasks, _ := b.Startable(launch, now); tasks > 0 && len(due) > 0 {
			t.Fatalf("%d tasks are startable while %d claims wait", tasks, len(due))
		}
	}
	if tasks, _ := b.Startable(launch, now.Add(2*time.Second)); tasks == 0 {
		t.Error("nothing is startable after every claim was met")
	}
}

func TestAClaimThatNobodyRepeatsLapses(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	launch := Launch{OnDemand: true}
	b := emptied(launch, now)
	for i := range 100 {
		b.Claim(launch, strconv.Itoa(i), now)
	}
	if tasks, _ := b.Startable(launch, now.Add(claimLives-time.Second)); tasks != 0 {
		t.Errorf("%d tasks are startable before the claims are met", tasks)
	}
	if tasks, _ := b.Startable(launch, now.Add(claimLives)); tasks == 0 {
		t.Error("nothing is startable though nobody repeats a claim")
	}
}
