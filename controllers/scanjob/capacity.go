package scanjob

import (
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// ownFallback says why the job's next attempt asks for FARGATE: it has used up its attempts for want of Spot capacity.
// Empty where it does not.
func ownFallback(job *scanv1.ScanJob) string {
	last := lastSpoiled(job)
	if last == nil || !last.CapacityMissed || last.OnDemandFallback || job.Spec.InfrastructureBackoffLimit == nil ||
		spoiled(job, scanv1.ClassInfrastructure) <= *job.Spec.InfrastructureBackoffLimit {
		return ""
	}
	return fmt.Sprintf("FARGATE_SPOT had no capacity for attempt %d, and infrastructureBackoffLimit (%d) is used up", last.Number, *job.Spec.InfrastructureBackoffLimit)
}

// reasonToFallBack says why a waiting job's next attempt is to ask for FARGATE; empty where it is not. What other jobs of
// the environment have met counts for this one too: the circuit lets one of them at a time find out. probes counts the
// starts on the strategy that ECS is still to answer: where there is none and the circuit is half-open, this job finds out.
// It would stay half-open otherwise, since FARGATE's answers say nothing of Spot.
func reasonToFallBack(job *candidate, now situation, probes int) string {
	switch {
	case !now.fallback:
		return ""
	case job.onDemand != "":
		return job.onDemand
	case now.strategy.state == gobreaker.StateHalfOpen && probes == 0 && now.strategy.tasks > 0:
		return ""
	case now.strategy.state != gobreaker.StateClosed && now.strategy.misses > job.patience:
		return fmt.Sprintf("FARGATE_SPOT had no capacity for %d starts in a row in this environment", now.strategy.misses)
	}
	return ""
}

// missedLate returns the attempt that a write of the status has closed for want of capacity though RunTask had accepted its
// task; nil where there is none. One whose container ran is a Spot interruption, which says nothing of new tasks.
func missedLate(before, after *scanv1.ScanJobStatus) *scanv1.Attempt {
	last := len(after.Attempts) - 1
	if last < 0 || last >= len(before.Attempts) || before.Attempts[last].StoppedAt != nil {
		return nil
	}
	if attempt := &after.Attempts[last]; attempt.CapacityMissed && attempt.TaskARN != "" && attempt.StartedAt == nil {
		return attempt
	}
	return nil
}

// ranNow returns the attempt whose container runs, or ran, as a write of the status was the first to say; nil where there is
// none.
func ranNow(before, after *scanv1.ScanJobStatus) *scanv1.Attempt {
	last := len(after.Attempts) - 1
	if last < 0 || after.Attempts[last].StartedAt == nil || last < len(before.Attempts) && before.Attempts[last].StartedAt != nil {
		return nil
	}
	return &after.Attempts[last]
}

// fallsBack says whether the job may run once more, on FARGATE.
func fallsBack(job *scanv1.ScanJob, environment *scanv1.ScanEnvironment) bool {
	return environment != nil && mayFallBack(environment) && ownFallback(job) != ""
}

// mayFallBack says whether jobs of the environment may run on FARGATE for want of Spot capacity.
func mayFallBack(environment *scanv1.ScanEnvironment) bool {
	fallback := environment.Spec.Capacity.OnDemandFallback
	return launchOf(environment).Spot && (fallback == nil || *fallback)
}

// launchOf returns on which capacity the environment's strategy may place a task.
func launchOf(environment *scanv1.ScanEnvironment) fargate.Launch {
	launch := fargate.Launch{OnDemand: len(environment.Spec.Capacity.Strategy) == 0}
	for _, item := range environment.Spec.Capacity.Strategy {
		if item.Weight == 0 && item.Base == 0 {
			continue
		}
		switch item.CapacityProvider {
		case scanv1.CapacityProviderFargateSpot:
			launch.Spot = true
		case scanv1.CapacityProviderFargate:
			launch.OnDemand = true
		}
	}
	return launch
}

// strategyOf returns the strategy that an attempt asks for.
func strategyOf(attempt *scanv1.Attempt, environment *scanv1.ScanEnvironment) []scanv1.CapacityProviderStrategyItem {
	if attempt.OnDemandFallback {
		return []scanv1.CapacityProviderStrategyItem{{CapacityProvider: scanv1.CapacityProviderFargate, Weight: 1}}
	}
	return environment.Spec.Capacity.Strategy
}

// probeAfter is how long a capacity circuit stays open before one job tries.
const probeAfter = 30 * time.Second

// rampTimes is for how many times probeAfter without a miss the number of unanswered starts is bounded after a circuit has
// closed: what Fargate or the vCPU quota has for one task it need not have for all that wait, and each miss costs an attempt.
const rampTimes = 4

// circuits holds a capacity circuit per environment and kind of capacity. A start that fails for want of capacity opens it;
// after probeAfter it is half-open, and what becomes of one start closes or opens it again. Once closed, each start that
// succeeds lets one more be unanswered, so that they double by and by.
type circuits struct {
	timeout time.Duration

	mu    sync.Mutex
	byKey map[circuitKey]*capacityCircuit
}

type circuitKey struct {
	environment types.NamespacedName
	onDemand    bool
}

type capacityCircuit struct {
	breaker *gobreaker.CircuitBreaker[struct{}]
	// misses counts the starts in a row that failed, from the last container on that ran.
	misses int32
	// closed is when it closed, zero where it was not open yet, and starts how many starts may be unanswered since.
	closed time.Time
	starts int
}

func newCircuits(timeout time.Duration) *circuits {
	return &circuits{timeout: timeout, byKey: map[circuitKey]*capacityCircuit{}}
}

// state returns a circuit's state, and how many starts in a row failed.
func (c *circuits) state(key circuitKey) (state gobreaker.State, misses int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	circuit, ok := c.byKey[key]
	if !ok {
		return gobreaker.StateClosed, 0
	}
	return circuit.breaker.State(), circuit.misses
}

// bound returns how many starts may be unanswered at a time; 0 where there is no bound.
func (c *circuits) bound(key circuitKey) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	circuit, ok := c.byKey[key]
	switch {
	case !ok:
		return 0
	case circuit.breaker.State() != gobreaker.StateClosed:
		return 1
	case c.calm(circuit):
		return 0
	}
	return circuit.starts
}

