package scanjob

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestWhatAWriteSaysIsCountedOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry); err == nil {
		t.Error("the metrics are registered twice without an error")
	}
	job := newJob(withAttempts(spoiledBy(scanv1.ClassScan), running(func(a *scanv1.Attempt) { a.StartedAt = at(time.Minute) })))
	before := job.Status.DeepCopy()
	m.observe(&scanv1.ScanJobStatus{}, job)
	m.observe(before, job)
	finishedJob := job.DeepCopy()
	finishedJob.Status.Attempts[1].StoppedAt = at(2 * time.Minute)
	withCondition(scanv1.ConditionComplete, scanv1.ReasonScanned)(finishedJob)
	finishedJob.Status.Timeline.FinishedTime, finishedJob.Status.Result = at(2*time.Minute), scanv1.ResultClean
	m.observe(before, finishedJob)
	m.observe(&finishedJob.Status, finishedJob)
	for class, want := range map[string]float64{"Scan": 1, "Scanned": 1, "Infrastructure": 0} {
		if got := testutil.ToFloat64(m.attempts.WithLabelValues("scans", "default", class)); got != want {
			t.Errorf("%v attempts of class %s, want %v", got, class, want)
		}
	}
	for name, vec := range map[string]*prometheus.HistogramVec{"admission wait": m.admissionWait, "starting": m.starting, "running": m.running, "total": m.total} {
		if n := testutil.CollectAndCount(vec); n != 1 {
			t.Errorf("%s has %d series, want 1", name, n)
		}
	}
	var none *Metrics
	none.observe(&scanv1.ScanJobStatus{}, job)
}

func TestTheSpansOfAnAttemptAreToldByItsResult(t *testing.T) {
	accepted := func(a *scanv1.Attempt) { a.AcceptedAt, a.StoppedAt = at(0), at(2*time.Minute) }
	ran := func(a *scanv1.Attempt) { a.StartedAt = at(time.Minute) }
	exit := func(code int32) func(*scanv1.Attempt) { return func(a *scanv1.Attempt) { a.ExitCode = &code } }
	spoiled := func(a *scanv1.Attempt) { a.Class = scanv1.ClassInfrastructure }
	for _, row := range []struct {
		name              string
		attempt           scanv1.Attempt
		starting, running string
	}{
		{"clean", running(accepted, ran, exit(0)), "Running", "Clean"},
		{"with findings", running(accepted, ran, exit(10)), "Running", "Findings"},
		{"reclaimed", running(accepted, ran, spoiled), "Running", "Unknown"},
		{"never ran", running(accepted, spoiled), "Stopped", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMetrics()
			m.observe(&scanv1.ScanJobStatus{}, newJob(withAttempts(row.attempt)))
			told := func(vec *prometheus.HistogramVec, result string) {
				t.Helper()
				if result == "" {
					if n := testutil.CollectAndCount(vec); n != 0 {
						t.Errorf("%d series, want none", n)
					}
					return
				}
				// A label that is asked for is made: there is one series only where it was there.
				vec.WithLabelValues("scans", "default", result)
				if n := testutil.CollectAndCount(vec); n != 1 {
					t.Errorf("there are other series than that of %s", result)
				}
			}
			told(m.starting, row.starting)
			told(m.running, row.running)
		})
	}
}

func TestTheFirstTaskOfAJobIsTimedWhicheverAttemptStartsIt(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	job := newJob(withAttempts(missedCapacity(), running(), running()))
	job.Annotations = map[string]string{scanv1.AnnotationEventTime: noon().Format(time.RFC3339Nano)}
	for i := range job.Status.Attempts[1:] {
		m.started(job, &job.Status.Attempts[i+1], noon().Add(time.Minute))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "scanjob_event_to_runtask_seconds" {
			continue
		}
		told := family.GetMetric()[0].GetHistogram()
		if told.GetSampleCount() != 1 || told.GetSampleSum() != 60 {
			t.Errorf("%d tasks were timed, %v s in all, want the first alone with 60 s", told.GetSampleCount(), told.GetSampleSum())
		}
		return
	}
	t.Error("no task was timed")
}

func TestTheQueuesAreToldAsTheyAre(t *testing.T) {
	m := newMetrics()
	a := newAdmission(nil, nil, newCircuits(time.Minute), nil)
	m.queues.watch(a)
	key := types.NamespacedName{Namespace: "scans", Name: "default"}
	a.environments[key] = &queue{limit: 20, inUse: 7, verdicts: map[types.UID]verdict{
		"a": {admitted: true}, "b": {place: place{reason: scanv1.ReasonRateLimited}}, "c": {place: place{reason: scanv1.ReasonRateLimited}},
	}}
	a.circuits.report(circuitKey{key, true}, errMissed)
	problems, err := testutil.CollectAndLint(m.queues)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	if n := testutil.CollectAndCount(m.queues); n != 7 {
		t.Errorf("%d values, want 7", n)
	}
}
