package events

import (
	"encoding/json"
	"strings"
)

const branchPrefix = "refs/heads/"

// pullRequestState is the part of pullRequestDetail that says what happened.
type pullRequestState struct {
	Event             string `json:"event"`
	PullRequestStatus string `json:"pullRequestStatus"`
	IsMerged          string `json:"isMerged"`
}

// pullRequestDetail is the detail of detailPullRequest. All of its fields but repositoryNames are strings, isMerged too.
type pullRequestDetail struct {
	Author               string   `json:"author"`
	CallerUserARN        string   `json:"callerUserArn"`
	Title                string   `json:"title"`
	PullRequestID        string   `json:"pullRequestId"`
	RepositoryNames      []string `json:"repositoryNames"`
	RevisionID           string   `json:"revisionId"`
	SourceCommit         string   `json:"sourceCommit"`
	SourceReference      string   `json:"sourceReference"`
	DestinationCommit    string   `json:"destinationCommit"`
	DestinationReference string   `json:"destinationReference"`
}

func decodePullRequest(e envelope) (Event, error) {
	// What a kind of event is comes first: one that CodeCommit adds later may lack what the known ones have, or have it in
	// another form.
	var is pullRequestState
	if err := json.Unmarshal(e.Detail, &is); err != nil {
		return nil, badJSON("the pull request event's detail", err)
	}
	if strings.HasPrefix(is.Event, "pullRequestApproval") {
		return ignored(e, is.Event), nil
	}
	kind := is.kind()
	if kind == PullRequestOther {
		return PullRequest{EventKind: kind, Account: e.Account, Region: e.Region, Time: e.happened, EventID: e.ID}, nil
	}
	var d pullRequestDetail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, badJSON("the pull request event's detail", err)
	}
	if len(d.RepositoryNames) == 0 {
		return nil, undecodable("the pull request event names no repository")
	}
	// A CodeCommit pull request has one target, and with it one repository.
	repository := d.RepositoryNames[0]
	if err := validRepository(repository); err != nil {
		return nil, err
	}
	if len(d.PullRequestID) > 20 || !only(digits, d.PullRequestID) {
		return nil, undecodable("field \"pullRequestId\" is not a number of up to 20 digits")
	}
	// What ends a pull request ends its scans, whichever revision they scan.
	dispensable := d.SourceCommit == "" && (kind == PullRequestClosed || kind == PullRequestMerged)
	if !dispensable && !isCommit(d.SourceCommit) {
		return nil, undecodable("field \"sourceCommit\" is not a commit id of 40 or 64 hexadecimal digits")
	}
	if d.DestinationCommit != "" && !isCommit(d.DestinationCommit) {
		return nil, undecodable("field \"destinationCommit\" is not a commit id of 40 or 64 hexadecimal digits")
	}
	return PullRequest{
		EventKind:       kind,
		Repository:      repository,
		ID:              d.PullRequestID,
		Title:           d.Title,
		AuthorARN:       d.Author,
		CallerARN:       d.CallerUserARN,
		SourceReference: d.SourceReference,
		SourceBranch:    strings.TrimPrefix(d.SourceReference, branchPrefix),
		TargetReference: d.DestinationReference,
		TargetBranch:    strings.TrimPrefix(d.DestinationReference, branchPrefix),
		SourceCommit:    d.SourceCommit,
		TargetCommit:    d.DestinationCommit,
		RevisionID:      d.RevisionID,
		Account:         e.Account,
		Region:          e.Region,
		Time:            e.happened,
		EventID:         e.ID,
	}, nil
}

// kind believes the state of the pull request before the name of the event: both events that end one can tell of either
// end.
func (d pullRequestState) kind() PullRequestKind {
	switch {
	case strings.EqualFold(d.IsMerged, "true"):
		return PullRequestMerged
	case strings.EqualFold(d.PullRequestStatus, "closed"):
		return PullRequestClosed
	case d.Event == "pullRequestCreated":
		return PullRequestCreated
	case d.Event == "pullRequestSourceBranchUpdated":
		return PullRequestUpdated
	}
	return PullRequestOther
}

// referenceDetail is the detail of detailRepository.
type referenceDetail struct {
	Event             string `json:"event"`
	RepositoryName    string `json:"repositoryName"`
	ReferenceType     string `json:"referenceType"`
	ReferenceName     string `json:"referenceName"`
	ReferenceFullName string `json:"referenceFullName"`
	CallerUserARN     string `json:"callerUserArn"`
	CommitID          string `json:"commitId"`
	OldCommitID       string `json:"oldCommitId"`
}

func decodePush(e envelope) (Event, error) {
	var d referenceDetail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, badJSON("the repository event's detail", err)
	}
	kinds := map[string]PushKind{
		"referenceCreated": PushCreated,
		"referenceUpdated": PushUpdated,
		"referenceDeleted": PushDeleted,
	}
	kind, known := kinds[d.Event]
	if !known || d.ReferenceType != "branch" {
		return ignored(e, d.Event), nil
	}
	if err := validRepository(d.RepositoryName); err != nil {
		return nil, err
	}
	branch := d.ReferenceName
	if full, ok := strings.CutPrefix(d.ReferenceFullName, branchPrefix); ok {
		branch = full
	}
	if branch == "" {
		return nil, undecodable("the repository event names no branch")
	}
	if kind != PushDeleted && !isCommit(d.CommitID) {
		return nil, undecodable("field \"commitId\" is not a commit id of 40 or 64 hexadecimal digits")
	}
	if d.OldCommitID != "" && !isCommit(d.OldCommitID) {
		return nil, undecodable("field \"oldCommitId\" is not a commit id of 40 or 64 hexadecimal digits")
	}
	return Push{
		EventKind:  kind,
		Repository: d.RepositoryName,
		Reference:  branchPrefix + branch,
		Branch:     branch,
		Commit:     d.CommitID,
		OldCommit:  d.OldCommitID,
		CallerARN:  d.CallerUserARN,
		Account:    e.Account,
		Region:     e.Region,
		Time:       e.happened,
		EventID:    e.ID,
	}, nil
}

const (
	digits    = "0123456789"
	hexDigits = digits + "abcdef"
	lowerCase = "abcdefghijklmnopqrstuvwxyz"
	letters   = lowerCase + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// validRepository keeps to the names that CodeCommit allows
// (https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html).
func validRepository(name string) error {
	if len(name) > 100 || !only(letters+digits+"_.-", name) {
		return undecodable("the repository's name is not one that CodeCommit allows")
	}
	return nil
}

func isCommit(text string) bool {
	return (len(text) == 40 || len(text) == 64) && only(hexDigits, text)
}

// only says whether a text has characters, all of them of the set.
func only(set, text string) bool {
	return text != "" && strings.Trim(text, set) == ""
}
