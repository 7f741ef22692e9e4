package triggers

import (
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/glob"
)

// LooksAtPaths says whether it matters to a trigger which files a change touches.
func LooksAtPaths(spec *v1alpha1.ScanTriggerSpec) bool {
	return len(spec.Paths) > 0 || len(spec.PathsIgnore) > 0
}

// WantsPath says whether one file is a reason to scan the change that touches it. Patterns that cannot be used are one.
func WantsPath(spec *v1alpha1.ScanTriggerSpec, path string) bool {
	return MatchesAny(spec.Paths, path) && !slices.ContainsFunc(spec.PathsIgnore, func(pattern string) bool {
		return glob.Check(pattern) == nil && doublestar.MatchUnvalidated(pattern, path)
	})
}
