package scantrigger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const (
	// sweepOverlap is how far a sweep looks back before the start of the last one: clocks differ, and the host's answers may
	// lag behind.
	sweepOverlap = 2 * time.Minute
	// sweepRetry is how soon after its end a sweep that failed, or that AWS left without an answer, is tried again the first time.
	// Each further try takes twice as long, up to the interval, or sweepRetryMost where there is none.
	sweepRetry     = 2 * time.Minute
	sweepRetryMost = 10 * time.Minute
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

// asks is what annotations ask for, empty where they ask for nothing.
func (d demand) asks() string {
	if d.replay != "" && d.invalid == nil {
		return strings.TrimSpace(d.request + " since " + d.replay)
	}
	return d.request
}

// demandOf reads what is asked of a trigger's spec, annotations and status. scope is how its repositories are reached.
func demandOf(trigger *v1alpha1.ScanTrigger, scope awsclient.Scope, now time.Time) demand {
	if trigger.Spec.Suspend {
		return demand{}
	}
	d := demand{next: nextSweep(trigger, scope)}
	if value := trigger.Annotations[v1alpha1.AnnotationSweep]; value != "" && value != trigger.Status.LastHandledSweep {
		d.request = value
	}
	if value := trigger.Annotations[v1alpha1.AnnotationReplaySince]; value != "" && (trigger.Status.Replay == nil || trigger.Status.Replay.Since != value) {
		d.replay = value
		d.since, d.invalid = time.Parse(time.RFC3339, value)
	}
	asked := d.asks() != ""
	// What a sweep was asked for that failed is not tried again at once.
	if failed := trigger.Status.Sweep; asked && failed != nil && failed.Message != "" && failed.Request == d.asks() {
		if retry := retryOf(trigger); now.Before(retry) {
			d.next = earlier(d.next, retry)
			return d
		}
	}
	d.due = asked || !d.next.IsZero() && !now.Before(d.next)
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
// trigger that is new, was suspended, or chooses otherwise than before, is due at once. A sweep that took longer than the
// interval is followed by a pause.
func nextSweep(trigger *v1alpha1.ScanTrigger, scope awsclient.Scope) time.Time {
	interval := intervalOf(trigger)
	if interval == 0 {
		return time.Time{}
	}
	last := trigger.Status.Sweep
	switch {
	case last == nil:
		return trigger.CreationTimestamp.Time
	case last.Paused, last.Selection != selection(&trigger.Spec, scope):
		return last.StartTime.Time
	case last.Retries > 0:
		return retryOf(trigger)
	}
	spread := time.Duration(float64(interval) * sweepSpread)
	next := last.StartTime.Add(interval - time.Duration(float64(spread)*fraction(trigger.UID)))
	if pause := endOf(last).Add(spread); next.Before(pause) {
		return pause
	}
	return next
}

// retryOf is when a sweep is tried again that failed or was left without an answer.
func retryOf(trigger *v1alpha1.ScanTrigger) time.Time {
	most := intervalOf(trigger)
	if most == 0 {
		most = sweepRetryMost
	}
	wait := min(sweepRetry, most)
	for range trigger.Status.Sweep.Retries - 1 {
		if wait = min(2*wait, most); wait == most {
			break
		}
	}
	return endOf(trigger.Status.Sweep).Add(wait)
}

func intervalOf(trigger *v1alpha1.ScanTrigger) time.Duration {
	return time.Duration(ptr.Deref(trigger.Spec.SweepIntervalSeconds, 0)) * time.Second
}

func endOf(sweep *v1alpha1.SweepStatus) time.Time {
	return sweep.StartTime.Add(time.Duration(sweep.DurationSeconds) * time.Second)
}

// fraction is a number in [0, 1) that hangs on a UID alone.
func fraction(uid types.UID) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return float64(hash.Sum32()) / (1 << 32)
}

// selection is a hash of what chooses which pull requests are scanned: a part of the spec, and where the repositories are.
func selection(spec *v1alpha1.ScanTriggerSpec, scope awsclient.Scope) string {
	text, err := json.Marshal([]any{
		scope, spec.EnvironmentName, spec.Events, spec.Repositories, spec.TargetBranches, spec.Expression, spec.Paths, spec.PathsIgnore,
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
