package iampolicy

import "strings"

// match compares a text with a pattern: * stands for any text, the empty one included, and ? for one character.
func match(pattern, text string) bool {
	position, star, resume := 0, -1, 0
	i := 0
	for i < len(text) {
		switch {
		case position < len(pattern) && pattern[position] == '*':
			star, resume = position, i
			position++
		case position < len(pattern) && (pattern[position] == '?' || pattern[position] == text[i]):
			position++
			i++
		case star >= 0:
			resume++
			position, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[position:], "*") == ""
}

// arnParts is how many parts an ARN has; the last may hold more colons.
const arnParts = 6

// matchARN compares the parts of two ARNs one by one, so that a wildcard does not reach beyond its part.
func matchARN(pattern, arn string) bool {
	want, have := strings.SplitN(pattern, ":", arnParts), strings.SplitN(arn, ":", arnParts)
	if len(want) != len(have) || len(have) != arnParts {
		return false
	}
	for i := range want {
		if !match(want[i], have[i]) {
			return false
		}
	}
	return true
}

// accountOf is the account in an ARN; empty where there is none.
func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", arnParts)
	if len(parts) < arnParts {
		return ""
	}
	return parts[4]
}
