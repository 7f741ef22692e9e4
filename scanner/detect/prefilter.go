package detect

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"
)

// prefilter finds all of many literals in one pass, whatever the case of ASCII letters. It looks at every second place for
// four bytes that stand in one of the literals, in a table that fits into the nearest cache, and compares what is left.
//
// The table is made for the first content that is worth it: a process that scans a name and little else does without.
type prefilter struct {
	literals []string
	make     sync.Once
	made     atomic.Bool
	// seen is a set of hashes of four bytes.
	seen [1 << gramBits / 64]uint64
	// first is, by the upper bits of a hash, 1 + the place in grams of the first; 0 for none.
	first []int32
	grams []gram
	// pairs are literals of two bytes, which have no four.
	pairs   []int
	longest int
}

// gram is four bytes of a literal.
type gram struct {
	bytes   uint32
	literal uint16
	// offset is how far the gram is behind the start of its literal; -1 where it begins a byte before.
	offset int8
	next   int32
}

const (
	// gramBits leave one text in twenty, of those that are no gram, to be looked at again.
	gramBits  = 18
	firstBits = 16
	gramSize  = 4
	// wild is how many bytes have the bit that lowerCase sets.
	wild = 128
	// lowerCase sets the bit that upper-case letters have not. It maps some signs onto others too.
	lowerCase = 0x20202020_20202020
	// mostLiterals is what a gram can name.
	mostLiterals = 1<<16 - 1
	// fewBytes are compared with all literals in less time than making the table takes.
	fewBytes = 128
)

// candidate is a literal that was found.
type candidate struct {
	start   int32
	literal uint16
}

// newPrefilter returns a prefilter for literals in lower case of at least two bytes.
func newPrefilter(literals []string) *prefilter {
	p := &prefilter{literals: literals}
	for i, literal := range literals {
		p.longest = max(p.longest, len(literal))
		if len(literal) < 2 {
			panic("a literal of " + literal)
		}
		if len(literal) == 2 {
			p.pairs = append(p.pairs, i)
		}
	}
	return p
}

// makeTable enters the grams of all literals that have any.
func (p *prefilter) makeTable() {
	p.first, p.grams = make([]int32, 1<<firstBits), make([]gram, 0, p.gramsAtMost())
	for i, literal := range p.literals {
		switch len(literal) {
		case 2:
		case 3:
			p.addWild(i, 0, three(literal), 24)
			p.addWild(i, -1, three(literal)<<8, 0)
		case gramSize:
			p.add(i, 0, four(literal))
			p.addWild(i, -1, three(literal)<<8, 0)
		default:
			at := rarest(literal)
			p.add(i, at, four(literal[at:]))
			p.add(i, at+1, four(literal[at+1:]))
		}
	}
	p.made.Store(true)
}

func (p *prefilter) gramsAtMost() (most int) {
	for _, literal := range p.literals {
		switch len(literal) {
		case 2:
		case 3:
			most += 2 * wild
		case gramSize:
			most += 1 + wild
		default:
			most += 2
		}
	}
	return most
}

// rarest returns where the five bytes of the literal are that are rarest in text and code.
func rarest(literal string) (at int) {
	const common = "etaonisrlhdcu_pmfg.bkvywx/"
	best := -1
	for i := 0; i+gramSize < len(literal) && i < 100; i++ {
		rarity := 0
		for _, c := range []byte(literal[i : i+gramSize+1]) {
			if place := strings.IndexByte(common, c); place >= 0 {
				rarity += place
			} else {
				rarity += len(common) + 4
			}
		}
		if rarity > best {
			best, at = rarity, i
		}
	}
	return at
}

// four and three are the first bytes of the text, as they are read from a content.
func four(text string) uint32  { return three(text) | uint32(text[3])<<24 }
func three(text string) uint32 { return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 }

// addWild adds the three bytes of the gram with any byte as the fourth, which stands at the bit.
func (p *prefilter) addWild(literal, offset int, gram uint32, bit int) {
	for c := range uint32(256) {
		if c&(lowerCase&0xff) != 0 {
			p.add(literal, offset, gram|c<<bit)
		}
	}
}

