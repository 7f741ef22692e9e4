package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater decompresses objects one after the other. It is not for concurrent use.
type inflater struct {
	input  bytes.Reader
	reader io.ReadCloser
}

// inflate returns the size bytes that begin compressed at the beginning of data. It writes over what target has room for. The
// checksum at their end is not looked at: who stored the pack did, and a change of it is no way to hide anything.
func (i *inflater) inflate(target, data []byte, size int64) ([]byte, error) {
	const zlibHead, deflate = 2, 8
	if len(data) < zlibHead || data[0]&0xf != deflate {
		return nil, errDamagedPack
	}
	i.input.Reset(data[zlibHead:])
	if i.reader == nil {
		i.reader = flate.NewReader(&i.input)
	} else if err := i.reader.(flate.Resetter).Reset(&i.input, nil); err != nil {
		return nil, err
	}
	if int64(cap(target)) < size {
		target = make([]byte, size)
	}
	target = target[:size]
	if _, err := io.ReadFull(i.reader, target); err != nil {
		return nil, fmt.Errorf("%w: an object does not inflate", errDamagedPack)
	}
	return target, nil
}

// deltaSize returns the size of what a delta makes from a base of so many bytes, and its instructions.
func deltaSize(delta []byte, base int) (size int64, instructions []byte, err error) {
	from, used := binary.Uvarint(delta)
	if used <= 0 || from != uint64(base) {
		return 0, nil, fmt.Errorf("%w: a delta is for a base of another size", errDamagedPack)
	}
	delta = delta[used:]
	to, used := binary.Uvarint(delta)
	if used <= 0 || int64(to) < 0 {
		return 0, nil, fmt.Errorf("%w: a delta of impossible size", errDamagedPack)
	}
	return int64(to), delta[used:], nil
}

// patch appends to target what the instructions of a delta make from the base, of so many bytes.
func patch(target, base, instructions []byte, size int64) ([]byte, error) {
	for int64(len(target)) < size {
		if len(instructions) == 0 {
			return nil, fmt.Errorf("%w: a delta that ends early", errDamagedPack)
		}
		op := instructions[0]
		instructions = instructions[1:]
		var piece []byte
		switch {
		case op&0x80 != 0:
			offset, length, used := copyOperands(instructions, op)
			if used < 0 || offset+length > len(base) {
				return nil, fmt.Errorf("%w: a delta copies past the end of its base", errDamagedPack)
			}
			piece, instructions = base[offset:offset+length], instructions[used:]
		case op == 0 || int(op) > len(instructions):
			return nil, fmt.Errorf("%w: an unknown instruction in a delta", errDamagedPack)
		default:
			piece, instructions = instructions[:op], instructions[op:]
		}
		if int64(len(target)+len(piece)) > size {
			return nil, fmt.Errorf("%w: a delta makes more than it says", errDamagedPack)
		}
		target = append(target, piece...)
	}
	return target, nil
}

// copyOperands is readCopy on bytes: it returns how many it used, or a negative number.
func copyOperands(data []byte, op byte) (offset, length, used int) {
	for bit := range 7 {
		if op&(1<<bit) == 0 {
			continue
		}
		if used == len(data) {
			return 0, 0, -1
		}
		if bit < 4 {
			offset |= int(data[used]) << (8 * bit)
		} else {
			length |= int(data[used]) << (8 * (bit - 4))
		}
		used++
	}
	if length == 0 {
		length = 0x10000
	}
	return offset, length, used
}

// inflateBeginning returns at most the first bytes of what data inflates to.
func (i *inflater) inflateBeginning(data []byte, most int64) ([]byte, error) {
	const zlibHead = 2
	if len(data) < zlibHead {
		return nil, errDamagedPack
	}
	i.input.Reset(data[zlibHead:])
	if i.reader == nil {
		i.reader = flate.NewReader(&i.input)
	} else if err := i.reader.(flate.Resetter).Reset(&i.input, nil); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(i.reader, most))
}
