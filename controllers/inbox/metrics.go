package inbox

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// outcome is what came of one event, as the metric names it.
type outcome string

const (
	// outcomeHandled: handed to whom it concerns.
	outcomeHandled outcome = "handled"
	// outcomeIgnored: of a kind that concerns nobody.
	outcomeIgnored outcome = "ignored"
	// outcomeForeign: of another account or region, and dropped.
	outcomeForeign outcome = "foreign"
	// outcomeUndecodable: left for the dead-letter queue.
	outcomeUndecodable outcome = "undecodable"
	// outcomeFailed: it comes again.
	outcomeFailed outcome = "failed"
)

// kindUnknown is the kind of what cannot be read.
const kindUnknown = "Unknown"

// Metrics counts events by kind and outcome.
type Metrics struct {
	events *prometheus.CounterVec
}

// NewMetrics makes the metrics of a Router and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := newMetrics()
	if err := registerer.Register(m.events); err != nil {
		return nil, fmt.Errorf("register the router's metrics: %w", err)
	}
	return m, nil
}

func newMetrics() *Metrics {
	return &Metrics{events: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scanjob_inbox_events_total",
		Help: "Events by kind and outcome: handled, ignored, foreign (another account or region), undecodable, failed (comes again).",
	}, []string{"kind", "outcome"})}
}

func (m *Metrics) count(kind string, o outcome) {
	m.events.WithLabelValues(kind, string(o)).Inc()
}
