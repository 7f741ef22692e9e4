package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

type scenario struct {
	name    string
	measure func(ctx context.Context, o options) (map[string]float64, error)
}

func scenarios() []scenario {
	return []scenario{{"burst", burst}, {"latency", latency}, {"pace", pace}, {"throughput", throughput}, {"yardstick", yardstick}, {"steady", steady}, {"fairness", fairness}, {"restart", restart}}
}

// options are what is asked of every scenario.
type options struct {
	// size is the part of the full size that is run.
	size float64
	// profiles is the folder of CPU profiles; none are made where it is empty.
	profiles string
}

func (o options) scaled(full int) int { return max(1, int(float64(full)*o.size)) }

// noQuotas are flags for an account without rate limits.
func noQuotas() []string {
	var flags []string
	for _, name := range []string{"run-task", "modify", "read", "on-demand-launches", "spot-launches"} {
		flags = append(flags, "--quota-"+name+"=100000:100000")
	}
	return append(flags, "--codecommit-calls-per-second=100000")
}

// steady is 5,000 tasks that run and nothing else.
func steady(ctx context.Context, o options) (figures map[string]float64, err error) {
	const interval, rounds = 15 * time.Second, 4
	w, err := newWorld(ctx, o, time.Hour, 10000, append(noQuotas(), "--task-poll-interval="+interval.String())...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	count := o.scaled(5000)
	if err := w.submit(ctx, "payments", count); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all tasks run", func() (bool, error) { return int(w.running.Load()) >= count, nil }); err != nil {
		return nil, err
	}
	// What the start left to do is done by the second poll from here on.
	begin := w.stack.AWS.CallCount("ecs", "DescribeTasks")
	if err := w.until(ctx, "it is quiet", func() (bool, error) {
		return w.stack.AWS.CallCount("ecs", "DescribeTasks") >= begin+2*((count+99)/100), nil
	}); err != nil {
		return nil, err
	}
	describes := w.stack.AWS.CallCount("ecs", "DescribeTasks")
	cpu, err := cpuOf(w.manager.PID())
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(rounds * interval):
	}
	after, err := cpuOf(w.manager.PID())
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"describesPerRound": float64(w.stack.AWS.CallCount("ecs", "DescribeTasks")-describes) / rounds,
		"coresPercent":      100 * (after - cpu).Seconds() / (rounds * interval).Seconds(),
	}, nil
}

// fairness is a repository with 500 jobs and then 20 with one each, on 20 slots. No task ends before all of them wait: what is
// measured is their order, not who came in time.
func fairness(ctx context.Context, o options) (figures map[string]float64, err error) {
	const many, few, limit = 500, 20, 20
	w, err := newWorld(ctx, o, time.Second, limit, noQuotas()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	sleeper, released := w.sleeper(time.Second), make(chan struct{})
	w.stack.AWS.RunContainersWith(awslocal.RunnerFunc(func(ctx context.Context, container awslocal.Container) int {
		select {
		case <-released:
		case <-ctx.Done():
		}
		return sleeper.Run(ctx, container)
	}))
	if err := w.submit(ctx, "big", many); err != nil {
		return nil, err
	}
	if err := w.until(ctx, "all slots are taken", func() (bool, error) { return w.stack.AWS.TaskCount() == limit, nil }); err != nil {
		return nil, err
	}
	for i := range few {
		if err := w.submit(ctx, small(i), 1); err != nil {
			return nil, err
		}
	}
	if err := w.until(ctx, "all of the few wait", func() (bool, error) { return w.wait(ctx, small, few) }); err != nil {
		return nil, err
	}
	close(released)
	if err := w.until(ctx, "the few are started", func() (bool, error) { return w.placeOfLast(few) > 0, nil }); err != nil {
		return nil, err
	}
	return map[string]float64{"placeOfLast": float64(w.placeOfLast(few))}, nil
}

// small names the repositories with one job.
func small(i int) string { return fmt.Sprintf("small-%02d", i) }

// wait says whether the first job of each of so many repositories is told that it waits for a slot.
func (w *world) wait(ctx context.Context, repository func(int) string, count int) (bool, error) {
	for i := range count {
		job := &scanv1.ScanJob{}
		if err := w.kube.Get(ctx, client.ObjectKey{Namespace: namespace, Name: jobName(repository(i), 0)}, job); err != nil {
			return false, err
		}
		admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)
		if admitted == nil || admitted.Reason != scanv1.ReasonConcurrencyLimit {
			return false, nil
		}
	}
	return true, nil
}

// placeOfLast returns the place, from 1, of the last of so many repositories with one job in the order in which tasks were
// started; 0 while not all of them are.
func (w *world) placeOfLast(few int) int {
	place := 0
	for i, task := range w.stack.AWS.Tasks() {
		if strings.HasPrefix(task.Environment["SCAN_REPOSITORY"], "small-") {
			place = i + 1
			few--
		}
	}
	if few > 0 {
		return 0
	}
	return place
}
