package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is what one run of a program cost.
type sample struct {
	// Wall and CPU are seconds; CPU is user and system time of the program and of what it started and waited for.
	Wall, CPU float64
	// Peak is the largest resident set in MB of 10^6 bytes, of the program itself.
	Peak float64
	// Output is what it wrote to its standard output.
	Output []byte `json:"-"`
}

// command is a program as it is run in a benchmark.
type command struct {
	name      string
	arguments []string
	folder    string
	variables []string
	// codes are the exit codes besides 0 that count as done, such as the one for findings.
	codes []int
}

// runOnce runs the program.
func runOnce(ctx context.Context, c command) (sample, error) {
	process := exec.CommandContext(ctx, c.name, c.arguments...)
	process.Dir = c.folder
	if c.variables != nil {
		process.Env = append(os.Environ(), c.variables...)
	}
	var stdout, stderr bytes.Buffer
	process.Stdout, process.Stderr = &stdout, &stderr
	begin := time.Now()
	err := process.Run()
	wall := time.Since(begin)
	var exit *exec.ExitError
	if errors.As(err, &exit) && slices.Contains(c.codes, exit.ExitCode()) {
		err = nil
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s %s: %w\n%s", c.name, strings.Join(c.arguments, " "), err, tail(stderr.String()))
	}
	result := sample{Wall: wall.Seconds(), Output: stdout.Bytes()}
	state := process.ProcessState
	result.CPU = (state.UserTime() + state.SystemTime()).Seconds()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		result.Peak = float64(usage.Maxrss) / 1e6
		if runtime.GOOS == "linux" {
			result.Peak *= 1024 // there it is in KiB, see getrusage(2)
		}
	}
	return result, nil
}

// run runs the program several times and returns the median of each figure. The first run warms the caches and does not
// count where there are more.
func run(ctx context.Context, runs int, c command) (sample, error) {
	var all []sample
	for i := range runs + 1 {
		one, err := runOnce(ctx, c)
		if err != nil {
			return sample{}, err
		}
		if i > 0 || runs == 0 {
			all = append(all, one)
		}
	}
	return sample{
		Wall:   median(all, func(s sample) float64 { return s.Wall }),
		CPU:    median(all, func(s sample) float64 { return s.CPU }),
		Peak:   median(all, func(s sample) float64 { return s.Peak }),
		Output: all[len(all)-1].Output,
	}, nil
}

func median(all []sample, of func(sample) float64) float64 {
	values := make([]float64, 0, len(all))
	for _, s := range all {
		values = append(values, of(s))
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

func tail(text string) string {
	const most = 2000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}
