package detect

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
)

// decodeRun returns what the run of base64 or hexadecimal says, and where it stands; nil where it says nothing. What begins
// before done was seen. Of what is packed it looks at packedMost bytes; cut tells that there is more.
func decodeRun(w *window, run span, done, packedMost int) (start, end int, plain []byte, cut bool) {
	data := w.data
	if run.start < done {
		return 0, 0, nil, false
	}
	start = behindMarks(data, run.start, run.end)
	if text := decodeHex(data[start:run.end]); text != nil {
		return start, run.end, text, false
	}
	for start > 0 && start > done && isURLSafe(data[start-1]) {
		start--
	}
	opening := data[start:run.end]
	switch {
	case bytes.HasPrefix(opening, []byte(gzipOpening)):
		token, end, beyond := boundedToken(w, start, run.end, packedMost)
		plain, cut = decodeGzip(token)
		return start, behindPadding(data, end), plain, cut || plain != nil && beyond
	case !opensAsText(opening):
		return 0, 0, nil, false
	case bytes.HasPrefix(opening, []byte(gzipOpeningTwice)):
		token, end, beyond := boundedToken(w, start, run.end, packedMost)
		plain = decodeBase64(token)
		return start, behindPadding(data, end), plain, plain != nil && beyond
	}
	token, end := tokenOf(data, start, run.end, encodedMost)
	return start, behindPadding(data, end), decodeBase64(token), false
}

// boundedToken returns what tokenOf does, and whether the token may go on beyond that.
func boundedToken(w *window, start, end, most int) (token []byte, tokenEnd int, beyond bool) {
	token, end = tokenOf(w.data, start, end, most)
	return token, end, end-start == most || end == len(w.data) && !w.last
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
