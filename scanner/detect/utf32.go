package detect

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode"
)

// isUTF32 tells by the byte order mark whether a content is of UTF-32, and in which order. The one of little endian opens like that of
// UTF-16, of which no text goes on with a zero.
func isUTF32(opening []byte) (order binary.ByteOrder, ok bool) {
	switch {
	case bytes.HasPrefix(opening, []byte("\xff\xfe\x00\x00")):
		return binary.LittleEndian, true
	case bytes.HasPrefix(opening, []byte("\x00\x00\xfe\xff")):
		return binary.BigEndian, true
	}
	return nil, false
}

// isWide tells whether a content has to be decoded before it is read: it is of UTF-16 or UTF-32.
func isWide(content []byte) bool {
	_, units := isUTF16(content)
	_, wider := isUTF32(content)
	return units || wider
}

// utf32Reader decodes UTF-32: what is ASCII becomes one byte a letter, and everything else one that belongs to no token. Four bytes
// that are no letter at all stay what they are: a file may open with the mark and go on in ASCII.
type utf32Reader struct {
	source *bufio.Reader
	order  binary.ByteOrder
	raw    [4]byte
	// held are bytes that are returned next.
	held []byte
}

// Read decodes into p.
func (r *utf32Reader) Read(p []byte) (int, error) {
	for n := range p {
		if len(r.held) == 0 {
			if err := r.next(); err != nil {
				return n, err
			}
		}
		p[n], r.held = r.held[0], r.held[1:]
	}
	return len(p), nil
}

// next decodes one letter into held.
func (r *utf32Reader) next() error {
	raw := r.raw[:]
	read, err := io.ReadFull(r.source, raw)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		// A rest that is no letter stays what it is.
		if r.held = bytes.Trim(raw[:read], "\x00"); len(r.held) == 0 {
			return io.EOF
		}
		return nil
	case err != nil:
		return err
	}
	switch letter := r.order.Uint32(raw); {
	case letter > unicode.MaxRune, letter > 0x3ffff && letter < 0xe0000:
		// Unicode ends there, and has nothing in the planes 4 to 13: the end of a line in UTF-16 looks like one of them.
		r.held = raw
	case letter > 0 && letter < foreign:
		raw[0], r.held = byte(letter), raw[:1]
	default:
		raw[0], r.held = foreign, raw[:1]
	}
	return nil
}
