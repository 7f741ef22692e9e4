package e2e

import (
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// skewedClock is the real clock, moved forward by what was skipped. Tickers and timers run in real time.
type skewedClock struct {
	clock.RealClock
	skipped atomic.Int64
}

func newSkewedClock() *skewedClock { return &skewedClock{} }

func (c *skewedClock) skip(d time.Duration) { c.skipped.Add(int64(d)) }

func (c *skewedClock) Now() time.Time { return time.Now().Add(time.Duration(c.skipped.Load())) }

func (c *skewedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
