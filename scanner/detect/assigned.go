package detect

import (
	"bytes"
	"regexp/syntax"
)

// assignedValue tells quickly that no value of a rule of names and a value can follow a name. Words such as key and token
// stand everywhere in source code, and few of them have a value: the rule's expression, which costs a hundred times as much,
// meets only those. It may say yes where the expression says no, and never the other way round; the parts of the expression
// are in scanner/rules/assigned.go.
type assignedValue struct {
	class [256]bool
	least int
	// open tells that a value may hold what ends one, so that its end says nothing.
	open bool
}

// newAssignedValue returns nil for an expression of which nothing is known.
func newAssignedValue(expression string) *assignedValue {
	parsed, err := syntax.Parse("(?i:"+expression+")", syntax.Perl)
	if err != nil {
		return nil
	}
	v := &assignedValue{}
	least, ok := v.add(parsed)
	if !ok || least == 0 {
		return nil
	}
	v.least = least
	for c := range 256 {
		v.open = v.open || c != '.' && v.class[c] && isEnd(byte(c))
	}
	return v
}

// add adds the bytes that matches of the node consist of to the class, and returns the length of the shortest match.
func (v *assignedValue) add(node *syntax.Regexp) (least int, ok bool) {
	switch node.Op {
	case syntax.OpLiteral:
		for _, c := range node.Rune {
			v.addRange(c, c, node.Flags&syntax.FoldCase != 0)
		}
		return len(node.Rune), true
	case syntax.OpCharClass:
		for i := 0; i+1 < len(node.Rune); i += 2 {
			v.addRange(node.Rune[i], node.Rune[i+1], false)
		}
		return 1, true
	case syntax.OpCapture, syntax.OpPlus:
		return v.add(node.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		_, ok = v.add(node.Sub[0])
		return 0, ok
	case syntax.OpRepeat:
		least, ok = v.add(node.Sub[0])
		return least * node.Min, ok
	case syntax.OpConcat:
		for _, sub := range node.Sub {
			n, known := v.add(sub)
			if !known {
				return 0, false
			}
			least += n
		}
		return least, true
	case syntax.OpAlternate:
		for i, sub := range node.Sub {
			n, known := v.add(sub)
			if !known {
				return 0, false
			}
			if i == 0 || n < least {
				least = n
			}
		}
		return least, true
	case syntax.OpEmptyMatch:
		return 0, true
	default:
		return 0, false
	}
}

func (v *assignedValue) addRange(from, to rune, fold bool) {
	for c := from; c <= to && c < 256; c++ {
		v.class[byte(c)] = true
		if fold && c >= 'A' && c <= 'z' {
			v.class[byte(c)^0x20] = true
		}
	}
}

const (
	// mostOfName bounds what may follow the literal up to the operator: what is left of the rule's own name, the rest of the
	// name, and its closers.
	mostOfName = 40 + 40 + 6
	mostOfType = 20
	mostOfGap  = 12
	// mostOfRun bounds how far the end of a value is looked for.
	mostOfRun = 1 << 10
	// mostOfBridge bounds what may stand between a name and the end of the word "value" behind it.
	mostOfBridge = 48
)

// mayFollow tells whether a value may follow the name that goes on at the offset.
func (v *assignedValue) mayFollow(data []byte, at int) bool {
	at = behindName(data, at)
	return v.mayFollowOperator(data, at) || v.mayFollowOperator(data, behindName(data, behindBridge(data, at)))
}

// behindName returns the place behind what may be left of a name and its closers.
func behindName(data []byte, at int) int {
	end := min(len(data), at+mostOfName)
	for at < end && isNameOrCloser(data[at]) {
		at++
	}
	return at
}

// behindBridge returns the place behind the word "value" that follows after a few separators and the word "name" or "key",
// or the end of the data.
func behindBridge(data []byte, at int) int {
	end := min(len(data), at+mostOfBridge)
	for at < end && isBridge(data[at]) {
		at++
	}
	for _, word := range []string{"name", "key"} {
		if at+len(word) <= end && bytes.EqualFold(data[at:at+len(word)], []byte(word)) {
			at += len(word)
			break
		}
	}
	for at < end && isBridge(data[at]) {
		at++
	}
	const word = "value"
	if at+len(word) <= end && bytes.EqualFold(data[at:at+len(word)], []byte(word)) {
		return at + len(word)
	}
	return len(data)
}

// mayFollowOperator tells whether there is an operator at the offset, perhaps behind the name of a type, and a value may
// follow it.
func (v *assignedValue) mayFollowOperator(data []byte, at int) bool {
	if at >= len(data) || !isOperator(data[at]) {
		return false
	}
	if v.mayStandBehind(data, at+1) {
		return true
	}
	if data[at] != ':' {
		return false
	}
	for last := min(len(data), at+1+mostOfType); at+1 < last && (isType(data[at+1]) || isOperator(data[at+1])); {
		at++
		if isOperator(data[at]) && v.mayStandBehind(data, at+1) {
			return true
		}
	}
	return false
}

// mayStandBehind tells whether a run of the class that is long enough begins at the offset or within the gap there.
func (v *assignedValue) mayStandBehind(data []byte, at int) bool {
	for last := min(len(data), at+mostOfGap+1); at < last; at++ {
		run := at
		for run < len(data) && run-at < mostOfRun && v.class[data[run]] {
			run++
		}
		if run-at >= v.least && (v.open || run == len(data) || run-at == mostOfRun || isEnd(data[run])) {
			return true
		}
		if !isGap(data[at]) {
			return false
		}
	}
	return false
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isNameOrCloser(c byte) bool {
	switch c {
	case '.', '-', '"', '\'', '`', '\\', ')', ']':
		return true
	}
	return isWord(c) || isSpace(c)
}

func isOperator(c byte) bool {
	switch c {
	case '=', ':', ',', '|', '>', '(':
		return true
	}
	return false
}

func isBridge(c byte) bool {
	switch c {
	case '"', '\'', '`', ',', ';', '/', '<', '>', '\\':
		return true
	}
	return isSpace(c)
}

func isType(c byte) bool {
	return isWord(c) || c == ' ' || c == '\t' || c == '.' || c == '<' || c == '>' || c == '[' || c == ']'
}

func isGap(c byte) bool {
	switch c {
	case '"', '\'', '`', '\\', '=', '>', ':', '|', '(', '[', '-':
		return true
	}
	return isSpace(c)
}

func isEnd(c byte) bool {
	switch c {
	case '"', '\'', '`', '\\', ',', ';', '<', '>', '&', ')', ']', '}', '|', '#', '.':
		return true
	}
	return isSpace(c)
}
