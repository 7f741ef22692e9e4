package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// faultHelp lists the faults of the command line.
const faultHelp = "no-capacity=FARGATE_SPOT (a provider or *), missing=TIMES, drop-events=SHARE, duplicate-events=COPIES, " +
	"repeat-messages=TIMES, throttle=ecs:RunTask:TIMES, lose-answer=ecs:RunTask:TIMES"

// faultFlags are the faults asked for on the command line.
type faultFlags struct {
	texts  []string
	faults []func(*awslocal.Faults)
}

// String is the flag's text.
func (f *faultFlags) String() string { return strings.Join(f.texts, ",") }

// Set reads one fault.
func (f *faultFlags) Set(text string) error {
	fault, err := parseFault(text)
	if err != nil {
		return err
	}
	f.texts, f.faults = append(f.texts, text), append(f.faults, fault)
	return nil
}

func (f *faultFlags) apply(faults *awslocal.Faults) {
	for _, fault := range f.faults {
		fault(faults)
	}
}

func parseFault(text string) (func(*awslocal.Faults), error) {
	name, value, _ := strings.Cut(text, "=")
	switch name {
	case "no-capacity":
		if value == "" {
			return nil, fmt.Errorf("no-capacity needs a capacity provider, such as no-capacity=FARGATE_SPOT")
		}
		return func(f *awslocal.Faults) { f.NoCapacity(value, awslocal.Forever) }, nil
	case "drop-events":
		share, err := strconv.ParseFloat(value, 64)
		if err != nil || share < 0 || share > 1 {
			return nil, fmt.Errorf("drop-events needs a share between 0 and 1, not %q", value)
		}
		return func(f *awslocal.Faults) { f.DropFraction(share) }, nil
	case "throttle", "lose-answer":
		return parseCallFault(name, value)
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%s needs a number of times: %s", name, faultHelp)
	}
	switch name {
	case "missing":
		return func(f *awslocal.Faults) { f.Missing(n) }, nil
	case "duplicate-events":
		return func(f *awslocal.Faults) { f.DuplicateEvents(n) }, nil
	case "repeat-messages":
		return func(f *awslocal.Faults) { f.RepeatMessages(n) }, nil
	}
	return nil, fmt.Errorf("unknown fault %q: %s", name, faultHelp)
}

// parseCallFault reads service:operation:times.
func parseCallFault(name, value string) (func(*awslocal.Faults), error) {
	parts := strings.Split(value, ":")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%s needs service:operation:times, such as ecs:RunTask:3", name)
	}
	times, err := strconv.Atoi(parts[2])
	if err != nil {
		return nil, fmt.Errorf("%s: %q is not a number of times", name, parts[2])
	}
	if name == "throttle" {
		return func(f *awslocal.Faults) { f.Fail(parts[0], parts[1], times, awslocal.Throttled()) }, nil
	}
	return func(f *awslocal.Faults) { f.LoseAnswer(parts[0], parts[1], times) }, nil
}
