package detect

import (
	"bytes"
	"errors"
	"io"
)

// decodeUTF16 returns the content as bytes that the matchers understand: where it opens with the byte order mark of
// UTF-16, every unit becomes one byte, and what is not ASCII becomes a byte that belongs to no token.
func decodeUTF16(content io.Reader) (io.Reader, error) {
	var mark [2]byte
	n, err := io.ReadFull(content, mark[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	switch {
	case n == 2 && mark == [2]byte{0xff, 0xfe}:
		return &utf16Reader{source: content, low: 0}, nil
	case n == 2 && mark == [2]byte{0xfe, 0xff}:
		return &utf16Reader{source: content, low: 1}, nil
	}
	return io.MultiReader(bytes.NewReader(mark[:n]), content), nil
}

// utf16Reader turns each pair of bytes of its source into one.
type utf16Reader struct {
	source io.Reader
	low    int // which byte of a pair holds the lower half
	raw    [8192]byte
}

func (r *utf16Reader) Read(p []byte) (int, error) {
	const foreign = 0x80
	n, err := io.ReadFull(r.source, r.raw[:min(len(r.raw), 2*len(p))])
	for i := 0; i+1 < n; i += 2 {
		p[i/2] = foreign
		if low := r.raw[i+r.low]; r.raw[i+1-r.low] == 0 && low < foreign {
			p[i/2] = low
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n / 2, err
}
