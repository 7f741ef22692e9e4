package scanschedule

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// What is wrong with a timetable.
var (
	errSchedule = errors.New("spec.schedule cannot be followed")
	errTimeZone = errors.New("spec.timeZone is not known")
)

// timetable says when runs are due: a cron line in a time zone. It is read and followed by the library that CronJob uses,
// so that a line means the same in both: of a time that a change to summer time leaves out there is no run that day, and
// of a time that comes twice when summer time ends there are two.
type timetable struct {
	line cron.Schedule
	zone *time.Location
}

// parseTimetable reads a cron line and the IANA name of its zone, empty for UTC. Its errors match errSchedule or
// errTimeZone.
func parseTimetable(line, zone string) (timetable, error) {
	location, err := loadZone(zone)
	if err != nil {
		return timetable{}, err
	}
	if strings.Contains(line, "TZ=") {
		return timetable{}, fmt.Errorf("%w: set spec.timeZone instead of TZ= or CRON_TZ=", errSchedule)
	}
	parsed, err := cron.ParseStandard(line)
	if err != nil {
		return timetable{}, fmt.Errorf("%w: %w; it must have five fields, such as \"30 2 * * 0\", or be one of @hourly … @yearly", errSchedule, err)
	}
	if _, ok := parsed.(*cron.SpecSchedule); !ok {
		return timetable{}, fmt.Errorf("%w: @every has no fixed times; use five fields, such as \"*/30 * * * *\"", errSchedule)
	}
	return timetable{line: parsed, zone: location}, nil
}

func loadZone(name string) (*time.Location, error) {
	name = cmp.Or(name, "Etc/UTC")
	if strings.EqualFold(name, "Local") {
		return nil, fmt.Errorf("%w: Local is another zone on each machine; use an IANA name, such as Europe/Berlin", errTimeZone)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: there is no zone %q; use an IANA name, such as Europe/Berlin", errTimeZone, name)
	}
	return zone, nil
}

// searchYears is how far the library looks for the next time of a line before it says that there is none.
const searchYears = 5

// next returns the first run after a time, zero where there is none within five years.
func (t timetable) next(after time.Time) time.Time {
	limit := after.AddDate(searchYears, 0, 0)
	for from := after.In(t.zone); ; {
		run := t.line.Next(from)
		_, end := from.Add(time.Second).ZoneBounds()
		if end.IsZero() || !run.IsZero() && run.Before(end) || end.After(limit) {
			return run
		}
		// The library counts hours and days across a change of the zone's offset, and where midnight falls out with it, as in
		// Cairo, it misses the whole day or takes the next one for it. Beginning anew at the change, it does not have to.
		from = end.Add(-time.Second)
	}
}

// latest returns the last run after one time and not after another, zero where there is none. However many there were, it
// takes some thirty looks: a run lies between a time and now exactly if the next one after that time does.
func (t timetable) latest(after, now time.Time) time.Time {
	due := func(from time.Time) bool {
		run := t.next(from)
		return !run.IsZero() && !run.After(now)
	}
	if !due(after) {
		return time.Time{}
	}
	low, high := after, now
	for high.Sub(low) > time.Minute {
		if middle := low.Add(high.Sub(low) / 2); due(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return t.next(low)
}

// dueRun returns the run that is to begin now, zero where none is: the latest that no run before it, begun or missed, has
// left behind. late says that even the last of its scans would start after startingDeadlineSeconds.
func dueRun(schedule *v1alpha1.ScanSchedule, t timetable, now time.Time) (run time.Time, late bool) {
	after := schedule.CreationTimestamp.Time
	for _, known := range []*time.Time{timeOf(schedule.Status.LastScheduleTime), timeOf(schedule.Status.LastMissedTime)} {
		if known != nil && known.After(after) {
			after = *known
		}
	}
	run = t.latest(after, now)
	if run.IsZero() {
		return run, false
	}
	deadline := deadlineOf(&schedule.Spec, run.Add(t.window(run, schedule.Spec.JitterSeconds)))
	return run, !deadline.IsZero() && now.After(deadline)
}

// deadlineOf returns the last time at which what should have started at a moment may start, zero where there is none.
func deadlineOf(spec *v1alpha1.ScanScheduleSpec, moment time.Time) time.Time {
	if spec.StartingDeadlineSeconds == nil {
		return time.Time{}
	}
	return moment.Add(time.Duration(*spec.StartingDeadlineSeconds) * time.Second)
}
