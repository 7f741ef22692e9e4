package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

type scenario struct {
	name    string
	measure func(ctx context.Context, size float64) (map[string]float64, error)
}

func scenarios() []scenario {
	return []scenario{{"burst", burst}, {"throughput", throughput}, {"steady", steady}, {"fairness", fairness}}
}

func scaled(full int, size float64) int { return max(1, int(float64(full)*size)) }

// noQuotas are flags for an account without rate limits.
func noQuotas() []string {
	var flags []string
	for _, name := range []string{"run-task", "modify", "read", "on-demand-launches", "spot-launches"} {
		flags = append(flags, "--quota-"+name+"=100000:100000")
	}
	return flags
}

// burst is 1,000 jobs at once under AWS's documented quotas.
func burst(ctx context.Context, size float64) (figures map[string]float64, err error) {
	w, err := newWorld(ctx, time.Second, 10000)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	quotas := awslocal.DefaultQuotas()
	quotas.OnDemandVCPU, quotas.SpotVCPU = 0, 0 // the rates are measured
	w.stack.AWS.Faults().EnforceQuotas(quotas)
	count := scaled(1000, size)
	began := time.Now()
	if err := w.submit(ctx, "payments", 0, count); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all tasks are started", func() (bool, error) { return len(w.stack.AWS.Tasks()) >= count, nil }); err != nil {
		return nil, err
	}
	var last time.Time
	throttles := 0
	for _, call := range w.stack.AWS.Calls() {
		if call.Service == "ecs" && call.Operation == "RunTask" {
			last = call.Time
		}
		if call.Err == "ThrottlingException" {
			throttles++
		}
	}
	least := float64(count-quotas.RunTask.Burst) / quotas.RunTask.PerSecond
	figures = map[string]float64{"throttles": float64(throttles)}
	if least > 0 {
		figures["overLowerBound"] = last.Sub(began).Seconds() / least
	}
	return figures, nil
}

// throughput is 10,000 jobs to their ends without quotas.
func throughput(ctx context.Context, size float64) (figures map[string]float64, err error) {
	const limit = 2000
	w, err := newWorld(ctx, 500*time.Millisecond, limit, noQuotas()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	count := scaled(10000, size)
	seen, err := w.follow(ctx)
	if err != nil {
		return nil, err
	}
	defer seen.stop()
	calls := len(w.stack.AWS.Calls())
	began := time.Now()
	if err := w.submit(ctx, "payments", 0, count); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all jobs are finished", func() (bool, error) { return seen.finished() >= count, nil }); err != nil {
		return nil, err
	}
	took := time.Since(began)
	tasks, startedTwice := w.stack.AWS.Tasks(), 0
	startedBy := map[string]bool{}
	for _, task := range tasks {
		if startedBy[task.StartedBy] {
			startedTwice++
		}
		startedBy[task.StartedBy] = true
	}
	writes, lost := seen.sums()
	return map[string]float64{
		"jobsPerSecond":  float64(count) / took.Seconds(),
		"awsCallsPerJob": float64(len(w.stack.AWS.Calls())-calls) / float64(count),
		"writesPerJob":   float64(writes) / float64(count),
		"startedTwice":   float64(startedTwice),
		"lost":           float64(lost),
		"aboveLimit":     float64(max(0, w.most.Load()-limit)),
	}, nil
}

// steady is 5,000 tasks that run and nothing else.
func steady(ctx context.Context, size float64) (figures map[string]float64, err error) {
	const interval, rounds = 15 * time.Second, 4
	w, err := newWorld(ctx, time.Hour, 10000, append(noQuotas(), "--task-poll-interval="+interval.String())...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	count := scaled(5000, size)
	if err := w.submit(ctx, "payments", 0, count); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all tasks run", func() (bool, error) { return int(w.running.Load()) >= count, nil }); err != nil {
		return nil, err
	}
	// What the start left to do is done by the second poll from here on.
	begin := w.calls("ecs", "DescribeTasks")
	if err := w.until(ctx, "it is quiet", func() (bool, error) {
		return w.calls("ecs", "DescribeTasks") >= begin+2*((count+99)/100), nil
	}); err != nil {
		return nil, err
	}
	describes := w.calls("ecs", "DescribeTasks")
	cpu, err := w.cpu()
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(rounds * interval):
	}
	after, err := w.cpu()
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"describesPerRound": float64(w.calls("ecs", "DescribeTasks")-describes) / rounds,
		"coresPercent":      100 * (after - cpu).Seconds() / (rounds * interval).Seconds(),
	}, nil
}

// fairness is a repository with 500 jobs and then 20 with one each, on 20 slots.
func fairness(ctx context.Context, _ float64) (figures map[string]float64, err error) {
	const many, few, limit = 500, 20, 20
	w, err := newWorld(ctx, 3*time.Second, limit, noQuotas()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.submit(ctx, "big", 0, many); err != nil {
		return nil, err
	}
	before := len(w.stack.AWS.Tasks())
	for i := range few {
		if err := w.submit(ctx, "small-"+string(rune('a'+i)), 0, 1); err != nil {
			return nil, err
		}
	}
	if err := w.until(ctx, "all tasks are started", func() (bool, error) { return len(w.stack.AWS.Tasks()) >= before+few+2*limit, nil }); err != nil {
		return nil, err
	}
	place := 0
	for i, task := range w.stack.AWS.Tasks() {
		if task.Environment["SCAN_REPOSITORY"] != "big" {
			place = i + 1 - (before - min(before, limit))
		}
	}
	return map[string]float64{"placeOfLast": float64(place)}, nil
}

// followed is what a watch has told of the jobs.
type followed struct {
	stop context.CancelFunc

	mu     sync.Mutex
	writes int
	ends   map[string]bool
	failed int
}

// follow counts every write of a ScanJob after its creation.
func (w *world) follow(ctx context.Context) (*followed, error) {
	f := &followed{ends: map[string]bool{}}
	ctx, f.stop = context.WithCancel(ctx)
	events, err := w.kube.Watch(ctx, &scanv1.ScanJobList{}, client.InNamespace(namespace))
	if err != nil {
		f.stop()
		return nil, err
	}
	go func() {
		// The API server ends the watches of a kind that was installed a moment ago.
		for ; err == nil; events, err = w.kube.Watch(ctx, &scanv1.ScanJobList{}, client.InNamespace(namespace)) {
			for event := range events.ResultChan() {
				if job, ok := event.Object.(*scanv1.ScanJob); ok {
					f.take(job, event.Type == watch.Modified)
				}
			}
		}
	}()
	return f, nil
}

func (f *followed) take(job *scanv1.ScanJob, written bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if written {
		f.writes++
	}
	failed := meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed)
	// The last write takes the finalizer off.
	if (failed || meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete)) && !f.ends[job.Name] && !slices.Contains(job.Finalizers, scanv1.FinalizerStopTask) {
		f.ends[job.Name] = true
		if failed {
			f.failed++
		}
	}
}

func (f *followed) finished() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ends)
}

// sums returns the writes, and the jobs that were not scanned.
func (f *followed) sums() (writes, lost int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes, f.failed
}
