package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// witness sees every version of every job, and what must not be in any of them or between two.
type witness struct {
	world *world

	mu sync.Mutex
	// jobs are the latest versions, gone those that were deleted.
	jobs, gone map[types.UID]*scanv1.ScanJob
	// unseen are those of the deleted ones whose last version was not seen.
	unseen   map[types.UID]bool
	versions int
	// watches ends when the context has.
	watches sync.WaitGroup
}

func newWitness(ctx context.Context, w *world) (*witness, error) {
	s := &witness{world: w, jobs: map[types.UID]*scanv1.ScanJob{}, gone: map[types.UID]*scanv1.ScanJob{}, unseen: map[types.UID]bool{}}
	events, err := w.kube.Watch(ctx, &scanv1.ScanJobList{}, client.InNamespace(w.ns))
	if err != nil {
		return nil, err
	}
	s.watches.Go(func() {
		// The API server ends watches when it likes, and the next one does not tell what was deleted in between.
		for ; err == nil; events, err = w.kube.Watch(ctx, &scanv1.ScanJobList{}, client.InNamespace(w.ns)) {
			for event := range events.ResultChan() {
				if job, ok := event.Object.(*scanv1.ScanJob); ok {
					s.take(job, event.Type)
				}
			}
			s.miss(ctx)
		}
		if ctx.Err() == nil {
			w.violated("the test cannot watch the jobs: %v", err)
		}
	})
	return s, nil
}

// miss notes the jobs that are not there any more, whose deletion no watch told.
func (s *witness) miss(ctx context.Context) {
	jobs := &scanv1.ScanJobList{}
	if err := s.world.kube.List(ctx, jobs, client.InNamespace(s.world.ns)); err != nil {
		return // the run is over, or the next watch fails as well and tells
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[types.UID]bool{}
	for i := range jobs.Items {
		there[jobs.Items[i].UID] = true
	}
	for uid, job := range s.jobs {
		if !there[uid] && s.gone[uid] == nil {
			s.gone[uid], s.unseen[uid] = job, true
		}
	}
}

func (s *witness) take(job *scanv1.ScanJob, change watch.EventType) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions++
	before := s.jobs[job.UID]
	s.jobs[job.UID] = job
	violated := func(format string, values ...any) {
		s.world.violated("%s, version %s: %s", job.Name, job.ResourceVersion, fmt.Sprintf(format, values...))
	}
	if text, err := json.Marshal(job); err != nil || s.world.secretIn(string(text)) {
		violated("a secret is in the object (%v)", err)
	}
	wantSound(job, violated)
	if _, forced := s.world.forced.Load(job.UID); !forced && openAttempt(job) != nil && !slices.Contains(job.Finalizers, scanv1.FinalizerStopTask) {
		violated("an attempt is open, and there is no finalizer")
	}
	if before != nil {
		wantSuccessor(before, job, violated)
	}
	if change == watch.Deleted {
		s.gone[job.UID] = job
		if job.DeletionTimestamp.IsZero() {
			// The API server removes at once what has no finalizer when it looks, and does not look again: a finalizer and an
			// attempt that are written in that moment are lost with the job. A sweep finds the task.
			s.world.forced.LoadOrStore(job.UID, time.Now())
		}
		_, forced := s.world.forced.Load(job.UID)
		if attempt := openAttempt(job); attempt != nil && !forced {
			violated("it is gone, and its attempt %d has not stopped; it was to be deleted from %s on with finalizers %v",
				attempt.Number, job.DeletionTimestamp, job.Finalizers)
		}
	}
}

// all are the jobs that there ever were.
func (s *witness) all() map[types.UID]*scanv1.ScanJob {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[types.UID]*scanv1.ScanJob{}
	for uid, job := range s.jobs {
		all[uid] = job
	}
	return all
}

// sums counts the jobs that are there, and those that are at their end.
func (s *witness) sums() (there, settled int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uid, job := range s.jobs {
		if s.gone[uid] != nil {
			continue
		}
		there++
		if isSettled(job) {
			settled++
		}
	}
	return there, settled
}

// isSettled says whether nothing more is to become of a job.
func isSettled(job *scanv1.ScanJob) bool {
	reported := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionReported)
	return isFinished(job) && reported != nil && reported.Reason != scanv1.ReasonAwaitingFindings && len(job.Finalizers) == 0
}

func isFinished(job *scanv1.ScanJob) bool {
	return meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete) ||
		meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed)
}

func openAttempt(job *scanv1.ScanJob) *scanv1.Attempt {
	if n := len(job.Status.Attempts); n > 0 && job.Status.Attempts[n-1].StoppedAt == nil {
		return &job.Status.Attempts[n-1]
	}
	return nil
}

