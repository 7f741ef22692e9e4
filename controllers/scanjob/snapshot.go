package scanjob

import (
	"context"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// snapshot is what the admission loop knows of the unfinished jobs, kept up to date by the cache's events: a decision over
// ten thousand jobs must not copy them.
type snapshot struct {
	mu           sync.Mutex
	environments map[types.NamespacedName]inEnvironment
}

// inEnvironment are the unfinished jobs of an environment, and those of them that hold a slot.
type inEnvironment struct {
	all, holding map[types.UID]*candidate
}

func newSnapshot() *snapshot {
	return &snapshot{environments: map[types.NamespacedName]inEnvironment{}}
}

// put takes a job over and says whether that makes a difference.
func (s *snapshot) put(job *scanv1.ScanJob) bool {
	environment, c := environmentOf(job), candidateOf(job)
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := s.environments[environment]
	before := jobs.all[job.UID]
	switch {
	case c == nil && before == nil:
		return false
	case c == nil:
		s.drop(environment, job.UID)
		return true
	case before != nil && *before == *c:
		return false
	}
	if jobs.all == nil {
		jobs = inEnvironment{all: map[types.UID]*candidate{}, holding: map[types.UID]*candidate{}}
		s.environments[environment] = jobs
	}
	jobs.all[job.UID] = c
	delete(jobs.holding, job.UID)
	if c.holds {
		jobs.holding[job.UID] = c
	}
	return true
}

// remove forgets a job that is gone and says whether that makes a difference.
func (s *snapshot) remove(job *scanv1.ScanJob) bool {
	environment := environmentOf(job)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.environments[environment].all[job.UID]
	s.drop(environment, job.UID)
	return known
}

func (s *snapshot) drop(environment types.NamespacedName, uid types.UID) {
	jobs := s.environments[environment]
	delete(jobs.all, uid)
	delete(jobs.holding, uid)
	if len(jobs.all) == 0 {
		delete(s.environments, environment)
	}
}

// jobs returns the unfinished jobs of an environment. They are not to be changed.
func (s *snapshot) jobs(environment types.NamespacedName) []*candidate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.environments[environment].all))
}

// holders returns the jobs of an environment that hold a slot. They are not to be changed.
func (s *snapshot) holders(environment types.NamespacedName) []*candidate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.environments[environment].holding))
}

// environmentOf names the environment of a job.
func environmentOf(job *scanv1.ScanJob) types.NamespacedName {
	return types.NamespacedName{Namespace: job.Namespace, Name: job.Spec.EnvironmentName}
}

// handler feeds the snapshot and asks for a decision where a job's change can matter for one.
func (s *snapshot) handler() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	put := func(object client.Object, q queue) {
		if job, ok := object.(*scanv1.ScanJob); ok && s.put(job) {
			q.Add(reconcile.Request{NamespacedName: environmentOf(job)})
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { put(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			// After a watch was broken, a job that was deleted and one of its name come as one change.
			if old, ok := e.ObjectOld.(*scanv1.ScanJob); ok && old.UID != e.ObjectNew.GetUID() && s.remove(old) {
				q.Add(reconcile.Request{NamespacedName: environmentOf(old)})
			}
			put(e.ObjectNew, q)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			if job, ok := e.Object.(*scanv1.ScanJob); ok && s.remove(job) {
				q.Add(reconcile.Request{NamespacedName: environmentOf(job)})
			}
		},
	}
}
