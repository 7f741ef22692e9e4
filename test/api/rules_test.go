package api

import (
	"slices"
	"strings"
	"testing"
)

// rule is one thing that the API refuses.
type rule struct {
	name   string // a sentence
	covers string // the constraint of the schema, as constraints lists it
	patch  string // what to change in the minimal object
	want   string // the message that the user sees
}

// accepted is something at the edge of a rule that must not be refused.
type accepted struct {
	name  string
	patch string
}

// inside moves rules that are written for a part of a spec to the path that the part has in a kind. In a rule, @ stands
// for that path.
func inside(path string, wrap func(patch string) string, rules []rule) []rule {
	moved := make([]rule, 0, len(rules))
	for _, r := range rules {
		moved = append(moved, rule{
			name:   path + ": " + r.name,
			covers: strings.ReplaceAll(r.covers, "@", path),
			patch:  wrap(r.patch),
			want:   strings.ReplaceAll(r.want, "@", strings.ReplaceAll(path, "[]", "[0]")),
		})
	}
	return moved
}

func checkRefused(t *testing.T, k kind, rules []rule) {
	namespace := plane.Namespace(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			_, err := k.client(t, namespace).Create(t.Context(), k.object(t, r.patch), dryRunCreate())
			if got := k.refusal(t, err); got != r.want {
				t.Errorf("the user reads\n  %s\nwant\n  %s", got, r.want)
			}
		})
	}
}

func checkAccepted(t *testing.T, k kind, rows []accepted) {
	namespace := plane.Namespace(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := k.client(t, namespace).Create(t.Context(), k.object(t, row.patch), dryRunCreate())
			if got := k.refusal(t, err); got != "" {
				t.Errorf("refused: %s", got)
			}
		})
	}
}

// TestEveryConstraintHasARow fails when a marker is added to the API without a row that shows its message, and when a row
// is left behind.
func TestEveryConstraintHasARow(t *testing.T) {
	for _, row := range []struct {
		kind  kind
		rules [][]rule
	}{
		{scanEnvironment(), [][]rule{environmentRules(), environmentUpdateRules(), environmentStatusRules()}},
		{scanJob(), [][]rule{jobRules(), jobUpdateRules(), jobStatusRules()}},
		{scanTrigger(), [][]rule{triggerRules(), triggerStatusRules()}},
		{scanSchedule(), [][]rule{scheduleRules(), scheduleStatusRules()}},
	} {
		t.Run(row.kind.name, func(t *testing.T) {
			covered := map[string]bool{}
			for _, r := range slices.Concat(row.rules...) {
				covered[r.covers] = true
			}
			for _, constraint := range constraints(t, row.kind.plural) {
				if !covered[constraint] {
					t.Errorf("no row covers %q", constraint)
				}
				delete(covered, constraint)
			}
			for left := range covered {
				t.Errorf("a row covers %q, which the schema does not have", left)
			}
		})
	}
}
