package leader

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
	testclock "k8s.io/utils/clock/testing"
)

// lock is a Lease in a cluster whose answers take a while, or do not come.
type lock struct {
	resourcelock.Interface
	clock *testclock.FakeClock
	takes time.Duration
	err   error
}

func (l *lock) Identity() string { return "me" }

func (l *lock) Update(context.Context, resourcelock.LeaderElectionRecord) error {
	l.clock.Step(l.takes)
	return l.err
}

func TestLeaseIsHeldAsLongAsNobodyElseCanTakeIt(t *testing.T) {
	mine, nobodys := resourcelock.LeaderElectionRecord{HolderIdentity: "me"}, resourcelock.LeaderElectionRecord{}
	tests := map[string]struct {
		writes []resourcelock.LeaderElectionRecord
		takes  time.Duration
		err    error
		later  time.Duration
		want   bool
	}{
		"before it was taken it is not":        {want: false},
		"just taken":                           {writes: []resourcelock.LeaderElectionRecord{mine}, want: true},
		"shortly before its end":               {writes: []resourcelock.LeaderElectionRecord{mine}, later: 14 * time.Second, want: true},
		"at its end it is not":                 {writes: []resourcelock.LeaderElectionRecord{mine}, later: 15 * time.Second, want: false},
		"counted from the begin of the write":  {writes: []resourcelock.LeaderElectionRecord{mine}, takes: 5 * time.Second, later: 10 * time.Second, want: false},
		"a write that failed does not take it": {writes: []resourcelock.LeaderElectionRecord{mine}, err: errors.New("timeout"), want: false},
		"given back it is not":                 {writes: []resourcelock.LeaderElectionRecord{mine, nobodys}, want: false},
		"renewed it is held from then on":      {writes: []resourcelock.LeaderElectionRecord{mine, mine}, takes: 10 * time.Second, later: 4 * time.Second, want: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now := testclock.NewFakeClock(time.Unix(1_790_000_000, 0))
			lease := &Lease{Interface: &lock{clock: now, takes: test.takes, err: test.err}, duration: Duration, clock: now}
			for _, record := range test.writes {
				if err := lease.Update(t.Context(), record); !errors.Is(err, test.err) {
					t.Fatal(err)
				}
			}
			now.Step(test.later)
			if got := lease.Held(); got != test.want {
				t.Errorf("held: %t, want %t", got, test.want)
			}
		})
	}
}
