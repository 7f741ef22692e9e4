package scantrigger

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// queueGauge is the metric of the dead-letter queues. A queue has a value as long as there is a trigger whose inbox has it. It
// is safe for concurrent use.
type queueGauge struct {
	values *prometheus.GaugeVec

	mu sync.Mutex
	// queues are the ARNs of the triggers' queues.
	queues map[types.NamespacedName]string
}

func newQueueGauge(values *prometheus.GaugeVec) *queueGauge {
	return &queueGauge{values: values, queues: map[types.NamespacedName]string{}}
}

// set says how many messages the queue of a trigger holds.
func (g *queueGauge) set(trigger types.NamespacedName, queue string, messages int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(trigger, queue)
	g.queues[trigger] = queue
	g.values.WithLabelValues(queue).Set(float64(messages))
}

// drop says that a trigger has no such queue, or is gone.
func (g *queueGauge) drop(trigger types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(trigger, "")
	delete(g.queues, trigger)
}

// leave removes the value of the queue that a trigger had before, where it goes to another and no other trigger has it.
func (g *queueGauge) leave(trigger types.NamespacedName, to string) {
	before, known := g.queues[trigger]
	if !known || before == to {
		return
	}
	delete(g.queues, trigger)
	if !slices.Contains(slices.Collect(maps.Values(g.queues)), before) {
		g.values.DeleteLabelValues(before)
	}
}
