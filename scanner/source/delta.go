package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// deltaSizes reads the head of a delta and returns the size of the object that it makes
// (https://git-scm.com/docs/pack-format#_deltified_representation).
func deltaSizes(delta *bufio.Reader, baseSize int64) (int64, error) {
	source, err := readSize(delta)
	if err != nil {
		return 0, err
	}
	if source != baseSize {
		return 0, fmt.Errorf("%w: a delta is for a base of another size", errDamagedPack)
	}
	return readSize(delta)
}

func readSize(delta *bufio.Reader) (int64, error) {
	var size int64
	for shift := 0; shift < 63; shift += 7 {
		c, err := delta.ReadByte()
		if err != nil {
			return 0, fmt.Errorf("%w: a delta without sizes", errDamagedPack)
		}
		size |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%w: a delta of impossible size", errDamagedPack)
}

// applyDelta writes the object of size bytes that the instructions of the delta make from the base.
func applyDelta(delta *bufio.Reader, base io.ReaderAt, size int64, target io.Writer) error {
	for size > 0 {
		op, err := delta.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: a delta that ends early", errDamagedPack)
		}
		var piece io.Reader
		var length int64
		switch {
		case op&0x80 != 0:
			offset, count, err := readCopy(delta, op)
			if err != nil {
				return err
			}
			piece, length = io.NewSectionReader(base, offset, count), count
		case op != 0:
			piece, length = delta, int64(op)
		default:
			return fmt.Errorf("%w: an unknown instruction in a delta", errDamagedPack)
		}
		if length > size {
			return fmt.Errorf("%w: a delta makes more than it says", errDamagedPack)
		}
		if _, err := io.CopyN(target, piece, length); err != nil {
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: a delta copies past the end of its base", errDamagedPack)
			}
			return err
		}
		size -= length
	}
	return nil
}

// readCopy reads the operands of a copy: four bits of op say which bytes of the offset follow, three which of the length.
func readCopy(delta *bufio.Reader, op byte) (offset, length int64, err error) {
	const wholeLength = 0x10000
	for bit := range 7 {
		if op&(1<<bit) == 0 {
			continue
		}
		c, err := delta.ReadByte()
		if err != nil {
			return 0, 0, fmt.Errorf("%w: a delta that ends early", errDamagedPack)
		}
		if bit < 4 {
			offset |= int64(c) << (8 * bit)
		} else {
			length |= int64(c) << (8 * (bit - 4))
		}
	}
	if length == 0 {
		length = wholeLength
	}
	return offset, length, nil
}
