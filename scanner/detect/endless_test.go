package detect_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// repeated is a text of so many repetitions of a part, with a tail. It is made while it is read, and notes how large the heap was.
type repeated struct {
	part  string
	count int
	tail  string

	rest string
	peak uint64
	made int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.rest == "" {
			switch {
			case r.count > 0:
				together := min(r.count, 1+(64<<10)/len(r.part))
				r.rest, r.count = strings.Repeat(r.part, together), r.count-together
			case r.tail != "":
				r.rest, r.tail = r.tail, ""
			default:
				return n, io.EOF
			}
		}
		copied := copy(p[n:], r.rest)
		r.rest, n = r.rest[copied:], n+copied
	}
	if r.made++; r.made%4 == 0 {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		r.peak = max(r.peak, memory.HeapAlloc)
	}
	return n, nil
}

// The sizes are some windows of the detector: what does not grow over them grows over none. Ten million lines are as many as that.
func TestEndlessTextsTakeBoundedMemoryAndHideNothing(t *testing.T) {
	const mebibyte = 1 << 20
	pair := newPair(t)
	for _, row := range []struct {
		name  string
		part  string
		count int
		line  int
	}{
		{"one line of letters", "x", 48 * mebibyte, 2},
		{"one line of base64", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk", mebibyte / 2, 2},
		{"one line of words that rules look for", "key=secret,token: AKIA password ", mebibyte / 4, 2},
		{"one line of digits", "1234-5678-", mebibyte, 2},
		{"one line of quotes and escapes", `\"\\n\u0041%41&#65;`, mebibyte / 2, 2},
		{"ten million lines", "\n", 10_000_000, 10_000_002},
	} {
		t.Run(row.name, func(t *testing.T) {
			content := &repeated{part: row.part, count: row.count, tail: "\n" + pair.ID + "\n" + pair.Secret + "\n"}
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			matches, err := newDetector(t).Scan(t.Context(), content)
			if err != nil {
				t.Fatal(err)
			}
			if len(matches) < 2 || matches[len(matches)-2].Rule != detect.RuleAccessKeyID || matches[len(matches)-2].Line != row.line {
				t.Errorf("found %v", short(matches[:min(len(matches), 5)]))
			}
			const most = 64 * mebibyte
			if grown := int64(content.peak) - int64(before.HeapAlloc); grown > most || content.peak == 0 {
				t.Errorf("the heap grew by %d MiB, want at most %d", grown/mebibyte, most/mebibyte)
			}
		})
	}
}
