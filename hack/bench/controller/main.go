// Command controller measures the operator beside a real API server and the local AWS, with tasks that only sleep. It fails
// when a figure leaves the range that hack/bench/ranges.yaml has for it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sigs.k8s.io/yaml"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/go-logr/logr"
)

// figure is one measured value.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"`
	Out   bool    `json:"outOfRange,omitempty"`
}

// bound is a row of ranges.yaml.
type bound struct {
	Figure      string   `json:"figure"`
	Least       *float64 `json:"least,omitempty"`
	Most        *float64 `json:"most,omitempty"`
	Calibration string   `json:"calibration"`
}

func main() {
	size := flag.Float64("size", 1, "the part of each scenario's full size that is run; ranges hold for 1")
	only := flag.String("only", "", "the scenarios to run, by commas: burst, latency, pace, throughput, yardstick, steady, fairness, restart (default: all)")
	ranges := flag.String("ranges", "hack/bench/ranges.yaml", "the file of the ranges")
	profiles := flag.String("profiles", "", "a folder for profiles: of the processors in latency and throughput, of the heap in restart")
	output := flag.String("json", "", "a file for the figures")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	if err := run(ctrl.SetupSignalHandler(), options{*size, *profiles}, *only, *ranges, *output); err != nil {
		fmt.Fprintln(os.Stderr, "bench-controller:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, only, ranges, output string) error {
	text, err := os.ReadFile(ranges)
	if err != nil {
		return err
	}
	var bounds []bound
	if err := yaml.UnmarshalStrict(text, &bounds); err != nil {
		return fmt.Errorf("%s: %w", ranges, err)
	}
	var figures []figure
	var failed []error
	for _, s := range scenarios() {
		if only != "" && !slices.Contains(strings.Split(only, ","), s.name) {
			continue
		}
		began := time.Now()
		measured, err := s.measure(ctx, o)
		if err != nil {
			// The other figures have taken minutes, too, and are worth something without this one.
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
		}
		fmt.Fprintf(os.Stderr, "%s took %s\n", s.name, time.Since(began).Round(time.Second))
		for name, value := range measured {
			figures = append(figures, judged(figure{Name: s.name + "." + name, Value: value}, bounds))
		}
	}
	slices.SortFunc(figures, func(a, b figure) int { return strings.Compare(a.Name, b.Name) })
	failed = append(failed, report(figures, o.size, output))
	if o.size == 1 && slices.ContainsFunc(figures, func(f figure) bool { return f.Out }) {
		failed = append(failed, errors.New("a figure is out of its range"))
	}
	return errors.Join(failed...)
}

// judged compares a figure with its range.
func judged(f figure, bounds []bound) figure {
	for _, b := range bounds {
		if b.Figure != f.Name {
			continue
		}
		if b.Least != nil {
			f.Range, f.Out = fmt.Sprintf(">= %g", *b.Least), f.Out || f.Value < *b.Least
		}
		if b.Most != nil {
			f.Range, f.Out = strings.TrimSpace(f.Range+fmt.Sprintf(" <= %g", *b.Most)), f.Out || f.Value > *b.Most
		}
	}
	return f
}

func report(figures []figure, size float64, output string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tVALUE\tRANGE\t")
	for _, f := range figures {
		mark := ""
		if f.Out {
			mark = "OUT"
		}
		fmt.Fprintf(table, "%s\t%.3f\t%s\t%s\n", f.Name, f.Value, f.Range, mark)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	found := machine()
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Printf("%s: %v\n", name, found[name])
	}
	if output == "" {
		return nil
	}
	document, err := json.MarshalIndent(map[string]any{"size": size, "machine": found, "figures": figures}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(output, append(document, '\n'), 0o644)
}

// machine says what the figures are from.
func machine() map[string]any {
	found := map[string]any{"os": runtime.GOOS, "arch": runtime.GOARCH, "cores": runtime.NumCPU(), "go": runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				found["cpu"] = strings.TrimSpace(model)
				break
			}
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			switch dependency.Path {
			case "k8s.io/client-go", "sigs.k8s.io/controller-runtime", "github.com/aws/aws-sdk-go-v2":
				found[dependency.Path] = dependency.Version
			}
		}
	}
	return found
}
