package scantrigger

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// sweeping is a trigger that sweeps every 10 minutes and was created at noon. Its UID is one whose sweeps keep the interval.
func sweeping(edits ...func(*v1alpha1.ScanTrigger)) *v1alpha1.ScanTrigger {
	trigger := &v1alpha1.ScanTrigger{
		ObjectMeta: metav1.ObjectMeta{UID: uidWith(0, 0.0001), CreationTimestamp: metav1.NewTime(noon), Annotations: map[string]string{}},
		Spec:       v1alpha1.ScanTriggerSpec{SweepIntervalSeconds: ptr.To[int32](600)},
	}
	for _, edit := range edits {
		edit(trigger)
	}
	return trigger
}

// uidWith is a UID whose fraction lies between the two.
func uidWith(low, high float64) types.UID {
	for i := 0; ; i++ {
		if uid := types.UID(fmt.Sprintf("uid-%d", i)); fraction(uid) >= low && fraction(uid) < high {
			return uid
		}
	}
}

// swept says that a sweep began so many seconds after noon.
func swept(seconds int, edits ...func(*v1alpha1.SweepStatus)) func(*v1alpha1.ScanTrigger) {
	return func(trigger *v1alpha1.ScanTrigger) {
		began := metav1.NewTime(noon.Add(time.Duration(seconds) * time.Second))
		trigger.Status.Sweep = &v1alpha1.SweepStatus{StartTime: began, Selection: selection(&trigger.Spec, awsclient.Scope{})}
		for _, edit := range edits {
			edit(trigger.Status.Sweep)
		}
		if trigger.Status.Sweep.Message == "" {
			trigger.Status.LastSweepTime, trigger.Status.SweptSelection = &began, trigger.Status.Sweep.Selection
		}
	}
}

func failedSweep(s *v1alpha1.SweepStatus) { s.Message, s.Retries = "no answer in time", 1 }

// failing says that it was the last of so many sweeps that failed, and that it took so many seconds.
func failing(times int32, seconds int32) func(*v1alpha1.SweepStatus) {
	return func(s *v1alpha1.SweepStatus) {
		s.Message, s.Retries, s.DurationSeconds = "no answer in time", times, seconds
	}
}

// asked says what annotations asked for.
func asked(request string) func(*v1alpha1.SweepStatus) {
	return func(s *v1alpha1.SweepStatus) { s.Request = request }
}

func every(seconds int32) func(*v1alpha1.ScanTrigger) {
	return func(trigger *v1alpha1.ScanTrigger) { *trigger.Spec.SweepIntervalSeconds = seconds }
}

func problem(reason string) func(*v1alpha1.SweepStatus) {
	return func(s *v1alpha1.SweepStatus) {
		s.Problems = append(s.Problems, v1alpha1.SweepProblem{Repository: "payments", Reason: reason})
	}
}

func annotated(name, value string) func(*v1alpha1.ScanTrigger) {
	return func(trigger *v1alpha1.ScanTrigger) { trigger.Annotations[name] = value }
}

