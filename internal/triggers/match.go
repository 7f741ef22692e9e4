package triggers

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

// ErrExpressionFailed is an expression that fails for one event.
var ErrExpressionFailed = errors.New("spec.expression failed")

// Answer is what a trigger says to a change.
type Answer string

const (
	// AnswerWanted: it is to be scanned.
	AnswerWanted Answer = "wanted"
	// AnswerSuspended: the trigger drops everything for now.
	AnswerSuspended Answer = "suspended"
	// AnswerEvent: spec.events does not want it.
	AnswerEvent Answer = "event"
	// AnswerRepository: spec.repositories does not.
	AnswerRepository Answer = "repository"
	// AnswerBranch: spec.targetBranches does not.
	AnswerBranch Answer = "branch"
	// AnswerExpression: spec.expression does not.
	AnswerExpression Answer = "expression"
	// AnswerPaths: the files that it touches are not a reason to scan it. Match does not say it; see WantsPath.
	AnswerPaths Answer = "paths"
)

// Match says whether a trigger wants a change, apart from the files that it touches. The error tells, with AnswerWanted, of a part of the spec that cannot be
// followed, or of an expression that failed for this event alone. Such a part keeps no event out: one that was dropped would
// be lost for good, and a scan too many is cheaper than a secret that nobody looked for.
func Match(ctx context.Context, spec *v1alpha1.ScanTriggerSpec, c Change, x *Expressions) (Answer, error) {
	switch {
	case spec.Suspend:
		return AnswerSuspended, nil
	case !slices.Contains(spec.Events, c.Event):
		return AnswerEvent, nil
	case !MatchesAny(spec.Repositories, c.Repository):
		return AnswerRepository, nil
	case !WantsBranch(spec, c.TargetBranch):
		return AnswerBranch, nil
	}
	if x.Check(spec.Expression) == nil {
		wanted, err := x.Evaluate(ctx, spec.Expression, c.Fields)
		if err != nil {
			return AnswerWanted, fmt.Errorf("%w: %w", ErrExpressionFailed, err)
		}
		if !wanted {
			return AnswerExpression, nil
		}
	}
	return AnswerWanted, CheckSpec(spec, x)
}

// CheckSpec says which part of a spec cannot be followed: an error that matches ErrInvalidPattern, ErrInvalidExpression or
// ErrInvalidTemplate.
func CheckSpec(spec *v1alpha1.ScanTriggerSpec, x *Expressions) error {
	for _, field := range []struct {
		name     string
		patterns []string
	}{
		{"repositories", spec.Repositories}, {"targetBranches", spec.TargetBranches},
		{"paths", spec.Paths}, {"pathsIgnore", spec.PathsIgnore},
	} {
		for i, pattern := range field.patterns {
			if err := glob.Check(pattern); err != nil {
				return fmt.Errorf("%w: spec.%s[%d] is %q; %w", ErrInvalidPattern, field.name, i, pattern, err)
			}
		}
	}
	if err := x.Check(spec.Expression); err != nil {
		return fmt.Errorf("%w: spec.expression: %w", ErrInvalidExpression, err)
	}
	if err := jobs.CheckTemplate(spec.Template.Metadata); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidTemplate, err)
	}
	return nil
}

// MatchesAny says whether one of the patterns matches; no pattern matches everything, and one that cannot be used could
// have been meant for anything.
func MatchesAny(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		return glob.Check(pattern) != nil || doublestar.MatchUnvalidated(pattern, name)
	})
}

// WantsBranch says whether a trigger wants what goes to a branch.
func WantsBranch(spec *v1alpha1.ScanTriggerSpec, branch string) bool {
	return MatchesAny(branchPatterns(spec), branch)
}

// RepositoryNames returns the names that a trigger's patterns of repositories stand for, as far as that can be said without
// knowing which there are: literal is false where one of them is a pattern, or there is none.
func RepositoryNames(patterns []string) (names []string, literal bool) {
	isPattern := func(entry string) bool { return strings.ContainsAny(entry, `*?[{\`) }
	if len(patterns) == 0 || slices.ContainsFunc(patterns, isPattern) {
		return nil, false
	}
	return slices.Clone(patterns), true
}

// branchPatterns lets people write refs/heads/main for main.
func branchPatterns(spec *v1alpha1.ScanTriggerSpec) []string {
	var patterns []string
	for _, pattern := range spec.TargetBranches {
		patterns = append(patterns, strings.TrimPrefix(pattern, "refs/heads/"))
	}
	return patterns
}
