package main

import (
	"context"
	"errors"
	"time"
)

// throughput is 10,000 jobs to their ends without quotas.
func throughput(ctx context.Context, o options) (figures map[string]float64, err error) {
	const limit = 2000
	w, err := newWorld(ctx, o, 500*time.Millisecond, limit, noQuotas()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	count := o.scaled(10000)
	seen, err := w.follow(ctx)
	if err != nil {
		return nil, err
	}
	defer seen.stop()
	earlier := w.allCalls()
	meter, err := w.meter()
	if err != nil {
		return nil, err
	}
	profiled := w.profiled(ctx)
	if err := w.submit(ctx, "payments", count); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all jobs are finished", func() (bool, error) { return seen.finished() >= count, nil }); err != nil {
		return nil, err
	}
	took := time.Since(meter.began)
	if err := profiled(); err != nil {
		return nil, err
	}
	startedTwice := 0
	startedBy := map[string]bool{}
	for _, task := range w.stack.AWS.Tasks() {
		if startedBy[task.StartedBy] {
			startedTwice++
		}
		startedBy[task.StartedBy] = true
	}
	writes, lost := seen.sums()
	most, err := residentOf(w.manager.PID(), residentMost)
	if err != nil {
		return nil, err
	}
	figures = map[string]float64{
		"jobsPerSecond":   float64(count) / took.Seconds(),
		"writesPerJob":    float64(writes) / float64(count),
		"managerMegabyte": float64(most) / 1e6,
		"startedTwice":    float64(startedTwice),
		"lost":            float64(lost),
		"aboveLimit":      float64(max(0, w.most.Load()-limit)),
	}
	w.perJob(figures, earlier, count)
	return figures, meter.perJob(figures, count)
}