func TestDemandOf(t *testing.T) {
	const sweep, replay = v1alpha1.AnnotationSweep, v1alpha1.AnnotationReplaySince
	for name, test := range map[string]struct {
		trigger *v1alpha1.ScanTrigger
		seconds int
		due     bool
		next    string
	}{
		"a new trigger sweeps at once":                             {sweeping(), 0, true, "12:00:00"},
		"the next sweep is due after the interval":                 {sweeping(swept(60)), 659, false, "12:11:00"},
		"and then it is due":                                       {sweeping(swept(60)), 660, true, "12:11:00"},
		"after a downtime it is due at once":                       {sweeping(swept(60)), 7200, true, "12:11:00"},
		"a suspended trigger does not sweep":                       {sweeping(swept(60), func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Suspend = true }), 7200, false, "never"},
		"nor where the interval is 0":                              {sweeping(swept(60), func(trigger *v1alpha1.ScanTrigger) { *trigger.Spec.SweepIntervalSeconds = 0 }), 7200, false, "never"},
		"an annotation asks for one now":                           {sweeping(swept(60), annotated(sweep, "please")), 70, true, "12:11:00"},
		"also where the interval is 0":                             {sweeping(annotated(sweep, "please"), func(trigger *v1alpha1.ScanTrigger) { *trigger.Spec.SweepIntervalSeconds = 0 }), 0, true, "never"},
		"but only once for each value":                             {sweeping(swept(60), annotated(sweep, "please"), func(trigger *v1alpha1.ScanTrigger) { trigger.Status.LastHandledSweep = "please" }), 70, false, "12:11:00"},
		"and not while the trigger is suspended":                   {sweeping(annotated(sweep, "please"), func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Suspend = true }), 70, false, "never"},
		"a replay is a sweep":                                      {sweeping(swept(60), annotated(replay, "2026-11-09T09:00:00Z")), 70, true, "12:11:00"},
		"but only once for each value of its own":                  {sweeping(swept(60), annotated(replay, "2026-11-09T09:00:00Z"), replayed("2026-11-09T09:00:00Z")), 70, false, "12:11:00"},
		"a replay since no time is none":                           {sweeping(swept(60), annotated(replay, "yesterday")), 70, false, "12:11:00"},
		"a sweep that AWS did not answer is tried again soon":      {sweeping(swept(60, failedSweep)), 100, false, "12:03:00"},
		"and then it is due again":                                 {sweeping(swept(60, failedSweep)), 180, true, "12:03:00"},
		"what it was asked for is not tried before that":           {sweeping(swept(60, failedSweep, asked("please")), annotated(sweep, "please")), 100, false, "12:03:00"},
		"but something else is":                                    {sweeping(swept(60, failedSweep, asked("please")), annotated(sweep, "now")), 100, true, "12:03:00"},
		"and so is a trigger that chooses otherwise":               {sweeping(swept(60, failing(9, 0)), every(86400), func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"infra"} }), 100, true, "12:01:00"},
		"and one that is resumed":                                  {sweeping(swept(60, failing(9, 0), func(s *v1alpha1.SweepStatus) { s.Paused = true }), every(86400)), 100, true, "12:01:00"},
		"the time until then counts from its end":                  {sweeping(swept(60, failing(1, 300))), 300, false, "12:08:00"},
		"the second time it takes twice as long":                   {sweeping(swept(60, failing(2, 0))), 180, false, "12:05:00"},
		"but no longer than the interval":                          {sweeping(swept(60, failing(9, 0))), 180, false, "12:11:00"},
		"nor sooner than that where it is short":                   {sweeping(swept(60, failing(1, 0)), every(30)), 70, false, "12:01:30"},
		"one that was asked for backs off without an interval":     {sweeping(swept(60, failing(3, 0), asked("please")), every(0), annotated(sweep, "please")), 300, false, "12:09:00"},
		"and is tried again then":                                  {sweeping(swept(60, failing(3, 0), asked("please")), every(0), annotated(sweep, "please")), 540, true, "never"},
		"and for ten minutes at most":                              {sweeping(swept(60, failing(1000, 0), asked("please")), every(0), annotated(sweep, "please")), 300, false, "12:11:00"},
		"a repository that AWS did not answer for is tried again":  {sweeping(swept(60, func(s *v1alpha1.SweepStatus) { s.Retries = 1 })), 180, true, "12:03:00"},
		"a trigger that is resumed sweeps at once":                 {sweeping(swept(60, func(s *v1alpha1.SweepStatus) { s.Paused = true })), 70, true, "12:01:00"},
		"one that may not be read waits for the next sweep":        {sweeping(swept(60, problem(v1alpha1.ReasonAccessDenied))), 180, false, "12:11:00"},
		"a trigger that chooses otherwise than before sweeps anew": {sweeping(swept(60), func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"infra"} }), 70, true, "12:01:00"},
		"one whose template changed does not":                      {sweeping(swept(60), func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Template.Spec.Priority = 7 }), 70, false, "12:11:00"},
		"a sweep longer than the interval is followed by a pause":  {sweeping(swept(60, func(s *v1alpha1.SweepStatus) { s.DurationSeconds = 900 })), 970, false, "12:17:00"},
		"sweeps of another trigger come a little earlier":          {sweeping(func(trigger *v1alpha1.ScanTrigger) { trigger.UID = uidWith(0.5, 0.5001) }, swept(60)), 600, false, "12:10:30"},
	} {
		t.Run(name, func(t *testing.T) {
			got := demandOf(test.trigger, awsclient.Scope{}, noon.Add(time.Duration(test.seconds)*time.Second))
			next := "never"
			if !got.next.IsZero() {
				next = got.next.Round(time.Second).Format(time.TimeOnly)
			}
			if got.due != test.due || next != test.next {
				t.Errorf("due %v, next %s; want %v, %s", got.due, next, test.due, test.next)
			}
		})
	}
}

