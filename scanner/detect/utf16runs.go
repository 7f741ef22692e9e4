package detect

import (
	"bytes"
	"context"
	"encoding/binary"
	"sort"
)

const (
	// wideLetters is the shortest run of UTF-16 that is looked into, in letters: less than any token has.
	wideLetters = 16
	// wideStride is how far the places are apart, in bytes, where a run is looked for: a run of wideLetters reaches eight bytes over
	// one of them at least.
	wideStride = 16
	// evenBytes and oddBytes are those of eight bytes in the order of little endian.
	evenBytes = 0x00ff_00ff_00ff_00ff
	oddBytes  = evenBytes << 8
)

// wideRun is text in UTF-16 within other content: at every second byte from raw on is a letter, and between them are zeros.
type wideRun struct {
	raw, letters int
	// plain is where its first letter is in the text of all runs of a window.
	plain int
}

// lookAtWide reports the hits in runs of UTF-16 in content that is not of UTF-16 as a whole: lines that the shell of Windows added to
// a file in ASCII, and the texts of its programs.
func (d *Detector) lookAtWide(ctx context.Context, w *window, report func(hit)) error {
	if bytes.IndexByte(w.data, 0) < 0 {
		return nil
	}
	runs, text := wideRuns(w)
	if len(runs) == 0 {
		return nil
	}
	// rawOf returns where the letter of the text stands in the window.
	rawOf := func(at int) int {
		run := runs[sort.Search(len(runs), func(i int) bool { return runs[i].plain > at })-1]
		return min(run.raw+2*(at-run.plain), len(w.data)-1)
	}
	inner := &window{data: text, to: len(text), last: true, depth: w.depth + 1, place: w.place}
	return d.look(ctx, inner, func(h hit) {
		h.start, h.end = rawOf(h.start), rawOf(h.end-1)+1
		if h.start >= w.from && h.start < w.to {
			report(h)
		}
	})
}

// wideRuns returns the runs of UTF-16 that reach into the window's own part, and the text of all of them with something foreign
// between.
func wideRuns(w *window) (runs []wideRun, text []byte) {
	data, end := w.data, min(len(w.data)-8, w.to+wideStride)
	for at := w.from; at <= end; at += wideStride {
		eight := binary.LittleEndian.Uint64(data[at:])
		first := at
		switch {
		case eight == 0:
			continue
		case eight&oddBytes == 0:
		case eight&evenBytes == 0:
			first++
		default:
			continue
		}
		if !isWideLetter(data[first]) {
			continue
		}
		run := wideRunAt(data, first)
		if run.letters < wideLetters {
			continue
		}
		run.plain = len(text)
		for i := range run.letters {
			c := data[run.raw+2*i]
			if c > foreign {
				c = foreign
			}
			text = append(text, c)
		}
		text = append(text, foreign)
		runs = append(runs, run)
		at = max(at, run.raw+2*(run.letters-1))
	}
	return runs, text
}

// wideRunAt returns the run that the letter belongs to. It is the same in both orders of bytes, but for its ends: where no zero stands
// before it and none behind it, the last letter is a byte of what follows.
func wideRunAt(data []byte, letter int) wideRun {
	first, last := letter, letter
	for first >= 2 && data[first-1] == 0 && isWideLetter(data[first-2]) {
		first -= 2
	}
	for last+2 < len(data) && data[last+1] == 0 && isWideLetter(data[last+2]) {
		last += 2
	}
	littleEndian := first == 0 || data[first-1] != 0
	if littleEndian && last+1 < len(data) && data[last+1] != 0 {
		last -= 2
	}
	return wideRun{raw: first, letters: (last-first)/2 + 1}
}

// isWideLetter tells whether c is the low byte of a letter that text has: of ASCII or of Latin-1.
func isWideLetter(c byte) bool { return c >= ' ' && c != 0x7f || c == '\n' || c == '\r' || c == '\t' }
