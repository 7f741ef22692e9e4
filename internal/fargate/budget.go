package fargate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket of AWS: one token a call or a task.
type Rate struct {
	// Burst is the size of the bucket, PerSecond what flows into it.
	Burst     int
	PerSecond float64
}

// MarshalText writes a rate as BURST:RATE, such as 100:40.
func (r Rate) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d:%g", r.Burst, r.PerSecond), nil
}

// UnmarshalText reads what MarshalText writes.
func (r *Rate) UnmarshalText(text []byte) error {
	var read Rate
	if n, err := fmt.Sscanf(string(text), "%d:%g", &read.Burst, &read.PerSecond); err != nil || n != 2 || read.Burst < 1 || !(read.PerSecond > 0) {
		return fmt.Errorf("%q is not BURST:RATE, a number of calls of at least 1 and a rate per second above 0, such as 100:40", text)
	}
	*r = read
	return nil
}

// Quotas are an account's limits in one region, as AWS documents them.
type Quotas struct {
	// RunTask is Fargate's limit on RunTask calls.
	RunTask Rate
	// Modify is shared by RunTask and StopTask, Read by DescribeTasks and ListTasks.
	Modify Rate
	Read   Rate
	// OnDemandLaunches and SpotLaunches are Fargate's limits on started tasks.
	OnDemandLaunches Rate
	SpotLaunches     Rate
}

// DefaultQuotas are those of an account in a large region that has asked for nothing
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html).
func DefaultQuotas() Quotas {
	return Quotas{
		RunTask:          Rate{Burst: 20, PerSecond: 20},
		Modify:           Rate{Burst: 100, PerSecond: 40},
		Read:             Rate{Burst: 100, PerSecond: 20},
		OnDemandLaunches: Rate{Burst: 100, PerSecond: 20},
		SpotLaunches:     Rate{Burst: 100, PerSecond: 20},
	}
}

// Budget is what may be asked of one account in one region. All clients of the account share it.
type Budget struct {
	runTask, modify, read, onDemand, spot *bucket
	// claiming is held while the tokens of one claim are looked for and taken.
	claiming sync.Mutex
}

// NewBudget returns a full budget.
func NewBudget(quotas Quotas) *Budget {
	return &Budget{
		runTask: newBucket(quotas.RunTask), modify: newBucket(quotas.Modify), read: newBucket(quotas.Read),
		onDemand: newBucket(quotas.OnDemandLaunches), spot: newBucket(quotas.SpotLaunches),
	}
}

// Launch says on which capacity a task may be placed.
type Launch struct{ OnDemand, Spot bool }

// launchBuckets are those that the start of a task takes a token from. Which provider of a strategy ECS picks is known
// afterwards, so each one that it may pick counts.
func (b *Budget) launchBuckets(launch Launch) []*bucket {
	buckets := []*bucket{b.runTask, b.modify}
	if launch.OnDemand {
		buckets = append(buckets, b.onDemand)
	}
	if launch.Spot {
		buckets = append(buckets, b.spot)
	}
	return buckets
}

// Startable returns how many tasks may be started now, beside those that are claimed, and, where that is none, how long it
// is until one may.
func (b *Budget) Startable(launch Launch, now time.Time) (tasks int, next time.Duration) {
	for i, bucket := range b.launchBuckets(launch) {
		tokens, wait := bucket.available(now)
		if i == 0 || tokens < tasks {
			tasks = tokens
		}
		next = max(next, wait)
	}
	return tasks, next
}

// Spend takes the tokens of tasks that are going to be started.
func (b *Budget) Spend(launch Launch, tasks int, now time.Time) {
	for _, bucket := range b.launchBuckets(launch) {
		bucket.spend(tasks, now)
	}
}

// pace waits until the call that starts a task may be made. Its tokens were spent when it was decided on; how long ago
// differs from call to call.
func (b *Budget) pace(ctx context.Context, launch Launch) error {
	for _, bucket := range b.launchBuckets(launch) {
		if err := bucket.calls.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// throttled slows the start of tasks down after a throttle answer.
func (b *Budget) throttled(launch Launch, now time.Time) {
	b.runTask.throttled(now)
	if launch.OnDemand {
		b.onDemand.throttled(now)
	}
	if launch.Spot {
		b.spot.throttled(now)
	}
}

// wait takes a token of a bucket for one call.
func (b *bucket) wait(ctx context.Context) error {
	now := time.Now()
	b.mu.Lock()
	b.recover(now)
	b.spent = now
	b.mu.Unlock()
	return b.limiter.Wait(ctx)
}

// The share of a quota that is used. AWS's clock and ours do not see a call at the same moment, and a call that arrives a
// little early is a throttle answer.
const (
	usedRate  = 0.98
	usedBurst = 0.9
)

func used(quota Rate) (rate.Limit, int) {
	return rate.Limit(quota.PerSecond * usedRate), max(1, int(float64(quota.Burst)*usedBurst))
}
