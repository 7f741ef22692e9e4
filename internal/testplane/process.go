package testplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Shutdown says how devplane is stopped.
type Shutdown int

const (
	// Graceful lets the API server end its requests and etcd close its files.
	Graceful Shutdown = iota
	// Kill is SIGKILL: what a crash of the machine's process leaves behind.
	Kill
)

const (
	// startTimeout is far above the 4 seconds that a start takes on two idle cores, for machines that build meanwhile.
	startTimeout = 3 * time.Minute
	// gracePeriod is the API server's own bound for open requests, 60 seconds, and some for etcd.
	gracePeriod  = 75 * time.Second
	pollInterval = 50 * time.Millisecond
	logTailBytes = 4096
)

// process is one devplane and the folder that outlives it.
type process struct {
	binary string
	dir    string

	command  *exec.Cmd
	lifeline io.Closer
	exited   chan struct{} // closed when Wait returned
}

func (p *process) kubeconfig() string { return filepath.Join(p.dir, "kubeconfig") }
func (p *process) readyFile() string  { return filepath.Join(p.dir, "ready") }
func (p *process) logFile() string    { return filepath.Join(p.dir, "devplane.log") }

// start returns when the API server answers. The pipe to devplane's standard input is its lifeline: when the test binary ends in
// whatever way, it closes and devplane stops.
func (p *process) start(ctx context.Context) error {
	if p.running() {
		return errors.New("the control plane runs already")
	}
	if err := os.Remove(p.readyFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("prepare the control plane's folder: %w", err)
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the control plane's log: %w", err)
	}
	defer log.Close()

	// ctx bounds the start, not the life of what is started.
	command := exec.CommandContext(context.WithoutCancel(ctx), p.binary, "--dir", p.dir, "--until-stdin-closes")
	command.Stdout, command.Stderr = log, log
	lifeline, err := command.StdinPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.binary, err)
	}
	if err := command.Start(); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is not built: run `make devplane`, or set %s or %s: %w", p.binary, EnvAssets, EnvKubeconfig, err)
		}
		return fmt.Errorf("start %s: %w", p.binary, err)
	}
	exited := make(chan struct{})
	p.command, p.lifeline, p.exited = command, lifeline, exited
	go func() {
		_ = command.Wait() // how it ended is in command.ProcessState
		close(exited)
	}()
	return p.awaitReady(ctx)
}

func (p *process) awaitReady(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, startTimeout, true, func(context.Context) (bool, error) {
		if !p.running() {
			return false, fmt.Errorf("it ended: %s", p.command.ProcessState)
		}
		_, err := os.Stat(p.readyFile())
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
	if err == nil {
		return nil
	}
	failure := fmt.Errorf("the control plane did not become ready: %w\nthe end of %s:\n%s", err, p.logFile(), p.logTail())
	return errors.Join(failure, p.stop(context.WithoutCancel(ctx), Kill))
}

// stop returns when the process is gone. It may be called twice.
func (p *process) stop(ctx context.Context, how Shutdown) error {
	if p.command == nil {
		return nil
	}
	closing := p.lifeline.Close()
	if errors.Is(closing, os.ErrClosed) {
		closing = nil
	}
	if how == Kill {
		return errors.Join(closing, p.kill())
	}
	timeout := time.NewTimer(gracePeriod)
	defer timeout.Stop()
	select {
	case <-p.exited:
		return closing
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.kill())
	case <-timeout.C:
		return errors.Join(fmt.Errorf("the control plane did not stop within %s and was killed", gracePeriod), p.kill())
	}
}

func (p *process) kill() error {
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the control plane: %w", err)
	}
	<-p.exited
	return nil
}

func (p *process) running() bool {
	if p.command == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) logTail() string {
	text, err := os.ReadFile(p.logFile())
	if err != nil {
		return err.Error()
	}
	if len(text) > logTailBytes {
		text = text[len(text)-logTailBytes:]
	}
	return string(text)
}
