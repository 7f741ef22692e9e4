package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// ErrInvalidPattern is a pattern of a trigger's spec that cannot be read.
var ErrInvalidPattern = errors.New("invalid pattern")

// answer is what a trigger says to a change.
type answer string

const (
	// answerWanted: it is to be scanned.
	answerWanted answer = "wanted"
	// answerSuspended: the trigger drops everything for now.
	answerSuspended answer = "suspended"
	// answerEvent, answerRepository, answerBranch and answerExpression name the part of the spec that does not want it.
	answerEvent      answer = "event"
	answerRepository answer = "repository"
	answerBranch     answer = "branch"
	answerExpression answer = "expression"
	// answerInvalid: the spec cannot be followed.
	answerInvalid answer = "invalid"
)

// match says whether a trigger wants a change. The error tells of a spec that cannot be followed (answerInvalid), or of
// an expression that failed for this event alone: then the change is wanted, because a scan too many is cheaper than a
// secret that nobody looked for.
func match(ctx context.Context, spec *v1alpha1.ScanTriggerSpec, c change, x *expressions) (answer, error) {
	if err := checkSpec(spec, x); err != nil {
		return answerInvalid, err
	}
	switch {
	case spec.Suspend:
		return answerSuspended, nil
	case !slices.Contains(spec.Events, c.event):
		return answerEvent, nil
	case !matchesAny(spec.Repositories, c.repository):
		return answerRepository, nil
	case !matchesAny(branchPatterns(spec), c.targetBranch):
		return answerBranch, nil
	}
	wanted, err := x.evaluate(ctx, spec.Expression, c.fields)
	if err != nil {
		return answerWanted, err
	}
	if !wanted {
		return answerExpression, nil
	}
	return answerWanted, nil
}

// checkSpec says why a spec cannot be followed: an error that matches ErrInvalidPattern, or one of the expression.
func checkSpec(spec *v1alpha1.ScanTriggerSpec, x *expressions) error {
	for field, patterns := range map[string][]string{"repositories": spec.Repositories, "targetBranches": spec.TargetBranches} {
		for i, pattern := range patterns {
			if !doublestar.ValidatePattern(pattern) {
				return fmt.Errorf("%w: spec.%s[%d] is %q; check its brackets, braces and backslashes", ErrInvalidPattern, field, i, pattern)
			}
		}
	}
	return x.check(spec.Expression)
}

// matchesAny says whether one of the patterns matches; no pattern matches everything.
func matchesAny(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		return doublestar.MatchUnvalidated(pattern, name)
	})
}

// branchPatterns lets people write refs/heads/main for main.
func branchPatterns(spec *v1alpha1.ScanTriggerSpec) []string {
	var patterns []string
	for _, pattern := range spec.TargetBranches {
		patterns = append(patterns, strings.TrimPrefix(pattern, "refs/heads/"))
	}
	return patterns
}