func replayed(since string) func(*v1alpha1.ScanTrigger) {
	return func(trigger *v1alpha1.ScanTrigger) { trigger.Status.Replay = &v1alpha1.ReplayStatus{Since: since} }
}

func TestATriggerWhoseRepositoriesAreElsewhereNowSweepsAnew(t *testing.T) {
	trigger := sweeping(swept(60))
	for scope, due := range map[awsclient.Scope]bool{
		{}:                    false,
		{Region: "eu-west-1"}: true,
		{RoleARN: "arn:aws:iam::111122223333:role/scans"}: true,
	} {
		if got := demandOf(trigger, scope, noon.Add(2*time.Minute)); got.due != due {
			t.Errorf("%+v: due %v, want %v", scope, got.due, due)
		}
	}
}

func TestDemandTellsWhatItIsFor(t *testing.T) {
	got := demandOf(sweeping(annotated(v1alpha1.AnnotationSweep, "please"), annotated(v1alpha1.AnnotationReplaySince, "2026-11-09T10:00:00+01:00")), awsclient.Scope{}, noon)
	if got.request != "please" || got.replay != "2026-11-09T10:00:00+01:00" || !got.since.Equal(noon.Add(-3*time.Hour)) || got.invalid != nil {
		t.Errorf("%+v", got)
	}
	if got := demandOf(sweeping(annotated(v1alpha1.AnnotationReplaySince, "yesterday")), awsclient.Scope{}, noon); got.invalid == nil {
		t.Error("a replay since yesterday is valid")
	}
}

func TestSweptUntil(t *testing.T) {
	since := metav1.NewTime(noon.Add(-time.Hour))
	behind := func(at *metav1.Time) func(*v1alpha1.SweepStatus) {
		return func(s *v1alpha1.SweepStatus) {
			s.Problems = []v1alpha1.SweepProblem{{Repository: "payments", Since: at}}
		}
	}
	for name, test := range map[string]struct {
		trigger *v1alpha1.ScanTrigger
		want    time.Time
	}{
		"no sweep":                            {sweeping(), time.Time{}},
		"a sweep that did not get through":    {sweeping(swept(600, failedSweep)), time.Time{}},
		"the start of the sweep, less a bit":  {sweeping(swept(600)), noon.Add(8 * time.Minute)},
		"a repository that was left out":      {sweeping(swept(600, behind(&since))), noon.Add(-time.Hour - 2*time.Minute)},
		"a repository that never was reached": {sweeping(swept(600, behind(nil))), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sweptUntil(&test.trigger.Status, "payments"); !got.Equal(test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
	if got := sweptUntil(&sweeping(swept(600, behind(&since))).Status, "infra"); !got.Equal(noon.Add(8 * time.Minute)) {
		t.Errorf("the other repository: %v", got)
	}
}
