package scantrigger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

const (
	// sweepOverlap is how far a sweep looks back before the start of the last one: clocks differ, and the host's answers may
	// lag behind.
	sweepOverlap = 2 * time.Minute
	// sweepRetry is how soon a sweep that AWS did not answer is tried again.
	sweepRetry = 2 * time.Minute
	// sweepSpread is the part of the interval by which sweeps of different triggers come apart.
	sweepSpread = 0.1
)

// demand is what is asked of the sweeper for one trigger.
type demand struct {
	// due says that a sweep is to begin now.
	due bool
	// request is the value of the annotation scanjob.dev/sweep, where that is new.
	request string
	// replay is the value of the annotation scanjob.dev/replay-since where that is new, and since the time that it names.
	replay string
	since  time.Time
	// invalid says why replay cannot be followed.
	invalid error
	// next is when the next regular sweep is due, zero for never.
	next time.Time
}

// demandOf reads what is asked of a trigger's spec, annotations and status.
func demandOf(trigger *v1alpha1.ScanTrigger, now time.Time) demand {
	if trigger.Spec.Suspend {
		return demand{}
	}
	d := demand{next: nextSweep(trigger)}
	if value := trigger.Annotations[v1alpha1.AnnotationSweep]; value != "" && value != trigger.Status.LastHandledSweep {
		d.request = value
	}
	if value := trigger.Annotations[v1alpha1.AnnotationReplaySince]; value != "" && (trigger.Status.Replay == nil || trigger.Status.Replay.Since != value) {
		d.replay = value
		d.since, d.invalid = time.Parse(time.RFC3339, value)
	}
	// A sweep that AWS did not answer is not asked for again at once, whatever it was for.
	if failed := trigger.Status.Sweep; failed != nil && failed.Message != "" && (d.request != "" || d.replay != "" && d.invalid == nil) {
		if retry := failed.StartTime.Add(sweepRetry); now.Before(retry) {
			d.next = earlier(d.next, retry)
			return d
		}
	}
	d.due = d.request != "" || d.replay != "" && d.invalid == nil || !d.next.IsZero() && !now.Before(d.next)
	return d
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// nextSweep is when a trigger's next regular sweep is due: the interval after the last one began, less a part of the interval
// that hangs on the trigger's UID, so that the sweeps of triggers that were made together come apart. That of a
// trigger that is new, or chooses otherwise than before, is due at once. A sweep that took longer than the interval is
// followed by a pause.
func nextSweep(trigger *v1alpha1.ScanTrigger) time.Time {
	interval := time.Duration(ptr.Deref(trigger.Spec.SweepIntervalSeconds, 0)) * time.Second
	if interval == 0 {
		return time.Time{}
	}
	last := trigger.Status.Sweep
	switch {
	case last == nil:
		return trigger.CreationTimestamp.Time
	case unanswered(last):
		return last.StartTime.Add(min(interval, sweepRetry))
	case last.Selection != selection(&trigger.Spec):
		return last.StartTime.Time
	}
	spread := time.Duration(float64(interval) * sweepSpread)
	next := last.StartTime.Add(interval - time.Duration(float64(spread)*fraction(trigger.UID)))
	ended := last.StartTime.Add(time.Duration(last.DurationSeconds) * time.Second)
	if pause := ended.Add(spread); next.Before(pause) {
		return pause
	}
	return next
}

// unanswered says whether AWS did not answer in a sweep, which another try may mend.
func unanswered(sweep *v1alpha1.SweepStatus) bool {
	if sweep.Message != "" {
		return true
	}
	for _, problem := range sweep.Problems {
		if problem.Reason == v1alpha1.ReasonAWSUnavailable {
			return true
		}
	}
	return false
}

// fraction is a number in [0, 1) that hangs on a UID alone.
func fraction(uid types.UID) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return float64(hash.Sum32()) / (1 << 32)
}

// selection is a hash of the part of a spec that chooses which pull requests are scanned.
func selection(spec *v1alpha1.ScanTriggerSpec) string {
	text, err := json.Marshal([]any{
		spec.EnvironmentName, spec.Events, spec.Repositories, spec.TargetBranches, spec.Expression, spec.Paths, spec.PathsIgnore,
	})
	if err != nil {
		// Strings can always be written as JSON.
		text = fmt.Append(nil, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// sweptUntil returns until when what was pushed to the pull requests of a repository was looked at by a sweep; zero where no
// sweep got through.
func sweptUntil(status *v1alpha1.ScanTriggerStatus, repository string) time.Time {
	at := sinceOf(status, repository)
	if at == nil {
		return time.Time{}
	}
	return at.Add(-sweepOverlap)
}
