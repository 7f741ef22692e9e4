package scanschedule

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Metrics counts what runs came to.
type Metrics struct {
	scans *prometheus.CounterVec
}

// NewMetrics makes the metrics of a Reconciler and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := newMetrics()
	if err := registerer.Register(m.scans); err != nil {
		return nil, fmt.Errorf("register the schedules' metrics: %w", err)
	}
	return m, nil
}

func newMetrics() *Metrics {
	return &Metrics{scans: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scanjob_schedule_scans_total",
		Help: "Scans that runs of schedules called for, by outcome: created (there is a ScanJob), unchanged (all was scanned before), " +
			"absent (no such repository or branch), missed (too late, or the next run came first) or failed (no ScanJob can be made).",
	}, []string{"outcome"})}
}

func (m *Metrics) count(settled map[v1alpha1.TargetState]int) {
	for state, number := range settled {
		m.scans.WithLabelValues(strings.ToLower(string(state))).Add(float64(number))
	}
}
