package detect

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// prefilter finds all of many literals in one pass, whatever the case of ASCII letters. It looks at every second place for
// four bytes that stand in one of the literals, in a table that fits into the nearest cache, and compares what is left.
type prefilter struct {
	literals []string
	// seen is a set of hashes of four bytes.
	seen [1 << gramBits / 64]uint64
	// first is, by hash, 1 + the place in grams of the first; 0 for none.
	first []int32
	grams []gram
	// pairs are literals of two bytes, which have no four.
	pairs   []int
	longest int
}

// gram is four bytes of a literal.
type gram struct {
	literal uint16
	// offset is how far the gram is behind the start of its literal; -1 where it begins a byte before.
	offset int8
	next   int32
}

const (
	gramBits = 16
	gramSize = 4
	// lowerCase sets the bit that upper-case letters have not. It maps some signs onto others too.
	lowerCase = 0x20202020_20202020
	// mostLiterals is what a gram can name.
	mostLiterals = 1<<16 - 1
)

// candidate is a literal that was found.
type candidate struct {
	start   int32
	literal uint16
}

// newPrefilter returns a prefilter for literals in lower case of at least two bytes.
func newPrefilter(literals []string) *prefilter {
	p := &prefilter{literals: literals, first: make([]int32, 1<<gramBits), grams: make([]gram, 0, 1<<12)}
	for i, literal := range literals {
		p.longest = max(p.longest, len(literal))
		switch n := len(literal); {
		case n < 2:
			panic("a literal of " + literal)
		case n == 2:
			p.pairs = append(p.pairs, i)
		case n == 3:
			p.addWild(i, 0, literal, "")
			p.addWild(i, -1, "", literal)
		case n == gramSize:
			p.add(i, 0, literal)
			p.addWild(i, -1, "", literal[:3])
		default:
			at := rarest(literal)
			p.add(i, at, literal[at:at+gramSize])
			p.add(i, at+1, literal[at+1:at+1+gramSize])
		}
	}
	return p
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

// addWild adds head, any byte or bytes, and tail, which have three bytes together.
func (p *prefilter) addWild(literal, offset int, head, tail string) {
	for c := range 256 {
		if c&0x20 != 0 {
			p.add(literal, offset, head+string([]byte{byte(c)})+tail)
		}
	}
}

func (p *prefilter) add(literal, offset int, text string) {
	h := hash(binary.LittleEndian.Uint32([]byte(text)) | lowerCase&0xffffffff)
	for i := p.first[h]; i > 0; i = p.grams[i-1].next {
		if g := p.grams[i-1]; int(g.literal) == literal && int(g.offset) == offset {
			return
		}
	}
	p.seen[h>>6] |= 1 << (h & 63)
	p.grams = append(p.grams, gram{uint16(literal), int8(offset), p.first[h]})
	p.first[h] = int32(len(p.grams))
}

func hash(four uint32) uint32 { return four * 0x9e3779b1 >> (32 - gramBits) }

func (p *prefilter) has(h uint32) uint64 { return p.seen[h>>6] >> (h & 63) & 1 }

// find appends the literals that start in data[from:to] to found, in no order.
func (p *prefilter) find(data []byte, from, to int, found []candidate) []candidate {
	if len(p.literals) == 0 {
		return found
	}
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
		found = p.verify(data, i, a, from, to, found)
		found = p.verify(data, i+2, b, from, to, found)
		found = p.verify(data, i+4, c, from, to, found)
	}
	// The last bytes are looked at in a copy, with zeros behind.
	var last [16]byte
	copy(last[:], data[i:end])
	for j := 0; i+j < end; j += 2 {
		h := hash(binary.LittleEndian.Uint32(last[j:]) | lowerCase&0xffffffff)
		found = p.verify(data, i+j, h, from, to, found)
	}
	return found
}

// verify compares the literals that have the gram at data[at:].
func (p *prefilter) verify(data []byte, at int, h uint32, from, to int, found []candidate) []candidate {
	if p.has(h) == 0 {
		return found
	}
	for i := p.first[h]; i > 0; {
		g := p.grams[i-1]
		i = g.next
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
