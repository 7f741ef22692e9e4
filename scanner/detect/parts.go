package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// addPart keeps a hit of a rule that others require, or that requires others, until all of the content is seen.
func (c *collector) addPart(data []byte, h hit) {
	if len(c.parts) >= MaxMatches {
		c.leftOut = fmt.Sprintf("more than %d matches in this file", MaxMatches)
		return
	}
	if h.byPlace || h.slow {
		h.surroundings = surroundings(data, h.start, h.end)
	}
	c.parts = append(c.parts, h)
}

// joinParts records the parts that have all that their rule requires beside them.
func (c *collector) joinParts() {
	for _, part := range c.parts {
		rule := c.engine.RuleOf(part.rule)
		if !rule.SkipReport && !slices.ContainsFunc(rule.Required, func(r rules.Required) bool { return !c.hasNear(part, r) }) {
			c.record(nil, part)
		}
	}
}

// hasNear tells whether a hit of the required rule is near enough to the part.
func (c *collector) hasNear(part hit, required rules.Required) bool {
	return slices.ContainsFunc(c.parts, func(other hit) bool {
		if other.rule != required.ID {
			return false
		}
		lines, columns := max(part.line-other.line, other.line-part.line), max(part.column-other.column, other.column-part.column)
		return (required.Lines < 0 || lines <= required.Lines) && (required.Columns < 0 || columns <= required.Columns)
	})
}

// dropGeneric drops the hits of generic rules that other rules have found too: one of them holds the other.
func (c *collector) dropGeneric() {
	if !slices.ContainsFunc(c.hits, func(h hit) bool { return h.generic }) {
		return
	}
	byLine := map[int][]hit{}
	for _, h := range c.hits {
		if h.generic {
			continue
		}
		for line := h.line; line <= h.endLine && line < h.line+100; line++ {
			byLine[line] = append(byLine[line], h)
		}
	}
	kept := c.hits[:0:0]
	for _, h := range c.hits {
		if h.generic && slices.ContainsFunc(byLine[h.line], func(other hit) bool {
			return strings.Contains(other.value, h.value) || strings.Contains(h.value, other.value)
		}) {
			continue
		}
		kept = append(kept, h)
	}
	c.hits = kept
}
