package fargate

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// oneThrottle is how long further throttle answers belong to the first: the calls in flight all meet the same shortage.
	oneThrottle = time.Second
	// slowest is the part of the rate that is left after any number of throttle answers.
	slowest = 1.0 / 64
	// recovery is the part of the rate that comes back in a second without a throttle answer.
	recovery = 0.05
)

// bucket is a token bucket whose rate halves with a throttle answer and grows back by itself, by equal steps: additive
// increase, multiplicative decrease. Others may use the account, too.
type bucket struct {
	limiter *rate.Limiter
	// calls spaces calls whose tokens were spent a while before: they may come in a bunch that is larger than AWS's bucket.
	calls *rate.Limiter

	mu   sync.Mutex
	most rate.Limit
	// now is the rate at adjusted.
	current  rate.Limit
	adjusted time.Time
	cut      time.Time
	cuts     int
	// spent is the latest moment that tokens were taken at.
	spent  time.Time
	claims claims
}

func newBucket(quota Rate) *bucket {
	limit, burst := used(quota)
	return &bucket{limiter: rate.NewLimiter(limit, burst), calls: rate.NewLimiter(limit, burst), most: limit, current: limit}
}

// available returns the whole tokens that nobody claims and, where there is none, how long it is until there is one.
func (b *bucket) available(now time.Time) (tokens int, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover(now)
	have := b.limiter.TokensAt(now) - float64(b.claims.count(now))
	if have >= 1 {
		return int(have), 0
	}
	return 0, b.until(1 - have)
}

// spend takes tokens; what there is too little of is owed.
func (b *bucket) spend(tokens int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover(now)
	// A limiter that is told of an earlier moment than before fills the time between a second time.
	if now.Before(b.spent) {
		now = b.spent
	}
	b.spent = now
	for tokens > 0 {
		n := min(tokens, b.limiter.Burst())
		b.limiter.ReserveN(now, n)
		tokens -= n
	}
}

// throttled halves the rate and empties the bucket.
func (b *bucket) throttled(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover(now)
	if now.Sub(b.cut) < oneThrottle && b.cuts > 0 {
		return
	}
	b.cut, b.cuts, b.adjusted = now, b.cuts+1, now
	b.set(now, max(b.current/2, b.most*slowest))
	if left := int(b.limiter.TokensAt(now)); left > 0 {
		b.limiter.ReserveN(now, left)
	}
}

// recover raises the rate by what the time since it was last adjusted is worth; the lock is held.
func (b *bucket) recover(now time.Time) {
	if b.current >= b.most {
		return
	}
	passed := now.Sub(b.adjusted)
	if passed < 100*time.Millisecond {
		return
	}
	b.adjusted = now
	b.set(now, min(b.most, b.current+b.most*rate.Limit(recovery*passed.Seconds())))
}

func (b *bucket) set(now time.Time, limit rate.Limit) {
	b.current = limit
	b.limiter.SetLimitAt(now, limit)
	b.calls.SetLimitAt(now, limit)
}

// share is the part of the full rate that is in use.
func (b *bucket) share(now time.Time) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover(now)
	return float64(b.current / b.most)
}
