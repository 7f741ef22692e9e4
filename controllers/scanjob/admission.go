package scanjob

import (
	"context"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// Admission is the loop that decides, per environment, which waiting jobs start now. It only decides: the job's own
// reconcile writes the attempt's record. An admission that is not recorded yet counts as a slot; one that is lost with the
// process had no effect.
type Admission struct {
	client   client.Client
	clock    clock.PassiveClock
	tasks    *fargate.Clients
	jobs     *snapshot
	circuits *circuits

	mu           sync.Mutex
	environments map[types.NamespacedName]*queue
	notify       func(types.NamespacedName)
	wake         func(types.NamespacedName)
}

// queue is what the loop remembers of an environment.
type queue struct {
	verdicts map[types.UID]verdict
	// claimed holds the jobs that were told that they are admitted, with the attempt: its record may be on its way.
	claimed map[types.UID]int32
	served  map[string]int64
	// next is before when no other decision is made: one over many jobs takes its time.
	next time.Time
	// slots are those that the environment's status has, written at slotsAt.
	slots   scanv1.SlotsStatus
	slotsAt time.Time
	// limit and inUse are those of the last decision.
	limit, inUse int32
}

func newAdmission(c client.Client, tasks *fargate.Clients, circuits *circuits, clk clock.PassiveClock) *Admission {
	ignore := func(types.NamespacedName) {}
	return &Admission{
		client: c, clock: clk, tasks: tasks, jobs: newSnapshot(), circuits: circuits,
		environments: map[types.NamespacedName]*queue{}, notify: ignore, wake: ignore,
	}
}

func (a *Admission) setupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("admission").
		For(&scanv1.ScanEnvironment{}, builder.WithPredicates(environmentChanged())).
		Watches(&scanv1.ScanJob{}, a.jobs.handler()).
		WatchesRawSource(newsSource(func(wake func(types.NamespacedName)) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.wake = wake
		})).
		Complete(a)
}

// onVerdict sets what is called when a job's verdict has changed. It must not block.
func (a *Admission) onVerdict(notify func(types.NamespacedName)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notify = notify
}

// verdict returns the word on a job's next attempt; decided is false while there is none. An admission that was returned is
// not taken back.
func (a *Admission) verdict(job *scanv1.ScanJob, attempt int32) (word verdict, decided bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.environments[environmentOf(job)]
	if !ok {
		return verdict{}, false
	}
	word, decided = known.verdicts[job.UID]
	decided = decided && word.attempt == attempt
	if decided && word.admitted {
		if known.claimed == nil {
			known.claimed = map[types.UID]int32{}
		}
		known.claimed[job.UID] = attempt
	}
	return word, decided
}

// report tells the capacity circuit of what became of an attempt's start, and has the loop decide anew.
func (a *Admission) report(job *scanv1.ScanJob, attempt *scanv1.Attempt, missed error) {
	environment := environmentOf(job)
	if !a.circuits.report(circuitKey{environment, attempt.OnDemandFallback}, missed) {
		return
	}
	a.mu.Lock()
	wake := a.wake
	a.mu.Unlock()
	wake(environment)
}

