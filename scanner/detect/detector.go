package detect

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// MaxMatches bounds the matches of one file. A file with more gets one match of the rule contract.RuleNotScanned for the
// rest.
const MaxMatches = 10_000

// Detector scans contents one after the other; it holds the memory for that and is not for concurrent use.
type Detector struct {
	engine     *Engine
	buffer     []byte // of bufferSize; nil before it is needed
	hits       []hit  // of one window
	candidates []candidate
	// ends are where the last match of each expression ends in the window.
	ends     []int
	machines []*machine
	// runs are those of base64 in the windows that are being looked at, the innermost last.
	runs []span
	// leftOut says why something encoded in the content was not looked at; empty where all was.
	leftOut string
	// joining tells that what is being looked at was joined from lines, which is no encoding.
	joining bool
}

// New returns a detector of an engine of its own with the rules for AWS.
func New() (*Detector, error) {
	engine, err := NewEngine(rules.AWS(), Options{})
	if err != nil {
		return nil, err
	}
	return engine.Detector(), nil
}

// Engine returns the engine that the detector is of.
func (d *Detector) Engine() *Engine { return d.engine }

// Scan is ScanFile for a content without a path: rules and allowlists of paths do not count.
func (d *Detector) Scan(ctx context.Context, content io.Reader) ([]Match, error) {
	return d.ScanFile(ctx, content, "")
}

// ScanFile returns what the path of a file says and what is found in its content, as ByPath and ScanPlace do.
func (d *Detector) ScanFile(ctx context.Context, content io.Reader, path string) ([]Match, error) {
	place := d.engine.Place(path)
	matches, err := d.ScanPlace(ctx, content, place)
	return append(d.ByPath(place), matches...), err
}

// ByPath returns the matches of the rules that the path of a file is enough for, whatever is in it.
func (d *Detector) ByPath(place *Place) []Match {
	var matches []Match
	for _, h := range place.hits {
		matches = append(matches, d.redact(h))
	}
	return matches
}

// ScanPlace reads the content of the file at the place to its end and returns what it found, by line. It uses the same bounded
// memory whatever the size of the content, and returns an error of the reader or the end of ctx. It reads nothing where an
// allowlist takes the path out.
func (d *Detector) ScanPlace(ctx context.Context, content io.Reader, place *Place) ([]Match, error) {
	if place.allowed {
		return nil, nil
	}
	content, err := decodeUTF16(content)
	if err != nil {
		return nil, err
	}
	found := newCollector(d.engine)
	d.leftOut = ""
	if d.buffer == nil {
		d.buffer = make([]byte, bufferSize)
	}
	err = windows(content, d.buffer, func(w *window) error {
		w.place = place
		return d.window(ctx, w, found)
	})
	if err != nil {
		return nil, err
	}
	return d.matches(found), nil
}

// ScanBytes is ScanPlace for a content that is in memory, of which nothing is copied where it fits into one window.
func (d *Detector) ScanBytes(ctx context.Context, content []byte, place *Place) ([]Match, error) {
	if place.allowed {
		return nil, nil
	}
	if isWide(content) || len(content) > bufferSize {
		return d.ScanPlace(ctx, bytes.NewReader(content), place)
	}
	w := &window{data: content, to: len(content), last: true, place: place}
	d.leftOut = ""
	if err := d.lookAt(ctx, w); err != nil || len(d.hits) == 0 && d.leftOut == "" {
		return nil, err
	}
	found := newCollector(d.engine)
	if err := d.collect(ctx, w, found); err != nil {
		return nil, err
	}
	return d.matches(found), nil
}

// window adds the hits of all rules in the window to found, in the order of the content.
func (d *Detector) window(ctx context.Context, w *window, found *collector) error {
	if err := d.lookAt(ctx, w); err != nil {
		return err
	}
	return d.collect(ctx, w, found)
}

// lookAt gathers the hits of all rules in the window.
func (d *Detector) lookAt(ctx context.Context, w *window) error {
	d.hits = d.hits[:0]
	if d.engine.skipsZeros && w.isZero() {
		return nil
	}
	return d.look(ctx, w, func(h hit) { d.hits = append(d.hits, h) })
}

