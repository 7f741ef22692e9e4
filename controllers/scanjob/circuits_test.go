package scanjob

import (
	"errors"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"k8s.io/apimachinery/pkg/types"
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
	want(gobreaker.StateClosed, 0)
}
