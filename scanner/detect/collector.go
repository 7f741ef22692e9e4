package detect

import (
	"cmp"
	"fmt"
	"slices"
)

// collector gathers the hits of one content: each value of a rule once, and secrets that need a key id beside them only
// where there is one.
type collector struct {
	hits []hit
	// known are the positions in hits, by rule and value.
	known map[string]int
	// alike counts the hits of a rule whose surroundings look the same.
	alike map[string]int
	pairs pairing
	git   gitPairing
	// linked are the rules of which some require others; see parts.
	linked map[string]bool
	engine *Engine
	// parts are all hits of those rules.
	parts []hit
	// leftOut says why something of the content is missing; empty where nothing is.
	leftOut string
}

func newCollector(engine *Engine) *collector {
	return &collector{engine: engine, linked: engine.linked, known: map[string]int{}, alike: map[string]int{}, pairs: pairing{waiting: map[string]int{}}}
}

func keyOfHit(h hit) string { return h.rule + "\x00" + h.value }

// add takes a hit of the data. Hits come in the order of the content.
func (c *collector) add(data []byte, h hit) {
	if c.linked[h.rule] {
		c.addPart(data, h)
		return
	}
	c.agree(&h)
	if h.half != whole {
		c.addGitHalf(h)
		return
	}
	switch h.rule {
	case RuleSecretAccessKey:
		c.addSecret(h)
	case RuleAccessKeyID:
		c.addKeyID(data, h)
	default:
		c.record(data, h)
	}
}

// agree has a comment on one line of a value count only where all lines that hold the value have one.
func (c *collector) agree(h *hit) {
	key := keyOfHit(*h)
	if position, ok := c.known[key]; ok && h.allow == "" {
		c.hits[position].allow = ""
	}
	if position, ok := c.pairs.waiting[key]; ok && c.pairs.pending[position].allow == "" {
		h.allow = ""
	}
}

// record returns the position of the value in hits, where it is put if it is new. There is none where hits is full.
func (c *collector) record(data []byte, h hit) (position int, ok bool) {
	key := keyOfHit(h)
	if position, ok := c.known[key]; ok {
		return position, true
	}
	if len(c.hits) >= MaxMatches {
		c.leftOut = fmt.Sprintf("more than %d matches in this file", MaxMatches)
		return 0, false
	}
	if h.byPlace || h.slow {
		if h.surroundings == "" && data != nil {
			h.surroundings = surroundings(data, h.start, h.end)
		}
		place := h.rule + "\x00" + h.surroundings
		h.ordinal = c.alike[place]
		c.alike[place]++
	}
	c.known[key] = len(c.hits)
	c.hits = append(c.hits, h)
	return len(c.hits) - 1, true
}

// decide returns the hits by line.
func (c *collector) decide() []hit {
	c.joinParts()
	c.markPairs()
	c.dropGeneric()
	slices.SortStableFunc(c.hits, func(a, b hit) int { return cmp.Compare(a.line, b.line) })
	return c.hits
}
