package scantrigger

import (
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
)

// change is what triggers decide about: new commits in a pull request or on a branch.
type change struct {
	// event is the kind that a trigger's spec.events names.
	event v1alpha1.TriggerEvent
	// repository is the CodeCommit repository.
	repository string
	// pullRequestID is empty for a push.
	pullRequestID string
	// targetBranch is where a pull request goes to, or what was pushed to.
	targetBranch string
	// commit is what to scan, base what its history is compared with; base may be empty.
	commit string
	base   string
	// revisionID is the host's name for this state of a pull request, empty for a push.
	revisionID string
	// happened and received are when the event happened and when the inbox handed it over.
	happened time.Time
	received time.Time
	eventID  string
	// fields is the variable of expressions. It has the keys of expressionFields, all of them.
	fields map[string]string
}

// expressionFields lists the fields of the variable event in expressions. Each is a string, empty where the event has no
// such thing.
func expressionFields() []string {
	return []string{
		"type", "id", "time", "account", "region", "callerUserArn", "repository", "author", "pullRequestId", "revisionId",
		"title", "sourceBranch", "targetBranch", "sourceCommit", "targetCommit",
	}
}

// pullRequestChange returns the change that a pull request event tells of; ok is false where it tells of none.
func pullRequestChange(e events.PullRequest, received time.Time) (c change, ok bool) {
	kinds := map[events.PullRequestKind]v1alpha1.TriggerEvent{
		events.PullRequestCreated: v1alpha1.EventPullRequestCreated,
		events.PullRequestUpdated: v1alpha1.EventPullRequestUpdated,
	}
	kind, ok := kinds[e.EventKind]
	if !ok {
		return change{}, false
	}
	return change{
		event:         kind,
		repository:    e.Repository,
		pullRequestID: e.ID,
		targetBranch:  e.TargetBranch,
		commit:        e.SourceCommit,
		base:          e.TargetCommit,
		revisionID:    e.RevisionID,
		happened:      e.Time,
		received:      received,
		eventID:       e.EventID,
		fields: map[string]string{
			"type":          string(kind),
			"id":            e.EventID,
			"time":          e.Time.Format(time.RFC3339),
			"account":       e.Account,
			"region":        e.Region,
			"callerUserArn": e.CallerARN,
			"repository":    e.Repository,
			"author":        e.AuthorARN,
			"pullRequestId": e.ID,
			"revisionId":    e.RevisionID,
			"title":         e.Title,
			"sourceBranch":  e.SourceBranch,
			"targetBranch":  e.TargetBranch,
			"sourceCommit":  e.SourceCommit,
			"targetCommit":  e.TargetCommit,
		},
	}, true
}

// pushChange returns the change that a push brought; ok is false where the branch was deleted.
func pushChange(e events.Push, received time.Time) (c change, ok bool) {
	if e.EventKind == events.PushDeleted {
		return change{}, false
	}
	base := e.OldCommit
	if strings.Trim(base, "0") == "" {
		// Git writes a commit that is not there as zeros.
		base = ""
	}
	return change{
		event:        v1alpha1.EventPush,
		repository:   e.Repository,
		targetBranch: e.Branch,
		commit:       e.Commit,
		base:         base,
		happened:     e.Time,
		received:     received,
		eventID:      e.EventID,
		fields: map[string]string{
			"type":          string(v1alpha1.EventPush),
			"id":            e.EventID,
			"time":          e.Time.Format(time.RFC3339),
			"account":       e.Account,
			"region":        e.Region,
			"callerUserArn": e.CallerARN,
			"repository":    e.Repository,
			"author":        "",
			"pullRequestId": "",
			"revisionId":    "",
			"title":         "",
			"sourceBranch":  "",
			"targetBranch":  e.Branch,
			"sourceCommit":  e.Commit,
			"targetCommit":  base,
		},
	}, true
}
