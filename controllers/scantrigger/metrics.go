package scantrigger

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The reasons for which jobs are cancelled.
const (
	cancelSuperseded = "superseded"
	cancelClosed     = "closed"
)

// Metrics counts what triggers make of events.
type Metrics struct {
	events    *prometheus.CounterVec
	created   prometheus.Counter
	cancelled *prometheus.CounterVec
}

// NewMetrics makes the metrics of a Handler and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := newMetrics()
	for _, collector := range []prometheus.Collector{m.events, m.created, m.cancelled} {
		if err := registerer.Register(collector); err != nil {
			return nil, fmt.Errorf("register the triggers' metrics: %w", err)
		}
	}
	return m, nil
}

func newMetrics() *Metrics {
	return &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_trigger_events_total",
			Help: "Events by kind and outcome: matched (a trigger acted on it) or unmatched (dropped).",
		}, []string{"event", "outcome"}),
		created: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scanjob_trigger_jobs_created_total",
			Help: "ScanJobs that triggers created.",
		}),
		cancelled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_trigger_jobs_cancelled_total",
			Help: "ScanJobs that triggers cancelled, by reason: superseded (a newer revision came) or closed (the pull request ended).",
		}, []string{"reason"}),
	}
}

func (m *Metrics) event(kind string, matched bool) {
	outcome := "unmatched"
	if matched {
		outcome = "matched"
	}
	m.events.WithLabelValues(kind, outcome).Inc()
}