func (p *prefilter) add(literal, offset int, text uint32) {
	text |= lowerCase & 0xffffffff
	h := hash(text)
	first := &p.first[h>>(gramBits-firstBits)]
	for i := *first; i > 0; i = p.grams[i-1].next {
		if g := p.grams[i-1]; g.bytes == text && int(g.literal) == literal && int(g.offset) == offset {
			return
		}
	}
	p.seen[h>>6] |= 1 << (h & 63)
	p.grams = append(p.grams, gram{text, uint16(literal), int8(offset), *first})
	*first = int32(len(p.grams))
}

func hash(four uint32) uint32 { return four * 0x9e3779b1 >> (32 - gramBits) }

func (p *prefilter) has(h uint32) uint64 { return p.seen[h>>6] >> (h & 63) & 1 }

// find appends the literals that start in data[from:to] to found, in no order.
func (p *prefilter) find(data []byte, from, to int, found []candidate) []candidate {
	if len(p.literals) == 0 {
		return found
	}
	if to-from <= fewBytes && !p.made.Load() {
		return p.compare(data, from, to, found)
	}
	p.make.Do(p.makeTable)
	found = p.findPairs(data, from, to, found)
	end := min(len(data), to+p.longest)
	i := max(0, from-1)
	const step = 6
	for ; i+8 <= end; i += step {
		eight := binary.LittleEndian.Uint64(data[i:]) | lowerCase
		a, b, c := hash(uint32(eight)), hash(uint32(eight>>16)), hash(uint32(eight>>32))
		if p.has(a)|p.has(b)|p.has(c) == 0 {
			continue
		}
		found = p.verify(data, i, uint32(eight), a, from, to, found)
		found = p.verify(data, i+2, uint32(eight>>16), b, from, to, found)
		found = p.verify(data, i+4, uint32(eight>>32), c, from, to, found)
	}
	// The last bytes are looked at in a copy, with zeros behind.
	var last [16]byte
	copy(last[:], data[i:end])
	for j := 0; i+j < end; j += 2 {
		text := binary.LittleEndian.Uint32(last[j:]) | lowerCase&0xffffffff
		found = p.verify(data, i+j, text, hash(text), from, to, found)
	}
	return found
}

// compare is find without the table.
func (p *prefilter) compare(data []byte, from, to int, found []candidate) []candidate {
	for literal, text := range p.literals {
		for start := from; start < to; start++ {
			if hasFold(data[start:], text) {
				found = append(found, candidate{int32(start), uint16(literal)})
			}
		}
	}
	return found
}

// verify compares the literals that have the gram, whose hash is h, at data[at:].
func (p *prefilter) verify(data []byte, at int, text, h uint32, from, to int, found []candidate) []candidate {
	if p.has(h) == 0 {
		return found
	}
	for i := p.first[h>>(gramBits-firstBits)]; i > 0; {
		g := &p.grams[i-1]
		i = g.next
		if g.bytes != text {
			continue
		}
		start := at - int(g.offset)
		if start >= from && start < to && hasFold(data[start:], p.literals[g.literal]) {
			found = append(found, candidate{int32(start), g.literal})
		}
	}
	return found
}

// findPairs looks for literals of two bytes by the rarer one of them.
func (p *prefilter) findPairs(data []byte, from, to int, found []candidate) []candidate {
	for _, literal := range p.pairs {
		text := p.literals[literal]
		rare := 0
		if strings.IndexByte("etaonisrl", text[0]) >= 0 || !isAlphanumeric(text[1]) {
			rare = 1
		}
		for _, c := range bothCases(text[rare]) {
			for i := from + rare; i < min(len(data), to+rare); {
				at := bytes.IndexByte(data[i:min(len(data), to+rare)], c)
				if at < 0 {
					break
				}
				i += at + 1
				if start := i - 1 - rare; hasFold(data[start:], text) {
					found = append(found, candidate{int32(start), uint16(literal)})
				}
			}
		}
	}
	return found
}

func bothCases(c byte) []byte {
	if c >= 'a' && c <= 'z' {
		return []byte{c, c - 'a' + 'A'}
	}
	return []byte{c}
}

// hasFold tells whether data begins with the text, which is in lower case.
func hasFold(data []byte, text string) bool {
	if len(data) < len(text) {
		return false
	}
	for i := range len(text) {
		c := data[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != text[i] {
			return false
		}
	}
	return true
}
