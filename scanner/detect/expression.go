package detect

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// expression is a rule that is found by a regular expression.
type expression struct {
	rule *rules.Rule
	// keywords have to be looked for besides the literals.
	keywords bool
}

func newExpression(rule *rules.Rule) expression {
	x := expression{rule: rule}
	for _, literal := range rule.Literals {
		x.keywords = x.keywords || len(rule.Keywords) > 0 && !holdsAny(literal, rule.Keywords)
	}
	x.keywords = x.keywords || len(rule.Literals) == 0 && len(rule.Keywords) > 0
	return x
}

func holdsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

const (
	// reachBehind and reachAhead are how far before and after a literal a match of its expression may stand, in bytes, where
	// the expression itself allows more.
	reachBehind = 512
	reachAhead  = windowAhead
	// reachContext is what of the data before goes with it, so that the beginning of a line or word is told from that of the text.
	reachContext = 2
)

// machine is what one detector knows of an expression.
type machine struct {
	behind, ahead int
	// value is set for a rule of names and a value.
	value *assignedValue
	// anchored finds a match that begins within behind of where it is told to look, and gives up where none can: an expression
	// that is not anchored looks on to the end of what it gets. Its first group is the match. Nil where behind is not known.
	anchored *regexp.Regexp
	// phrases are what every match holds, such as the @ of an address.
	phrases []phrase
}

func newMachine(expression string) *machine {
	m := &machine{behind: reachBehind, ahead: reachAhead}
	if parsed, err := syntax.Parse(expression, syntax.Perl); err == nil {
		if longest, ok := longestMatch(parsed); ok {
			m.behind, m.ahead = min(m.behind, longest), min(m.ahead, longest)
		}
		m.phrases = phrasesOf(parsed)
	}
	if value, ok := rules.AssignedValue(expression); ok {
		m.value = newAssignedValue(value)
	}
	if names, ok := rules.AssignedNames(expression); ok {
		if parsed, err := syntax.Parse(names, syntax.Perl); err == nil {
			if longest, ok := longestMatch(parsed); ok && longest < m.behind {
				m.behind = longest
				m.anchored = anchor(expression, longest+reachContext)
			}
		}
	}
	return m
}

// anchor returns the expression for matches that begin at one of the first bytes.
func anchor(expression string, within int) *regexp.Regexp {
	compiled, err := regexp.Compile(fmt.Sprintf(`\A(?s:.{0,%d}?)(%s)`, within, expression))
	if err != nil {
		return nil // too large as a whole
	}
	return compiled
}

// find returns the groups of the first match in data that begins within the reach, as the expression itself has them.
func (m *machine) find(x *expression, data []byte) []int {
	if m.anchored == nil {
		return x.rule.Regexp.Compiled().FindSubmatchIndex(data)
	}
	groups := m.anchored.FindSubmatchIndex(data)
	if groups == nil {
		return nil
	}
	return groups[2:]
}

// match reports the matches of the expression around the literal at start.
func (d *Detector) match(w *window, number, start int, literal string, report func(hit)) {
	x := &d.engine.expressions[number]
	if d.machines[number] == nil {
		d.machines[number] = newMachine(x.rule.Regexp.String())
	}
	m := d.machines[number]
	if start < d.ends[number] {
		return
	}
	if x.rule.Path != nil && !w.place.meets(x.rule.Path) {
		return // before the expression, which costs a thousand times as much
	}
	if m.value != nil && !m.value.mayFollow(w.data, start+len(literal)) {
		return
	}
	from := max(d.ends[number], start-m.behind)
	to := min(len(w.data), start+len(literal)+m.ahead)
	for _, one := range m.phrases {
		if !one.isIn(w.data[from:to]) {
			return
		}
	}
	d.matchIn(w, number, from, to, start, report)
}

// matchAll reports the matches of the expression in all of the window.
func (d *Detector) matchAll(w *window, number int, report func(hit)) {
	if d.machines[number] == nil {
		d.machines[number] = newMachine(d.engine.expressions[number].rule.Regexp.String())
	}
	for d.ends[number] < w.to {
		from := max(w.from, d.ends[number])
		if !d.matchIn(w, number, from, len(w.data), from, report) {
			return
		}
	}
}

