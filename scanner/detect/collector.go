package detect

import (
	"cmp"
	"slices"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	// pairLines is how far apart in lines a key id and its secret may stand to be taken as a pair.
	pairLines = 1000
	// maxCandidates bounds the secrets that wait for a key id beside them.
	maxCandidates = 8192
)

// collector gathers the hits of one content, each value of a rule once, and pairs secrets with key ids at the end.
type collector struct {
	hits       []hit
	seen       map[string]struct{}
	candidates []hit
	waiting    map[string]struct{}
	overflow   bool
}

func newCollector() *collector {
	return &collector{seen: map[string]struct{}{}, waiting: map[string]struct{}{}}
}

func (c *collector) add(h hit) {
	key := h.rule + "\x00" + h.value
	if _, ok := c.seen[key]; ok {
		return
	}
	if h.needsPair {
		c.wait(key, h)
		return
	}
	if len(c.hits) >= MaxMatches {
		c.overflow = true
		return
	}
	c.seen[key] = struct{}{}
	c.hits = append(c.hits, h)
}

// wait keeps a secret until the end. Where there are too many, those go first that no key id can be near to any more, then
// the oldest.
func (c *collector) wait(key string, h hit) {
	if _, ok := c.waiting[key]; ok {
		return
	}
	if len(c.candidates) >= maxCandidates {
		ids := c.keyIDs()
		c.candidates = slices.DeleteFunc(c.candidates, func(old hit) bool {
			return old.line < h.line-pairLines && nearest(ids, old.line) == nil
		})
		c.candidates = slices.Delete(c.candidates, 0, max(0, len(c.candidates)-maxCandidates*3/4))
		clear(c.waiting)
		for _, kept := range c.candidates {
			c.waiting[kept.rule+"\x00"+kept.value] = struct{}{}
		}
	}
	c.waiting[key] = struct{}{}
	c.candidates = append(c.candidates, h)
}

func (c *collector) keyIDs() []*hit {
	var ids []*hit
	for i := range c.hits {
		if c.hits[i].rule == RuleAccessKeyID {
			ids = append(ids, &c.hits[i])
		}
	}
	return ids
}

// decide pairs what belongs together and returns the hits by line.
func (c *collector) decide() []hit {
	ids := c.keyIDs()
	for i := range c.hits {
		if c.hits[i].rule == RuleSecretAccessKey {
			pair(&c.hits[i], ids)
		}
	}
	var paired []hit
	for _, candidate := range c.candidates {
		if _, ok := c.seen[candidate.rule+"\x00"+candidate.value]; !ok && pair(&candidate, ids) {
			paired = append(paired, candidate)
		}
	}
	hits := append(slices.Clone(c.hits), paired...)
	if len(hits) > MaxMatches {
		hits, c.overflow = hits[:MaxMatches], true
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.line, b.line) })
	return hits
}

// pair marks the secret and the key id nearest to it as critical, and tells whether there was one.
func pair(secret *hit, ids []*hit) bool {
	id := nearest(ids, secret.line)
	if id == nil {
		return false
	}
	secret.severity, secret.account = contract.SeverityCritical, id.account
	id.severity = contract.SeverityCritical
	return true
}

func nearest(ids []*hit, line int) *hit {
	var best *hit
	distance := pairLines + 1
	for _, id := range ids {
		if d := max(id.line-line, line-id.line); d < distance {
			best, distance = id, d
		}
	}
	return best
}
