package fargate

import "strings"

// whose says whom a failure of class Configuration is a matter of.
type whose int

const (
	// environments: nothing that a single scan asks for brings it about, so the other scans meet it, too.
	environments whose = iota
	// jobs: what this scan asks for.
	jobs
	// either: what this scan asks for in place of the task definition's settings, where it does; else the environment's.
	either
)

// blame is a row of the table that says whose matter a failure is.
type blame struct {
	// contains is looked for in the attempt's reason, folded.
	contains string
	whose    whose
}

// blames is asked for failures of class Configuration; see rejection.go and verdict.go for where the texts are from. The
// first row that matches counts.
func blames() []blame {
	return []blame{
		{"the overrides of runtask are", jobs},
		{"exec format error", environments},
		{"cannotstartcontainererror", either},
		{"cannotcreatecontainererror", either},
		{"no space left on device", either},
		{"configuration is above your limit", either},
		{"inactive", environments},
		{"security group", environments},
		{"subnet", environments},
		{"capacity provider", environments},
		{"invalidparameterexception", either},
		{"clientexception", either},
		{"", environments},
	}
}

// EnvironmentAtFault says whether an attempt that failed for its configuration, and whose scanner never ran, would fail
// for other scans as well. reason is the attempt's; overrides says whether the scan replaces settings of the task definition.
func EnvironmentAtFault(reason string, overrides bool) bool {
	for _, row := range blames() {
		if strings.Contains(fold(reason), row.contains) {
			return row.whose == environments || row.whose == either && !overrides
		}
	}
	return false
}
