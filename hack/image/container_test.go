package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// start is what a container is started with.
type start struct {
	environment map[string]string
	// files are paths of this machine by the path that they have in the container.
	files     map[string]string
	arguments []string
}

// launcher returns a command that runs a program's image until the command ends, passes SIGTERM on and exits as the program
// does. It runs it as Fargate and the Deployment do: with nothing to write to but the image's volumes, and nothing to gain.
type launcher func(t *testing.T, program string, with start) *exec.Cmd

// newLauncher takes the container engine that works on this machine. Without one it unpacks the images.
func newLauncher(t *testing.T, s shelf) launcher {
	t.Helper()
	var said bytes.Buffer
	command := exec.CommandContext(t.Context(), filepath.Join(repository(t), "hack", "container-engine.sh"))
	command.Stderr = &said
	found, err := command.Output()
	t.Log(strings.TrimSpace(said.String()))
	var none *exec.ExitError
	switch {
	case err == nil:
		return engine{name: strings.TrimSpace(string(found)), shelf: s, started: &atomic.Int32{}}.launch
	case errors.As(err, &none):
		return unpacked{shelf: s}.launch
	}
	t.Fatal(err)
	return nil
}

// engine is a container engine's command line.
type engine struct {
	name    string
	shelf   shelf
	started *atomic.Int32
}

func (e engine) launch(t *testing.T, program string, with start) *exec.Cmd {
	t.Helper()
	image := e.shelf.tag(program)
	pull := []string{"pull", "--quiet"}
	if e.name == "podman" {
		// Docker does so by itself for this machine's addresses.
		pull = append(pull, "--tls-verify=false")
	}
	if output, err := e.do(append(pull, image)...); err != nil {
		t.Fatalf("%s pull %s: %v: %s", e.name, image, err, output)
	}
	container := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", ":", "-").Replace(image), e.started.Add(1))
	t.Cleanup(func() {
		// It is gone where all went well.
		_, _ = e.do("rm", "--force", container)
		if output, err := e.do("rmi", "--force", image); err != nil {
			t.Errorf("%s rmi %s: %v: %s", e.name, image, err, output)
		}
	})
	arguments := []string{
		"run", "--rm", "--name=" + container, "--network=host", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges",
	}
	for _, name := range slices.Sorted(maps.Keys(with.environment)) {
		arguments = append(arguments, "--env="+name+"="+with.environment[name])
	}
	for inside, outside := range with.files {
		arguments = append(arguments, "--volume="+outside+":"+inside+":ro")
	}
	return exec.Command(e.name, append(append(arguments, image), with.arguments...)...)
}

// do runs a command of the engine and returns what it printed.
func (e engine) do(arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, e.name, arguments...).CombinedOutput()
	return string(output), err
}

// thisPlatform is the one whose images can run here.
func thisPlatform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// syncBuffer keeps what a program prints while others read it.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(text)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// running is a container that was started.
type running struct {
	command *exec.Cmd
	log     *syncBuffer
	done    chan struct{}
	err     error
}

// begin starts a container, which is killed at the test's end if it still runs.
func begin(t *testing.T, command *exec.Cmd) *running {
	t.Helper()
	r := &running{command: command, log: &syncBuffer{}, done: make(chan struct{})}
	command.Stdout, command.Stderr = r.log, r.log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		r.err = command.Wait()
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-r.done
	})
	return r
}

// wait returns the exit code.
func (r *running) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		t.Fatalf("it still runs after a minute:\n%s", r.log)
	}
	var exit *exec.ExitError
	if r.err != nil && !errors.As(r.err, &exit) {
		t.Fatal(r.err)
	}
	return r.command.ProcessState.ExitCode()
}

func (r *running) terminate(t *testing.T) {
	t.Helper()
	if err := r.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}
