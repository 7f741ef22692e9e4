//go:build unix

package source

import (
	"os"
	"syscall"
)

// mapFile returns the content of a file that does not change, and what gives it back.
func mapFile(file *os.File, size int64) (data []byte, release func() error, err error) {
	if data, err = syscall.Mmap(int(file.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED); err != nil {
		return nil, nil, err
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