// Reconcile decides for one environment.
func (a *Admission) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	environment := &scanv1.ScanEnvironment{}
	if err := a.client.Get(ctx, request.NamespacedName, environment); err != nil {
		if apierrors.IsNotFound(err) {
			a.forget(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	known := a.queueOf(environment)
	if wait := known.next.Sub(a.clock.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	decided := a.decide(environment, known)
	again := a.nextLook(environment, known, decided)
	wait, err := a.publish(ctx, environment, known, scanv1.SlotsStatus{InUse: decided.inUse, Waiting: decided.waiting})
	if wait > 0 && (again == 0 || wait < again) {
		again = wait
	}
	return ctrl.Result{RequeueAfter: again}, err
}

func (a *Admission) forget(environment types.NamespacedName) {
	a.mu.Lock()
	delete(a.environments, environment)
	a.mu.Unlock()
	a.circuits.forget(environment)
}

// queueOf returns what is known of an environment's queue.
func (a *Admission) queueOf(environment *scanv1.ScanEnvironment) *queue {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := client.ObjectKeyFromObject(environment)
	known, ok := a.environments[key]
	if !ok {
		known = &queue{served: map[string]int64{}, verdicts: map[types.UID]verdict{}}
		if slots := environment.Status.Slots; slots != nil {
			known.slots = *slots
		}
		a.environments[key] = known
	}
	return known
}

// decide makes a decision, puts it in force, spends what it takes, and tells the jobs that it matters to.
func (a *Admission) decide(environment *scanv1.ScanEnvironment, known *queue) decision {
	began := time.Now()
	key := client.ObjectKeyFromObject(environment)
	jobs, now := a.jobs.jobs(key), a.clock.Now()
	open, _, _ := ready(environment, environment.Name)
	situation := situation{
		limit: environment.Spec.Capacity.MaxConcurrentTasks, closed: !open, fallback: mayFallBack(environment), served: known.served, now: now,
	}
	launch, onDemand := launchOf(environment), fargate.Launch{OnDemand: true}
	spend := func(decision) {}
	if open {
		budget := a.tasks.Budget(environment.Status.Resolved.Account, environment.Status.Resolved.Region)
		// AWS counts in real time.
		situation.strategy = a.capacity(budget, launch, circuitKey{key, false}, began)
		situation.onDemand = a.capacity(budget, onDemand, circuitKey{key, true}, began)
		spend = func(decided decision) {
			budget.Spend(launch, decided.strategy, began)
			budget.Spend(onDemand, decided.onDemand, began)
		}
	}
	a.mu.Lock()
	takeBack(known.verdicts, known.claimed, situation)
	earlier := known.verdicts
	a.mu.Unlock()
	decided := decide(jobs, earlier, situation)
	spend(decided)
	a.mu.Lock()
	known.verdicts, known.limit, known.inUse = decided.verdicts, situation.limit, decided.inUse
	forgetClaims(known.claimed, decided.verdicts)
	notify := a.notify
	a.mu.Unlock()
	for _, job := range jobs {
		word, ok := decided.verdicts[job.uid]
		if before := earlier[job.uid]; ok && (word.admitted && word != before || word.told != before.told) {
			notify(job.key)
		}
	}
	known.next = now.Add(min(10*time.Since(began), longestPause))
	return decided
}

// longestPause bounds the time between two decisions, which is ten times what a decision takes.
const longestPause = 250 * time.Millisecond

func (a *Admission) capacity(budget *fargate.Budget, launch fargate.Launch, key circuitKey, now time.Time) capacity {
	tasks, _ := budget.Startable(launch, now)
	state, misses := a.circuits.state(key)
	return capacity{tasks: tasks, state: state, misses: misses, bound: a.circuits.bound(key)}
}

// nextLook returns when to decide anew though nothing has changed but the time; 0 where nothing waits for that. An
// environment that becomes Ready asks for a decision itself.
func (a *Admission) nextLook(environment *scanv1.ScanEnvironment, known *queue, decided decision) time.Duration {
	if open, _, _ := ready(environment, environment.Name); !open || decided.waiting == 0 {
		return 0
	}
	next := tellReasonAfter
	if decided.untold {
		next = tellAfter
	}
	if decided.inUse >= known.limit {
		return next
	}
	now := time.Now()
	budget := a.tasks.Budget(environment.Status.Resolved.Account, environment.Status.Resolved.Region)
	for _, launch := range []fargate.Launch{launchOf(environment), {OnDemand: true}} {
		if tasks, wait := budget.Startable(launch, now); tasks == 0 {
			next = min(next, wait)
		} else {
			next = min(next, tellAfter)
		}
	}
	return max(next, time.Millisecond)
}

// slotsEvery is the least time between two writes of an environment's slots.
const slotsEvery = 10 * time.Second

// publish writes the slots into the environment's status, and returns how long to wait where it is too early.
func (a *Admission) publish(ctx context.Context, environment *scanv1.ScanEnvironment, known *queue, slots scanv1.SlotsStatus) (time.Duration, error) {
	if known.slots == slots && (environment.Status.Slots != nil || environment.Status.Resolved == nil) {
		return 0, nil // an environment that is new has other things to say first
	}
	now := a.clock.Now()
	if wait := known.slotsAt.Add(slotsEvery).Sub(now); wait > 0 && !known.slotsAt.IsZero() {
		return wait, nil
	}
	before := environment.DeepCopy()
	environment.Status.Slots = &slots
	if err := a.client.Status().Patch(ctx, environment, client.MergeFrom(before)); err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	known.slotsAt = now
	a.mu.Lock()
	defer a.mu.Unlock()
	known.slots = slots
	return 0, nil
}

// queues returns a copy of what is known of every environment's queue, for metrics.
func (a *Admission) queues() map[types.NamespacedName]queue {
	a.mu.Lock()
	defer a.mu.Unlock()
	copied := make(map[types.NamespacedName]queue, len(a.environments))
	for key, known := range a.environments {
		copied[key] = queue{inUse: known.inUse, limit: known.limit, verdicts: maps.Clone(known.verdicts)}
	}
	return copied
}
