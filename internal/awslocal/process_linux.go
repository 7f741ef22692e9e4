package awslocal

import (
	"os/exec"
	"runtime"
	"syscall"
)

// childAttributes puts a child into a process group of its own and lets the kernel kill it when its parent dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// superviseChild starts a child and waits for it on one operating system thread, because the kernel takes the end of the
// thread that started a child for the end of the parent.
func superviseChild(command *exec.Cmd, started, exited chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := command.Start()
	started <- err
	if err == nil {
		exited <- command.Wait()
	}
}
