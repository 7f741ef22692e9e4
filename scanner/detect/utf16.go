package detect

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// decodeUTF16 returns the content as bytes that the matchers understand. Where it opens with the byte order mark of UTF-16 or UTF-32,
// or looks like UTF-16 without, what is ASCII becomes one byte a letter, and everything else bytes that belong to no token. Other
// content stays as it is.
func decodeUTF16(content io.Reader) (io.Reader, error) {
	source := bufio.NewReader(content)
	opening, err := source.Peek(sampleLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if order, ok := isUTF32(opening); ok {
		return &utf32Reader{source: source, order: order}, nil
	}
	if bigEndian, ok := isUTF16(opening); ok {
		if bytes.HasPrefix(opening, []byte(markLittle)) || bytes.HasPrefix(opening, []byte(markBig)) {
			if _, err := source.Discard(len(markBig)); err != nil {
				return nil, err
			}
		}
		return &utf16Reader{source: source, bigEndian: bigEndian}, nil
	}
	return source, nil
}

// markLittle and markBig are the byte order marks of UTF-16.
const (
	markLittle = "\xff\xfe"
	markBig    = "\xfe\xff"
)

// isUTF16 tells by the first bytes of a content whether it is of UTF-16, and in which order.
func isUTF16(opening []byte) (bigEndian, ok bool) {
	opening = opening[:min(len(opening), sampleLength)]
	switch {
	case bytes.HasPrefix(opening, []byte(markLittle)):
		return false, true
	case bytes.HasPrefix(opening, []byte(markBig)):
		return true, true
	case mostlyUnits(opening, 0):
		return false, true
	case mostlyUnits(opening, 1):
		return true, true
	}
	return false, false
}

const (
	// sampleLength is how much of a content is looked at, in bytes, to tell UTF-16 without a mark; shortestSample is the least.
	sampleLength   = 512
	shortestSample = 16
)

// mostlyUnits tells whether most pairs of bytes are a printable letter, at low in the pair, and a zero.
func mostlyUnits(sample []byte, low int) bool {
	if len(sample) < shortestSample || bytes.IndexByte(sample[:shortestSample], 0) < 0 {
		return false
	}
	letters, pairs := 0, len(sample)/2
	for i := range pairs {
		c := sample[2*i+low]
		if sample[2*i+1-low] == 0 && (c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t') {
			letters++
		}
	}
	return letters*4 >= pairs*3
}

const (
	// foreign stands for what is not ASCII. It belongs to no token.
	foreign = 0x80
	// plainLine is how many bytes of plain ASCII have to stand before the first byte 0x0a that is to end a line: it may be
	// half of a letter, as in U+4E0A, one of the commonest of Chinese.
	plainLine = 8
)

// utf16Reader decodes UTF-16 that other programs may have added plain ASCII to: the shell of Windows writes a file in
// UTF-16, and the next line comes from a program that does not know. So what a byte is, its neighbour tells, at even places
// and at odd ones: beside a zero it is a letter of UTF-16, else it is plain, or half of a foreign letter.
type utf16Reader struct {
	source    *bufio.Reader
	bigEndian bool
	// inUnits tells whether the byte before was made of a unit.
	inUnits bool
	// plain counts the bytes up to it that were plain, from the last one that may have been half of a letter.
	plain int
	// previous is the byte before, if it was no unit.
	previous byte
	// held is to be returned next; 0 is nothing.
	held byte
}

// Read decodes into p.
func (r *utf16Reader) Read(p []byte) (int, error) {
	for n := range p {
		c, err := r.next()
		if err != nil {
			return n, err
		}
		p[n] = c
	}
	return len(p), nil
}

func (r *utf16Reader) next() (byte, error) {
	if c := r.held; c != 0 {
		r.held = 0
		return c, nil
	}
	raw, err := r.source.Peek(2)
	if len(raw) == 0 {
		return 0, err
	}
	if letter, ok := r.letter(raw); ok {
		_, err := r.source.Discard(2)
		return r.unit(letter), err
	}
	c := raw[0]
	_, err = r.source.Discard(1)
	return r.single(c), err
}

// letter returns the ASCII letter that the two bytes are a unit of.
func (r *utf16Reader) letter(raw []byte) (byte, bool) {
	if len(raw) < 2 {
		return 0, false
	}
	low, high := raw[0], raw[1]
	if r.bigEndian {
		low, high = high, low
	}
	return low, high == 0 && low != 0 && low < foreign
}

func (r *utf16Reader) unit(c byte) byte {
	afterPlain := r.previous != 0 && r.previous < foreign
	r.inUnits, r.plain, r.previous = true, 0, 0
	return r.apart(afterPlain, c)
}

func (r *utf16Reader) single(c byte) byte {
	afterUnits, previous := r.inUnits, r.previous
	r.inUnits, r.previous = false, c
	if c == 0 || c >= foreign {
		r.plain = 0
		return foreign
	}
	r.plain++
	if c == '\n' {
		if r.plain > plainLine || previous == '\r' {
			r.plain += plainLine
		} else {
			c, r.plain = foreign, 0
		}
	}
	return r.apart(afterUnits, c)
}

// apart returns c, after something foreign where plain bytes and units meet: a plain byte may be half of a letter, which
// must not make a token of UTF-16 longer.
func (r *utf16Reader) apart(meet bool, c byte) byte {
	if !meet {
		return c
	}
	r.held = c
	return foreign
}
