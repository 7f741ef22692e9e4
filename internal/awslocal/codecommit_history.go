package awslocal

import (
	"slices"
	"time"
)

// The kinds of what happens to a pull request, as DescribePullRequestEvents names them.
const (
	pullCreated           = "PULL_REQUEST_CREATED"
	pullSourceUpdated     = "PULL_REQUEST_SOURCE_REFERENCE_UPDATED"
	pullStatusChanged     = "PULL_REQUEST_STATUS_CHANGED"
	pullMergeStateChanged = "PULL_REQUEST_MERGE_STATE_CHANGED"
)

// pullEvent is one thing that happened to a pull request.
type pullEvent struct {
	kind, actor string
	time        time.Time
	state       pullRequest // as it was then, without its history
}

// note adds to the history of a pull request what has just happened; the service's lock is held.
func (p *pullRequest) note(kind, actor string, now time.Time) {
	state := *p
	state.history = nil
	p.history = append(p.history, pullEvent{kind: kind, actor: actor, time: now, state: state})
}

func (e pullEvent) document() map[string]any {
	s := e.state
	document := map[string]any{
		"pullRequestId": s.id, "eventDate": epoch(e.time), "pullRequestEventType": e.kind, "actorArn": e.actor,
	}
	switch e.kind {
	case pullCreated:
		document["pullRequestCreatedEventMetadata"] = map[string]any{
			"repositoryName": s.repo.name, "sourceCommitId": s.sourceCommit, "destinationCommitId": s.destinationCommit, "mergeBase": s.mergeBase,
		}
	case pullSourceUpdated:
		document["pullRequestSourceReferenceUpdatedEventMetadata"] = map[string]any{
			"repositoryName": s.repo.name, "afterCommitId": s.sourceCommit, "beforeCommitId": s.destinationCommit, "mergeBase": s.mergeBase,
		}
	case pullStatusChanged:
		document["pullRequestStatusChangedEventMetadata"] = map[string]any{"pullRequestStatus": s.status()}
	case pullMergeStateChanged:
		document["pullRequestMergedStateChangedEventMetadata"] = map[string]any{
			"repositoryName": s.repo.name, "destinationReference": s.destinationRef,
			"mergeMetadata": map[string]any{"isMerged": s.merged, "mergedBy": s.mergedBy, "mergeCommitId": s.mergeCommit},
		}
	}
	return document
}

// describePullRequestEvents returns the newest events first. AWS does not document an order.
func (cc *codeCommitService) describePullRequestEvents(_ *call, in struct {
	ID         string `json:"pullRequestId"`
	Kind       string `json:"pullRequestEventType"`
	Actor      string `json:"actorArn"`
	NextToken  string `json:"nextToken"`
	MaxResults *int   `json:"maxResults"`
}) (any, error) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	p, refused := cc.findPull(in.ID)
	if refused != nil {
		return nil, refused
	}
	events := []any{}
	for _, e := range slices.Backward(p.history) {
		if (in.Kind == "" || e.kind == in.Kind) && (in.Actor == "" || e.actor == in.Actor) {
			events = append(events, e.document())
		}
	}
	shown, next, refused := page(events, cc.server.options.PullRequestPage, in.MaxResults, in.NextToken)
	if refused != nil {
		return nil, refused
	}
	return withToken(map[string]any{"pullRequestEvents": shown}, "nextToken", next), nil
}
