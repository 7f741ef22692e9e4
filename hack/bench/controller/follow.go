package main

import (
	"context"
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

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
	var events watch.Interface
	err := patiently(func() (err error) {
		events, err = w.kube.Watch(ctx, &scanv1.ScanJobList{}, client.InNamespace(namespace))
		return err
	})
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
