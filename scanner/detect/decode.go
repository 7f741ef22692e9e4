package detect

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
)

const (
	// encodedLeast is the shortest text in base64 or hexadecimal that is decoded: that of an account number.
	encodedLeast = 16
	// encodedMost is how much of an encoded text is decoded at once, in bytes, and encodedOverlap what the next part of a longer one
	// repeats. Both hold whole letters of two bytes each: eight characters of base64 are six bytes.
	encodedMost    = windowAhead
	encodedOverlap = windowBehind
	// encodedBefore and encodedAfter are what of its surroundings goes with a decoded text, as context.
	encodedBefore = 300
	encodedAfter  = 100
)

// decode reports the hits in what the encoded texts of the window say: base64, also for URLs and over several lines,
// hexadecimal, and the escapes of URLs, JSON, source code and HTML. A hit is where the encoded text stands. What is in one of
// the whole values is a part of it.
func (d *Detector) decode(ctx context.Context, w *window, runs []span, whole []hit, report func(hit)) error {
	for len(runs) > 0 && runs[0].end <= w.seen {
		runs = runs[1:]
	}
	if w.depth >= d.engine.depth {
		d.tellDepth(w, runs)
		return nil
	}
	var failed error
	done := 0
	slices.SortFunc(whole, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
	visit := func(start, end int, plain []byte) {
		if failed != nil || start < done || end <= w.seen || covered(whole, start, end) {
			return
		}
		done = end
		failed = d.lookInto(ctx, w, span{start, end}, plain, func(h hit, _ span) {
			if !stands(whole, start, end, func(o hit) bool { return o.rule == h.rule && o.value == h.value }) {
				report(h)
			}
		})
	}
	goOn := func(start, end int) {
		for ; start < end && failed == nil; start += encodedMost - encodedOverlap {
			if plain := decodeBase64(w.data[start:min(end, start+encodedMost)]); plain != nil {
				done = min(done, start)
				visit(start, min(end, start+encodedMost), plain)
			}
		}
	}
	if start, end, ok := continued(w); ok {
		goOn(start, end)
	}
	looked := 0 // bytes that said nothing
	for _, run := range runs {
		start, end, plain, cut := decodeRun(w, run, done, roomFor(looked))
		d.tellCut(cut)
		if plain == nil {
			looked += end - start
		}
		if plain != nil {
			visit(start, end, plain)
			if end == start+encodedMost && end < run.end {
				goOn(end-encodedOverlap, run.end)
			}
		}
	}
	done = 0
	escapes(w, visit)
	if failed != nil {
		return failed
	}
	return d.lookIntoBroken(ctx, w, whole, report)
}

// lookIntoBroken reports the hits in texts that mails have broken over lines. Of these only what goes on over a break is not seen
// otherwise, and what ends at one may have been taken for longer.
func (d *Detector) lookIntoBroken(ctx context.Context, w *window, whole []hit, report func(hit)) (failed error) {
	outer := d.joining
	d.joining = true
	defer func() { d.joining = outer }()
	softBreaks(w, func(start, end int, plain []byte, breaks []int) {
		if failed != nil || end <= w.seen {
			return
		}
		failed = d.lookInto(ctx, w, span{start, end}, plain, func(h hit, in span) {
			across := slices.ContainsFunc(breaks, func(at int) bool { return in.start < at && at < in.end })
			if across && !stands(whole, start, end, func(o hit) bool { return o.rule == h.rule }) {
				report(h)
			}
		})
	})
	return failed
}

// roomFor returns how much of a packed text is looked at, where so many bytes of the window looked like one and said nothing: any
// line may look like the beginning of a long text.
func roomFor(looked int) int {
	if looked > 4*packedMost {
		return encodedMost
	}
	return packedMost
}

// tellCut notes where a packed text goes on.
func (d *Detector) tellCut(cut bool) {
	if cut {
		d.leftOut = fmt.Sprintf("a text that is packed in base64 goes on beyond what is unpacked of one, %d KiB or %d times its size", unpackedMost>>10, unpackedRatio)
	}
}

// tellDepth notes that there is something encoded in the window, which is as deep as anything is decoded.
func (d *Detector) tellDepth(w *window, runs []span) {
	const least = 24
	if w.depth == 0 || d.joining {
		return // nothing is to be decoded, or it is seen without joining lines, too
	}
	for _, run := range runs {
		if run.end-run.start < least {
			continue
		}
		if _, _, plain, _ := decodeRun(w, run, 0, encodedMost); plain != nil {
			d.leftOut = fmt.Sprintf("a text is encoded more than %d times over", w.depth)
			return
		}
	}
}

// covered says whether one of the values, which are in their order, takes the place from start to end whole.
func covered(values []hit, start, end int) bool {
	after, _ := slices.BinarySearchFunc(values, start+1, func(h hit, at int) int { return cmp.Compare(h.start, at) })
	return after > 0 && values[after-1].end >= end
}

// stands says whether one of the values that are alike has a part of the place: what is found as it stands too, has its place
// from there.
func stands(values []hit, start, end int, alike func(o hit) bool) bool {
	return slices.ContainsFunc(values, func(o hit) bool { return o.start < end && o.end > start && alike(o) })
}

// continued returns what the last window did not see of a text in base64 that began before the window, from a place where it can
// be decoded.
func continued(w *window) (start, end int, ok bool) {
	seen := w.from + windowAhead
	if w.from == 0 || seen >= len(w.data) || !isBase64(w.data[w.from-1]) {
		return 0, 0, false
	}
	for end = w.from; end < len(w.data) && isBase64(w.data[end]); end++ {
	}
	if end <= seen {
		return 0, 0, false
	}
	// A text that is decoded from a wrong place has most of its letters outside of ASCII.
	const phases = 8
	fewest := encodedMost
	for from := seen - encodedOverlap; from < seen-encodedOverlap+phases; from++ {
		plain := decodeBase64(w.data[from:min(end, from+encodedMost)])
		if beyond := len(plain) - asciiIn(plain); plain != nil && beyond < fewest {
			start, fewest, ok = from, beyond, true
		}
	}
	return start, end, ok
}

func asciiIn(text []byte) (count int) {
	for _, c := range text {
		if c < 0x80 {
			count++
		}
	}
	return count
}

// lookInto reports the hits in the plain text of the encoded one, among what stands around that, with their places in the plain
// text.
func (d *Detector) lookInto(ctx context.Context, w *window, encoded span, plain []byte, report func(h hit, in span)) error {
	before := w.data[max(0, encoded.start-encodedBefore):encoded.start]
	after := w.data[encoded.end:min(len(w.data), encoded.end+encodedAfter)]
	text := bytes.Join([][]byte{before, plain, after}, nil)
	from, to := len(before), len(before)+len(plain)
	inner := &window{data: text, from: 0, to: to, last: true, depth: w.depth + 1, seen: from, place: w.place}
	return d.look(ctx, inner, func(h hit) {
		if h.end <= from || h.start >= to {
			return // seen without decoding
		}
		in := span{h.start - from, h.end - from}
		h.start, h.end = encoded.start, encoded.end
		report(h, in)
	})
}
