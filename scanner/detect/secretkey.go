package detect

import (
	"bytes"
	"math"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// RuleSecretAccessKey is the rule for secret access keys.
const RuleSecretAccessKey = "aws-secret-access-key"

const (
	secretLength = 40
	// secretEntropy and secretTransitions part random text from identifiers, paths and words: of a million random secrets,
	// ten have less than 4.15 bits a character, and thirty less than 12 changes between lower case, upper case, digits and
	// signs. Both were measured by drawing them.
	secretEntropy     = 4.15
	secretTransitions = 12
	// secretContext is how far back from a secret its name is looked for, in bytes.
	secretContext = 300
)

func secretAccessKeyRule() Rule {
	return Rule{
		ID:          RuleSecretAccessKey,
		Description: "AWS secret access key",
		Severity:    contract.SeverityCritical,
		Advice: "Treat the key as stolen: deactivate it in IAM now, look for its use in CloudTrail, issue a new one and keep that in " +
			"Secrets Manager or use a role instead. Removing it from the branch is not enough: it stays in the history.",
	}
}

// findSecretKeys reports every run of 40 characters that can be a secret access key. A hit without context counts only
// beside an access key id; the collector decides that at the end of the content.
func findSecretKeys(w *window, report func(hit)) {
	data := w.data
	i := w.from
	if i > 0 && i < len(data) && isBase64(data[i]) {
		for i < len(data) && isBase64(data[i-1]) {
			i++
		}
	}
	for i+secretLength-1 < len(data) && i < w.to {
		// No run of 40 begins here unless the byte 39 further on belongs to it too, so most of the content is skipped.
		if !isBase64(data[i+secretLength-1]) {
			i += secretLength
			continue
		}
		start := i + secretLength - 1
		for start > i && isBase64(data[start-1]) {
			start--
		}
		end := i + secretLength
		for end < len(data) && isBase64(data[end]) {
			end++
		}
		i = end + 1
		if start >= w.to {
			return
		}
		start = skipEscape(data, start, end)
		if end-start != secretLength || touchesLongerToken(data, start, end) {
			continue
		}
		value := string(data[start:end])
		if !looksLikeSecret(value) {
			continue
		}
		report(hit{
			rule: RuleSecretAccessKey, start: start, end: end, value: value, severity: contract.SeverityHigh,
			needsPair: !namedAsSecret(data, start),
		})
	}
}

// skipEscape moves the start of a run past the tail of an escape (\n, %3D) that is not part of the token.
func skipEscape(data []byte, start, end int) int {
	switch end - start {
	case secretLength + 1:
		if boundaryBefore(data, start+1) {
			return start + 1
		}
	case secretLength + 2:
		if start > 0 && data[start-1] == '%' && boundaryBefore(data, start+2) {
			return start + 2
		}
	}
	return start
}

// touchesLongerToken tells whether the run is a piece of a longer token, such as padded or URL-safe base64.
func touchesLongerToken(data []byte, start, end int) bool {
	if start > 0 && (data[start-1] == '_' || data[start-1] == '-') {
		return true
	}
	return end < len(data) && (data[end] == '=' || data[end] == '_' || data[end] == '-')
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
	if upper == 0 || lower == 0 || other == 0 || hex == len(value) || transitions < secretTransitions || isExampleSecret(value) {
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
	for range 2 {
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
