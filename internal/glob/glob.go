// Package glob checks and matches the patterns that specs name repositories, branches and paths by.
package glob

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// maxAlternatives bounds into how many patterns the braces of one expand. The library tries each, and twenty pairs of braces
// are a million.
const maxAlternatives = 64

// Check says why a pattern cannot be used.
func Check(pattern string) error {
	if !doublestar.ValidatePattern(pattern) {
		return errors.New("check its brackets, braces and backslashes")
	}
	if n := alternatives(pattern); n > maxAlternatives {
		return fmt.Errorf("its braces stand for more than %d patterns; write several patterns instead", maxAlternatives)
	}
	return nil
}

// MatchesAny says whether one of the patterns, all of which passed Check, matches a name.
func MatchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) })
}

// alternatives is a bound of how many patterns the braces of a valid pattern expand to: the product of their choices. Where
// braces are nested it is too high. Above maxAlternatives it is not counted any further.
func alternatives(pattern string) int {
	product := 1
	var open []int // the choices of the braces that are open, outermost first
	for i := 0; i < len(pattern); i++ {
		switch last := len(open) - 1; {
		case pattern[i] == '\\':
			i++
		case pattern[i] == '{':
			open = append(open, 1)
		case pattern[i] == ',' && last >= 0:
			open[last]++
		case pattern[i] == '}' && last >= 0:
			product *= open[last]
			open = open[:last]
		}
		if product > maxAlternatives {
			break
		}
	}
	return product
}
