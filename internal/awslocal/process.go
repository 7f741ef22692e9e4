package awslocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// imagePath is the PATH of images that set none, as container engines give it.
const imagePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// processes runs containers as child processes.
type processes struct {
	scanner string
	images  map[string]string
}

// Processes runs containers as child processes: the binary that images names for the task definition's image, else the
// scanner. A process gets the container's environment and nothing of the host's, and a working folder of its own. It dies
// with the server. An image without a binary cannot be pulled.
func Processes(scanner string, images map[string]string) Runner {
	return processes{scanner: scanner, images: images}
}

func (p processes) binary(image string) string {
	if path, ok := p.images[image]; ok {
		return path
	}
	return p.scanner
}

// Prepare checks that there is a binary for the image.
func (p processes) Prepare(c Container) error {
	path := p.binary(c.Image)
	if path == "" {
		return cannotPull(c.Image, "not found")
	}
	info, err := os.Stat(path)
	if err != nil {
		return cannotPull(c.Image, "not found: "+err.Error())
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("CannotStartContainerError: %s is not an executable file", path)
	}
	return nil
}

// exitNotExecutable is the exit code of a container whose program cannot be executed.
const exitNotExecutable = 126

// Run runs the process to its end; SIGTERM and SIGKILL go to its whole process group.
func (p processes) Run(ctx context.Context, c Container) int {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		fmt.Fprintf(c.Stderr, "cannot make the working folder: %v\n", err)
		return exitNotExecutable
	}
	defer func() {
		if err := os.RemoveAll(c.Dir); err != nil {
			fmt.Fprintf(c.Stderr, "cannot remove the working folder: %v\n", err)
		}
	}()
	// The end of the context is SIGTERM here, not the SIGKILL that os/exec would send.
	command := exec.CommandContext(context.WithoutCancel(ctx), p.binary(c.Image), c.Command...)
	command.Dir, command.Env = c.Dir, c.Environ()
	if c.Env("PATH") == "" {
		command.Env = append(command.Env, "PATH="+imagePath)
	}
	command.Stdout, command.Stderr = c.Stdout, c.Stderr
	command.SysProcAttr, command.WaitDelay = childAttributes(), closeGrace/2
	exited := make(chan error, 1)
	started := make(chan error, 1)
	go superviseChild(command, started, exited)
	if err := <-started; err != nil {
		fmt.Fprintf(c.Stderr, "cannot start the process: %v\n", err)
		return exitNotExecutable
	}
	return exitCode(awaitChild(ctx, c, command.Process.Pid, exited))
}

// awaitChild passes the signals on until the process has ended.
func awaitChild(ctx context.Context, c Container, pid int, exited <-chan error) error {
	terminate, kill := ctx.Done(), c.Killed
	for {
		select {
		case err := <-exited:
			return err
		case <-terminate:
			signalGroup(c, pid, syscall.SIGTERM)
			terminate = nil
		case <-kill:
			signalGroup(c, pid, syscall.SIGKILL)
			kill, terminate = nil, nil
		}
	}
}

func signalGroup(c Container, pid int, signal syscall.Signal) {
	if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		fmt.Fprintf(c.Stderr, "cannot send %s: %v\n", signal, err)
	}
}

// exitCode is the container's exit code: 128 and the signal's number for a process that a signal ended.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return exitNotExecutable
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
