package detect

import (
	"bytes"
	"strings"
)

// standsAsSecret tells whether 40 characters that nothing calls a secret access key stand where a secret stands: they are a
// value of their own, of the characters of base64, in a line that speaks of no digest and in a file of no tool.
func standsAsSecret(w *window, start, end int, value string) bool {
	if w.place != nil && w.place.generated {
		return false
	}
	data := w.data
	line := lineBefore(data, start, secretContext)
	after := restOfLine(data, end, secretContext)
	if !standsAlone(line, after) || !mixed(value) {
		return false
	}
	name := squeeze(statement(line))
	for _, word := range [...]string{
		"sha1", "sha256", "sha512", "integrity", "digest", "checksum", "hash", "etag", "md5", "fingerprint", "signature", "base64,", "commit",
		"revision", "publickey", "pubkey", "nonce", "certificate", "bytes", "uuid", "h1:", "encoded", "ssh", "keyid", "sig", "salt",
	} {
		if strings.Contains(name, word) {
			return false
		}
	}
	if inBlob(data, start, end) || inTable(data, start, end) {
		return false
	}
	if strings.ContainsAny(value, "+/") {
		return true
	}
	for _, word := range [...]string{"secret", "key", "cred", "passw", "pwd", "token", "auth"} {
		if strings.Contains(name, word) {
			return strings.Contains(name, "secret") || strings.Contains(name, "accesskey") || mentionsAWS(name)
		}
	}
	return isNeutralName(name) && secretAbove(data, start-len(line))
}

// statement returns the part of a line before a value that is about it: behind the statement or block before.
func statement(line []byte) []byte { return line[bytes.LastIndexAny(line, ";{")+1:] }

// isNeutralName tells whether the name of a value says nothing of what it is.
func isNeutralName(name string) bool {
	switch strings.Trim(name, `"':=>|<`) {
	case "value", "default", "data", "string", "content", "text", "stringdata":
		return true
	}
	return false
}

// secretAbove tells whether one of the lines above the one that begins at the offset calls what it opens a secret.
func secretAbove(data []byte, begin int) bool {
	const lines = 3
	for range lines {
		if begin == 0 {
			return false
		}
		line := lineBefore(data, begin-1, secretContext)
		if strings.Contains(squeeze(line), "secret") {
			return true
		}
		begin -= 1 + len(line)
	}
	return false
}

// standsAlone tells whether a value between the two parts of its line is one of its own: quoted, assigned, an element, a cell
// or all of its line.
func standsAlone(before, after []byte) bool {
	const opens, closes = "\"'`=:>,|( \t", "\"'`<,;|)\\} \t\r&"
	begins := len(before) == 0 || strings.IndexByte(opens, before[len(before)-1]) >= 0
	ends := len(after) == 0 || strings.IndexByte(closes, after[0]) >= 0
	return begins && ends
}

// mixed tells whether the value has as much of each kind of character as chance gives to nearly all secret keys.
func mixed(value string) bool {
	var upper, lower, digits int
	for i := range len(value) {
		switch c := value[i]; {
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z':
			lower++
		case isDigit(c):
			digits++
		}
	}
	return upper >= 6 && lower >= 6 && digits >= 1 && varied([]byte(value), 4.2)
}

// inBlob tells whether the value is a line of a longer text in base64: the line above or below is of the same kind.
func inBlob(data []byte, start, end int) bool {
	const least = 24
	beginning := start - len(lineBefore(data, start, 80))
	if strings.Trim(string(data[beginning:start]), " \t\"'+,") != "" {
		return false
	}
	above := bytes.Trim(lineBefore(data, max(0, beginning-1), 200), " \t\r\"'+,\\")
	if len(above) >= least && allBase64(above) {
		return true
	}
	newline := bytes.IndexByte(data[end:min(len(data), end+80)], '\n')
	if newline < 0 {
		return false
	}
	below := bytes.Trim(restOfLine(data, end+newline+1, 200), " \t\r\"'+,\\")
	return len(below) >= least && allBase64(below)
}

// inTable tells whether the value is one of several of its kind in a row.
func inTable(data []byte, start, end int) bool {
	const least, between = 32, 4
	before := start
	for before > 0 && start-before < between && !isBase64(data[before-1]) {
		before--
	}
	begin := before
	for begin > 0 && before-begin < least && isBase64(data[begin-1]) {
		begin--
	}
	after := end
	for after < len(data) && after-end < between && !isBase64(data[after]) {
		after++
	}
	close := after
	for close < len(data) && close-after < least && isBase64(data[close]) {
		close++
	}
	return before-begin >= least || close-after >= least
}

func allBase64(text []byte) bool {
	for _, c := range text {
		if !isPadded(c) {
			return false
		}
	}
	return true
}

// restOfLine returns up to limit bytes from end that are in the same line.
func restOfLine(data []byte, end, limit int) []byte {
	rest := data[end:min(len(data), end+limit)]
	if newline := bytes.IndexByte(rest, '\n'); newline >= 0 {
		rest = rest[:newline]
	}
	return rest
}

// isPadded tells whether c is of base64 with its padding.
func isPadded(c byte) bool { return isBase64(c) || c == '=' }
