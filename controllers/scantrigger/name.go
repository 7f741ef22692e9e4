package scantrigger

import "github.com/scanjob-dev/scanjob/internal/jobs"

// jobName is the name of the ScanJob that a trigger makes of a change. It is a pure function of the trigger's name, the
// repository, the pull request (for a push: the branch) and the commit, so that every repetition of an event, and every
// event about the same commit, names the same job. again tells apart a later scan of the same commit; see rescan.
func jobName(trigger string, c change, again string) (string, error) {
	subject := "pr" + c.pullRequestID
	key := []string{trigger, c.repository, "pull-request", c.pullRequestID, c.commit}
	if c.pullRequestID == "" {
		subject = c.targetBranch
		key = []string{trigger, c.repository, "branch", c.targetBranch, c.commit}
	}
	if again != "" {
		key = append(key, again)
	}
	return jobs.Name(trigger, c.repository, subject, key...)
}
