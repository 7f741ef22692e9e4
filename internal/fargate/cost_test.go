package fargate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func TestBilledTime(t *testing.T) {
	pulled := time.Date(2026, 11, 9, 10, 15, 30, 0, time.UTC)
	for _, row := range []struct {
		name            string
		pulled, stopped time.Time
		want            time.Duration
	}{
		{"a task that never pulled costs nothing", time.Time{}, pulled, 0},
		{"a task that has not stopped is not billed yet", pulled, time.Time{}, 0},
		{"a task that pulled and stopped at once is billed a minute", pulled, pulled, time.Minute},
		{"a second is billed as a minute", pulled, pulled.Add(time.Second), time.Minute},
		{"59 seconds are billed as a minute", pulled, pulled.Add(59 * time.Second), time.Minute},
		{"a minute is a minute", pulled, pulled.Add(time.Minute), time.Minute},
		{"from then on each second counts", pulled, pulled.Add(61 * time.Second), 61 * time.Second},
		{"an hour is an hour", pulled, pulled.Add(time.Hour), time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := fargate.Billed(row.pulled, row.stopped); got != row.want {
				t.Errorf("billed %s, want %s", got, row.want)
			}
		})
	}
}

// The prices an hour are those of the price list: in us-east-1, x86 $0.04048 a vCPU and $0.004445 a GB, and for ARM a
// fifth less.
func TestCostOfOneTask(t *testing.T) {
	for _, row := range []struct {
		name         string
		cpu, memory  string
		architecture scanv1.Architecture
		billed       time.Duration
		want         *scanv1.Cost
	}{
		{"an hour of one vCPU and 2 GB on x86 costs 0.04048 + 2 x 0.004445", "1024", "2048", scanv1.ArchitectureAMD64, time.Hour,
			&scanv1.Cost{VCPUSeconds: 3600, MemoryGBSeconds: 7200, EstimatedUSD: "0.049370"}},
		{"the same on ARM", "1024", "2048", scanv1.ArchitectureARM64, time.Hour,
			&scanv1.Cost{VCPUSeconds: 3600, MemoryGBSeconds: 7200, EstimatedUSD: "0.039500"}},
		{"a minute of the smallest size", "256", "512", scanv1.ArchitectureARM64, time.Minute,
			&scanv1.Cost{VCPUSeconds: 15, MemoryGBSeconds: 30, EstimatedUSD: "0.000165"}},
		{"an hour of the largest size", "16384", "122880", scanv1.ArchitectureAMD64, time.Hour,
			&scanv1.Cost{VCPUSeconds: 57600, MemoryGBSeconds: 432000, EstimatedUSD: "1.181174"}},
		{"an architecture that is not known costs as x86 does", "1024", "2048", "", time.Hour,
			&scanv1.Cost{VCPUSeconds: 3600, MemoryGBSeconds: 7200, EstimatedUSD: "0.049370"}},
		{"a size that cannot be read costs nothing", "one", "2048", scanv1.ArchitectureAMD64, time.Hour, nil},
		{"a memory that cannot be read costs nothing", "1024", "", scanv1.ArchitectureAMD64, time.Hour, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := fargate.AddCost(nil, row.cpu, row.memory, row.architecture, row.billed)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("the cost differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCostsOfAttemptsAddUpAndNoEarlierSumIsChanged(t *testing.T) {
	first := fargate.AddCost(nil, "1024", "2048", scanv1.ArchitectureAMD64, time.Hour)
	both := fargate.AddCost(first, "1024", "2048", scanv1.ArchitectureAMD64, time.Hour)
	unread := fargate.AddCost(both, "", "", scanv1.ArchitectureAMD64, time.Hour)
	if diff := cmp.Diff(&scanv1.Cost{VCPUSeconds: 3600, MemoryGBSeconds: 7200, EstimatedUSD: "0.049370"}, first); diff != "" {
		t.Errorf("the first sum has changed:\n%s", diff)
	}
	want := &scanv1.Cost{VCPUSeconds: 7200, MemoryGBSeconds: 14400, EstimatedUSD: "0.098740"}
	if diff := cmp.Diff(want, both); diff != "" {
		t.Errorf("the sum differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, unread); diff != "" {
		t.Errorf("a size that cannot be read has changed the sum:\n%s", diff)
	}
}
