// Package events decodes what arrives in an inbox queue: CodeCommit and ECS events that EventBridge delivers, and the
// findings documents that SNS delivers. It is pure: no client, no clock.
package events

import (
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// Event is one of PullRequest, Push, TaskState, Findings and Ignored.
type Event interface {
	// Kind is the event's kind in few words, fit for a metric's label.
	Kind() string
}

// The kinds of Event.
const (
	KindPullRequest = "PullRequest"
	KindPush        = "Push"
	KindTaskState   = "TaskState"
	KindFindings    = "Findings"
	KindIgnored     = "Ignored"
)

// PullRequestKind says what happened to a pull request.
type PullRequestKind string

// What can happen to a pull request.
const (
	// PullRequestCreated: it was opened.
	PullRequestCreated PullRequestKind = "Created"
	// PullRequestUpdated: its source branch got new commits.
	PullRequestUpdated PullRequestKind = "Updated"
	// PullRequestClosed: it was closed without a merge. A closed pull request is never opened again.
	PullRequestClosed PullRequestKind = "Closed"
	// PullRequestMerged: it was merged, which closes it.
	PullRequestMerged PullRequestKind = "Merged"
	// PullRequestOther: something that this version does not know, such as an event that the host added later. Of it, only
	// the fields Account, Region, Time and EventID are set.
	PullRequestOther PullRequestKind = "Other"
)

// PullRequest is something that happened to a pull request, whatever host it is on.
type PullRequest struct {
	// EventKind says what happened.
	EventKind PullRequestKind
	// Repository is the repository's name.
	Repository string
	// ID is the pull request's number, in decimal digits.
	ID string
	// Title is what its author called it.
	Title string
	// AuthorARN opened the pull request; CallerARN caused this event.
	AuthorARN string
	CallerARN string
	// SourceReference and TargetReference are full names such as refs/heads/main; SourceBranch and TargetBranch are the
	// same without refs/heads/.
	SourceReference string
	SourceBranch    string
	TargetReference string
	TargetBranch    string
	// SourceCommit is the head to scan; it may be empty at the end of a pull request. TargetCommit is the tip of the target branch, empty where the host did not say.
	SourceCommit string
	TargetCommit string
	// RevisionID is the host's opaque name of this state of the pull request; it changes with every push to its source.
	RevisionID string
	// Account and Region are where the event comes from.
	Account string
	Region  string
	// Time is when it happened, in whole seconds.
	Time time.Time
	// EventID names this delivery of the event; a repetition has the same.
	EventID string
}

// Kind implements Event.
func (PullRequest) Kind() string { return KindPullRequest }

// Closes says whether the pull request is at its end.
func (e PullRequest) Closes() bool {
	return e.EventKind == PullRequestClosed || e.EventKind == PullRequestMerged
}

// PushKind says what happened to a branch.
type PushKind string

// What can happen to a branch.
const (
	// PushCreated: the branch is new.
	PushCreated PushKind = "Created"
	// PushUpdated: the branch points to another commit.
	PushUpdated PushKind = "Updated"
	// PushDeleted: the branch is gone.
	PushDeleted PushKind = "Deleted"
)

// Push is something that happened to a branch, whatever host it is on.
type Push struct {
	// EventKind says what happened.
	EventKind PushKind
	// Repository is the repository's name.
	Repository string
	// Reference is the branch's full name such as refs/heads/main; Branch is the same without refs/heads/.
	Reference string
	Branch    string
	// Commit is what the branch points to now, empty where it was deleted. OldCommit is what it pointed to before, empty
	// where it is new.
	Commit    string
	OldCommit string
	// CallerARN pushed.
	CallerARN string
	// Account, Region, Time and EventID are as in PullRequest.
	Account string
	Region  string
	Time    time.Time
	EventID string
}

// Kind implements Event.
func (Push) Kind() string { return KindPush }

// TaskState is a change of an ECS task.
type TaskState struct {
	// Task is the task after the change.
	Task fargate.Task
	// Account, Region, Time and EventID are as in PullRequest.
	Account string
	Region  string
	Time    time.Time
	EventID string
}

// Kind implements Event.
func (TaskState) Kind() string { return KindTaskState }

// Findings is the document that a scanner published.
type Findings struct {
	// Result is the document; its schema is contract.Schema.
	Result contract.Result
}

// Kind implements Event.
func (Findings) Kind() string { return KindFindings }

// Ignored is an event of a source that this package knows and that has nothing to say to this operator: a comment, an
// approval, a tag.
type Ignored struct {
	// Description is the source and the kind of the event, for a log line.
	Description string
}

// Kind implements Event.
func (Ignored) Kind() string { return KindIgnored }
