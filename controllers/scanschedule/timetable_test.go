package scanschedule

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func mustTimetable(t *testing.T, line, zone string) timetable {
	t.Helper()
	table, err := parseTimetable(line, zone)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func utc(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestParseTimetableRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		line, zone string
		want       error
		says       string
	}{
		"a minute that no hour has":         {"60 * * * *", "", errSchedule, "60"},
		"a day of the week that is the 8th": {"0 0 * * 7", "", errSchedule, "7"},
		"four fields":                       {"0 2 * *", "", errSchedule, "found 4"},
		"six fields":                        {"0 0 2 * * *", "", errSchedule, "found 6"},
		"words":                             {"every day at two", "", errSchedule, "five fields"},
		"a step of nothing":                 {"*/0 * * * *", "", errSchedule, "positive"},
		"an unknown macro":                  {"@reboot", "", errSchedule, "@reboot"},
		"an interval":                       {"@every 1h", "", errSchedule, "fixed times"},
		"a zone inside the line":            {"CRON_TZ=Europe/Berlin 0 2 * * *", "", errSchedule, "spec.timeZone"},
		"a zone and no fields":              {"TZ=UTC", "", errSchedule, "spec.timeZone"},
		"nothing":                           {"", "", errSchedule, "five fields"},
		"a zone that does not exist":        {"0 2 * * *", "Europe/Atlantis", errTimeZone, "Europe/Atlantis"},
		"a zone that is a path":             {"0 2 * * *", "../../etc/passwd", errTimeZone, "IANA"},
		"the zone of the machine":           {"0 2 * * *", "Local", errTimeZone, "each machine"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseTimetable(row.line, row.zone)
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want %v that says %q", err, row.want, row.says)
			}
		})
	}
}

func FuzzParseTimetable(f *testing.F) {
	for _, line := range []string{"0 2 * * *", "@daily", "TZ=", "CRON_TZ=UTC", "*/5 1-3,7 ? JAN SUN", "@every", "1/2/3 * * * *"} {
		f.Add(line, "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, line, zone string) {
		table, err := parseTimetable(line, zone)
		if err != nil {
			if !errors.Is(err, errSchedule) && !errors.Is(err, errTimeZone) {
				t.Errorf("error %v of no kind", err)
			}
			return
		}
		from := time.Date(2026, 3, 20, 12, 30, 15, 7, time.UTC)
		if run := table.next(from); !run.IsZero() && !run.After(from) {
			t.Errorf("the run after %v is %v", from, run)
		}
	})
}

// The edges of daylight saving time are as CronJob has them.
func TestNext(t *testing.T) {
	const layout = "2006-01-02 15:04 -0700"
	for name, row := range map[string]struct {
		line, zone, after string
		want              []string
	}{
		"each day in UTC": {
			"30 2 * * *", "", "2026-11-24 02:30", []string{"2026-11-25 02:30 +0000", "2026-11-26 02:30 +0000"},
		},
		"each day in a zone": {
			"30 2 * * *", "Asia/Kolkata", "2026-11-24 02:30", []string{"2026-11-25 02:30 +0530"},
		},
		"day of month or day of week, where both are given": {
			"0 0 13 * 5", "", "2026-02-07 00:00", []string{"2026-02-13 00:00 +0000", "2026-02-20 00:00 +0000"},
		},
		"spring: a time that the change leaves out has no run that day": {
			"30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", []string{"2026-03-28 02:30 +0100", "2026-03-30 02:30 +0200"},
		},
		"spring: an hourly run comes every hour": {
			"0 * * * *", "Europe/Berlin", "2026-03-29 00:00", []string{"2026-03-29 03:00 +0200", "2026-03-29 04:00 +0200"},
		},
		"autumn: a time that comes twice has two runs": {
			"30 2 * * *", "Europe/Berlin", "2026-10-24 12:00",
			[]string{"2026-10-25 02:30 +0200", "2026-10-25 02:30 +0100", "2026-10-26 02:30 +0100"},
		},
		"autumn: the second of them comes after the first": {
			"30 1 * * *", "America/New_York", "2026-11-01 05:30", []string{"2026-11-01 01:30 -0500", "2026-11-02 01:30 -0500"},
		},
		"autumn: an hourly run comes every hour": {
			"0 * * * *", "Europe/Berlin", "2026-10-24 23:30",
			[]string{"2026-10-25 02:00 +0200", "2026-10-25 02:00 +0100", "2026-10-25 03:00 +0100"},
		},
		"a change by half an hour": {
			"15 2 * * *", "Australia/Lord_Howe", "2026-10-02 12:00", []string{"2026-10-03 02:15 +1030", "2026-10-05 02:15 +1100"},
		},
		"midnight that the change leaves out has no run that day": {
			"0 0 * * *", "Africa/Cairo", "2026-04-23 00:00", []string{"2026-04-25 00:00 +0300"},
		},
		"noon of a day whose midnight is left out has one": {
			"0 12 * * 5", "Africa/Cairo", "2026-04-20 00:00", []string{"2026-04-24 12:00 +0300", "2026-05-01 12:00 +0300"},
		},
		"the day before one whose midnight is left out is not taken for it": {
			"0 12 * * 4", "Africa/Cairo", "2026-04-23 11:00", []string{"2026-04-30 12:00 +0300"},
		},
		"the 29th of February is four years off": {
			"0 0 29 2 *", "Europe/Berlin", "2028-03-01 00:00", []string{"2032-02-29 00:00 +0100"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			table, at := mustTimetable(t, row.line, row.zone), utc(t, row.after)
			for _, want := range row.want {
				at = table.next(at)
				if got := at.Format(layout); got != want {
					t.Fatalf("%s, want %s", got, want)
				}
			}
		})
	}
	t.Run("a day that no month has never comes", func(t *testing.T) {
		for _, zone := range []string{"", "Europe/Berlin"} {
			if run := mustTimetable(t, "0 0 31 2 *", zone).next(utc(t, "2026-01-01 00:00")); !run.IsZero() {
				t.Errorf("it comes at %v", run)
			}
		}
	})
}

