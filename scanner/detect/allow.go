package detect

import "bytes"

// allowReach is how far from a value its line is looked through for a marker, in bytes. On longer lines, as in minified code, a
// marker far away belongs to something else.
const allowReach = 1024

// AllowComments are the markers by which a comment asks to ignore what is found on its line.
func AllowComments() []string { return []string{"scanjob:allow", "gitleaks:allow"} }

// allowComment returns the marker that stands on one of the lines of the value, or an empty text.
func allowComment(data []byte, start, end int) string {
	last := min(len(data), end+allowReach)
	if newline := bytes.IndexByte(data[end:last], '\n'); newline >= 0 {
		last = end + newline
	}
	line := data[start-len(lineBefore(data, start, allowReach)) : last]
	if !bytes.Contains(line, []byte(":allow")) {
		return ""
	}
	for _, marker := range AllowComments() {
		if bytes.Contains(line, []byte(marker)) {
			return marker
		}
	}
	return ""
}
