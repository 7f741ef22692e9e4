//go:build unix

package scan

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// readFile reads a regular file into the buffer and returns its length, or the file itself, from its beginning, where that does not
// hold all of it or cannot be read. It asks the system for less than package os, which gets every file ready for what only pipes
// and connections need. What has become a symbolic link since somebody looked cannot be opened, unless links are followed.
func readFile(path string, buffer []byte, follow bool) (n int, rest *os.File, err error) {
	flags := syscall.O_RDONLY | syscall.O_CLOEXEC | syscall.O_NONBLOCK
	if !follow {
		flags |= syscall.O_NOFOLLOW
	}
	var descriptor int
	if err := again(func() (err error) { descriptor, err = syscall.Open(path, flags, 0); return err }); err != nil {
		return 0, nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	for n < len(buffer) {
		got := 0
		err := again(func() (err error) { got, err = syscall.Read(descriptor, buffer[n:]); return err })
		if err != nil {
			break
		}
		if got == 0 {
			// An error of close tells nothing of a file that was only read.
			_ = syscall.Close(descriptor)
			return n, nil, nil
		}
		n += got
	}
	rest = os.NewFile(uintptr(descriptor), path)
	if _, err := rest.Seek(0, io.SeekStart); err != nil {
		return 0, nil, errors.Join(err, rest.Close())
	}
	return 0, rest, nil
}

// again calls what a signal has interrupted once more.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
