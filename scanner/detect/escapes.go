package detect

import (
	"bytes"
	"strconv"
)

// escapes calls visit with each text without blanks that holds escapes, and what it says. One that begins in the window's own
// part counts.
func escapes(w *window, visit func(start, end int, plain []byte)) {
	for _, sign := range [...]byte{'%', '\\', '&'} {
		for i := w.from; i < w.to; {
			at := bytes.IndexByte(w.data[i:w.to], sign)
			if at < 0 {
				break
			}
			i += at
			if _, width := unescape(w.data[i:]); width == 0 {
				i++
				continue
			}
			start, end := escapedText(w.data, i)
			if plain := unescapeAll(w.data[start:end]); len(plain) >= accountLength {
				visit(start, end, plain)
			}
			i = max(end, i+1)
		}
	}
}

// escapedText returns the bounds of the text around the escape at place.
func escapedText(data []byte, place int) (start, end int) {
	const most = 4 << 10
	outside := func(c byte) bool { return c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '<' || c == '>' }
	start, end = place, place
	for start > 0 && place-start < most && !outside(data[start-1]) {
		start--
	}
	for end < len(data) && end-place < most && !outside(data[end]) {
		end++
	}
	return start, end
}

func unescapeAll(text []byte) []byte {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if c, width := unescape(text[i:]); width > 0 {
			plain = append(plain, c)
			i += width
			continue
		}
		plain = append(plain, text[i])
		i++
	}
	return plain
}

// unescape returns the byte that an escape at the beginning of text stands for, and how long the escape is; 0 where there is
// none of printable ASCII.
func unescape(text []byte) (c byte, width int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch {
	case text[0] == '%':
		return hexEscape(text, 1, 2)
	case text[0] == '\\' && text[1] == '/':
		return '/', 2
	case text[0] == '\\' && text[1] == 'u':
		if c, width := hexEscape(text, 2, 4); width > 0 {
			return c, width
		}
		// Escaped once more, as JSON in JSON has it, or with a longer number in braces, is left to the next depth.
	case text[0] == '\\' && text[1] == 'x':
		return hexEscape(text, 2, 2)
	case text[0] == '&':
		return entity(text)
	}
	return 0, 0
}

func hexEscape(text []byte, from, digits int) (byte, int) {
	if len(text) < from+digits {
		return 0, 0
	}
	n := 0
	for _, c := range text[from : from+digits] {
		if !isHex(c) {
			return 0, 0
		}
		n = n<<4 | hexDigit(c)
	}
	if n < ' ' || n > '~' {
		return 0, 0
	}
	return byte(n), from + digits
}

// hexDigit returns what a digit of a hexadecimal number stands for.
func hexDigit(c byte) int {
	if isDigit(c) {
		return int(c - '0')
	}
	return int(c|0x20-'a') + 10
}

// entity returns the letter of one of HTML's entities.
func entity(text []byte) (byte, int) {
	const longest = 8
	end := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if end < 2 {
		return 0, 0
	}
	name := string(text[1:end])
	switch name {
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "equals":
		return '=', end + 1
	case "plus":
		return '+', end + 1
	case "sol":
		return '/', end + 1
	}
	if name[0] != '#' {
		return 0, 0
	}
	digits, base := name[1:], 10
	if len(digits) > 1 && (digits[0] == 'x' || digits[0] == 'X') {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n < ' ' || n > '~' {
		return 0, 0
	}
	return byte(n), end + 1
}
