package detect

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ScanPath returns what the rules find in a path itself, without line numbers.
func (d *Detector) ScanPath(ctx context.Context, path string) ([]Match, error) {
	matches, err := d.ScanBytes(ctx, []byte(path), d.engine.Place(path))
	if err != nil {
		return nil, err
	}
	for i := range matches {
		matches[i].Line, matches[i].EndLine, matches[i].Column, matches[i].EndColumn, matches[i].Partner = 0, 0, 0, 0, 0
		matches[i].Excerpt = ""
		matches[i].Description = d.engine.RuleOf(matches[i].Rule).Description + " in the name of a file or folder"
	}
	return matches, nil
}

// DisplayPath returns the path as it may be shown: what DisplayPath masks is masked, and whatever the rules of this detector's
// engine find in it at any place. Its error is the cause that ctx has ended of.
func (d *Detector) DisplayPath(ctx context.Context, path string) (string, error) {
	w := &window{data: []byte(path), to: len(path), last: true, place: d.engine.Anywhere()}
	if err := d.lookAt(ctx, w); err != nil {
		return "", context.Cause(ctx)
	}
	return masked(path, append(hiddenInPath(w), d.hits...)), nil
}

// DisplayPath returns the path as it may be shown where no engine is at hand: everything in it that looks like a secret of AWS
// or an account number is masked, with less proof than a finding needs, and control characters are escaped as in a Go string.
func DisplayPath(path string) string {
	return masked(path, hiddenInPath(&window{data: []byte(path), to: len(path)}))
}

func hiddenInPath(w *window) (hidden []hit) {
	keep := func(h hit) { hidden = append(hidden, h) }
	for _, code := range slices.Concat(at(findKeyID, "akia", "asia", "abia", "acca"), at(findSessionToken, sessionTokenOpenings()...), at(findGitCredential, "-at-")) {
		for place := range w.data {
			if hasFold(w.data[place:], code.literal) {
				code.find(w, place, keep)
			}
		}
	}
	findAnySecret(w, keep)
	findAnyTwelveDigits(w, keep)
	return hidden
}

// masked returns the path without what is hidden. What begins at one place is hidden as far as the longest goes.
func masked(path string, hidden []hit) string {
	slices.SortFunc(hidden, func(a, b hit) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	var shown strings.Builder
	at := 0
	for _, h := range hidden {
		if h.start < at {
			at = max(at, h.end)
			continue
		}
		shown.WriteString(escape(path[at:h.start]))
		shown.WriteString("****")
		if h.rule == RuleAccount {
			shown.WriteString(h.value[len(h.value)-4:])
		}
		at = h.end
	}
	shown.WriteString(escape(path[at:]))
	return shown.String()
}

// findAnySecret reports whatever could be a secret access key, also beside further characters of its alphabet: in a path
// the slash that parts two names is one of them.
func findAnySecret(w *window, report func(hit)) {
	run := 0
	for i := 0; i < len(w.data); i++ {
		if !isBase64(w.data[i]) {
			run = 0
			continue
		}
		run++
		if start := i + 1 - secretLength; run >= secretLength && looksLikeSecret(string(w.data[start:i+1])) {
			report(hit{rule: RuleSecretAccessKey, start: start, end: i + 1})
		}
	}
}

// findAnyTwelveDigits reports account numbers without asking for a context.
func findAnyTwelveDigits(w *window, report func(hit)) {
	for i := 0; i < len(w.data); {
		if !isDigit(w.data[i]) {
			i++
			continue
		}
		end := i
		for end < len(w.data) && isDigit(w.data[end]) {
			end++
		}
		last := end
		if end-i == 4 {
			last = grouped(w.data, i)
		}
		if end-i == accountLength || last-i == accountLength+2 {
			last = max(last, end)
			report(hit{rule: RuleAccount, start: i, end: last, value: strings.ReplaceAll(string(w.data[i:last]), "-", "")})
			end = last
		}
		i = end
	}
}

// escape returns text with everything that is not printable, and the backslash, as in a Go string.
func escape(text string) string {
	if isPlain(text) {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			out.WriteString(`\x` + strconv.FormatUint(uint64(text[0])|0x100, 16)[1:])
		case r == '\\':
			out.WriteString(`\\`)
		case strconv.IsPrint(r):
			out.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return out.String()
}

// isPlain tells whether the text is of ASCII alone that stands for itself, as nearly all are.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}
