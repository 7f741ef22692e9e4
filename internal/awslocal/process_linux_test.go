package awslocal_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestProcessesDieWithTheServerEvenIfItIsKilled(t *testing.T) {
	self, err := os.Executable()
	noError(t, err)
	path := filepath.Join(t.TempDir(), "pid")
	server := exec.Command(self)
	server.Env = append(os.Environ(), childVariable+"=server", pidFile+"="+path)
	server.Stderr = os.Stderr
	noError(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill() })
	var pid int
	eventually(t, "the task's process runs", func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	noError(t, server.Process.Kill())
	if err := server.Wait(); err == nil {
		t.Fatal("the server ended by itself")
	}
	eventually(t, "the task's process is gone", func() bool { return !running(pid) })
}

// running says whether a process exists and is not only waiting to be reaped.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
