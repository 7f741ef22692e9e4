// Package triggers is what ScanTriggers decide: whether they want what happened, which ScanJob it becomes, and which jobs that
// one takes the place of. It is pure: no client, no clock. Whoever gets events, from a queue, by a function call or by asking
// the host, comes to the same jobs.
package triggers

import (
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
)

// Change is what triggers decide about: new commits in a pull request or on a branch. It has no word that only one Git host
// uses, so that events of another host can become one too.
type Change struct {
	// Event is the kind that a trigger's spec.events names.
	Event v1alpha1.TriggerEvent
	// Repository is the repository's name.
	Repository string
	// PullRequestID is empty for a push.
	PullRequestID string
	// TargetBranch is where a pull request goes to, or what was pushed to.
	TargetBranch string
	// Commit is what to scan, Base what its history is compared with; Base may be empty.
	Commit string
	Base   string
	// RevisionID is the host's name for this state of a pull request, empty for a push and where the host has none.
	RevisionID string
	// Happened is when the host says that it happened, and Received when this process learned of it.
	Happened time.Time
	Received time.Time
	// EventID names the event, and is empty where nothing told of the change but the state that the host is in.
	EventID string
	// Replay is the moment since which scans are made again, as spec.events cannot ask for; empty otherwise. See Rescan.
	Replay string
	// Fields is the variable of expressions. It has the keys of ExpressionFields, all of them.
	Fields map[string]string
}

// ExpressionFields lists the fields of the variable event in expressions. Each is a string, empty where the event has no
// such thing.
func ExpressionFields() []string {
	return []string{
		"type", "id", "time", "account", "region", "actor", "repository", "author", "pullRequestId", "revisionId",
		"title", "sourceBranch", "targetBranch", "sourceCommit", "targetCommit",
	}
}

// OfPullRequest returns the change that a pull request event tells of; ok is false where it tells of none.
func OfPullRequest(e events.PullRequest, received time.Time) (c Change, ok bool) {
	kinds := map[events.PullRequestKind]v1alpha1.TriggerEvent{
		events.PullRequestCreated: v1alpha1.EventPullRequestCreated,
		events.PullRequestUpdated: v1alpha1.EventPullRequestUpdated,
	}
	kind, ok := kinds[e.EventKind]
	if !ok {
		return Change{}, false
	}
	return Change{
		Event:         kind,
		Repository:    e.Repository,
		PullRequestID: e.ID,
		TargetBranch:  e.TargetBranch,
		Commit:        e.SourceCommit,
		Base:          e.TargetCommit,
		RevisionID:    e.RevisionID,
		Happened:      e.Time,
		Received:      received,
		EventID:       e.EventID,
		Fields: map[string]string{
			"type":          string(kind),
			"id":            e.EventID,
			"time":          e.Time.Format(time.RFC3339),
			"account":       e.Account,
			"region":        e.Region,
			"actor":         e.CallerARN,
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

// OfPush returns the change that a push brought; ok is false where the branch was deleted.
func OfPush(e events.Push, received time.Time) (c Change, ok bool) {
	if e.EventKind == events.PushDeleted {
		return Change{}, false
	}
	base := e.OldCommit
	if strings.Trim(base, "0") == "" {
		// Git writes a commit that is not there as zeros.
		base = ""
	}
	return Change{
		Event:        v1alpha1.EventPush,
		Repository:   e.Repository,
		TargetBranch: e.Branch,
		Commit:       e.Commit,
		Base:         base,
		Happened:     e.Time,
		Received:     received,
		EventID:      e.EventID,
		Fields: map[string]string{
			"type":          string(v1alpha1.EventPush),
			"id":            e.EventID,
			"time":          e.Time.Format(time.RFC3339),
			"account":       e.Account,
			"region":        e.Region,
			"actor":         e.CallerARN,
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
