package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Process is a manager that runs as a process of its own. It keeps all that the manager prints.
type Process struct {
	command *exec.Cmd
	log     *logBuffer
	done    chan struct{}
	err     error
}

// ManagerArgs are the flags of a manager that works with this AWS.
func (s *Stack) ManagerArgs() []string {
	return []string{
		"--codecommit-git-endpoint=" + s.AWS.URL(),
		"--task-poll-interval=2s",
		"--metrics-bind-address=0",
		"--health-probe-bind-address=0",
	}
}

// ManagerEnv is the environment of a manager that works with this AWS, without the host's AWS settings.
func (s *Stack) ManagerEnv() []string {
	credentials := s.AWS.Credentials()
	return []string{
		"AWS_ENDPOINT_URL=" + s.AWS.URL(),
		"AWS_REGION=" + s.AWS.Region(),
		"AWS_ACCESS_KEY_ID=" + credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + credentials.SessionToken,
		"AWS_EC2_METADATA_DISABLED=true",
		"HOME=" + os.TempDir(),
	}
}

// StartManager runs a manager against the cluster of a kubeconfig. What it prints goes to log as well, unless that is nil.
// It ends with this process where the platform can see to that, and gets none of the signals that a terminal sends.
func StartManager(binary, kubeconfig string, args, env []string, log io.Writer) (*Process, error) {
	p := &Process{log: &logBuffer{also: log}, done: make(chan struct{})}
	p.command = exec.Command(binary, args...)
	p.command.Env = append([]string{"KUBECONFIG=" + kubeconfig}, env...)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	p.command.SysProcAttr = ownGroup()
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		// A child that dies with its parent dies with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.command.Start()
		started <- err
		if err == nil {
			p.err = p.command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the process and says how it ended: nil for exit code 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Log is what the process has printed.
func (p *Process) Log() string { return p.log.String() }

// Kill ends the process without giving it a chance to tidy up, and waits until it has ended.
func (p *Process) Kill() error {
	err := p.command.Process.Kill()
	<-p.done
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the manager: %w", err)
	}
	return nil
}

// PID is the process's number.
func (p *Process) PID() int { return p.command.Process.Pid }

// Stop asks the process to end and waits until it has; when ctx ends first, it is killed. The error says how it ended where
// that was not with exit code 0.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the manager: %w", err)
	}
	select {
	case <-p.done:
		return p.Err()
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("the manager did not stop in time and was killed: %w", ctx.Err()), p.Kill())
	}
}

// logBuffer keeps what is written to it.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	also   io.Writer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer.Write(p)
	if b.also != nil {
		return b.also.Write(p)
	}
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
