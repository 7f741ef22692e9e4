package inbox

import (
	"errors"
	"testing"
	"time"
)

func TestFaultIsToldOnceItLasted(t *testing.T) {
	denied, gone := errors.New("denied"), errors.New("gone")
	// Each step is so long after the one before it. worked is a success, everything else a failure.
	type step struct {
		after  time.Duration
		action string
		err    error
		news   bool
	}
	tests := map[string]struct {
		steps  []step
		action string
		err    error
	}{
		"nothing failed":             {nil, "", nil},
		"one failure is not told":    {[]step{{0, actionReceive, denied, false}}, "", nil},
		"nor is what is over sooner": {[]step{{0, actionReceive, denied, false}, {30 * time.Second, actionReceive, nil, false}, {31 * time.Second, actionReceive, denied, false}}, "", nil},
		"after a minute it is, with its newest error": {
			[]step{{0, actionReceive, denied, false}, {time.Minute, actionReceive, gone, true}, {time.Second, actionReceive, gone, false}}, actionReceive, gone,
		},
		"its end is news": {
			[]step{{0, actionReceive, denied, false}, {time.Minute, actionReceive, denied, true}, {time.Second, actionReceive, nil, true}, {time.Second, actionReceive, nil, false}}, "", nil,
		},
		"a receive that works does not make up for a delete that fails": {
			[]step{{0, actionDelete, denied, false}, {time.Minute, actionReceive, nil, false}, {0, actionDelete, denied, true}, {0, actionReceive, nil, false}}, actionDelete, denied,
		},
		"of two, the older one is told": {
			[]step{{0, actionDelete, gone, false}, {time.Second, actionReceive, denied, false}, {time.Minute, actionReceive, denied, true}, {0, actionDelete, gone, true}}, actionDelete, gone,
		},
		"two failures far apart are two faults": {[]step{{0, actionDelete, denied, false}, {time.Hour, actionDelete, denied, false}}, "", nil},
		"what was not tried for long is forgotten": {
			[]step{{0, actionDelete, denied, false}, {time.Minute, actionDelete, denied, true}, {11 * time.Minute, actionReceive, nil, false}}, "", nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var f faults
			now := time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC)
			for i, s := range test.steps {
				now = now.Add(s.after)
				news := false
				if s.err == nil {
					news = f.worked(s.action)
				} else {
					news = f.failed(s.action, s.err, now)
				}
				if news != s.news {
					t.Errorf("step %d is news: %v, want %v", i, news, s.news)
				}
			}
			got := f.health("url", now)
			if !errors.Is(got.Err, test.err) || got.Action != test.action || got.QueueURL != "url" || got.Since.IsZero() != (test.err == nil) {
				t.Errorf("health = %+v, want %s, %v", got, test.action, test.err)
			}
		})
	}
}
