package iampolicy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Condition compares one condition key of a request with values.
type Condition struct {
	// Operator is as written, such as ArnEquals or ForAllValues:StringEquals.
	Operator string
	// Key is the condition key, such as ecs:cluster.
	Key string
	// Values are alternatives.
	Values []string

	comparison comparison
	ifExists   bool
	quantifier string
}

// comparison is what an operator does with one value of the request.
type comparison struct {
	equal   func(pattern, value string) bool
	negated bool
}

const (
	forAnyValue  = "ForAnyValue"
	forAllValues = "ForAllValues"
	operatorNull = "Null"
)

// comparisonOf returns what an operator compares by
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
func comparisonOf(operator string) (comparison, bool) {
	exact := func(pattern, value string) bool { return pattern == value }
	switch operator {
	case "StringEquals":
		return comparison{equal: exact}, true
	case "StringNotEquals":
		return comparison{equal: exact, negated: true}, true
	case "StringEqualsIgnoreCase", "Bool":
		return comparison{equal: strings.EqualFold}, true
	case "StringLike":
		return comparison{equal: match}, true
	case "StringNotLike":
		return comparison{equal: match, negated: true}, true
	case "ArnEquals", "ArnLike": // the two behave the same
		return comparison{equal: matchARN}, true
	case "ArnNotEquals", "ArnNotLike":
		return comparison{equal: matchARN, negated: true}, true
	case operatorNull:
		return comparison{}, true
	}
	return comparison{}, false
}

// parseConditions returns the conditions in the order of their names.
func parseConditions(operators map[string]map[string]textOrList) ([]Condition, error) {
	var conditions []Condition
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		for _, key := range slices.Sorted(maps.Keys(operators[operator])) {
			c := Condition{Operator: operator, Key: key, Values: operators[operator][key]}
			name := operator
			if quantifier, rest, ok := strings.Cut(operator, ":"); ok {
				c.quantifier, name = quantifier, rest
			}
			name, c.ifExists = strings.CutSuffix(name, "IfExists")
			known := false
			c.comparison, known = comparisonOf(name)
			if !known || c.quantifier != "" && c.quantifier != forAnyValue && c.quantifier != forAllValues {
				return nil, fmt.Errorf("condition operator %s is not supported here", operator)
			}
			if len(c.Values) == 0 {
				return nil, fmt.Errorf("condition %s of %s has no value", operator, key)
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

// holds says whether a request meets the condition. Keys are compared without regard to case.
func (c Condition) holds(context map[string][]string) bool {
	values, present := lookUp(context, c.Key)
	if c.comparison.equal == nil { // Null: true asks for a key that is absent
		return slices.Contains(c.Values, fmt.Sprint(!present))
	}
	switch {
	case !present && c.ifExists:
		return true
	case !present:
		// A negated operator holds for a key that is absent, and so does "all of none".
		return c.comparison.negated && c.quantifier == "" || c.quantifier == forAllValues
	case c.quantifier == forAllValues:
		return !slices.ContainsFunc(values, func(v string) bool { return !c.compare(v) })
	}
	return slices.ContainsFunc(values, c.compare)
}

func (c Condition) compare(value string) bool {
	equal := slices.ContainsFunc(c.Values, func(pattern string) bool { return c.comparison.equal(pattern, value) })
	return equal != c.comparison.negated
}

func lookUp(context map[string][]string, key string) ([]string, bool) {
	for name, values := range context {
		if strings.EqualFold(name, key) {
			return values, len(values) > 0
		}
	}
	return nil, false
}
