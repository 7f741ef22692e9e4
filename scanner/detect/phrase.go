package detect

import (
	"bytes"
	"regexp/syntax"
	"slices"
	"strings"
)

// phrase is what every match of an expression holds, whatever the case of ASCII letters: a text that ends in punctuation, such as @
// and data:, and perhaps another that follows it behind nothing but bytes of the gap. It is looked for before the expression, which
// takes a hundred times as long.
type phrase struct{ text, gap, next string }

// phrasesOf returns what every match of the node holds.
func phrasesOf(node *syntax.Regexp) (held []phrase) {
	switch node.Op {
	case syntax.OpLiteral:
		for _, text := range punctuated(string(node.Rune)) {
			held = append(held, phrase{text: text})
		}
	case syntax.OpCapture:
		return phrasesOf(node.Sub[0])
	case syntax.OpConcat:
		for i, sub := range node.Sub {
			held = append(held, phrasesOf(sub)...)
			if longer, ok := goesOn(node.Sub[i:]); ok {
				held = append(held, longer)
			}
		}
	case syntax.OpAlternate:
		held = phrasesOf(node.Sub[0])
		for _, sub := range node.Sub[1:] {
			other := phrasesOf(sub)
			held = slices.DeleteFunc(held, func(p phrase) bool { return !slices.Contains(other, p) })
		}
	}
	return held
}

// goesOn returns the phrase of a literal that ends in punctuation, optional bytes of ASCII, and a literal.
func goesOn(nodes []*syntax.Regexp) (p phrase, ok bool) {
	if nodes[0].Op != syntax.OpLiteral {
		return p, false
	}
	literal := string(nodes[0].Rune)
	parts := punctuated(literal)
	if len(parts) == 0 || !strings.HasSuffix(lowerASCII(literal), parts[len(parts)-1]) {
		return p, false
	}
	p.text = parts[len(parts)-1]
	for _, node := range nodes[1:] {
		if node.Op == syntax.OpLiteral {
			p.next = opening(string(node.Rune))
			return p, p.next != "" && !strings.ContainsAny(p.gap, p.next[:1]+strings.ToUpper(p.next[:1]))
		}
		if node.Op != syntax.OpStar && node.Op != syntax.OpQuest || node.Sub[0].Op != syntax.OpCharClass {
			return p, false
		}
		for _, c := range runesOf(node.Sub[0].Rune) {
			if c >= 0x80 {
				return p, false
			}
			if !strings.ContainsRune(p.gap, c) {
				p.gap += string(c)
			}
		}
	}
	return p, false
}

// runesOf returns the characters of a class, or one beyond ASCII where there are any.
func runesOf(class []rune) (all []rune) {
	for i := 0; i+1 < len(class); i += 2 {
		for c := class[i]; c <= min(class[i+1], 0x80); c++ {
			all = append(all, c)
		}
		if class[i+1] >= 0x80 {
			all = append(all, class[i+1])
		}
	}
	return all
}

// hasTwin tells whether an expression that ignores case takes another letter than one of ASCII for this one: the Kelvin sign for k,
// the long s for s.
func hasTwin(c byte) bool { return c == 'k' || c == 's' }

// punctuated returns the parts of the literal that end in punctuation, each with the letters before it that have no twin.
func punctuated(literal string) (parts []string) {
	lower := lowerASCII(literal)
	begin := 0
	for i := range len(lower) {
		switch c := lower[i]; {
		case hasTwin(c) || c >= 0x80:
			begin = i + 1
		case !isAlphanumeric(c):
			if part := lower[begin : i+1]; !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
			begin = i + 1
		}
	}
	return parts
}

// lowerASCII returns the text with its letters of ASCII in lower case. Others stay: some would become letters of ASCII that no match
// holds, as U+0130 does.
func lowerASCII(text string) string {
	lower := []byte(text)
	for i, c := range lower {
		if isUpper(c) {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}

// opening returns the first letter of the literal, and those behind it that have no twin.
func opening(literal string) string {
	lower := lowerASCII(literal)
	for i := range len(lower) {
		if c := lower[i]; c >= 0x80 || i > 0 && hasTwin(c) {
			return lower[:i]
		}
	}
	return lower
}

// isIn tells whether the data holds the phrase.
func (p phrase) isIn(data []byte) bool {
	last := len(p.text) - 1
	for at := last; at < len(data); at++ {
		next := bytes.IndexByte(data[at:], p.text[last])
		if next < 0 {
			return false
		}
		if at += next; hasFold(data[at-last:], p.text) && p.goesOnIn(data[at+1:]) {
			return true
		}
	}
	return false
}

func (p phrase) goesOnIn(data []byte) bool {
	if p.next == "" {
		return true
	}
	for len(data) > 0 && strings.IndexByte(p.gap, data[0]) >= 0 {
		data = data[1:]
	}
	return hasFold(data, p.next) || len(data) > 0 && data[0] >= 0x80 && hasTwin(p.next[0])
}
