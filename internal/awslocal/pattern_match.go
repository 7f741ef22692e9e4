package awslocal

// match says whether a document, decoded from JSON, has everything that the pattern asks for.
func (p pattern) match(document map[string]any) bool {
	for key, f := range p.fields {
		value, present := document[key]
		if !f.match(value, present) {
			return false
		}
	}
	if p.either == nil {
		return true
	}
	for _, alternative := range p.either {
		if alternative.match(document) {
			return true
		}
	}
	return false
}

// match takes any element of a list for the value.
func (f field) match(value any, present bool) bool {
	items, isList := value.([]any)
	if !isList {
		return f.matchOne(value, present)
	}
	if len(items) == 0 {
		return f.matchOne(nil, false)
	}
	for _, item := range items {
		if f.matchOne(item, present) {
			return true
		}
	}
	return false
}

func (f field) matchOne(value any, present bool) bool {
	if f.below != nil {
		object, ok := value.(map[string]any)
		if !ok {
			object = map[string]any{} // so that exists:false below a missing object holds
		}
		return f.below.match(object)
	}
	for _, c := range f.conditions {
		if c(value, present) {
			return true
		}
	}
	return false
}

// wildcardMatch matches * with any text, the empty one included.
func wildcardMatch(pattern, text string) bool {
	position, star, resume := 0, -1, 0
	i := 0
	for i < len(text) {
		switch {
		case position < len(pattern) && pattern[position] == '*':
			star, resume = position, i
			position++
		case position < len(pattern) && pattern[position] == text[i]:
			position++
			i++
		case star >= 0:
			resume++
			position, i = star+1, resume
		default:
			return false
		}
	}
	for position < len(pattern) && pattern[position] == '*' {
		position++
	}
	return position == len(pattern)
}
