package triggers

import (
	"testing"
	"time"
)

func TestStandingOf(t *testing.T) {
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }
	push := Change{Commit: commitA, Happened: at(5)}
	for name, test := range map[string]struct {
		head Head
		want Standing
	}{
		"it brought the head":                                 {Head{Open: true, Commit: commitA, LastActivity: at(5.3)}, StandingCurrent},
		"it brought the head, and people have talked since":   {Head{Open: true, Commit: commitA, LastActivity: at(500)}, StandingCurrent},
		"there is a later head":                               {Head{Open: true, Commit: commitB, LastActivity: at(9)}, StandingStale},
		"there is another head of the same second":            {Head{Open: true, Commit: commitB, LastActivity: at(5.9)}, StandingStale},
		"the host does not know of it yet":                    {Head{Open: true, Commit: commitB, LastActivity: at(4.9)}, StandingAhead},
		"the pull request is closed with it as its head":      {Head{Open: false, Commit: commitA, LastActivity: at(9)}, StandingClosed},
		"the pull request is closed with another as its head": {Head{Open: false, Commit: commitB, LastActivity: at(9)}, StandingClosed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := StandingOf(push, test.head); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