func TestLatest(t *testing.T) {
	for name, row := range map[string]struct {
		line, zone, after, now, want string
	}{
		"none is due yet":                                       {"0 2 * * *", "", "2026-11-24 02:00", "2026-11-25 01:59", ""},
		"one is due at its minute":                              {"0 2 * * *", "", "2026-11-24 02:00", "2026-11-25 02:00", "2026-11-25 02:00"},
		"the run that was there before does not come again":     {"0 2 * * *", "", "2026-11-25 02:00", "2026-11-25 02:00", ""},
		"of a year of missed minutes, the last":                 {"* * * * *", "", "2025-11-25 02:00", "2026-11-25 02:00", "2026-11-25 02:00"},
		"of runs that lie together, the last":                   {"*/10 3 * * *", "", "2026-11-20 00:00", "2026-11-25 23:00", "2026-11-25 03:50"},
		"of a month of minutes long ago, the last":              {"* * * 1 *", "", "2020-01-01 00:00", "2026-11-25 23:00", "2026-01-31 23:59"},
		"across both changes of the clock":                      {"30 2 * * *", "Europe/Berlin", "2026-03-01 00:00", "2026-10-25 01:30", "2026-10-25 01:30"},
		"of two at one time on the clock, the first if it must": {"30 2 * * *", "Europe/Berlin", "2026-03-01 00:00", "2026-10-25 01:29", "2026-10-25 00:30"},
		"not on a day that has none":                            {"30 2 * * *", "Europe/Berlin", "2026-03-01 00:00", "2026-03-29 12:00", "2026-03-28 01:30"},
		"after a midnight that is left out":                     {"0 12 * * 5", "Africa/Cairo", "2026-04-17 10:00", "2026-04-24 09:00", "2026-04-24 09:00"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustTimetable(t, row.line, row.zone).latest(utc(t, row.after), utc(t, row.now))
			text := ""
			if !got.IsZero() {
				text = got.UTC().Format("2006-01-02 15:04")
			}
			if text != row.want {
				t.Errorf("%q, want %q", text, row.want)
			}
		})
	}
}

// Each row was counted one by one, too.
func TestLatestIsTheLastOfAllThatNextNames(t *testing.T) {
	for _, line := range []string{"0 2 * * *", "*/7 * * * *", "30 2 * * 0", "15,45 0-3 * * *", "0 12 1 * 1"} {
		for _, zone := range []string{"Etc/UTC", "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe", "America/Havana"} {
			table := mustTimetable(t, line, zone)
			for _, day := range []string{"2026-03-08 08:00", "2026-03-29 08:00", "2026-04-24 08:00", "2026-10-25 08:00", "2026-11-01 08:00"} {
				now := utc(t, day)
				after := now.AddDate(0, 0, -9)
				var last time.Time
				for run := table.next(after); !run.IsZero() && !run.After(now); run = table.next(run) {
					last = run
				}
				if got := table.latest(after, now); !got.Equal(last) {
					t.Errorf("%s in %s before %s: %v, counted %v", line, zone, day, got, last)
				}
			}
		}
	}
}