// reasons are the documented ones of each condition, by its status.
func reasons() map[string][]string {
	return map[string][]string{
		"Admitted True": {scanv1.ReasonAttemptRecorded},
		"Admitted False": {scanv1.ReasonEnvironmentNotFound, scanv1.ReasonEnvironmentNotReady, scanv1.ReasonConcurrencyLimit, scanv1.ReasonRateLimited,
			scanv1.ReasonCapacityUnavailable, scanv1.ReasonSuspended, scanv1.ReasonBackoff, scanv1.ReasonNotBefore, scanv1.ReasonFinished},
		"Complete True": {scanv1.ReasonScanned},
		"Failed True": {scanv1.ReasonBackoffLimitExceeded, scanv1.ReasonInfrastructureBackoffLimitExceeded, scanv1.ReasonConfiguration,
			scanv1.ReasonCancelled, scanv1.ReasonSuperseded, scanv1.ReasonDeadlineExceeded},
		"Suspended True":  {scanv1.ReasonSuspendRequested},
		"Suspended False": {scanv1.ReasonResumed},
		"Reported True":   {scanv1.ReasonNothingToReport, scanv1.ReasonFindingsReceived},
		"Reported False":  {scanv1.ReasonAwaitingFindings},
	}
}

// wantSound holds for every version of every job.
func wantSound(job *scanv1.ScanJob, violated func(string, ...any)) {
	for _, c := range job.Status.Conditions {
		if kind := c.Type + " " + string(c.Status); !slices.Contains(reasons()[kind], c.Reason) {
			violated("condition %s has reason %s: %s", kind, c.Reason, c.Message)
		}
	}
	complete, failed := meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete), meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed)
	if complete && failed || complete != (job.Status.Phase == scanv1.PhaseSucceeded) || failed != (job.Status.Phase == scanv1.PhaseFailed) {
		violated("Complete is %t, Failed is %t, and the phase is %s", complete, failed, job.Status.Phase)
	}
	scan := int32(0)
	for i, attempt := range job.Status.Attempts {
		if int(attempt.Number) != i+1 {
			violated("attempt %d has number %d", i+1, attempt.Number)
		}
		if want := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s|%d", job.UID, attempt.Number))); attempt.ClientToken != want {
			violated("attempt %d has the token %s, want %s", attempt.Number, attempt.ClientToken, want)
		}
		if attempt.StoppedAt == nil && i < len(job.Status.Attempts)-1 {
			violated("attempt %d was recorded before attempt %d had stopped", attempt.Number+1, attempt.Number)
		}
		if attempt.Class == scanv1.ClassScan {
			scan++
		}
	}
	if scan > *job.Spec.BackoffLimit+1 {
		violated("%d attempts were spoiled by the scan, and backoffLimit is %d", scan, *job.Spec.BackoffLimit)
	}
}

// wantSuccessor holds for each version of a job and the next one.
func wantSuccessor(before, after *scanv1.ScanJob, violated func(string, ...any)) {
	if len(after.Status.Attempts) < len(before.Status.Attempts) {
		violated("%d attempts have become %d", len(before.Status.Attempts), len(after.Status.Attempts))
		return
	}
	for i, was := range before.Status.Attempts {
		is := after.Status.Attempts[i]
		switch {
		case was.StoppedAt != nil && !equality.Semantic.DeepEqual(was, is):
			violated("attempt %d had stopped and has changed:\n%+v\n%+v", was.Number, was, is)
		case was.TaskARN != "" && was.TaskARN != is.TaskARN:
			violated("attempt %d had task %s and has %s", was.Number, was.TaskARN, is.TaskARN)
		case is.TaskVersion < was.TaskVersion:
			violated("attempt %d went back from version %d of its task to %d", was.Number, was.TaskVersion, is.TaskVersion)
		}
	}
	if meta.IsStatusConditionTrue(before.Status.Conditions, scanv1.ConditionReported) && !meta.IsStatusConditionTrue(after.Status.Conditions, scanv1.ConditionReported) {
		violated("it was reported, and is not any more")
	}
	if !isFinished(before) {
		return
	}
	if was, is := finalPart(before), finalPart(after); was != is {
		violated("it was at its end and has changed:\n%s\n%s", was, is)
	}
}

// finalPart is what does not change any more once a job is Complete or Failed: all but the news of what was found.
func finalPart(job *scanv1.ScanJob) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s %d attempts, next %s, finished %s;", job.Status.Phase, job.Status.Result, len(job.Status.Attempts), job.Status.NextAttemptTime, job.Status.Timeline.FinishedTime)
	for _, kind := range []string{scanv1.ConditionAdmitted, scanv1.ConditionComplete, scanv1.ConditionFailed} {
		if c := meta.FindStatusCondition(job.Status.Conditions, kind); c != nil {
			fmt.Fprintf(&text, " %s %s %s %s since %s;", c.Type, c.Status, c.Reason, c.Message, c.LastTransitionTime)
		}
	}
	return text.String()
}
