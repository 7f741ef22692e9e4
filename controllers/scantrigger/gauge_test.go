package scantrigger

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

func TestQueueHasAValueAsLongAsATriggerHasTheQueue(t *testing.T) {
	values := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "letters"}, []string{"queue"})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(values)
	gauge := newQueueGauge(values)
	one, two := types.NamespacedName{Name: "one"}, types.NamespacedName{Name: "two"}
	want := func(when string, series int) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, family := range families {
			got += len(family.GetMetric())
		}
		if got != series {
			t.Errorf("%s: %d series, want %d", when, got, series)
		}
	}
	gauge.set(one, "a", 3)
	gauge.set(two, "a", 3)
	want("two triggers of one queue", 1)
	gauge.set(one, "b", 1)
	want("one of them moved on", 2)
	gauge.drop(two)
	want("the other is gone", 1)
	gauge.drop(two)
	gauge.set(one, "b", 4)
	want("the same queue again", 1)
	gauge.drop(one)
	want("both are gone", 0)
}
