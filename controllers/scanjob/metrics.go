package scanjob

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Metrics are the controller's metrics. A nil one counts nothing.
type Metrics struct {
	admissionWait, eventToRunTask, starting, running, total *prometheus.HistogramVec

	attempts, orphans *prometheus.CounterVec
	queues            *queueCollector
}

// NewMetrics makes the metrics of the controller and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := newMetrics()
	for _, collector := range m.collectors() {
		if err := registerer.Register(collector); err != nil {
			return nil, fmt.Errorf("register the metrics of ScanJobs: %w", err)
		}
	}
	return m, nil
}

func newMetrics() *Metrics {
	environment := []string{"namespace", "environment"}
	// From a fraction of a second to three hours.
	spans := prometheus.ExponentialBuckets(0.05, 2.2, 16)
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: spans}, append(environment, labels...))
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(environment, labels...))
	}
	return &Metrics{
		admissionWait:  histogram("scanjob_admission_wait_seconds", "From the creation of a ScanJob to the record of its first attempt."),
		eventToRunTask: histogram("scanjob_event_to_runtask_seconds", "From the event that a ScanJob stands for to RunTask's first answer that started a task for it."),
		starting:       histogram("scanjob_task_starting_seconds", "From RunTask's answer to the running container, by attempt and result: Running, or Stopped where the task ended before its container ran.", "result"),
		running:        histogram("scanjob_task_running_seconds", "From the running container to the stopped task, by attempt and result: Clean, Findings, Unknown.", "result"),
		total:          histogram("scanjob_duration_seconds", "From the creation of a ScanJob to its end, by result: Clean, Findings, Unknown.", "result"),
		attempts:       counter("scanjob_attempts_total", "Attempts that ended, by class: Scanned, or who spoiled them (Infrastructure, Scan, Configuration, Cancelled, Superseded, DeadlineExceeded, Suspended).", "class"),
		orphans:        counter("scanjob_orphan_tasks_stopped_total", "Tasks that a sweep stopped because no ScanJob wanted them."),
		queues:         newQueueCollector(),
	}
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.admissionWait, m.eventToRunTask, m.starting, m.running, m.total, m.attempts, m.orphans, m.queues}
}

// observe counts what a write of a job's status says that was not said before.
func (m *Metrics) observe(before *scanv1.ScanJobStatus, job *scanv1.ScanJob) {
	if m == nil {
		return
	}
	after, environment := &job.Status, job.Spec.EnvironmentName
	span := func(of *prometheus.HistogramVec, from, to *metav1.Time, labels ...string) {
		if from != nil && to != nil && !to.Before(from) {
			of.WithLabelValues(append([]string{job.Namespace, environment}, labels...)...).Observe(to.Sub(from.Time).Seconds())
		}
	}
	if len(before.Attempts) == 0 && len(after.Attempts) > 0 {
		span(m.admissionWait, &job.CreationTimestamp, &after.Attempts[0].RecordedAt)
	}
	for i := range after.Attempts {
		attempt, earlier := &after.Attempts[i], scanv1.Attempt{}
		if i < len(before.Attempts) {
			earlier = before.Attempts[i]
		}
		if earlier.StartedAt == nil {
			span(m.starting, attempt.AcceptedAt, attempt.StartedAt, "Running")
		}
		if earlier.StoppedAt == nil && attempt.StoppedAt != nil {
			span(m.running, attempt.StartedAt, attempt.StoppedAt, string(resultOfAttempt(attempt)))
			if attempt.StartedAt == nil {
				span(m.starting, attempt.AcceptedAt, attempt.StoppedAt, "Stopped")
			}
			class := "Scanned"
			if attempt.Class != "" {
				class = string(attempt.Class)
			}
			m.attempts.WithLabelValues(job.Namespace, environment, class).Inc()
		}
	}
	for _, end := range []string{scanv1.ConditionComplete, scanv1.ConditionFailed} {
		if meta.IsStatusConditionTrue(after.Conditions, end) && !meta.IsStatusConditionTrue(before.Conditions, end) {
			span(m.total, &job.CreationTimestamp, after.Timeline.FinishedTime, string(after.Result))
		}
	}
}

// resultOfAttempt says what an attempt that ended tells of the revision.
func resultOfAttempt(attempt *scanv1.Attempt) scanv1.ScanResult {
	switch {
	case attempt.Class != "" || attempt.ExitCode == nil:
		return scanv1.ResultUnknown
	case *attempt.ExitCode == contract.ExitClean:
		return scanv1.ResultClean
	}
	return scanv1.ResultFindings
}

// started counts the first task of a job.
func (m *Metrics) started(job *scanv1.ScanJob, attempt *scanv1.Attempt, now time.Time) {
	earlier := func(a scanv1.Attempt) bool { return a.Number < attempt.Number && a.TaskARN != "" }
	if m == nil || slices.ContainsFunc(job.Status.Attempts, earlier) {
		return
	}
	// The status has whole seconds, the annotation fractions of them.
	if happened, err := time.Parse(time.RFC3339Nano, job.Annotations[scanv1.AnnotationEventTime]); err == nil && !now.Before(happened) {
		m.eventToRunTask.WithLabelValues(job.Namespace, job.Spec.EnvironmentName).Observe(now.Sub(happened).Seconds())
	}
}

func (m *Metrics) orphanStopped(environment *scanv1.ScanEnvironment) {
	if m != nil {
		m.orphans.WithLabelValues(environment.Namespace, environment.Name).Inc()
	}
}
