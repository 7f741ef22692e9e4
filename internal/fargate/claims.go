package fargate

import (
	"math/rand/v2"
	"time"
)

const (
	// askAgain bounds the wait of whoever claimed a task's tokens in vain: the rate changes, and what is claimed once more is
	// counted anew.
	askAgain = time.Second
	// claimLives is how long a claim counts that nobody repeats: its job was cancelled, say. It leaves time for a claim to be
	// repeated where thousands of jobs are busy.
	claimLives = 10 * time.Second
)

// claims are those who wait for a token of a bucket, and when each of them asked last.
type claims struct {
	asked map[string]time.Time
	swept time.Time
}

// count returns how many wait. It looks through all of them once a second.
func (c *claims) count(now time.Time) int {
	if now.Sub(c.swept) >= time.Second {
		c.swept = now
		for who, asked := range c.asked {
			if now.Sub(asked) >= claimLives {
				delete(c.asked, who)
			}
		}
	}
	return len(c.asked)
}

// Claim takes the tokens of one task, or notes that who waits for them and returns after what time to claim them again, at
// most a second. A token is kept back from Startable for each of those that wait. None is taken before it is there: calls
// that are made at once, such as StopTask, would queue behind what is owed.
func (b *Budget) Claim(launch Launch, who string, now time.Time) (wait time.Duration) {
	b.claiming.Lock()
	defer b.claiming.Unlock()
	buckets := b.launchBuckets(launch)
	for _, bucket := range buckets {
		wait = max(wait, bucket.claim(who, now))
	}
	if wait == 0 {
		for _, bucket := range buckets {
			bucket.unclaim(who)
			bucket.spend(1, now)
		}
		return 0
	}
	// Those that wait should not all come back at the same moment.
	wait = min(max(wait, time.Millisecond), askAgain)
	return wait/2 + rand.N(wait/2+1)
}

// claim notes that who waits, and returns about how long that is going to be: as if all others came first. It is 0 where
// there is a token.
func (b *bucket) claim(who string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover(now)
	if b.claims.asked == nil {
		b.claims.asked = map[string]time.Time{}
	}
	b.claims.asked[who] = now
	have := b.limiter.TokensAt(now)
	if have >= 1 {
		return 0
	}
	return b.until(float64(b.claims.count(now)) - have)
}

func (b *bucket) unclaim(who string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.claims.asked, who)
}

// until is how long it takes for tokens to flow in; the lock is held.
func (b *bucket) until(tokens float64) time.Duration {
	return time.Duration(tokens / float64(b.current) * float64(time.Second))
}
