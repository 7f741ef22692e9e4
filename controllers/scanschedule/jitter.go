package scanschedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// window returns how long the beginning of a run is spread over: jitterSeconds, but never into the next run, which would
// push scans out that have not started.
func (t timetable) window(run time.Time, jitterSeconds int32) time.Duration {
	window := time.Duration(jitterSeconds) * time.Second
	if next := t.next(run); !next.IsZero() {
		window = min(window, next.Sub(run)-time.Second)
	}
	return window
}

// delay returns how long after a run's time the scans of a repository start, in whole seconds from 0 to the window. It is
// a pure function of the schedule's UID and the repository, and the same in each run whose window is not cut short.
func delay(schedule types.UID, repository string, jitterSeconds int32, window time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(string(schedule) + "/" + repository))
	hash := binary.BigEndian.Uint64(sum[:8])
	seconds := hash % (uint64(jitterSeconds) + 1)
	if most := uint64(window / time.Second); seconds > most {
		seconds = hash % (most + 1)
	}
	return time.Duration(seconds) * time.Second
}

// moment returns when the scans of a repository start in a run.
func (t timetable) moment(schedule types.UID, repository string, run time.Time, jitterSeconds int32) time.Time {
	return run.Add(delay(schedule, repository, jitterSeconds, t.window(run, jitterSeconds)))
}
