// Command scanner measures our scanner side by side with others, in one run on one machine: see docs/benchmarks.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type bench struct {
	root, work string
	programs   programs
	runs       int
	seeds      []uint64
	results    []figure
	costs      []cost
}

// cost is what one program took for one thing, as it goes into the JSON document.
type cost struct {
	Name string  `json:"name"`
	Wall float64 `json:"wallSeconds"`
	CPU  float64 `json:"cpuSeconds"`
	Peak float64 `json:"peakMB"`
}

// document is the whole outcome.
type document struct {
	Time     time.Time         `json:"time"`
	Machine  map[string]string `json:"machine"`
	Versions map[string]string `json:"versions"`
	Runs     int               `json:"runs"`
	Seeds    []uint64          `json:"seeds"`
	Figures  []figure          `json:"figures"`
	Costs    []cost            `json:"costs"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := execute(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-scanner:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func execute(ctx context.Context) error {
	root := flag.String("root", ".", "the root of the checkout")
	only := flag.String("only", "tree,history,pull,start,accuracy", "what to measure")
	runs := flag.Int("runs", 5, "runs whose median counts, after one that warms up; 0 is a single cold run")
	seeds := flag.String("seeds", "1,2,3", "seeds of the planted corpora")
	output := flag.String("output", "", "file for the JSON document; bin/bench/result.json by default")
	flag.Parse()
	absolute, err := filepath.Abs(*root)
	if err != nil {
		return err
	}
	b := &bench{root: absolute, work: filepath.Join(absolute, "bin", "bench"), runs: *runs}
	if err := os.MkdirAll(filepath.Join(b.work, "work"), 0o755); err != nil {
		return err
	}
	// What is made there is no part of this module, though some of it is Go.
	if err := os.WriteFile(filepath.Join(b.work, "go.mod"), []byte("module bench\n"), 0o600); err != nil {
		return err
	}
	if b.programs, err = findPrograms(filepath.Join(absolute, "bin")); err != nil {
		return err
	}
	for text := range strings.SplitSeq(*seeds, ",") {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("--seeds: %w", err)
		}
		b.seeds = append(b.seeds, seed)
	}
	if err := b.all(ctx, strings.Split(*only, ",")); err != nil {
		return err
	}
	fmt.Println()
	if err := printTable(os.Stdout, b.results); err != nil {
		return err
	}
	if *output == "" {
		*output = filepath.Join(b.work, "result.json")
	}
	if err := b.write(ctx, *output); err != nil {
		return err
	}
	if failed := slices.ContainsFunc(b.results, func(f figure) bool { return f.Missing == "" && !f.passes() }); failed {
		return fmt.Errorf("a figure is not what it must be; what was missed and wrong is in %s", b.work)
	}
	return nil
}

func (b *bench) all(ctx context.Context, names []string) error {
	known := []struct {
		name    string
		measure func(context.Context) error
	}{{"start", b.start}, {"tree", b.tree}, {"history", b.history}, {"pull", b.pull}, {"accuracy", b.accuracy}}
	for _, name := range names {
		i := slices.IndexFunc(known, func(k struct {
			name    string
			measure func(context.Context) error
		}) bool {
			return k.name == name
		})
		if i < 0 {
			return fmt.Errorf("--only: there is no %q", name)
		}
		if err := known[i].measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) add(f figure) { b.results = append(b.results, f) }

func (b *bench) measure(ctx context.Context, name string, c command) (sample, error) {
	return b.note(name, func() (sample, error) { return run(ctx, b.runs, c) })
}

// measureOnce is for what takes long and is only shown for comparison.
func (b *bench) measureOnce(ctx context.Context, name string, c command) (sample, error) {
	return b.note(name, func() (sample, error) { return runOnce(ctx, c) })
}

func (b *bench) note(name string, measure func() (sample, error)) (sample, error) {
	s, err := measure()
	if err != nil {
		return s, err
	}
	b.costs = append(b.costs, cost{name, s.Wall, s.CPU, s.Peak})
	fmt.Printf("%-50s %8.3f s wall %8.3f s CPU %7.1f MB\n", name, s.Wall, s.CPU, s.Peak)
	return s, nil
}

// write prints what the figures were measured with, and writes everything to the file.
func (b *bench) write(ctx context.Context, path string) error {
	d := document{
		Time: time.Now().UTC().Truncate(time.Second), Runs: b.runs, Seeds: b.seeds, Figures: b.results, Costs: b.costs,
		Machine:  map[string]string{"os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": strconv.Itoa(runtime.NumCPU()), "cpu": processor()},
		Versions: map[string]string{"go": runtime.Version(), "gitleaks": "v8.30.1"},
	}
	if err := b.versions(ctx, d.Versions); err != nil {
		return err
	}
	fmt.Printf("\nMachine: %s\nVersions: %s\n", listed(d.Machine), listed(d.Versions))
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

// listed is the map in the order of its keys.
func listed(of map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, name+" "+strings.TrimPrefix(of[name], name+" "))
	}
	return strings.Join(parts, ", ")
}

// versions adds those of the programs.
func (b *bench) versions(ctx context.Context, to map[string]string) error {
	if info, ok := debug.ReadBuildInfo(); ok {
		to["scanjob"] = info.Main.Version
	}
	for name, c := range map[string]command{"git": git("--version"), "ripgrep": {name: b.programs.ripgrep, arguments: []string{"--version"}}} {
		if c.name == "" {
			continue
		}
		version, err := runOnce(ctx, c)
		if err != nil {
			return err
		}
		to[name], _, _ = strings.Cut(string(version.Output), "\n")
	}
	return nil
}

// processor returns the model of the processor where Linux tells it.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