// calm says whether a circuit that is closed has been so for long enough to be forgotten.
func (c *circuits) calm(circuit *capacityCircuit) bool {
	return circuit.breaker.State() == gobreaker.StateClosed && time.Since(circuit.closed) >= rampTimes*c.timeout
}

// report tells a circuit what became of a start, and says whether that may have changed its state: missed is nil where a
// task was started.
func (c *circuits) report(key circuitKey, missed error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	circuit, ok := c.byKey[key]
	if ok && c.calm(circuit) {
		delete(c.byKey, key)
		ok = false
	}
	if !ok {
		if missed == nil {
			return false
		}
		circuit = &capacityCircuit{breaker: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Timeout:     c.timeout,
			ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures > 0 },
		})}
		c.byKey[key] = circuit
	}
	before := circuit.breaker.State()
	// An open circuit takes no reports: these starts were under way when it opened.
	_, err := circuit.breaker.Execute(func() (struct{}, error) { return struct{}{}, missed })
	switch {
	case before == gobreaker.StateOpen:
	case missed != nil:
		circuit.misses++
	case err == nil && before == gobreaker.StateHalfOpen:
		circuit.closed, circuit.starts = time.Now(), 2
	case err == nil:
		circuit.starts++
	}
	return true
}

// ran tells a circuit that a container runs. Only that ends a row of starts that failed: a task that ECS has accepted can
// still stop for want of capacity.
func (c *circuits) ran(key circuitKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if circuit, ok := c.byKey[key]; ok {
		circuit.misses = 0
	}
}

// forget drops the circuits of an environment that is gone.
func (c *circuits) forget(environment types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byKey, circuitKey{environment, false})
	delete(c.byKey, circuitKey{environment, true})
}
