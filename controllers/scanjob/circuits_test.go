package scanjob

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

var errMissed = errors.New("no capacity")

func TestOneStartWithoutCapacityOpensTheCircuitAndOneThatSucceedsClosesIt(t *testing.T) {
	key := circuitKey{environment: types.NamespacedName{Namespace: "scans", Name: "default"}}
	missed := errMissed
	c := newCircuits(50 * time.Millisecond)
	want := func(state gobreaker.State, misses int32) {
		t.Helper()
		if got, n := c.state(key); got != state || n != misses {
			t.Fatalf("the circuit is %s after %d misses, want %s after %d", got, n, state, misses)
		}
	}
	halfOpen := func() {
		t.Helper()
		for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); <-time.After(5 * time.Millisecond) {
			if state, _ := c.state(key); state == gobreaker.StateHalfOpen {
				return
			}
		}
		t.Fatal("the circuit does not become half-open")
	}
	c.report(key, nil)
	want(gobreaker.StateClosed, 0)
	c.report(key, missed)
	want(gobreaker.StateOpen, 1)
	c.report(key, missed) // under way when it opened
	c.report(key, nil)
	want(gobreaker.StateOpen, 1)
	if state, _ := c.state(circuitKey{environment: key.environment, onDemand: true}); state != gobreaker.StateClosed {
		t.Errorf("the circuit of FARGATE is %s", state)
	}
	halfOpen()
	c.report(key, missed)
	want(gobreaker.StateOpen, 2)
	halfOpen()
	c.report(key, nil)
	want(gobreaker.StateClosed, 2)
	c.ran(key)
	want(gobreaker.StateClosed, 0)
}

// The environment falls back to FARGATE after a number of starts in a row that failed, wherever their failure shows.
func TestATaskThatIsAcceptedAndNeverRunsEndsNoRowOfMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, key := newCircuits(probeAfter), circuitKey{}
		const patience = 6
		c.report(key, errMissed)
		for range patience {
			time.Sleep(probeAfter + 1)
			c.report(key, nil) // RunTask accepts the task
			time.Sleep(10 * time.Second)
			c.report(key, errMissed) // and it stops for want of capacity
		}
		state, misses := c.state(key)
		now := plenty(1)
		now.fallback, now.strategy = true, capacity{tasks: 1, state: state, misses: misses}
		if why := reasonToFallBack(&candidate{patience: patience}, now, 0); why == "" {
			t.Errorf("after %d misses with a patience of %d the circuit is %s and no job falls back", misses, patience, state)
		}
	})
}

func TestAContainerThatRunsEndsARowOfMisses(t *testing.T) {
	r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running())))
	circuits, key := r.reconciler.admission.circuits, circuitKey{environment: r.environmentKey()}
	r.succeed()
	circuits.report(key, errMissed)
	r.reconciler.observer.Offer(task(7, fargate.StatusRunning, func(task *fargate.Task) {
		task.StartedAt, task.ClusterARN = noon().Add(time.Minute), r.attempt().ClusterARN
	}), r.key())
	r.succeed()
	if attempt := r.attempt(); attempt.StartedAt == nil {
		t.Fatalf("the attempt is %+v", attempt)
	}
	if _, misses := circuits.state(key); misses != 0 {
		t.Errorf("there are still %d misses in a row", misses)
	}
}

func TestACircuitThatHasClosedLetsMoreAndMoreStartsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, key := newCircuits(probeAfter), circuitKey{}
		want := func(bound int) {
			t.Helper()
			if got := c.bound(key); got != bound {
				t.Fatalf("%d starts may be unanswered, want %d", got, bound)
			}
		}
		want(0)
		c.report(key, errMissed)
		time.Sleep(probeAfter + 1)
		want(1)
		c.report(key, nil)
		want(2)
		c.report(key, nil)
		c.report(key, nil)
		want(4)
		time.Sleep(rampTimes*probeAfter - 1)
		want(4)
		c.report(key, errMissed)
		time.Sleep(probeAfter + 1)
		c.report(key, nil)
		want(2)
		time.Sleep(rampTimes * probeAfter)
		want(0)
		if c.report(key, nil) {
			t.Error("a circuit that has been closed for long is not forgotten")
		}
	})
}

// A vCPU quota has room for a few tasks, and many jobs wait.
func TestAPartialShortageCostsFewAttempts(t *testing.T) {
	const room, jobs, lasts = 10, 200, time.Minute
	synctest.Test(t, func(t *testing.T) {
		c, key := newCircuits(probeAfter), circuitKey{}
		waiting, ends := make([]scanv1.ScanJob, 0, jobs), []time.Time(nil)
		for i := range jobs {
			waiting = append(waiting, named(fmt.Sprint(i)))
		}
		c.report(key, errMissed)
		missed, started := 0, 0
		for began := time.Now(); len(waiting) > 0; time.Sleep(time.Second) {
			if time.Since(began) > time.Hour {
				t.Fatalf("%d jobs still wait", len(waiting))
			}
			ends = slices.DeleteFunc(ends, func(end time.Time) bool { return !time.Now().Before(end) })
			now := plenty(jobs)
			state, misses := c.state(key)
			now.strategy = capacity{tasks: 100, state: state, misses: misses, bound: c.bound(key)}
			verdicts := decide(candidates(waiting), nil, now).verdicts
			waiting = slices.DeleteFunc(waiting, func(job scanv1.ScanJob) bool {
				switch {
				case !verdicts[job.UID].admitted:
					return false
				case len(ends) >= room:
					missed++
					c.report(key, errMissed)
					return false
				}
				started++
				ends = append(ends, time.Now().Add(lasts))
				c.report(key, nil)
				return true
			})
		}
		// Without the bound each job misses seven times: more often than its infrastructureBackoffLimit allows.
		if started != jobs || missed > jobs*3/4 {
			t.Errorf("%d jobs were started and %d attempts missed, want %d and %d at most", started, missed, jobs, jobs*3/4)
		}
	})
}

func TestWantOfCapacityThatShowsAfterAcceptanceOpensTheCircuitOnce(t *testing.T) {
	for _, row := range []struct {
		name    string
		attempt scanv1.Attempt
		reason  string
		want    int32
	}{
		{"a task that never ran", running(), "Capacity is unavailable at this time. Please try again later", 1},
		{"not one whose container ran", running(func(a *scanv1.Attempt) { a.StartedAt = at(time.Minute) }), "Capacity is unavailable at this time. Please try again later", 0},
		{"not one that failed for something else", running(), "Timeout waiting for network interface provisioning to complete.", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(row.attempt)))
			key := circuitKey{environment: r.environmentKey()}
			stopped := task(7, fargate.StatusStopped, func(task *fargate.Task) {
				task.StopCode, task.StoppedReason, task.StoppedAt = "TaskFailedToStart", row.reason, noon().Add(time.Minute)
				task.ClusterARN = r.attempt().ClusterARN
			})
			r.succeed()
			r.reconciler.observer.Offer(stopped, r.key())
			r.succeed()
			if attempt := r.attempt(); attempt.StoppedAt == nil {
				t.Fatalf("the attempt is %+v", attempt)
			}
			if _, misses := r.reconciler.admission.circuits.state(key); misses != row.want {
				t.Errorf("the circuit has %d misses, want %d", misses, row.want)
			}
			r.reconciler.admission.circuits = newCircuits(probeAfter)
			r.succeed()
			if _, misses := r.reconciler.admission.circuits.state(key); misses != 0 {
				t.Errorf("the circuit is told again: it has %d misses", misses)
			}
		})
	}
}
