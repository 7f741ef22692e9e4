package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cpuOf returns the processor time that a process has used.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in brackets; user and system time are the 14th and 15th, in hundredths.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

// The fields of /proc/PID/status about resident memory: that of now, and the most so far.
const (
	residentNow  = "VmRSS"
	residentMost = "VmHWM"
)

// residentOf returns the resident memory of a process, in bytes.
func residentOf(pid int, which string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == which {
			kilobytes, _, _ := strings.Cut(strings.TrimSpace(value), " ")
			n, err := strconv.ParseInt(kilobytes, 10, 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("process %d says no %s", pid, which)
}

// meter measures what the processes of a world use from its begin on.
type meter struct {
	world *world
	began time.Time
	used  map[string]time.Duration
}

func (w *world) meter() (*meter, error) {
	used, err := w.used()
	return &meter{world: w, began: time.Now(), used: used}, err
}

// used returns the processor time of each process so far: the manager's, the control plane's, and that of this one, which
// is the load and the local AWS.
func (w *world) used() (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for name, pid := range map[string]int{"manager": w.manager.PID(), "plane": w.plane.PID(), "load": os.Getpid()} {
		if pid == 0 {
			continue
		}
		cpu, err := cpuOf(pid)
		if err != nil {
			return nil, err
		}
		used[name] = cpu
	}
	return used, nil
}

// perJob adds the processor time per job to figures, in milliseconds.
func (m *meter) perJob(figures map[string]float64, jobs int) error {
	used, err := m.world.used()
	if err != nil {
		return err
	}
	for name, cpu := range used {
		figures["cpuMillisPerJob."+name] = (cpu - m.used[name]).Seconds() * 1000 / float64(jobs)
	}
	return nil
}
