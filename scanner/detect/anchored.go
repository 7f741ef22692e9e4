package detect

import (
	"bytes"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// anchored finds values that hold a text which is rare elsewhere.
type anchored struct {
	rule     string
	severity contract.Severity
	anchor   string
	// value returns where the value stands that begins with the anchor at the offset; ok is false where there is none.
	value func(data []byte, at int) (start, end int, ok bool)
}

// find reports the value whose anchor stands at place, if it is as it is written.
func (a anchored) find(w *window, place int, report func(hit)) {
	if !bytes.HasPrefix(w.data[place:], []byte(a.anchor)) {
		return
	}
	start, end, ok := a.value(w.data, place)
	if !ok {
		return
	}
	value := string(w.data[start:end])
	if isExampleSecret(value) {
		return
	}
	report(hit{rule: a.rule, start: start, end: end, value: value, severity: a.severity})
}

// run returns the end of the bytes from start that are of a class, most of them at most.
func run(data []byte, start, most int, class func(byte) bool) int {
	end := start
	for end < len(data) && end-start < most && class(data[end]) {
		end++
	}
	return end
}

// runBack returns the start of the bytes before end that are of a class, most of them at most.
func runBack(data []byte, end, most int, class func(byte) bool) int {
	start := end
	for start > 0 && end-start < most && class(data[start-1]) {
		start--
	}
	return start
}

// varied tells whether a value is as random as a secret and no word, counter or placeholder.
func varied(value []byte, least float64) bool {
	var counts [128]int
	for _, c := range value {
		counts[c&0x7f]++
	}
	return entropy(counts[:], len(value)) >= least
}

// mentions tells whether the surroundings of a value, so many bytes around it, hold one of the words, which are in lower case.
func mentions(data []byte, start, end, reach int, words ...string) bool {
	around := bytes.ToLower(data[max(0, start-reach):min(len(data), end+reach)])
	for _, word := range words {
		if bytes.Contains(around, []byte(word)) {
			return true
		}
	}
	return false
}
