package awslocal

import (
	"strconv"
	"strings"
)

// taskSize is a valid combination of Fargate.
type taskSize struct {
	cpuUnits  int
	memoryMiB int
}

func (s taskSize) vcpu() float64 { return float64(s.cpuUnits) / 1024 }

// memoryRange is the memory that goes with an amount of CPU, in MiB.
type memoryRange struct{ lowest, highest, step int }

// memoryFor is the table of valid Fargate sizes on the page "Task CPU and memory" of the Amazon ECS developer guide.
func memoryFor(cpuUnits int) (memoryRange, bool) {
	switch cpuUnits {
	case 256:
		return memoryRange{512, 2048, 512}, true
	case 512:
		return memoryRange{1024, 4096, 1024}, true
	case 1024:
		return memoryRange{2048, 8192, 1024}, true
	case 2048:
		return memoryRange{4096, 16384, 1024}, true
	case 4096:
		return memoryRange{8192, 30720, 1024}, true
	case 8192:
		return memoryRange{16384, 61440, 4096}, true
	case 16384:
		return memoryRange{32768, 122880, 8192}, true
	}
	return memoryRange{}, false
}

// fargateSize reads cpu ("1024", "1 vCPU") and memory ("2048", "2GB") and refuses pairs that Fargate does not have.
func fargateSize(cpu, memory, code string) (taskSize, *Error) {
	units, okCPU := parseSize(cpu, "vcpu")
	mib, okMemory := parseSize(memory, "gb")
	limits, known := memoryFor(units)
	valid := okCPU && okMemory && known && mib >= limits.lowest && mib <= limits.highest && (mib-limits.lowest)%limits.step == 0
	if units == 256 && mib == 1536 {
		valid = false
	}
	if !valid {
		return taskSize{}, refuse(code, "No Fargate configuration exists for given values: %s CPU, %s memory. See the Amazon ECS documentation for the valid values.", cpu, memory)
	}
	return taskSize{cpuUnits: units, memoryMiB: mib}, nil
}

// parseSize reads a plain number, or a number of the larger unit, which holds 1024 of the smaller.
func parseSize(text, unit string) (int, bool) {
	lower := strings.ToLower(strings.TrimSpace(text))
	if number, ok := strings.CutSuffix(lower, unit); ok {
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		return int(value * 1024), err == nil
	}
	value, err := strconv.Atoi(lower)
	return value, err == nil
}

// validEphemeralStorage says whether a size can be asked for, in GiB; tasks that ask for none get 20.
func validEphemeralStorage(gib int) bool { return gib >= 21 && gib <= 200 }