func TestDueRun(t *testing.T) {
	for name, row := range map[string]struct {
		created, begun, missed string
		deadline               int64
		jitter                 int32
		now                    string
		want                   string
		late                   bool
	}{
		"none before the first time":                 {created: "2026-11-24 03:00", now: "2026-11-25 01:00"},
		"the first":                                  {created: "2026-11-24 03:00", now: "2026-11-25 02:00", want: "2026-11-25 02:00"},
		"not the one that was begun":                 {created: "2026-11-20 03:00", begun: "2026-11-25 02:00", now: "2026-11-25 09:00"},
		"not the one that was missed":                {created: "2026-11-20 03:00", begun: "2026-11-23 02:00", missed: "2026-11-25 02:00", now: "2026-11-25 09:00"},
		"the latest of five":                         {created: "2026-11-20 03:00", now: "2026-11-25 09:00", want: "2026-11-25 02:00"},
		"within its deadline":                        {created: "2026-11-20 03:00", deadline: 3600, now: "2026-11-25 03:00", want: "2026-11-25 02:00"},
		"too late":                                   {created: "2026-11-20 03:00", deadline: 3600, now: "2026-11-25 03:01", want: "2026-11-25 02:00", late: true},
		"not too late for what the jitter puts off":  {created: "2026-11-20 03:00", deadline: 3600, jitter: 1800, now: "2026-11-25 03:30", want: "2026-11-25 02:00"},
		"too late for what the jitter puts off, too": {created: "2026-11-20 03:00", deadline: 3600, jitter: 1800, now: "2026-11-25 03:31", want: "2026-11-25 02:00", late: true},
	} {
		t.Run(name, func(t *testing.T) {
			schedule := &v1alpha1.ScanSchedule{}
			schedule.CreationTimestamp = metav1.NewTime(utc(t, row.created))
			schedule.Spec.JitterSeconds = row.jitter
			if row.deadline != 0 {
				schedule.Spec.StartingDeadlineSeconds = ptr.To(row.deadline)
			}
			if row.begun != "" {
				schedule.Status.LastScheduleTime = ptr.To(metav1.NewTime(utc(t, row.begun)))
			}
			if row.missed != "" {
				schedule.Status.LastMissedTime = ptr.To(metav1.NewTime(utc(t, row.missed)))
			}
			run, late := dueRun(schedule, mustTimetable(t, "0 2 * * *", ""), utc(t, row.now))
			text := ""
			if !run.IsZero() {
				text = run.UTC().Format("2006-01-02 15:04")
			}
			if text != row.want || late != row.late {
				t.Errorf("%q, late %t; want %q, late %t", text, late, row.want, row.late)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	names := func(yield func(string) bool) {
		for i := range 1000 {
			if !yield("repository-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + time.Duration(i).String()) {
				return
			}
		}
	}
	const jitter = 3600
	hour := jitter * time.Second
	quarters := [4]int{}
	for name := range names {
		got := delay("uid", name, jitter, hour)
		if again := delay("uid", name, jitter, hour); got != again {
			t.Fatalf("%s: %v and %v", name, got, again)
		}
		if got < 0 || got > hour || got%time.Second != 0 {
			t.Fatalf("%s: %v", name, got)
		}
		if short := delay("uid", name, jitter, time.Minute); short > time.Minute || got <= time.Minute && short != got {
			t.Errorf("%s: %v in a window of a minute, %v in one of an hour", name, short, got)
		}
		quarters[min(int(got/(15*time.Minute)), 3)]++
	}
	if slices.Min(quarters[:]) < 200 {
		t.Errorf("1,000 repositories fall into the quarters of an hour as %v", quarters)
	}
	same := 0
	for name := range names {
		if delay("uid", name, jitter, hour) == delay("another", name, jitter, hour) {
			same++
		}
	}
	if same > 20 {
		t.Errorf("%d of 1,000 repositories have the same delay in two schedules", same)
	}
	if got := delay("uid", "payments", 0, 0); got != 0 {
		t.Errorf("without jitter, the delay is %v", got)
	}
}

func TestWindowEndsBeforeTheNextRun(t *testing.T) {
	for name, row := range map[string]struct {
		line   string
		jitter int32
		want   time.Duration
	}{
		"a short jitter is what it is":        {"0 * * * *", 600, 10 * time.Minute},
		"a long one ends before the next run": {"*/5 * * * *", 3600, 5*time.Minute - time.Second},
		"no jitter":                           {"0 * * * *", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mustTimetable(t, row.line, "").window(utc(t, "2026-11-24 02:00"), row.jitter); got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
}
