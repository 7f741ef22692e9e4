package scanjob

import (
	"fmt"
	"math"
	"testing"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestBackoffDoublesUpToItsMaximumAndSpreadsByAFifth(t *testing.T) {
	backoff := DefaultBackoff()
	for _, row := range []struct {
		class scanv1.FailureClass
		n     int32
		wait  time.Duration
	}{
		{scanv1.ClassScan, 1, 10 * time.Second},
		{scanv1.ClassScan, 2, 20 * time.Second},
		{scanv1.ClassScan, 3, 40 * time.Second},
		{scanv1.ClassScan, 6, 320 * time.Second},
		{scanv1.ClassScan, 7, 6 * time.Minute},
		{scanv1.ClassScan, 11, 6 * time.Minute},
		{scanv1.ClassInfrastructure, 1, 30 * time.Second},
		{scanv1.ClassInfrastructure, 2, time.Minute},
		{scanv1.ClassInfrastructure, 5, 8 * time.Minute},
		{scanv1.ClassInfrastructure, 6, 10 * time.Minute},
		{scanv1.ClassInfrastructure, 21, 10 * time.Minute},
		{scanv1.ClassInfrastructure, math.MaxInt32, 10 * time.Minute},
	} {
		t.Run(fmt.Sprintf("wait %d of class %s", row.n, row.class), func(t *testing.T) {
			shortest, longest := time.Duration(math.MaxInt64), time.Duration(0)
			for i := range 1000 {
				got := backoff.after(row.class, row.n, fmt.Sprintf("%s-%d", testUID, i))
				shortest, longest = min(shortest, got), max(longest, got)
			}
			if shortest < row.wait || longest >= row.wait+row.wait/5 {
				t.Errorf("waits from %s to %s, want from %s to less than %s", shortest, longest, row.wait, row.wait+row.wait/5)
			}
			// Jobs that failed together must not return together.
			if spread := longest - shortest; spread < row.wait/6 {
				t.Errorf("1,000 jobs return within %s of each other", spread)
			}
		})
	}
}

func TestBackoffIsTheSameWhoeverAsks(t *testing.T) {
	for n := range int32(8) {
		first, again := DefaultBackoff().after(scanv1.ClassScan, n, testUID), DefaultBackoff().after(scanv1.ClassScan, n, testUID)
		if first != again {
			t.Errorf("wait %d is %s and %s", n, first, again)
		}
	}
}
