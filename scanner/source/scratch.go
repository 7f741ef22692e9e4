package source

import (
	"errors"
	"io"
	"os"
)

// scratchMemory is how much of the objects that deltas build on is kept in memory at a time; the rest goes to files.
const scratchMemory = 64 << 20

// scratch hands out room for objects.
type scratch struct {
	folder string
	free   int64
}

// content is an object that was inflated: in memory, or in a file that is already unlinked.
type content struct {
	scratch *scratch
	size    int64
	memory  []byte
	file    *os.File
}

func (s *scratch) create(size int64) (*content, error) {
	if size <= s.free {
		s.free -= size
		return &content{scratch: s, size: size, memory: make([]byte, 0, size)}, nil
	}
	file, err := os.CreateTemp(s.folder, "object-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &content{scratch: s, size: size, file: file}, nil
}

// Write appends to the content.
func (c *content) Write(p []byte) (int, error) {
	if c.file != nil {
		return c.file.Write(p)
	}
	c.memory = append(c.memory, p...)
	return len(p), nil
}

// ReadAt reads what was written.
func (c *content) ReadAt(p []byte, offset int64) (int, error) {
	if c.file != nil {
		return c.file.ReadAt(p, offset)
	}
	if offset >= int64(len(c.memory)) {
		return 0, io.EOF
	}
	n := copy(p, c.memory[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// release gives the room back.
func (c *content) release() error {
	if c.file != nil {
		return c.file.Close()
	}
	c.scratch.free += c.size
	c.memory = nil
	return nil
}
