package awslocal

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// pattern is a compiled event pattern of EventBridge, or a filter policy of SNS, which speaks the same language.
type pattern struct {
	fields map[string]field
	either []pattern // $or: at least one must match
}

// field is what one key asks for: of its value, or of the object below it.
type field struct {
	conditions []condition
	below      *pattern
}

// condition is one alternative for a value; present is false where the key is missing.
type condition func(value any, present bool) bool

// compilePattern reads a pattern and refuses operators that do not exist.
func compilePattern(text []byte) (pattern, error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(text, &document); err != nil {
		return pattern{}, fmt.Errorf("a pattern must be a JSON object: %w", err)
	}
	return compileObject(document)
}

func compileObject(document map[string]json.RawMessage) (pattern, error) {
	p := pattern{fields: map[string]field{}}
	if len(document) == 0 {
		return p, fmt.Errorf("an empty object is not a pattern")
	}
	for key, raw := range document {
		if key == "$or" {
			either, err := compileEither(raw)
			if err != nil {
				return p, err
			}
			p.either = either
			continue
		}
		f, err := compileField(key, raw)
		if err != nil {
			return p, err
		}
		p.fields[key] = f
	}
	return p, nil
}

func compileEither(raw json.RawMessage) ([]pattern, error) {
	var alternatives []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &alternatives); err != nil || len(alternatives) < 2 {
		return nil, fmt.Errorf("$or must be a list of at least two patterns")
	}
	var either []pattern
	for _, alternative := range alternatives {
		p, err := compileObject(alternative)
		if err != nil {
			return nil, fmt.Errorf("$or: %w", err)
		}
		either = append(either, p)
	}
	return either, nil
}

func compileField(key string, raw json.RawMessage) (field, error) {
	var below map[string]json.RawMessage
	if json.Unmarshal(raw, &below) == nil && below != nil {
		p, err := compileObject(below)
		if err != nil {
			return field{}, fmt.Errorf("%s: %w", key, err)
		}
		return field{below: &p}, nil
	}
	var alternatives []any
	if err := json.Unmarshal(raw, &alternatives); err != nil || len(alternatives) == 0 {
		return field{}, fmt.Errorf("%s: must be an object or a list with at least one value", key)
	}
	var f field
	for _, alternative := range alternatives {
		c, err := compileCondition(alternative)
		if err != nil {
			return field{}, fmt.Errorf("%s: %w", key, err)
		}
		f.conditions = append(f.conditions, c)
	}
	return f, nil
}

// compileCondition reads a literal or an operator.
func compileCondition(alternative any) (condition, error) {
	operator, ok := alternative.(map[string]any)
	if _, list := alternative.([]any); list {
		return nil, fmt.Errorf("a list inside a list of alternatives is not a condition")
	}
	if !ok {
		return func(value any, present bool) bool { return present && value == alternative }, nil
	}
	if len(operator) != 1 {
		return nil, fmt.Errorf("an operator must be an object with one key")
	}
	for name, argument := range operator {
		return compileOperator(name, argument)
	}
	return nil, nil
}

func compileOperator(name string, argument any) (condition, error) {
	switch name {
	case "exists":
		want, ok := argument.(bool)
		return func(_ any, present bool) bool { return present == want }, operatorError(name, ok)
	case "anything-but":
		return compileAnythingBut(argument)
	case "numeric":
		return compileNumeric(argument)
	case "cidr":
		text, _ := argument.(string)
		prefix, err := netip.ParsePrefix(text)
		return onText(func(s string) bool {
			address, err := netip.ParseAddr(s)
			return err == nil && prefix.Contains(address)
		}), operatorError(name, err == nil)
	}
	test, err := compileTextOperator(name, argument)
	if err != nil {
		return nil, err
	}
	return onText(test), nil
}

func operatorError(name string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("operator %q has a bad argument", name)
}

// compileTextOperator reads the operators that look at a text.
func compileTextOperator(name string, argument any) (func(string) bool, error) {
	ignoreCase := false
	if inner, ok := argument.(map[string]any); ok && (name == "prefix" || name == "suffix") && len(inner) == 1 {
		argument, ignoreCase = inner["equals-ignore-case"], true
	}
	text, ok := argument.(string)
	if !ok {
		return nil, operatorError(name, false)
	}
	fold := func(s string) string {
		if ignoreCase {
			return strings.ToLower(s)
		}
		return s
	}
	switch name {
	case "prefix":
		return func(s string) bool { return strings.HasPrefix(fold(s), fold(text)) }, nil
	case "suffix":
		return func(s string) bool { return strings.HasSuffix(fold(s), fold(text)) }, nil
	case "equals-ignore-case":
		return func(s string) bool { return strings.EqualFold(s, text) }, nil
	case "wildcard":
		return func(s string) bool { return wildcardMatch(text, s) }, nil
	}
	return nil, fmt.Errorf("unknown operator %q", name)
}

func onText(test func(string) bool) condition {
	return func(value any, present bool) bool {
		s, ok := value.(string)
		return present && ok && test(s)
	}
}

func compileAnythingBut(argument any) (condition, error) {
	var excluded []any
	switch a := argument.(type) {
	case []any:
		excluded = a
	case map[string]any:
		if len(a) != 1 {
			return nil, operatorError("anything-but", false)
		}
		for name, inner := range a {
			c, err := compileAnyOf(name, inner)
			if err != nil {
				return nil, err
			}
			return func(value any, present bool) bool { return present && !c(value, present) }, nil
		}
	default:
		excluded = []any{a}
	}
	for _, e := range excluded {
		switch e.(type) {
		case map[string]any, []any:
			return nil, operatorError("anything-but", false)
		}
	}
	return func(value any, present bool) bool {
		for _, e := range excluded {
			if value == e {
				return false
			}
		}
		return present
	}, nil
}

// compileAnyOf is a text operator with one argument or a list of them.
func compileAnyOf(name string, argument any) (condition, error) {
	arguments, ok := argument.([]any)
	if !ok {
		arguments = []any{argument}
	}
	var tests []func(string) bool
	for _, a := range arguments {
		test, err := compileTextOperator(name, a)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	return onText(func(s string) bool {
		for _, test := range tests {
			if test(s) {
				return true
			}
		}
		return false
	}), nil
}

// compileNumeric reads pairs of comparison and number, all of which must hold.
func compileNumeric(argument any) (condition, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) == 0 || len(parts)%2 != 0 {
		return nil, operatorError("numeric", false)
	}
	var tests []func(float64) bool
	for i := 0; i < len(parts); i += 2 {
		comparison, okComparison := parts[i].(string)
		bound, okBound := parts[i+1].(float64)
		test := compare(comparison, bound)
		if !okComparison || !okBound || test == nil {
			return nil, operatorError("numeric", false)
		}
		tests = append(tests, test)
	}
	return func(value any, present bool) bool {
		number, ok := value.(float64)
		if !ok || !present {
			return false
		}
		for _, test := range tests {
			if !test(number) {
				return false
			}
		}
		return true
	}, nil
}

func compare(comparison string, bound float64) func(float64) bool {
	switch comparison {
	case "=":
		return func(n float64) bool { return n == bound }
	case "<":
		return func(n float64) bool { return n < bound }
	case "<=":
		return func(n float64) bool { return n <= bound }
	case ">":
		return func(n float64) bool { return n > bound }
	case ">=":
		return func(n float64) bool { return n >= bound }
	}
	return nil
}
