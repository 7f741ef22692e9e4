package scanschedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/glob"
)

// isPattern tells a pattern from a name: a repository's name has none of these characters.
func isPattern(repository string) bool { return strings.ContainsAny(repository, `*?[]{}\`) }

// patterns returns the entries of spec.repositories that are patterns and can be used, and what is wrong with the first that
// cannot.
func patterns(spec *v1alpha1.ScanScheduleSpec) (usable []string, problem error) {
	for i, entry := range spec.Repositories {
		if !isPattern(entry) {
			continue
		}
		err := glob.Check(entry)
		switch {
		case err == nil:
			usable = append(usable, entry)
		case problem == nil:
			problem = fmt.Errorf("spec.repositories[%d] is %q, which cannot be used; %w", i, entry, err)
		}
	}
	return usable, problem
}

// named says whether spec.repositories has a repository by its name, and not only by a pattern.
func named(spec *v1alpha1.ScanScheduleSpec, repository string) bool {
	return slices.Contains(spec.Repositories, repository)
}

// branchesOf returns the branches of spec.branches, the empty name where that is the default branch.
func branchesOf(spec *v1alpha1.ScanScheduleSpec) []string {
	if len(spec.Branches) == 0 {
		return []string{""}
	}
	var names []string
	for _, branch := range spec.Branches {
		if name := strings.TrimPrefix(branch, "refs/heads/"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// repositoriesOf returns the repositories that a spec names or, of those there are, matches.
func repositoriesOf(spec *v1alpha1.ScanScheduleSpec, existing []string) []string {
	usable, _ := patterns(spec)
	var found []string
	for _, entry := range spec.Repositories {
		if !isPattern(entry) {
			found = append(found, entry)
		}
	}
	for _, repository := range existing {
		if glob.MatchesAny(usable, repository) {
			found = append(found, repository)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// unmatched returns the patterns of a spec that match none of the repositories that there are.
func unmatched(spec *v1alpha1.ScanScheduleSpec, existing []string) []string {
	usable, _ := patterns(spec)
	return slices.DeleteFunc(usable, func(pattern string) bool {
		return slices.ContainsFunc(existing, func(repository string) bool { return glob.MatchesAny([]string{pattern}, repository) })
	})
}

// expand returns the targets of a spec for the repositories that there are, in order and at most MaxScheduleTargets, and
// how many there are beyond those. A target that was there before keeps what is known of it, and keeps its place before
// new ones where there are too many. Of a named repository that does not exist there are targets, too: people look there
// for why it is not scanned.
func expand(spec *v1alpha1.ScanScheduleSpec, before []v1alpha1.ScheduleTarget, existing []string) (targets []v1alpha1.ScheduleTarget, omitted int) {
	var added []v1alpha1.ScheduleTarget
	for _, repository := range repositoriesOf(spec, existing) {
		for _, branch := range branchesOf(spec) {
			if known := findTarget(before, repository, branch); known >= 0 {
				targets = append(targets, before[known])
			} else {
				added = append(added, v1alpha1.ScheduleTarget{Repository: repository, Branch: branch})
			}
		}
	}
	targets = append(targets, added...)
	if omitted = len(targets) - v1alpha1.MaxScheduleTargets; omitted > 0 {
		targets = targets[:v1alpha1.MaxScheduleTargets]
	}
	slices.SortFunc(targets, byName)
	return targets, max(omitted, 0)
}

func byName(a, b v1alpha1.ScheduleTarget) int {
	return cmp.Or(strings.Compare(a.Repository, b.Repository), strings.Compare(a.Branch, b.Branch))
}

// findTarget returns the index of the target of a repository and branch, -1 where there is none. The default branch, which
// has no name here, is whatever branch of the repository there is, the one whose history is known before others.
func findTarget(targets []v1alpha1.ScheduleTarget, repository, branch string) int {
	found := -1
	for i := range targets {
		switch {
		case targets[i].Repository != repository || branch != "" && targets[i].Branch != branch:
		case found < 0 || targets[found].History == nil && targets[i].History != nil:
			found = i
		}
	}
	return found
}

// existing returns the repositories of targets that were not missing when they were last looked for. It stands in for the
// list of repositories where that cannot be had.
func existing(targets []v1alpha1.ScheduleTarget) []string {
	var names []string
	for i := range targets {
		if targets[i].Reason != v1alpha1.ReasonRepositoryNotFound {
			names = append(names, targets[i].Repository)
		}
	}
	return names
}

// noteExistence notes on targets that do not wait whether their repository exists, so that a mistake in a name shows
// before the first run.
func noteExistence(targets []v1alpha1.ScheduleTarget, existing []string) {
	for i := range targets {
		target := &targets[i]
		exists := slices.Contains(existing, target.Repository)
		switch {
		case target.State == v1alpha1.TargetWaiting:
		case !exists:
			settle(target, v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryNotFound,
				fmt.Sprintf("there is no repository %s; correct its name, or remove it from spec.repositories", target.Repository))
		case target.Reason == v1alpha1.ReasonRepositoryNotFound:
			settle(target, "", "", "")
		}
	}
}

// settle gives a target a state that is not Waiting.
func settle(target *v1alpha1.ScheduleTarget, state v1alpha1.TargetState, reason, message string) {
	target.State, target.Reason, target.Message, target.NextAttemptTime = state, reason, clip.Bytes(message, maxMessage), nil
}

// postpone keeps a target waiting for something, until a time where that is known.
func postpone(target *v1alpha1.ScheduleTarget, until time.Time, reason, message string) {
	target.State, target.Reason, target.Message, target.NextAttemptTime = v1alpha1.TargetWaiting, reason, clip.Bytes(message, maxMessage), apiTime(until)
}

// maxMessage is the API's bound of a target's message, in characters, of which none has less than a byte.
const maxMessage = 256

// begin makes all targets wait for their moments in a run, and returns how many still waited for an earlier one.
func begin(schedule *v1alpha1.ScanSchedule, t timetable, run time.Time) (overtaken int) {
	schedule.Status.LastScheduleTime = apiTime(run)
	targets := schedule.Status.Targets
	for i := range targets {
		if targets[i].State == v1alpha1.TargetWaiting {
			overtaken++
		}
		enter(schedule, t, run, &targets[i])
	}
	return overtaken
}

// enter makes one target wait for its moment in a run. One that still waits for the moment of an earlier run keeps that, and
// with it its place before others: a schedule that is too dense for CodeCommit's rate comes round to all of them.
func enter(schedule *v1alpha1.ScanSchedule, t timetable, run time.Time, target *v1alpha1.ScheduleTarget) {
	moment := t.moment(schedule.UID, target.Repository, run, schedule.Spec.JitterSeconds)
	if before := timeOf(target.NextAttemptTime); target.State == v1alpha1.TargetWaiting && before != nil && before.Before(moment) {
		moment = *before
	}
	target.ScheduleTime = apiTime(run)
	postpone(target, moment, "", "")
}
