package scantrigger

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// The reasons for which jobs are cancelled.
const (
	cancelSuperseded = "superseded"
	cancelClosed     = "closed"
)

// What comes of an event, as the metric names it.
const (
	outcomeMatched   = "matched"
	outcomeUnmatched = "unmatched"
	outcomeStale     = "stale"
)

// outcomeOf sums up what all triggers said to an event.
func outcomeOf(said Offered) string {
	switch {
	case said[triggers.AnswerWanted] > 0:
		return outcomeMatched
	case said[answerStale]+said[answerClosed]+said[answerSwept] > 0:
		return outcomeStale
	}
	return outcomeUnmatched
}

// Metrics counts what triggers make of events, and what sweeps find.
type Metrics struct {
	events      *prometheus.CounterVec
	created     prometheus.Counter
	cancelled   *prometheus.CounterVec
	sweeps      *prometheus.CounterVec
	missed      prometheus.Counter
	deadLetters *queueGauge
}

// NewMetrics makes the metrics of a Handler and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := newMetrics()
	for _, collector := range []prometheus.Collector{m.events, m.created, m.cancelled, m.sweeps, m.missed, m.deadLetters.values} {
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
			Help: "Events by kind and outcome: matched (a trigger acted on it), unmatched (nobody wants it) or stale (the pull request has gone on or is closed).",
		}, []string{"event", "outcome"}),
		created: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scanjob_trigger_jobs_created_total",
			Help: "ScanJobs that triggers created.",
		}),
		cancelled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_trigger_jobs_cancelled_total",
			Help: "ScanJobs that triggers cancelled, by reason: superseded (a newer revision came) or closed (the pull request ended).",
		}, []string{"reason"}),
		sweeps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_trigger_sweeps_total",
			Help: "Sweeps over open pull requests by outcome: complete, incomplete (some repositories could not be looked at) or failed.",
		}, []string{"outcome"}),
		missed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scanjob_trigger_missed_heads_total",
			Help: "Heads of open pull requests that had no scan until a sweep found them.",
		}),
		deadLetters: newQueueGauge(prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scanjob_inbox_dead_letters",
			Help: "About how many messages the dead-letter queue of an inbox holds.",
		}, []string{"queue"})),
	}
}

func (m *Metrics) event(kind, outcome string) {
	m.events.WithLabelValues(kind, outcome).Inc()
}
