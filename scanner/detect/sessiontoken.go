package detect

import (
	"bytes"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	// sessionTokenShortest leaves out the shortened tokens of documentation; real ones have about 300 to several thousand
	// characters.
	sessionTokenShortest = 100
	sessionTokenLongest  = 12 << 10
	// sessionTokenLine is how long a line has to be to go on in the next one: what a token begins with tells more than the
	// width does.
	sessionTokenLine = 32
)

// sessionTokenOpenings are what session tokens begin with, as they are written.
func sessionTokenOpenings() []string {
	return []string{
		"IQoJb3JpZ2luX2Vj", "FwoGZXIvYXdz", "FQoGZXIvYXdz", "AgoJb3JpZ2luX2Vj", "AgoGb3JpZ2lu", "AQoDYXdz", "FQoDYXdz", "IQoGb3JpZ2lu",
	}
}

// findSessionToken reports the session token that begins at start, of one of the openings in some case.
func findSessionToken(w *window, start int, report func(hit)) {
	opened := false
	for _, opening := range sessionTokenOpenings() {
		opened = opened || bytes.HasPrefix(w.data[start:], []byte(opening))
	}
	if !opened || !boundaryBefore(w.data, start) {
		return
	}
	value, end := wrappedToken(w.data, start, sessionTokenLongest, sessionTokenLine)
	value = string(unescapeAll([]byte(value))) // so that it is the same in a URL and beside it
	if len(value) < sessionTokenShortest || isExampleSecret(value) {
		return
	}
	report(hit{rule: RuleSessionToken, start: start, end: end, value: value, severity: contract.SeverityHigh})
}

// wrappedToken returns the token of base64, with signs that URLs escape, that begins at start and may go on over line after
// line of the same width, least bytes or more, and where it ends.
func wrappedToken(data []byte, start, longest, least int) (string, int) {
	limit := min(len(data), start+longest)
	end, width := tokenEnd(data, start, limit), 0
	token, marked := data[start:end:end], false
	for line := start; end < limit; {
		if width == 0 {
			width = end - line
		}
		next := nextLine(data, end, limit)
		if next == end || end-line < least || end-line < width && line != start || data[end-1] == '=' {
			break
		}
		tail := tokenEnd(data, next, limit)
		if signs := plusBefore(data, end, next); signs > 0 {
			// In front of every line it is a sign of diffs. In front of a line that is as long as the others with it, or of one
			// where none before had it, it belongs to the text.
			switch missing := width - (tail - next); {
			case missing > 0 && missing <= signs:
				next -= missing
			case missing == 0:
				marked = true
			case marked:
				next -= signs - 1
			default:
				next -= signs
			}
		}
		// The last line is shorter; what is followed by something else than the end of a line is another thing.
		if tail == next || tail < len(data) && bytes.IndexByte([]byte("\r\n\"'`\\<, "), data[tail]) < 0 || isOtherLine(data[next:tail]) {
			break
		}
		token = append(token, data[next:tail]...)
		line, end, width = next, tail, max(width, tail-next)
	}
	return string(token), end
}

// plusBefore returns how many plus signs stand right before the place, where no string ends between it and the line before.
func plusBefore(data []byte, end, place int) (signs int) {
	for place-signs > end && data[place-signs-1] == '+' {
		signs++
	}
	if bytes.IndexByte(data[end:place-signs], '"') >= 0 || bytes.IndexByte(data[end:place-signs], '\'') >= 0 {
		return 0
	}
	return signs
}

// isOtherLine tells whether the text is a short word or an assignment rather than the rest of a token.
func isOtherLine(text []byte) bool {
	if bytes.IndexByte(bytes.TrimRight(text, "="), '=') >= 0 {
		return true
	}
	for _, c := range text {
		if isDigit(c) || c == '+' || c == '/' || c == '=' {
			return false
		}
	}
	return len(text) < 24
}

func tokenEnd(data []byte, start, limit int) int {
	end := start
	for end < limit && (isBase64(data[end]) || data[end] == '=' || data[end] == '%') {
		end++
	}
	return end
}

// nextLine returns where the text of the next line begins if a line ends at end, real or escaped, also behind the signs that
// join strings in source code; else it returns end.
func nextLine(data []byte, end, limit int) int {
	i := end
	for i < limit && i-end < 64 && bytes.IndexByte([]byte("\"'+\\ \t\r\n>|#*,"), data[i]) >= 0 {
		if data[i] == '+' && bytes.IndexByte([]byte("\"'`"), data[i-1]) >= 0 && bytes.IndexByte(data[end:i], '\n') >= 0 {
			break // the first letter of the next string, and not what joins the two
		}
		if data[i] == '\\' && i+1 < limit && data[i+1] == 'n' {
			i++
		}
		i++
	}
	if bytes.IndexByte(data[end:i], '\n') < 0 && !bytes.Contains(data[end:i], []byte(`\n`)) {
		return end
	}
	return i
}
