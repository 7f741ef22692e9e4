package detect

import (
	"bytes"
	"math"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	secretLength = 40
	// secretEntropy and secretTransitions part random text from identifiers, paths and words: of a million random secrets,
	// ten have less than 4.15 bits a character, and thirty less than 12 changes between lower case, upper case, digits and
	// signs. Both were measured by drawing them.
	secretEntropy     = 4.15
	secretTransitions = 12
	// letterTransitions is what a secret of letters alone has to have, so that it is no long identifier.
	letterTransitions = 15
	// secretContext is how far back from a secret its name is looked for, in bytes.
	secretContext = 300
)

// findSecretKey reports the run if it can be a secret access key. A hit without context counts only beside an access key id;
// the collector decides that at the end of the content.
func findSecretKey(w *window, run span, report func(hit)) {
	data := w.data
	if n := run.end - run.start; n < secretLength || n > secretLength+2 {
		return
	}
	start := skipEscapeTo(data, run.start, run.end, secretLength)
	if run.end-start != secretLength || touchesLongerToken(data, start, run.end) || inEscape(data, start) {
		return
	}
	value := string(data[start:run.end])
	if !looksLikeSecret(value) || isSealed(data, start) || decodeBase64([]byte(value)) != nil {
		return // what says something in base64 is looked into instead
	}
	h := hit{rule: RuleSecretAccessKey, start: start, end: run.end, value: value, severity: contract.SeverityHigh}
	switch {
	case namedAsSecret(data, start):
	case standsAsSecret(w, start, run.end, value):
		h.severity = contract.SeverityMedium
	default:
		h.needsPair = true
	}
	report(h)
}

// touchesLongerToken tells whether the run is a piece of a longer token, such as padded or URL-safe base64.
func touchesLongerToken(data []byte, start, end int) bool {
	if start > 0 && (data[start-1] == '_' || data[start-1] == '-') {
		return true
	}
	return end < len(data) && (data[end] == '=' || data[end] == '_' || data[end] == '-')
}

// inEscape tells whether what begins at start is the rest of an escape of URLs, of one that was itself escaped too: %2F, %252F.
func inEscape(data []byte, start int) bool {
	before := bytes.TrimSuffix(data[max(0, start-len("%25")):start], []byte("25"))
	return bytes.HasSuffix(before, []byte("%")) && start+1 < len(data) && isHex(data[start]) && isHex(data[start+1])
}

// looksLikeSecret tells whether 40 characters are as random as a secret access key: no SHA-1, identifier or path.
func looksLikeSecret(value string) bool {
	var counts [128]int
	var upper, lower, other, hex, transitions int
	previous := 0
	for i := range len(value) {
		c := value[i]
		counts[c&0x7f]++
		kind := 0
		switch {
		case c >= 'A' && c <= 'Z':
			kind, upper = 1, upper+1
		case c >= 'a' && c <= 'z':
			kind, lower = 2, lower+1
		case isDigit(c):
			kind, other = 3, other+1
		default:
			kind, other = 4, other+1
		}
		if isHex(c) {
			hex++
		}
		if i > 0 && kind != previous {
			transitions++
		}
		previous = kind
	}
	if upper == 0 || lower == 0 || hex == len(value) || transitions < secretTransitions || isExampleSecret(value) {
		return false
	}
	if other == 0 && transitions < letterTransitions {
		return false
	}
	return entropy(counts[:], len(value)) >= secretEntropy
}

// entropy returns Shannon's entropy of the counts, in bits a character.
func entropy(counts []int, total int) float64 {
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(total)
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// namedAsSecret tells whether the text before start names what follows as a secret access key: in the same line, or in
// one of the two lines above, as XML and YAML have it.
func namedAsSecret(data []byte, start int) bool {
	before := data[max(0, start-secretContext):start]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	name := squeeze(line)
	if strings.Contains(name, "secretaccesskey") || strings.Contains(name, "awssecret") {
		return true
	}
	if strings.Contains(name, "secret") && mentionsAWS(name) {
		return true
	}
	above := before[:len(before)-len(line)]
	for range 3 {
		above = bytes.TrimSuffix(above, []byte("\n"))
		cut := bytes.LastIndexByte(above, '\n') + 1
		name := squeeze(above[cut:])
		if strings.HasSuffix(strings.TrimRight(strings.TrimSuffix(name, "</name>"), `:="'>|`), "secretaccesskey") ||
			strings.Contains(name, "secretkey") && mentionsAWS(name) {
			return true
		}
		above = above[:cut]
	}
	return false
}

func mentionsAWS(name string) bool {
	for _, word := range [...]string{"aws", "amazon", "s3", "amz"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// squeeze returns the text in lower case without blanks and the signs that names are joined with.
func squeeze(text []byte) string {
	out := make([]byte, 0, len(text))
	for _, c := range text {
		switch {
		case c == ' ', c == '\t', c == '\r', c == '_', c == '-', c == '.':
		case c >= 'A' && c <= 'Z':
			out = append(out, c+'a'-'A')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
