package inbox

import (
	"testing"
	"time"
)

func TestAReceiveThatWasNotFullIsFollowedByAPause(t *testing.T) {
	for _, row := range []struct {
		name     string
		received int
		since    time.Duration
		want     time.Duration
	}{
		{"full", 10, 100 * time.Millisecond, 75 * time.Millisecond},
		{"full after a silence", 10, time.Hour, mostGathering * 3 / 4},
		{"nothing came in all the time that a receive waits", 0, 20 * time.Second, 0},
		{"as many come as fill it in 100 ms", 5, 50 * time.Millisecond, 100 * time.Millisecond},
		{"the first after a silence", 1, time.Hour, mostGathering},
		{"the first of all", 1, time.Duration(1<<63 - 1), mostGathering},
	} {
		if got := gather(row.received, row.since); got != row.want {
			t.Errorf("%s: %d messages after %s are followed by a pause of %s, want %s", row.name, row.received, row.since, got, row.want)
		}
	}
}
