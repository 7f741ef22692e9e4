package triggers

import "github.com/scanjob-dev/scanjob/internal/jobs"

// JobName is the name of the ScanJob that a trigger makes of a change. It is a pure function of the trigger's name, the
// repository, the pull request (for a push: the branch) and the commit, so that every repetition of an event, and every
// event about the same commit, names the same job. again tells apart a later scan of the same commit; see Rescan.
func JobName(trigger string, c Change, again string) (string, error) {
	subject := "pr" + c.PullRequestID
	key := []string{trigger, c.Repository, "pull-request", c.PullRequestID, c.Commit}
	if c.PullRequestID == "" {
		subject = c.TargetBranch
		key = []string{trigger, c.Repository, "branch", c.TargetBranch, c.Commit}
	}
	if again != "" {
		key = append(key, again)
	}
	return jobs.Name(trigger, c.Repository, subject, key...)
}
