//go:build !linux

package awslocal

import (
	"os/exec"
	"syscall"
)

// childAttributes puts a child into a process group of its own. Only Linux can tie its life to the parent's.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func superviseChild(command *exec.Cmd, started, exited chan<- error) {
	err := command.Start()
	started <- err
	if err == nil {
		exited <- command.Wait()
	}
}
