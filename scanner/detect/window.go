package detect

import (
	"bytes"
	"errors"
	"io"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	// windowBehind and windowAhead are what a matcher may look at before and after the bytes that are new in a window. The
	// longest token that is followed to its end, a session token, is far shorter than windowAhead.
	windowBehind = 4 << 10
	windowAhead  = 16 << 10
	windowFresh  = 1 << 20
	bufferSize   = windowBehind + windowFresh + windowAhead
)

// window is a part of the content in memory. Matchers report what starts in data[from:to] and may look at all of data.
type window struct {
	data     []byte
	from, to int
	// linesBefore are the lines before data, columnsBefore the bytes of the line that data begins in.
	linesBefore, columnsBefore int
	// last tells that the content ends with data.
	last bool
	// depth is how many encodings were undone to get here.
	depth int
	// seen is where a decoded text begins: what is encoded before it is decoded where that stands, and not again as its context.
	seen int
	// place is what the path of the file says.
	place *Place
}

// isZero tells whether the window's own part is of zeros alone, as most of the images of disks is.
func (w *window) isZero() bool {
	own := w.data[w.from:w.to]
	return len(own) > 0 && own[0] == 0 && bytes.Count(own, []byte{0}) == len(own)
}

// extent is where something stands in the content, in lines and characters from 1; endColumn is the one behind.
type extent struct {
	line, endLine, column, endColumn int
	excerpt                          excerpt
}

// hit is a place that a matcher found, before it is redacted.
type hit struct {
	rule       string
	start, end int // within the window
	value      string
	severity   contract.Severity
	account    string // 12 digits, or empty
	// extent is filled in by the detector.
	extent
	// pairLine is the line of the secret that a key id belongs to, or 0.
	pairLine int

	// description and generic are of the rule, commits those in which it is allowed.
	description string
	generic     bool
	commits     []string
	// allow is the marker of AllowComments on the line, or empty.
	allow string

	// needsPair marks a secret that counts only beside a key id.
	needsPair bool
	// half is set for one part of a credential that counts only with the other.
	half half
	// slow asks for a fingerprint that is costly to compute, for values of too little randomness for a plain hash.
	slow bool
	// byPlace asks for a fingerprint of the place instead of the value, for values that could be guessed from any hash.
	byPlace bool
	// hidden asks for a preview without any real character.
	hidden bool
	// surroundings is the line with the value and everything like it masked, where byPlace or slow is set, and ordinal
	// counts from 0 how many values of the content had the same before.
	surroundings string
	ordinal      int
	// partner is the key id that a secret belongs to, once it is known.
	partner *partner
}

// windows reads r and calls visit with window after window. buffer is the memory that it works in.
func windows(r io.Reader, buffer []byte, visit func(w *window) error) error {
	filled, from, lines, columns := 0, 0, 0, 0
	for {
		n, err := io.ReadFull(r, buffer[filled:])
		filled += n
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		to := filled
		if !last {
			to = filled - windowAhead
		}
		if err := visit(&window{data: buffer[:filled], from: from, to: to, linesBefore: lines, columnsBefore: columns, last: last}); err != nil {
			return err
		}
		if last {
			return nil
		}
		cut := max(0, to-windowBehind)
		// The count is vectorised, and the search for the last one is not.
		if passed := countNewlines(buffer[:cut]); passed > 0 {
			lines += passed
			columns = cut - bytes.LastIndexByte(buffer[:cut], '\n') - 1
		} else {
			columns += cut
		}
		from = to - cut
		filled = copy(buffer, buffer[cut:filled])
	}
}
