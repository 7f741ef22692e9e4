package scanjob

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// queueCollector tells of the admission loop's queues at the moment that it is asked.
type queueCollector struct {
	inUse, limit, waiting, circuit *prometheus.Desc

	mu        sync.Mutex
	admission *Admission
}

func newQueueCollector() *queueCollector {
	environment := []string{"namespace", "environment"}
	return &queueCollector{
		inUse:   prometheus.NewDesc("scanjob_slots_in_use", "Slots of an environment that are taken: attempts that have a task or may have one, and admissions on their way.", environment, nil),
		limit:   prometheus.NewDesc("scanjob_slots_limit", "spec.capacity.maxConcurrentTasks of an environment.", environment, nil),
		waiting: prometheus.NewDesc("scanjob_waiting_jobs", "ScanJobs that wait for the admission loop, by reason: ConcurrencyLimit, RateLimited, CapacityUnavailable.", append(environment, "reason"), nil),
		circuit: prometheus.NewDesc("scanjob_capacity_circuit_state", "The capacity circuit of an environment, by what its starts ask for (strategy, or FARGATE where they fall back): 0 closed, 1 half-open, 2 open.", append(environment, "capacity"), nil),
	}
}

// watch names the admission loop to tell of.
func (c *queueCollector) watch(a *Admission) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admission = a
}

// Describe sends the descriptions.
func (c *queueCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.inUse
	out <- c.limit
	out <- c.waiting
	out <- c.circuit
}

// Collect sends the values.
func (c *queueCollector) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	admission := c.admission
	c.mu.Unlock()
	if admission == nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for key, known := range admission.queues() {
		waiting := map[string]int{scanv1.ReasonConcurrencyLimit: 0, scanv1.ReasonRateLimited: 0, scanv1.ReasonCapacityUnavailable: 0}
		for _, word := range known.verdicts {
			if !word.admitted {
				waiting[word.place.reason]++
			}
		}
		for reason, count := range waiting {
			gauge(c.waiting, float64(count), key.Namespace, key.Name, reason)
		}
		gauge(c.inUse, float64(known.inUse), key.Namespace, key.Name)
		gauge(c.limit, float64(known.limit), key.Namespace, key.Name)
		for capacity, onDemand := range map[string]bool{"strategy": false, "FARGATE": true} {
			state, _ := admission.circuits.state(circuitKey{key, onDemand})
			gauge(c.circuit, map[gobreaker.State]float64{gobreaker.StateHalfOpen: 1, gobreaker.StateOpen: 2}[state], key.Namespace, key.Name, capacity)
		}
	}
}