// matchIn reports the first match in data[from:to] that ends behind least, and tells whether there was one.
func (d *Detector) matchIn(w *window, number, from, to, least int, report func(hit)) bool {
	x := &d.engine.expressions[number]
	m := d.machines[number]
	for from < to {
		begin := max(0, from-reachContext)
		groups := m.find(x, w.data[begin:to])
		if groups == nil {
			return false
		}
		for i := range groups {
			if groups[i] >= 0 {
				groups[i] += begin
			}
		}
		if groups[1] <= least || groups[1] == groups[0] {
			from = max(from+1, groups[1])
			continue
		}
		d.ends[number] = groups[1]
		if groups[0] >= from || begin == 0 {
			d.judgeMatch(w, x, groups, report)
		}
		return true
	}
	return false
}

// judgeMatch reports the match with the groups, unless the rule or an allowlist says that it is no finding.
func (d *Detector) judgeMatch(w *window, x *expression, groups []int, report func(hit)) {
	rule := x.rule
	start, end := secretOf(groups, rule.SecretGroup)
	for end > start && w.data[end-1] == '\n' {
		end--
	}
	for start < end && w.data[start] == '\n' {
		start++
	}
	if start >= end || start < w.from && groups[1] <= w.from {
		return
	}
	value := string(w.data[start:end])
	if rule.Entropy > 0 && entropyOf(value) <= rule.Entropy {
		return
	}
	if x.keywords && !holdsKeyword(w.data, groups[0], groups[1], rule.Keywords) {
		return
	}
	if rule.Path != nil && !w.place.meets(rule.Path) {
		return
	}
	judged := d.engine.judge(rule, rules.Candidate{
		Secret: value, Match: string(w.data[groups[0]:groups[1]]), Line: lineOf(w.data, start, end), Paths: w.place.known(),
	})
	if judged.allowed {
		return
	}
	h := hit{
		rule: rule.ID, start: start, end: end, value: value, severity: rule.Severity, description: rule.Description, generic: rule.Generic,
		commits: judged.commits,
	}
	if weak(value) {
		h.byPlace = true
	}
	report(h)
}

const (
	// lineReach is how much of a line an allowlist sees before and after a secret, in bytes.
	lineReach = 4 << 10
	// keywordReach is how far from a match a keyword may stand that is not in it.
	keywordReach = 100 << 10
	// weakBits is the strength of a secret below which a hash of it could be turned back by trying, and four characters of
	// it say too much.
	weakBits = 64
)

// weak tells whether the secret could be guessed from a hash.
func weak(value string) bool { return entropyOf(value)*float64(len(value)) < weakBits }

func entropyOf(value string) float64 {
	var counts [256]int
	for i := range len(value) {
		counts[value[i]]++
	}
	return entropy(counts[:], len(value))
}

func secretOf(groups []int, group int) (start, end int) {
	if group > 0 {
		return groups[2*group], groups[2*group+1]
	}
	for i := 2; i < len(groups); i += 2 {
		if groups[i] >= 0 && groups[i+1] > groups[i] {
			return groups[i], groups[i+1]
		}
	}
	return groups[0], groups[1]
}

func holdsKeyword(data []byte, start, end int, keywords []string) bool {
	around := bytes.ToLower(data[max(0, start-keywordReach):min(len(data), end+keywordReach)])
	for _, keyword := range keywords {
		if bytes.Contains(around, []byte(keyword)) {
			return true
		}
	}
	return false
}

// longestMatch returns the most bytes that a match of the expression has, if that is bounded.
func longestMatch(re *syntax.Regexp) (int, bool) {
	const widest = 4 // bytes of a letter
	switch re.Op {
	case syntax.OpLiteral:
		return len(string(re.Rune)) + strings.Count(string(re.Rune), "k")*2 + strings.Count(string(re.Rune), "s"), true
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		if re.Op == syntax.OpCharClass && len(re.Rune) > 0 && re.Rune[len(re.Rune)-1] < 0x80 {
			return 1, true
		}
		return widest, true
	case syntax.OpStar, syntax.OpPlus:
		return 0, false
	case syntax.OpRepeat:
		n, ok := longestMatch(re.Sub[0])
		return n * re.Max, ok && re.Max >= 0
	case syntax.OpAlternate:
		most := 0
		for _, sub := range re.Sub {
			n, ok := longestMatch(sub)
			if !ok {
				return 0, false
			}
			most = max(most, n)
		}
		return most, true
	}
	sum := 0
	for _, sub := range re.Sub {
		n, ok := longestMatch(sub)
		if !ok {
			return 0, false
		}
		sum += n
	}
	return sum, true
}
