package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// settling is how long a manager is watched after it has looked at everything.
const settling = 30 * time.Second

// restart is a manager that finds 50,000 finished and 5,000 running jobs.
func restart(ctx context.Context, o options) (figures map[string]float64, err error) {
	w, err := newWorld(ctx, o, 0, 10000, noQuotas()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	running := o.scaled(5000)
	if err := w.fill(ctx, o.scaled(50000), running); err != nil {
		return nil, err
	}
	seen, err := w.follow(ctx)
	if err != nil {
		return nil, err
	}
	defer seen.stop()
	began := time.Now()
	if err := w.startManager(); err != nil {
		return nil, err
	}
	// A job that was looked at has its task watched, and the next poll asks ECS for it.
	if err := w.until(ctx, "all running jobs are looked at", func() (bool, error) { return w.described(began) >= running, nil }); err != nil {
		return nil, err
	}
	looked := time.Since(began)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settling):
	}
	return w.restartFigures(ctx, looked, seen)
}

func (w *world) restartFigures(ctx context.Context, looked time.Duration, seen *followed) (map[string]float64, error) {
	now, err := residentOf(w.manager.PID(), residentNow)
	if err != nil {
		return nil, err
	}
	most, err := residentOf(w.manager.PID(), residentMost)
	if err != nil {
		return nil, err
	}
	used, err := cpuOf(w.manager.PID())
	if err != nil {
		return nil, err
	}
	writes, _ := seen.sums()
	return map[string]float64{
		"secondsToRunningJobs": looked.Seconds(),
		"managerMegabyte":      float64(now) / 1e6,
		"managerPeakMegabyte":  float64(most) / 1e6,
		"managerCPUSeconds":    used.Seconds(),
		"writes":               float64(writes),
	}, w.keepHeap(ctx)
}

// described counts the tasks that ECS was asked for since a moment.
func (w *world) described(since time.Time) int {
	count := 0
	for _, task := range w.stack.AWS.Tasks() {
		if task.DescribedAt.After(since) {
			count++
		}
	}
	return count
}

// fill has so many finished and running jobs, and no manager, in the cluster.
func (w *world) fill(ctx context.Context, finished, running int) error {
	ended, err := w.example(ctx, "ended", func(job *scanv1.ScanJob) bool {
		return job.Status.Timeline.ReportedTime != nil && len(job.Finalizers) == 0
	})
	if err != nil {
		return err
	}
	w.stack.AWS.RunContainersWith(w.sleeper(time.Hour))
	runs, err := w.example(ctx, "runs", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	if err != nil {
		return err
	}
	if err := w.manager.Kill(); err != nil {
		return err
	}
	if err := w.setStatusSubresource(ctx, false); err != nil {
		return err
	}
	if err := w.createLike(ctx, runs, "running", running-1, w.taskLike(ctx, runs)); err != nil {
		return err
	}
	task := runs.Status.Attempts[0].TaskARN
	err = w.createLike(ctx, ended, "finished", finished-1, func(i int) (string, error) {
		return task[:strings.LastIndexByte(task, '/')+1] + fmt.Sprintf("%032x", i), nil
	})
	if err != nil {
		return err
	}
	return w.setStatusSubresource(ctx, true)
}
