package detect

import (
	"bytes"
	"errors"
	"io"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	// windowBehind and windowAhead are what a matcher may look at before and after the bytes that are new in a window. The
	// longest token that is followed to its end, a session token, is far shorter than windowAhead.
	windowBehind = 4 << 10
	windowAhead  = 16 << 10
	windowFresh  = 1 << 20
)

// window is a part of the content in memory. Matchers report what starts in data[from:to] and may look at all of data.
type window struct {
	data     []byte
	from, to int
}

// hit is a place that a matcher found, before it is redacted.
type hit struct {
	rule       string
	start, end int // within the window
	value      string
	severity   contract.Severity
	account    string // 12 digits, or empty
	line       int    // filled in by the detector

	// needsPair marks a secret that counts only beside a key id.
	needsPair bool
	// slow asks for a fingerprint that is costly to compute, for values of too little randomness for a plain hash.
	slow bool
	// byPlace asks for a fingerprint of the place instead of the value, for values that could be guessed from any hash.
	byPlace bool
	// hidden asks for a preview without any real character.
	hidden bool
	// allow is the marker of AllowComments on the line, or empty.
	allow string
	// surroundings is the line with the value and everything like it masked, where byPlace or slow is set, and ordinal
	// counts from 0 how many values of the content had the same before.
	surroundings string
	ordinal      int
	// partner is the key id that a secret belongs to, once it is known.
	partner *partner
}

// matcher reports the hits of one rule.
type matcher func(w *window, report func(hit))

func matchers() []matcher {
	all := []matcher{findKeyIDs, findSecretKeys, findSessionTokens, findAccounts, findGitCredentials}
	all = append(all, serviceKeyMatchers()...)
	return append(all, serviceTokenMatchers()...)
}

// windows reads r and calls visit with window after window and the number of lines before the window. buffer is the
// memory that it works in.
func windows(r io.Reader, buffer []byte, visit func(w *window, linesBefore int) error) error {
	filled, from, lines := 0, 0, 0
	for {
		n, err := io.ReadFull(r, buffer[filled:])
		filled += n
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		to := filled
		if !last {
			to = filled - windowAhead
		}
		if err := visit(&window{data: buffer[:filled], from: from, to: to}, lines); err != nil {
			return err
		}
		if last {
			return nil
		}
		cut := max(0, to-windowBehind)
		lines += bytes.Count(buffer[:cut], []byte{'\n'})
		from = to - cut
		filled = copy(buffer, buffer[cut:filled])
	}
}
