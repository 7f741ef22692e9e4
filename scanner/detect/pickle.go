package detect

import (
	"bytes"
	"encoding/binary"
)

// pickledName returns the text that stands before the one of data[start:end] in a pickle of Python, where both are, as the key and
// the value of a dictionary are; else nil. See https://github.com/python/cpython/blob/main/Lib/pickletools.py for the marks.
func pickledName(data []byte, start, end int) []byte {
	rest, ok := behindPickled(data, start, end)
	if !ok {
		return nil
	}
	const longest = 64
	switch n := len(rest); {
	case n == 0:
		return nil
	case rest[n-1] == '\n':
		line := bytes.TrimRight(lineBefore(rest, n-1, longest), "\r")
		if len(line) > 1 && (line[0] == 'S' || line[0] == 'V') {
			return bytes.Trim(line[1:], `'"`)
		}
		return nil
	}
	begin := runBack(rest, len(rest), longest, isWord)
	return rest[begin:]
}

// behindPickled returns what stands before the mark of the text of data[start:end], without the number under which a pickle keeps
// what that is.
func behindPickled(data []byte, start, end int) (before []byte, ok bool) {
	before = data[:start]
	switch {
	case start >= 5 && data[start-5] == 'X' && int64(binary.LittleEndian.Uint32(data[start-4:])) == int64(end-start):
		before = before[:start-5]
	case start >= 2 && data[start-2] == 0x8c && int(data[start-1]) == end-start:
		before = before[:start-2]
	default: // in lines
		before = bytes.TrimRight(before, `'"`)
		if n := len(before); n < 2 || before[n-1] != 'S' && before[n-1] != 'V' || before[n-2] != '\n' {
			return nil, false
		}
		before = before[:len(before)-1]
		line := bytes.TrimRight(lineBefore(before, len(before)-1, 16), "\r")
		if len(line) > 1 && line[0] == 'p' && len(bytes.Trim(line[1:], "0123456789")) == 0 {
			before = before[:bytes.LastIndexByte(before[:len(before)-1], '\n')+1]
		}
		return before, true
	}
	switch n := len(before); {
	case n > 1 && before[n-1] == 0x94:
		before = before[:n-1]
	case n > 2 && before[n-2] == 'q':
		before = before[:n-2]
	case n > 5 && before[n-5] == 'r':
		before = before[:n-5]
	}
	return before, true
}
