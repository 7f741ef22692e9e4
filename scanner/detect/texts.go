package detect

import (
	"bytes"
	"regexp/syntax"
	"slices"
	"strings"
)

// textsOf returns what every match of the node holds, whatever the case of ASCII letters: texts that begin with punctuation or end
// in it, such as @ and data:. They are looked for before the expression, which takes a hundred times as long.
func textsOf(node *syntax.Regexp) (texts []string) {
	switch node.Op {
	case syntax.OpLiteral:
		return punctuated(string(node.Rune))
	case syntax.OpCapture:
		return textsOf(node.Sub[0])
	case syntax.OpConcat:
		for _, sub := range node.Sub {
			for _, text := range textsOf(sub) {
				if !slices.Contains(texts, text) {
					texts = append(texts, text)
				}
			}
		}
	case syntax.OpAlternate:
		texts = textsOf(node.Sub[0])
		for _, sub := range node.Sub[1:] {
			held := textsOf(sub)
			texts = slices.DeleteFunc(texts, func(text string) bool { return !slices.Contains(held, text) })
		}
	}
	return texts
}

// punctuated returns the parts of the literal that end in punctuation, each with the letters before it. Two letters of ASCII, k and
// s, have others that are the same to an expression that ignores case: no part goes back beyond one of those.
func punctuated(literal string) (parts []string) {
	lower := strings.ToLower(literal)
	begin := 0
	for i := range len(lower) {
		switch c := lower[i]; {
		case c == 'k' || c == 's' || c >= 0x80:
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

// containsFold tells whether the data holds the text, which is in lower case and ends in punctuation, whatever its case.
func containsFold(data []byte, text string) bool {
	last := len(text) - 1
	for at := last; at < len(data); at++ {
		next := bytes.IndexByte(data[at:], text[last])
		if next < 0 {
			return false
		}
		if at += next; hasFold(data[at-last:], text) {
			return true
		}
	}
	return false
}
