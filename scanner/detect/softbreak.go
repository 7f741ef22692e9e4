package detect

import "bytes"

// mostUnbroken bounds a text before and after its first break, in bytes.
const mostUnbroken = 4 << 10

// softBreaks calls visit with each text that quoted-printable, the encoding of mails, has broken over lines, and what it says
// as one (RFC 2045, section 6.7), with the places of the breaks in that. One that begins in the window's own part counts.
func softBreaks(w *window, visit func(start, end int, plain []byte, breaks []int)) {
	limit := min(len(w.data), w.to+mostUnbroken)
	for i := w.from; i < limit; {
		at := bytes.IndexByte(w.data[i:limit], '=')
		if at < 0 {
			return
		}
		i += at
		if softBreak(w.data[i:]) == 0 || i == 0 || !isQuotedText(w.data[i-1]) {
			i++
			continue
		}
		start, end, plain, breaks := unbroken(w.data, i)
		if start >= w.from && start < w.to {
			visit(start, end, plain, breaks)
		}
		i = max(end, i+1)
	}
}

// softBreak returns the length of the break at the beginning of text, or 0.
func softBreak(text []byte) int {
	switch {
	case len(text) < len("=\n") || text[0] != '=':
	case text[1] == '\n':
		return len("=\n")
	case text[1] == '\r' && len(text) > 2 && text[2] == '\n':
		return len("=\r\n")
	}
	return 0
}

// unbroken returns the text without blanks around the break at the offset, up to the last break that it goes on over, and
// where it stands.
func unbroken(data []byte, at int) (start, end int, plain []byte, breaks []int) {
	start, end = at, at
	for start > 0 && at-start < mostUnbroken && isQuotedText(data[start-1]) {
		start--
	}
	plain = append(plain, data[start:at]...)
	for end < len(data) && end-at < mostUnbroken {
		if width := softBreak(data[end:]); width > 0 {
			breaks = append(breaks, len(plain))
			end += width
			continue
		}
		if !isQuotedText(data[end]) {
			break
		}
		if c, width := hexEscape(data[end:], 1, 2); data[end] == '=' && width > 0 {
			plain = append(plain, c)
			end += width
			continue
		}
		plain = append(plain, data[end])
		end++
	}
	return start, end, plain, breaks
}

// isQuotedText tells whether c is neither blank nor control.
func isQuotedText(c byte) bool { return c > ' ' && c < 0x7f }
