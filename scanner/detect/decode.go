package detect

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
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
	softBreaks(w, func(start, end int, plain []byte, breaks []int) {
		if failed != nil || end <= w.seen {
			return
		}
		outer := d.joining
		d.joining = true
		defer func() { d.joining = outer }()
		failed = d.lookInto(ctx, w, span{start, end}, plain, func(h hit, in span) {
			// Only what goes on over a break is not seen otherwise, and what ends at one may have been taken for longer.
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

// decodeRun returns what the run of base64 or hexadecimal says, and where it stands; nil where it says nothing. What begins
// before done was seen. Of what is packed it looks at packedMost bytes; cut tells that there is more.
func decodeRun(w *window, run span, done, packedMost int) (start, end int, plain []byte, cut bool) {
	data := w.data
	start, end = run.start, run.end
	if start < done {
		return 0, 0, nil, false
	}
	start = behindMarks(data, start, end)
	if text := decodeHex(data[start:end]); text != nil {
		return start, end, text, false
	}
	for start > 0 && start > done && isURLSafe(data[start-1]) {
		start--
	}
	packed := bytes.HasPrefix(data[start:end], []byte(gzipOpening))
	twice := bytes.HasPrefix(data[start:end], []byte(gzipOpeningTwice))
	if !packed && !opensAsText(data[start:end]) {
		return 0, 0, nil, false
	}
	most := encodedMost
	if packed || twice {
		most = packedMost
	}
	token, end := tokenOf(data, start, end, most)
	beyond := end-start == most || end == len(data) && !w.last
	if packed {
		plain, cut = decodeGzip(token)
		return start, behindPadding(data, end), plain, cut || plain != nil && beyond
	}
	plain = decodeBase64(token)
	return start, behindPadding(data, end), plain, twice && plain != nil && beyond
}

// behindMarks returns where a run begins behind an escape, the sign of a diff, or the mark of hexadecimal digits.
func behindMarks(data []byte, start, end int) int {
	if start > 0 && data[start-1] == '\\' && bytes.IndexByte([]byte("nrt"), data[start]) >= 0 {
		start++
	}
	if data[start] == '+' && (start == 0 || data[start-1] == '\n') {
		start++ // no text begins so in base64
	}
	if bytes.HasPrefix(data[start:end], []byte("0x")) {
		start += 2
	}
	return start
}

// tokenOf returns the text in base64 of which data[start:end] is the first run, over several lines and with the letters of URLs, most
// bytes of it at most, and where it ends.
func tokenOf(data []byte, start, end, most int) ([]byte, int) {
	const wrapped = 60
	token := data[start:end]
	if end-start >= wrapped {
		var text string
		text, end = wrappedToken(data, start, most, wrapped)
		token = []byte(text)
	}
	if end < len(data) && isURLSafe(data[end]) {
		for end < len(data) && end-start < most && (isBase64(data[end]) || isURLSafe(data[end])) {
			end++
		}
		token = data[start:end]
	}
	return token, end
}

// gzipOpening is the base64 of what gzip begins with, as in the user data of instances.
const gzipOpening = "H4sI"

// gzipOpeningTwice is that in base64 again, as in the Secrets of Helm's releases.
const gzipOpeningTwice = "SDRzS"

const (
	// packedMost is how much of a packed text in base64 is looked at, in bytes: a Secret of Kubernetes has at most 1 MiB.
	packedMost = 1 << 20
	// unpackedMost bounds what it is unpacked to, and so does unpackedRatio, beyond unpackedSlack: a file may hold any number of them.
	unpackedMost  = 4 << 20
	unpackedRatio = 100
	unpackedSlack = 64 << 10
)

// decodeGzip returns the text that is packed in the token, as far as it goes within bounds, or nil; cut tells that it goes on.
func decodeGzip(token []byte) (text []byte, cut bool) {
	most := min(unpackedMost, unpackedSlack+unpackedRatio*len(token))
	unpacked, err := gzip.NewReader(base64.NewDecoder(base64.RawStdEncoding, bytes.NewReader(bytes.TrimRight(fromURLSafe(token), "=%"))))
	if err != nil {
		return nil, false
	}
	plain, err := io.ReadAll(io.LimitReader(unpacked, int64(most)+1))
	if err != nil && len(plain) == 0 {
		return nil, false
	}
	text = asText(plain[:min(len(plain), most)])
	return text, text != nil && len(plain) > most
}

// behindPadding returns the place behind the padding of base64, escaped or not.
func behindPadding(data []byte, end int) int {
	const escaped = "%3D"
	for {
		switch {
		case end < len(data) && data[end] == '=':
			end++
		case bytes.HasPrefix(data[end:], []byte(escaped)):
			end += len(escaped)
		default:
			return end
		}
	}
}

// decodeHex returns the text that hexadecimal digits say, or nil.
func decodeHex(digits []byte) []byte {
	if !isHexText(digits) {
		return nil
	}
	plain := make([]byte, len(digits)/2)
	if _, err := hex.Decode(plain, digits); err != nil {
		return nil
	}
	return asText(plain)
}

func isHexText(text []byte) bool {
	if len(text) < 2*accountLength || len(text)%2 != 0 {
		return false
	}
	for _, c := range text {
		if !isHex(c) {
			return false
		}
	}
	return true
}

func isURLSafe(c byte) bool { return c == '-' || c == '_' }

// opensAsText tells whether the first eight characters of base64 say text, or text of two bytes a letter.
func opensAsText(token []byte) bool {
	const opening = 8
	if len(token) < encodedLeast || !isLowBase64(token[0]) || !isLowBase64(token[4]) {
		return false
	}
	var raw [6]byte
	n, err := base64.StdEncoding.Decode(raw[:], fromURLSafe(token[:opening]))
	return err == nil && asText(raw[:n]) != nil
}

// isLowBase64 tells whether c stands for six bits of which the highest is zero, as the first of three letters of ASCII has it.
func isLowBase64(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'f' }

func fromURLSafe(token []byte) []byte {
	if bytes.IndexByte(token, '-') < 0 && bytes.IndexByte(token, '_') < 0 {
		return token
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(token, []byte("-"), []byte("+")), []byte("_"), []byte("/"))
}

// decodeBase64 returns the text that the token says, or nil.
func decodeBase64(token []byte) []byte {
	token = bytes.TrimRight(fromURLSafe(token), "=%")
	if len(token)%4 == 1 {
		token = token[:len(token)-1]
	}
	plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(token)))
	n, err := base64.RawStdEncoding.Decode(plain, token)
	if err != nil {
		return nil
	}
	return asText(plain[:n])
}

// asText returns what was decoded if it is text, of one byte a letter or of two; else nil.
func asText(plain []byte) []byte {
	odd := 0
	for i, c := range plain {
		switch {
		case c == 0 && i%2 == 1:
			odd++
		case (c < ' ' || c == 0x7f) && c != '\n' && c != '\r' && c != '\t':
			return nil
		case c >= 0x80 && len(plain) < 64:
			return nil
		}
	}
	if odd == 0 {
		return plain
	}
	if odd < len(plain)/2 {
		return nil
	}
	letters := make([]byte, 0, len(plain)/2+1)
	for i := 0; i < len(plain); i += 2 {
		letters = append(letters, plain[i])
	}
	return letters
}
