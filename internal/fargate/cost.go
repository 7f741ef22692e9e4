package fargate

import (
	"strconv"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Fargate's On-Demand list prices in us-east-1, Linux, US dollars (https://aws.amazon.com/fargate/pricing/).
const (
	usdPerVCPUSecondAMD64 = 0.000011244
	usdPerGBSecondAMD64   = 0.000001235
	usdPerVCPUSecondARM64 = 0.0000089944
	usdPerGBSecondARM64   = 0.0000009889
)

// minimumBilled is Fargate's least billed duration of a task.
const minimumBilled = time.Minute

// Billed returns how long Fargate bills a task for: from the start of its image pull to its stop, at least a minute; 0 for
// a task that never pulled.
func Billed(pullStarted, stopped time.Time) time.Duration {
	if pullStarted.IsZero() || stopped.Before(pullStarted) {
		return 0
	}
	return max(stopped.Sub(pullStarted), minimumBilled)
}

// AddCost returns the sum of cost (nil counts as nothing) and what a task of that size costs for that time. cpu is in units
// of 1/1024 vCPU and memory in MiB, as ECS writes them; a size that cannot be read costs nothing.
func AddCost(cost *scanv1.Cost, cpu, memory string, architecture scanv1.Architecture, billed time.Duration) *scanv1.Cost {
	units, err := strconv.ParseFloat(cpu, 64)
	if err != nil {
		return cost
	}
	mebibytes, err := strconv.ParseFloat(memory, 64)
	if err != nil {
		return cost
	}
	sum := scanv1.Cost{}
	usd := 0.0
	if cost != nil {
		sum = *cost
		// What this function wrote is always a number.
		usd, _ = strconv.ParseFloat(cost.EstimatedUSD, 64)
	}
	vcpuSeconds := units / 1024 * billed.Seconds()
	gbSeconds := mebibytes / 1024 * billed.Seconds()
	perVCPU, perGB := usdPerVCPUSecondAMD64, usdPerGBSecondAMD64
	if architecture == scanv1.ArchitectureARM64 {
		perVCPU, perGB = usdPerVCPUSecondARM64, usdPerGBSecondARM64
	}
	sum.VCPUSeconds += int64(vcpuSeconds + 0.5)
	sum.MemoryGBSeconds += int64(gbSeconds + 0.5)
	sum.EstimatedUSD = strconv.FormatFloat(usd+vcpuSeconds*perVCPU+gbSeconds*perGB, 'f', 6, 64)
	return &sum
}
