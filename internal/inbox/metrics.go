package inbox

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what consumers do. The label queue is the queue's name.
type Metrics struct {
	messages        *prometheus.CounterVec
	handlingSeconds *prometheus.HistogramVec
	receiveErrors   *prometheus.CounterVec
	settleErrors    *prometheus.CounterVec
	lastReceive     *prometheus.GaugeVec
	oldest          *prometheus.GaugeVec
}

// NewMetrics makes the metrics of Consumers and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := newMetrics()
	if err := m.register(registerer); err != nil {
		return nil, err
	}
	return m, nil
}

func newMetrics() *Metrics {
	return &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_inbox_messages_total",
			Help: "Messages by queue and outcome: handled (deleted), undecodable (left for the dead-letter queue), failed, panicked and abandoned (come back later; abandoned: the handler did not return in time), returned (given back at shutdown).",
		}, []string{"queue", "outcome"}),
		handlingSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "scanjob_inbox_handling_seconds",
			Help:    "How long a message was handled, by queue.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"queue"}),
		receiveErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_inbox_receive_errors_total",
			Help: "Failed receives by queue.",
		}, []string{"queue"}),
		settleErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scanjob_inbox_settle_errors_total",
			Help: "Batches of messages that could not be deleted or hidden, by queue and call.",
		}, []string{"queue", "call"}),
		lastReceive: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scanjob_inbox_last_receive_timestamp_seconds",
			Help: "When a receive last succeeded, with messages or without, by queue. It moves every 20 seconds at least while the queue can be read.",
		}, []string{"queue"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scanjob_inbox_oldest_message_age_seconds",
			Help: "Age of the oldest message of the last receive, by queue; 0 where it brought none.",
		}, []string{"queue"}),
	}
}

func (m *Metrics) register(registerer prometheus.Registerer) error {
	for _, collector := range []prometheus.Collector{m.messages, m.handlingSeconds, m.receiveErrors, m.settleErrors, m.lastReceive, m.oldest} {
		if err := registerer.Register(collector); err != nil {
			return fmt.Errorf("register the inbox's metrics: %w", err)
		}
	}
	return nil
}