// collect adds the hits of the window to found, in the order of the content.
func (d *Detector) collect(ctx context.Context, w *window, found *collector) error {
	slices.SortStableFunc(d.hits, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
	lines := newLineCounter(w)
	for i, h := range d.hits {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h.line, h.column = lines.at(h.start)
		h.endLine, h.endColumn = lines.at(h.end)
		h.excerpt, h.allow = excerptOf(w.data, h.start, h.end), allowComment(w.data, h.start, h.end)
		found.add(w.data, h)
	}
	return nil
}

// look reports the hits of all rules in the window.
func (d *Detector) look(ctx context.Context, w *window, report func(hit)) error {
	e := d.engine
	var whole []hit // values that are found as they stand, and need no decoding
	byCode := func(h hit) {
		if e.judgeCode(w, &h) {
			whole = append(whole, h)
			report(h)
		}
	}
	outer := len(d.runs)
	d.runs = appendRuns(d.runs, w, encodedLeast)
	defer func() { d.runs = d.runs[:outer] }()
	runs := d.runs[outer:]
	d.lookAtRuns(w, runs, byCode)
	if _, ok := e.code[rules.AccountID]; ok {
		findAccounts(w, byCode)
	}
	clear(d.ends)
	literals, actions := e.search()
	d.candidates = literals.find(w.data, w.from, w.to, d.candidates[:0])
	slices.SortFunc(d.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.literal, b.literal))
	})
	for i, c := range d.candidates {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, action := range actions[c.literal] {
			if action.code != nil {
				action.code(w, int(c.start), byCode)
			} else {
				d.match(w, action.expression, int(c.start), literals.literals[c.literal], report)
			}
		}
	}
	for _, number := range e.everywhere {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.matchAll(w, number, report)
	}
	if err := d.lookAtWide(ctx, w, report); err != nil {
		return err
	}
	return d.decode(ctx, w, runs, whole, report)
}

// lookAtRuns reports what is found by runs of base64.
func (d *Detector) lookAtRuns(w *window, runs []span, report func(hit)) {
	_, secrets := d.engine.code[rules.SecretAccessKey]
	_, passwords := d.engine.code[rules.SMTPPassword]
	_, clients := d.engine.code[rules.CognitoSecret]
	_, git := d.engine.code[rules.GitCredential]
	for _, run := range runs {
		if run.end-run.start < secretLength {
			continue
		}
		if secrets {
			findSecretKey(w, run, report)
		}
		if passwords {
			findSMTPPassword(w, run, report)
		}
		if clients {
			findCognitoSecret(w, run, report)
		}
		if git && run.end-run.start <= gitPasswordLength+2 {
			findGitPassword(w, run, report)
		}
	}
}

func (d *Detector) matches(found *collector) []Match {
	hits := found.decide()
	d.keepPairs(hits)
	matches := make([]Match, 0, len(hits))
	for _, h := range hits {
		matches = append(matches, d.redact(h))
	}
	for _, reason := range []string{found.leftOut, d.leftOut} {
		if reason != "" {
			matches = append(matches, NotScanned(reason))
		}
	}
	return matches
}

// NotScanned returns the match that stands for content which was left out, with the reason in its description.
func NotScanned(reason string) Match {
	rule := notScannedRule()
	return Match{
		Rule: rule.ID, Severity: rule.Severity, Description: rule.Description + ": " + reason, Key: reason, surroundings: reason,
	}
}

// lineCounter counts lines from hit to hit, so that many hits in a window cost one pass.
type lineCounter struct {
	w        *window
	position int
	line     int
	// begin is where the line begins; negative where that is before the window.
	begin int
	// column counts the characters of the line before position.
	column int
}

func newLineCounter(w *window) *lineCounter {
	return &lineCounter{w: w, line: w.linesBefore + 1, begin: -w.columnsBefore, column: w.columnsBefore}
}

// at returns the line and the column, in characters, of what stands at offset. Both count from 1. Of a line that began before
// the window, what stands before counts by its bytes.
func (c *lineCounter) at(offset int) (line, column int) {
	data := c.w.data
	if offset >= c.position {
		passed := data[c.position:offset]
		if newline := bytes.LastIndexByte(passed, '\n'); newline >= 0 {
			c.line += countNewlines(passed)
			c.begin = c.position + newline + 1
			c.column, passed = 0, passed[newline+1:]
		}
		c.column += utf8.RuneCount(passed)
	} else {
		passed := data[offset:c.position]
		if offset < c.begin {
			c.line -= countNewlines(passed)
			c.begin = bytes.LastIndexByte(data[:offset], '\n') + 1
			c.column = utf8.RuneCount(data[c.begin:offset])
			if c.begin == 0 {
				c.begin = -c.w.columnsBefore
				c.column += c.w.columnsBefore
			}
		} else {
			c.column -= utf8.RuneCount(passed)
		}
	}
	c.position = offset
	return c.line, c.column + 1
}

func countNewlines(data []byte) int { return bytes.Count(data, []byte{'\n'}) }
