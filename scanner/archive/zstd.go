package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	zstdMagic = 0xFD2FB528
	// zstdSkippable is the first of 16 marks of frames that a decoder passes over, whatever is in them
	// (https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2).
	zstdSkippable = 0x184D2A50
)

// zstd goes into a compressed file, and into what decoders pass over in it.
func (w *walker) zstd(path string, content *bufio.Reader, depth int) error {
	frames := &frames{content: content}
	decoder, err := zstd.NewReader(frames, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(memoryOfDecoders))
	if err != nil {
		return err
	}
	defer decoder.Close()
	err = w.stream(path, "", decoder, depth)
	if frames.lost {
		w.leave(path, "what decoders pass over in it has more than %d KiB", headersHeld>>10)
	}
	return errors.Join(err, w.between(path, bytes.NewReader(frames.skipped.Bytes())))
}

// frames reads the frames of a zstd file that hold content, and keeps what is in the others.
type frames struct {
	content *bufio.Reader
	// left is how many bytes belong to what is being read, and then come blocks where inFrame is set, and a checksum behind the last.
	left              int64
	inFrame, checksum bool
	skipped           bytes.Buffer
	// lost tells that there was more to skip than is kept.
	lost bool
}

func (f *frames) Read(p []byte) (int, error) {
	for f.left == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n, err := f.content.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	return n, err
}

// next finds out what comes next and how long it is. What is cut off or no frame is for the decoder to tell.
func (f *frames) next() error {
	const rest = 1 << 62
	if f.inFrame {
		head, err := f.content.Peek(3)
		if err != nil {
			f.left = rest
			return nil
		}
		block := int64(head[0]) | int64(head[1])<<8 | int64(head[2])<<16
		const last, kinds, repeated = 1, 3, 1
		if block>>1&kinds == repeated {
			f.left = 3 + 1
		} else {
			f.left = 3 + block>>3
		}
		if block&last != 0 {
			f.inFrame = false
			if f.checksum {
				f.left += 4
			}
		}
		return nil
	}
	head, err := f.content.Peek(5)
	if len(head) == 0 {
		return err
	}
	if len(head) < 5 {
		f.left = rest
		return nil
	}
	switch magic := binary.LittleEndian.Uint32(head); {
	case magic&^0xf == zstdSkippable:
		return f.skip()
	case magic == zstdMagic:
		f.left, f.inFrame, f.checksum = frameHeader(head[4]), true, head[4]&4 != 0
	default:
		f.left = rest
	}
	return nil
}

// frameHeader returns the length of the header of a frame by its descriptor (RFC 8878, 3.1.1.1).
func frameHeader(descriptor byte) int64 {
	const single = 0x20
	length := int64(4 + 1)
	if descriptor&single == 0 {
		length++ // the window
	}
	length += []int64{0, 1, 2, 4}[descriptor&3] // the dictionary
	size := []int64{0, 2, 4, 8}[descriptor>>6]
	if size == 0 && descriptor&single != 0 {
		size = 1
	}
	return length + size
}

// skip keeps what is in a frame that decoders pass over.
func (f *frames) skip() error {
	var head [8]byte
	if _, err := io.ReadFull(f.content, head[:]); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(head[4:]))
	kept := min(size, int64(headersHeld-f.skipped.Len()))
	f.lost = f.lost || kept < size
	if _, err := io.CopyN(&f.skipped, f.content, kept); err != nil {
		return err
	}
	if f.skipped.Len() < headersHeld {
		f.skipped.WriteByte('\n')
	}
	_, err := io.CopyN(io.Discard, f.content, size-kept)
	return err
}
