//go:build !linux

package devstack

import "syscall"

// ownGroup puts a child into a process group of its own. Only Linux can tie its life to the parent's.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
