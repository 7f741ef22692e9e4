// Package rules says what to look for: rules as data, the reader of their TOML form, and the built-in ones.
package rules

import "strings"

// The parts between a name and its value in source code, configuration, markup and tables. Each is bounded, so that a
// match never spans more than some 110 bytes besides the name and the value.
const (
	// restOfName is what may follow the part of the name that the rule knows: api_key, Client Secret, .token.
	restOfName = `[\w.\- \t]{0,40}`
	// bridge is between a name and its value where both are values of their own: {"name": "A", "value": "B"}, Kubernetes'
	// env, <property name="a" value="b"/>, <name>a</name><value>b</value>.
	bridge = `(?:["'\x60\s,;/<>\\]{0,12}(?:name|key)?["'\x60\s,;/<>\\]{1,24}value)?`
	// closers end a name: quotes, brackets, blanks.
	closers = `["'\x60\s\\)\]]{0,6}`
	// typeOfName is the type between name and operator in Python, TypeScript, Rust and Kotlin.
	typeOfName = `(?::[ \t]?[a-z][\w.<>\[\]]{1,15}[ \t]?)?`
	operator   = `[=:,|>(]`
	// gap is what may stand before the value: the rest of := => == and (, blanks, quotes, escaped ones too.
	gap = `["'\x60\s\\=>:|(\[-]{0,12}`
	// end is what ends a value.
	end = `(?:["'\x60\s\\,;<>&)\]}|#]|\.\s|\.?$)`
)

// between stands between the names and the value.
const between = ")" + restOfName + bridge + closers + typeOfName + operator + gap

// AssignedRegex returns the regular expression of a rule with names and value: one of the names, the rest of the name, an
// operator, and the value, which is group 1. Names and value are regular expressions themselves; case does not matter unless
// they say so with (?-i).
func AssignedRegex(names []string, value string) string {
	return "(?i)(?:" + strings.Join(names, "|") + between + "(" + value + ")" + end
}

// AssignedValue returns the expression of the value in an expression that AssignedRegex made.
func AssignedValue(expression string) (value string, ok bool) {
	_, value, ok = strings.Cut(expression, between+"(")
	if !ok || !strings.HasSuffix(value, ")"+end) {
		return "", false
	}
	return strings.TrimSuffix(value, ")"+end), true
}

// AssignedNames returns the expression of the names in an expression that AssignedRegex made.
func AssignedNames(expression string) (names string, ok bool) {
	names, _, ok = strings.Cut(expression, between+"(")
	return strings.TrimPrefix(names, "(?i)(?:"), ok && strings.HasPrefix(names, "(?i)(?:")
}
