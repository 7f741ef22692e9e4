package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// hourly makes a schedule that scans the history of payments, half an hour from now and each hour after that.
func (w *world) hourly(clock *skewedClock) *scanv1.ScanSchedule {
	w.t.Helper()
	schedule := &scanv1.ScanSchedule{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "hourly"},
		Spec: scanv1.ScanScheduleSpec{
			EnvironmentName: "default",
			Schedule:        fmt.Sprintf("%d * * * *", clock.Now().Add(30*time.Minute).Minute()),
			Repositories:    []string{"pay*"},
			Template:        scanv1.ScanJobTemplate{Spec: scanv1.ScanJobOptions{Mode: scanv1.ScanModeHistory}},
		},
	}
	w.create(schedule)
	return schedule
}

// awaitSchedule polls a schedule until a condition holds. what ends the sentence "the schedule never …".
func (w *world) awaitSchedule(schedule *scanv1.ScanSchedule, what string, condition func(scanv1.ScanScheduleStatus) bool) {
	w.t.Helper()
	poll(w.t, func() bool {
		if err := w.kube.Get(w.t.Context(), client.ObjectKeyFromObject(schedule), schedule); err != nil {
			w.t.Fatal(err)
		}
		return condition(schedule.Status)
	}, func() string {
		text, err := yaml.Marshal(schedule.Status)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("the schedule never %s; its status:\n%s", what, text)
	})
}

// nextRun lets the time of the next run come, and returns the schedule's target once it has a state.
func (w *world) nextRun(schedule *scanv1.ScanSchedule, clock *skewedClock) scanv1.ScheduleTarget {
	w.t.Helper()
	w.awaitSchedule(schedule, "knew its next run", func(status scanv1.ScanScheduleStatus) bool {
		return status.NextScheduleTime != nil && status.NextScheduleTime.After(clock.Now())
	})
	due := schedule.Status.NextScheduleTime.Time
	clock.skip(due.Sub(clock.Now()))
	before := schedule.DeepCopy()
	schedule.Annotations = map[string]string{"poke": due.String()}
	if err := w.kube.Patch(w.t.Context(), schedule, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
	w.awaitSchedule(schedule, "began the run", func(status scanv1.ScanScheduleStatus) bool {
		return status.LastScheduleTime != nil && !status.LastScheduleTime.Time.Before(due) && len(status.Targets) == 1 && status.Targets[0].State != scanv1.TargetWaiting
	})
	return schedule.Status.Targets[0]
}

// scannedHistory waits until the scan of a target is complete and on record, and returns its job and the paths that it
// found something in.
func (w *world) scannedHistory(schedule *scanv1.ScanSchedule, target scanv1.ScheduleTarget) (job *scanv1.ScanJob, paths []string) {
	w.t.Helper()
	if target.State != scanv1.TargetCreated {
		w.t.Fatalf("the target is %+v, want a ScanJob", target)
	}
	job = w.finished(target.JobName)
	wantReason(w.t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	w.awaitSchedule(schedule, "recorded the scan", func(status scanv1.ScanScheduleStatus) bool {
		history := status.Targets[0].History
		return history != nil && history.Revision == job.Spec.Source.Revision
	})
	if job.Status.Findings == nil {
		return job, nil
	}
	for _, finding := range job.Status.Findings.Items {
		paths = append(paths, finding.Path)
	}
	slices.Sort(paths)
	return job, slices.Compact(paths)
}

// scannerSaid says whether the log of a job's scanner has a text.
func (w *world) scannerSaid(job *scanv1.ScanJob, text string) bool {
	return slices.ContainsFunc(w.aws.LogLines(), func(line awslocal.LogLine) bool {
		return strings.Contains(line.Message, string(job.UID)) && strings.Contains(line.Message, text)
	})
}

func (w *world) push(repository *devstack.Repository, path string) string {
	w.t.Helper()
	file, _ := leak(w.t)
	commit, err := repository.Commit(w.t.Context(), "main", "Change "+path, map[string]string{path: file})
	if err != nil {
		w.t.Fatal(err)
	}
	return commit
}

// The main path of schedules, with the real scanner: what a run scanned, the next does not scan again, until the branch's
// history is another one.
func TestScheduleScansTheHistoryOnceAndThenWhatIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := newSkewedClock()
	first := w.manage(managerOptions{schedules: clock})
	repository, err := w.stack.CreateRepository(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	root := w.push(repository, "one")
	two := w.push(repository, "two")
	schedule := w.hourly(clock)

	job, paths := w.scannedHistory(schedule, w.nextRun(schedule, clock))
	if job.Spec.Source.Revision != two || job.Spec.Source.BaseRevision != "" || !slices.Equal(paths, []string{"one", "two"}) {
		t.Errorf("the first run scanned %+v and found something in %v", job.Spec.Source, paths)
	}

	three := w.push(repository, "three")
	job, paths = w.scannedHistory(schedule, w.nextRun(schedule, clock))
	if job.Spec.Source.Revision != three || job.Spec.Source.BaseRevision != two || !slices.Equal(paths, []string{"three"}) {
		t.Errorf("the second run scanned %+v and found something in %v, want only what is new", job.Spec.Source, paths)
	}
	if !w.scannerSaid(job, "the history is scanned from the base revision on") {
		t.Error("the scanner does not say where it began")
	}

	tasks := len(w.aws.Tasks())
	if target := w.nextRun(schedule, clock); target.State != scanv1.TargetUnchanged || len(w.aws.Tasks()) != tasks {
		t.Errorf("a branch that has not moved is %+v, and %d tasks were started for it", target, len(w.aws.Tasks())-tasks)
	}

	// The manager is away for three runs, and meanwhile the branch is set back and goes another way.
	first.stop()
	clock.skip(3*time.Hour + time.Minute)
	if _, err := repository.Git(t.Context(), "reset", "--quiet", "--hard", root); err != nil {
		t.Fatal(err)
	}
	if _, err := repository.Git(t.Context(), "push", "--quiet", "--force", "origin", "main"); err != nil {
		t.Fatal(err)
	}
	other := w.push(repository, "other")
	missed := clock.Now()
	w.manage(managerOptions{schedules: clock})
	w.awaitSchedule(schedule, "made good for the missed runs", func(status scanv1.ScanScheduleStatus) bool {
		return status.LastScheduleTime.After(missed.Add(-time.Hour)) && status.Targets[0].State == scanv1.TargetCreated
	})
	job, paths = w.scannedHistory(schedule, schedule.Status.Targets[0])
	if job.Spec.Source.Revision != other || job.Spec.Source.BaseRevision != three || !slices.Equal(paths, []string{"one", "other"}) {
		t.Errorf("after the branch was set back, the run scanned %+v and found something in %v, want everything", job.Spec.Source, paths)
	}
	if !w.scannerSaid(job, "the whole history is scanned") {
		t.Error("the scanner does not say that it scanned everything")
	}
	w.oneTaskPerAttempt(job)
	jobs := &scanv1.ScanJobList{}
	if err := w.kube.List(t.Context(), jobs, client.InNamespace(w.ns)); err != nil {
		t.Fatal(err)
	}
	if len(jobs.Items) != 3 {
		t.Errorf("%d ScanJobs, want one for each run that had something to scan", len(jobs.Items))
	}
}
