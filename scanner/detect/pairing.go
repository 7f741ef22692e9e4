package detect

import (
	"fmt"
	"slices"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	// pairLines is how far apart in lines a key id and its secret may stand to be taken as a pair.
	pairLines = 1000
	// maxPending bounds the secrets that wait for the next key id.
	maxPending = 8192
)

// pairing joins secrets and key ids that stand near each other. The content is seen once from its start, so of all ids
// only two can be nearest to a secret: the last one before it and the next one after it.
type pairing struct {
	last    keyID
	pending []hit
	// waiting are the positions in pending, by value.
	waiting map[string]int
	// dropped is the line of the last secret that was dropped because too many waited; 0 where none was.
	dropped int
}

// keyID is one occurrence of an access key id.
type keyID struct {
	position int // in the collector's hits
	id       string
	extent   // its line is 0 where there was none yet
}

// partner is the key id that a secret belongs to.
type partner struct {
	keyID
	distance int // in lines
}

func (c *collector) addSecret(h hit) {
	key := keyOfHit(h)
	if c.isPaired(key) {
		return
	}
	if !h.needsPair {
		c.record(nil, h)
	}
	if last := c.pairs.last; last.line > 0 {
		c.pair(h, last)
	}
	c.wait(key, h)
}

func (c *collector) addKeyID(data []byte, h hit) {
	position, ok := c.record(data, h)
	if !ok {
		return
	}
	p := &c.pairs
	p.last = keyID{position, h.value, h.extent}
	for _, secret := range p.pending {
		c.pair(secret, p.last)
		delete(p.waiting, keyOfHit(secret))
	}
	p.pending = p.pending[:0]
	if p.dropped > 0 && h.line-p.dropped <= pairLines {
		c.leftOut = fmt.Sprintf("more than %d possible secrets beside a key id", maxPending)
	}
}

// pair notes that the secret belongs to the key id, if they stand near each other and it has no nearer one.
func (c *collector) pair(secret hit, id keyID) {
	distance := max(secret.line-id.line, id.line-secret.line)
	if distance > pairLines {
		return
	}
	position, ok := c.record(nil, secret)
	if !ok {
		return
	}
	known := &c.hits[position]
	if known.partner == nil || distance < known.partner.distance {
		known.extent, known.partner = secret.extent, &partner{id, distance}
	}
}

// wait keeps a secret until the next key id; of a secret that occurs again, the later place, which is the nearer one.
// Where too many wait, those go first that no id can be near to any more, then the oldest.
func (c *collector) wait(key string, h hit) {
	p := &c.pairs
	if position, ok := p.waiting[key]; ok {
		p.pending[position] = h
		return
	}
	if len(p.pending) >= maxPending {
		p.pending = slices.DeleteFunc(p.pending, func(old hit) bool { return old.line < h.line-pairLines })
		tooMany := max(0, len(p.pending)-maxPending*3/4)
		for _, old := range p.pending[:tooMany] {
			if !c.isPaired(keyOfHit(old)) {
				p.dropped = max(p.dropped, old.line)
			}
		}
		p.pending = slices.Delete(p.pending, 0, tooMany)
		clear(p.waiting)
		for i, kept := range p.pending {
			p.waiting[keyOfHit(kept)] = i
		}
	}
	p.waiting[key] = len(p.pending)
	p.pending = append(p.pending, h)
}

func (c *collector) isPaired(key string) bool {
	position, ok := c.known[key]
	return ok && c.hits[position].partner != nil
}

// markPairs makes secrets and key ids that belong together critical, and puts an id where its secret is.
func (c *collector) markPairs() {
	for i := range c.hits {
		secret := &c.hits[i]
		if secret.partner == nil {
			continue
		}
		id := &c.hits[secret.partner.position]
		secret.severity, secret.account = contract.SeverityCritical, id.account
		if id.severity != contract.SeverityCritical || secret.partner.line < id.line {
			id.severity, id.extent, id.pairLine = contract.SeverityCritical, secret.partner.extent, secret.line
		}
	}
}
