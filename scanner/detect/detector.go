package detect

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
)

// MaxMatches bounds the matches of one file. A file with more gets one match of the rule contract.RuleNotScanned for the
// rest.
const MaxMatches = 10_000

// Detector scans contents one after the other; it holds the memory for that and is not for concurrent use.
type Detector struct {
	buffer   []byte
	hits     []hit // of one window
	salt     []byte
	costly   costlyDigests
	matchers []matcher
}

// New returns a detector with all rules.
func New() (*Detector, error) {
	salt := make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("draw the salt of the detector: %w", err)
	}
	return &Detector{
		buffer:   make([]byte, windowBehind+windowFresh+windowAhead),
		salt:     salt,
		costly:   costlyDigests{most: maxCostly, values: map[string]string{}, digests: map[string]string{}},
		matchers: matchers(),
	}, nil
}

// Scan reads the content to its end and returns what it found, by line. It uses the same bounded memory whatever the size
// of the content, and returns an error of the reader or the end of ctx.
func (d *Detector) Scan(ctx context.Context, content io.Reader) ([]Match, error) {
	content, err := decodeUTF16(content)
	if err != nil {
		return nil, err
	}
	found := newCollector()
	err = windows(content, d.buffer, func(w *window, linesBefore int) error {
		return d.window(ctx, w, linesBefore, found)
	})
	if err != nil {
		return nil, err
	}
	return d.matches(found), nil
}

// window adds the hits of all rules in the window to found, in the order of the content.
func (d *Detector) window(ctx context.Context, w *window, linesBefore int, found *collector) error {
	d.hits = d.hits[:0]
	for _, match := range d.matchers {
		if err := ctx.Err(); err != nil {
			return err
		}
		match(w, func(h hit) { d.hits = append(d.hits, h) })
	}
	slices.SortStableFunc(d.hits, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
	lines := lineCounter{data: w.data, line: linesBefore + 1}
	for _, h := range d.hits {
		if err := ctx.Err(); err != nil {
			return err
		}
		h.line, h.allow = lines.at(h.start), allowComment(w.data, h.start, h.end)
		found.add(w.data, h)
	}
	return nil
}

func (d *Detector) matches(found *collector) []Match {
	hits := found.decide()
	matches := make([]Match, 0, len(hits))
	for _, h := range hits {
		matches = append(matches, d.redact(h))
	}
	if found.leftOut != "" {
		matches = append(matches, NotScanned(found.leftOut))
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
	data     []byte
	position int
	line     int
}

func (c *lineCounter) at(offset int) int {
	if offset >= c.position {
		c.line += countNewlines(c.data[c.position:offset])
	} else {
		c.line -= countNewlines(c.data[offset:c.position])
	}
	c.position = offset
	return c.line
}

func countNewlines(data []byte) int { return bytes.Count(data, []byte{'\n'}) }
