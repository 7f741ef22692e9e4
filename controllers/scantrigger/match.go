package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/glob"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// The parts of a trigger's spec that cannot be followed.
var (
	// ErrInvalidPattern is a pattern that cannot be used.
	ErrInvalidPattern = errors.New("invalid pattern")
	// ErrInvalidExpression is an expression that cannot be evaluated for any event.
	ErrInvalidExpression = errors.New("invalid expression")
	// ErrInvalidTemplate is a label or annotation that no object can have.
	ErrInvalidTemplate = errors.New("invalid template")
)

// errExpressionFailed is an expression that fails for one event.
var errExpressionFailed = errors.New("spec.expression failed")

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
)

// match says whether a trigger wants a change. The error tells, with answerWanted, of a part of the spec that cannot be
// followed, or of an expression that failed for this event alone. Such a part keeps no event out: one that was dropped would
// be lost for good, and a scan too many is cheaper than a secret that nobody looked for.
func match(ctx context.Context, spec *v1alpha1.ScanTriggerSpec, c change, x *expressions) (answer, error) {
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
	if x.check(spec.Expression) == nil {
		wanted, err := x.evaluate(ctx, spec.Expression, c.fields)
		if err != nil {
			return answerWanted, fmt.Errorf("%w: %w", errExpressionFailed, err)
		}
		if !wanted {
			return answerExpression, nil
		}
	}
	return answerWanted, checkSpec(spec, x)
}

// checkSpec says which part of a spec cannot be followed: an error that matches ErrInvalidPattern, ErrInvalidExpression or
// ErrInvalidTemplate.
func checkSpec(spec *v1alpha1.ScanTriggerSpec, x *expressions) error {
	for _, field := range []struct {
		name     string
		patterns []string
	}{{"repositories", spec.Repositories}, {"targetBranches", spec.TargetBranches}} {
		for i, pattern := range field.patterns {
			if err := glob.Check(pattern); err != nil {
				return fmt.Errorf("%w: spec.%s[%d] is %q; %w", ErrInvalidPattern, field.name, i, pattern, err)
			}
		}
	}
	if err := x.check(spec.Expression); err != nil {
		return fmt.Errorf("%w: spec.expression: %w", ErrInvalidExpression, err)
	}
	if err := jobs.CheckTemplate(spec.Template.Metadata); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidTemplate, err)
	}
	return nil
}

// matchesAny says whether one of the patterns matches; no pattern matches everything, and one that cannot be used could
// have been meant for anything.
func matchesAny(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		return glob.Check(pattern) != nil || doublestar.MatchUnvalidated(pattern, name)
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
