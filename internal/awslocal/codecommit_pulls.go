package awslocal

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// pullRequest is a pull request with its one target. The service's lock guards it.
type pullRequest struct {
	id, title, description, author, token string
	repo                                  *repository
	sourceRef, destinationRef             string
	sourceCommit, destinationCommit       string
	mergeBase, revision                   string
	created, modified                     time.Time
	closed, merged                        bool
	mergedBy, mergeCommit                 string
	history                               []pullEvent
}

func (p *pullRequest) document() map[string]any {
	merge := map[string]any{"isMerged": p.merged}
	if p.merged {
		merge["mergedBy"], merge["mergeCommitId"], merge["mergeOption"] = p.mergedBy, p.mergeCommit, "FAST_FORWARD_MERGE"
	}
	target := map[string]any{
		"repositoryName": p.repo.name, "sourceReference": p.sourceRef, "destinationReference": p.destinationRef,
		"sourceCommit": p.sourceCommit, "destinationCommit": p.destinationCommit, "mergeMetadata": merge,
	}
	if p.mergeBase != "" {
		target["mergeBase"] = p.mergeBase
	}
	document := map[string]any{
		"pullRequestId": p.id, "title": p.title, "authorArn": p.author, "pullRequestStatus": p.status(), "revisionId": p.revision,
		"creationDate": epoch(p.created), "lastActivityDate": epoch(p.modified),
		"pullRequestTargets": []any{target}, "approvalRules": []any{},
	}
	if p.description != "" {
		document["description"] = p.description
	}
	if p.token != "" {
		document["clientRequestToken"] = p.token
	}
	return document
}

func (p *pullRequest) status() string {
	if p.closed {
		return "CLOSED"
	}
	return "OPEN"
}

type createPullRequestInput struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Token       string `json:"clientRequestToken"`
	Targets     []struct {
		Repository  string `json:"repositoryName"`
		Source      string `json:"sourceReference"`
		Destination string `json:"destinationReference"`
	} `json:"targets"`
}

// Limits of pull requests (https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html).
const (
	maxTitle       = 150
	maxDescription = 10240
	maxOpenPulls   = 1000
)

func (in createPullRequestInput) validate() *Error {
	switch {
	case in.Title == "":
		return refuse("TitleRequiredException", "The pull request title is required.")
	case utf8.RuneCountInString(in.Title) > maxTitle:
		return refuse("InvalidTitleException", "The pull request title must be at most %d characters.", maxTitle)
	case utf8.RuneCountInString(in.Description) > maxDescription:
		return refuse("InvalidDescriptionException", "The pull request description must be at most %d characters.", maxDescription)
	case len(in.Targets) == 0:
		return refuse("TargetsRequiredException", "An array of target objects is required.")
	case len(in.Targets) > 1:
		return refuse("MultipleRepositoriesInPullRequestException", "A pull request has exactly one target.")
	}
	return nil
}

func (cc *codeCommitService) createPullRequest(c *call, in createPullRequestInput) (any, error) {
	if refused := in.validate(); refused != nil {
		return nil, refused
	}
	t := in.Targets[0]
	repo, refused := cc.findRepository(t.Repository)
	if refused != nil {
		return nil, refused
	}
	p := &pullRequest{
		title: in.Title, description: in.Description, token: in.Token, author: c.principal.ARN, repo: repo,
		sourceRef: branchRef(t.Source), created: c.time, modified: c.time, revision: randomHex(32),
	}
	destination := t.Destination
	if destination == "" {
		destination = cc.defaultBranch(repo)
	}
	p.destinationRef = branchRef(destination)
	if p.sourceRef == p.destinationRef {
		return nil, refuse("SourceAndDestinationAreSameException", "The source branch and the destination branch are the same.")
	}
	if err := cc.resolvePull(c, p); err != nil {
		return nil, err
	}
	p, event, refused := cc.addPull(p)
	if refused != nil {
		return nil, refused
	}
	if event != nil {
		cc.emitPull(c, *event, "pullRequestCreated")
	}
	return cc.describePull(p), nil
}

// resolvePull looks up the commits of a new pull request.
func (cc *codeCommitService) resolvePull(c *call, p *pullRequest) (err error) {
	for _, ref := range []struct {
		name   string
		commit *string
	}{{p.sourceRef, &p.sourceCommit}, {p.destinationRef, &p.destinationCommit}} {
		if *ref.commit, err = cc.git.resolve(c.ctx, p.repo.dir, ref.name); err != nil {
			return err
		}
		if *ref.commit == "" {
			return refuse("ReferenceDoesNotExistException", "The reference %s does not exist in repository %s", ref.name, p.repo.name)
		}
	}
	p.mergeBase, err = cc.git.mergeBase(c.ctx, p.repo.dir, p.destinationCommit, p.sourceCommit)
	return err
}

// addPull numbers a pull request. A repeated client token gives the first one again, with no event.
func (cc *codeCommitService) addPull(p *pullRequest) (pull *pullRequest, event *pullRequest, refused *Error) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if have, ok := cc.pullTokens[p.token]; ok && p.token != "" {
		if have.title != p.title || have.description != p.description || have.repo != p.repo || have.sourceRef != p.sourceRef || have.destinationRef != p.destinationRef {
			return nil, nil, refuse("IdempotencyParameterMismatchException", "The client request token was used before with other parameters.")
		}
		return have, nil, nil
	}
	open := 0
	for _, other := range cc.pullOrder {
		if other.repo == p.repo && !other.closed {
			open++
		}
	}
	if open >= maxOpenPulls {
		return nil, nil, refuse("MaximumOpenPullRequestsExceededException", "The repository has %d open pull requests, the most that there can be.", open)
	}
	p.id = strconv.Itoa(len(cc.pullOrder) + 1)
	p.note(pullCreated, p.author, p.created)
	cc.pulls[p.id] = p
	cc.pullOrder = append(cc.pullOrder, p)
	if p.token != "" {
		cc.pullTokens[p.token] = p
	}
	snapshot := *p
	return p, &snapshot, nil
}

func (cc *codeCommitService) describePull(p *pullRequest) map[string]any {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	return map[string]any{"pullRequest": p.document()}
}

// findPull finds a pull request; the lock is held.
func (cc *codeCommitService) findPull(id string) (*pullRequest, *Error) {
	if _, err := strconv.Atoi(id); err != nil {
		return nil, refuse("InvalidPullRequestIdException", "The pull request id %q is not a number.", id)
	}
	p, ok := cc.pulls[id]
	if !ok {
		return nil, refuse("PullRequestDoesNotExistException", "Could not find pull request %s", id)
	}
	return p, nil
}

func (cc *codeCommitService) getPullRequest(_ *call, in struct {
	ID string `json:"pullRequestId"`
}) (any, error) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	p, refused := cc.findPull(in.ID)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"pullRequest": p.document()}, nil
}

func (cc *codeCommitService) listPullRequests(_ *call, in struct {
	Repository string `json:"repositoryName"`
	Author     string `json:"authorArn"`
	Status     string `json:"pullRequestStatus"`
	NextToken  string `json:"nextToken"`
	MaxResults *int   `json:"maxResults"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	ids := []string{}
	for _, p := range cc.pullOrder {
		if p.repo == repo && (in.Author == "" || p.author == in.Author) && (in.Status == "" || p.status() == in.Status) {
			ids = append(ids, p.id)
		}
	}
	shown, next, refused := page(ids, cc.server.options.PullRequestPage, in.MaxResults, in.NextToken)
	if refused != nil {
		return nil, refused
	}
	return withToken(map[string]any{"pullRequestIds": shown}, "nextToken", next), nil
}

// updatePullRequestStatus closes a pull request, for good.
func (cc *codeCommitService) updatePullRequestStatus(c *call, in struct {
	ID     string `json:"pullRequestId"`
	Status string `json:"pullRequestStatus"`
}) (any, error) {
	cc.mu.Lock()
	p, refused := cc.findPull(in.ID)
	switch {
	case refused != nil:
	case in.Status != "OPEN" && in.Status != "CLOSED":
		refused = refuse("InvalidPullRequestStatusException", "The status must be OPEN or CLOSED.")
	case p.closed:
		refused = refuse("InvalidPullRequestStatusUpdateException", "Pull request %s is closed; a closed pull request cannot be changed.", in.ID)
	case in.Status == "OPEN":
		refused = refuse("InvalidPullRequestStatusUpdateException", "Pull request %s is open; the only valid change is to CLOSED.", in.ID)
	}
	if refused != nil {
		cc.mu.Unlock()
		return nil, refused
	}
	p.closed, p.modified = true, c.time
	p.note(pullStatusChanged, c.principal.ARN, c.time)
	snapshot := *p
	cc.mu.Unlock()
	cc.emitPull(c, snapshot, "pullRequestStatusChanged")
	return map[string]any{"pullRequest": snapshot.document()}, nil
}

// mergeByFastForward moves the destination branch to the source's commit.
func (cc *codeCommitService) mergeByFastForward(c *call, in struct {
	ID     string `json:"pullRequestId"`
	Repo   string `json:"repositoryName"`
	Source string `json:"sourceCommitId"`
}) (any, error) {
	cc.mu.Lock()
	p, refused := cc.findPull(in.ID)
	if refused == nil {
		refused = p.mergeable(in.Repo, in.Source)
	}
	if refused != nil {
		cc.mu.Unlock()
		return nil, refused
	}
	snapshot := *p
	cc.mu.Unlock()
	err := cc.changeRefs(c, snapshot.repo, func() error {
		tip, err := cc.git.resolve(c.ctx, snapshot.repo.dir, snapshot.destinationRef)
		if err != nil {
			return err
		}
		base, err := cc.git.mergeBase(c.ctx, snapshot.repo.dir, tip, snapshot.sourceCommit)
		if err != nil {
			return err
		}
		if base != tip {
			return refuse("ManualMergeRequiredException", "The pull request cannot be merged by fast-forward: the destination branch has commits that the source branch lacks.")
		}
		return cc.git.updateRef(c.ctx, snapshot.repo.dir, snapshot.destinationRef, snapshot.sourceCommit, tip)
	})
	if err != nil {
		return nil, err
	}
	cc.mu.Lock()
	p.closed, p.merged, p.mergedBy, p.mergeCommit, p.modified = true, true, c.principal.ARN, snapshot.sourceCommit, c.time
	p.note(pullMergeStateChanged, c.principal.ARN, c.time)
	snapshot = *p
	cc.mu.Unlock()
	cc.emitPull(c, snapshot, "pullRequestMergeStatusUpdated")
	return map[string]any{"pullRequest": snapshot.document()}, nil
}

func (p *pullRequest) mergeable(repo, source string) *Error {
	switch {
	case p.repo.name != repo:
		return refuse("RepositoryNotAssociatedWithPullRequestException", "Repository %s does not belong to pull request %s.", repo, p.id)
	case p.closed:
		return refuse("PullRequestAlreadyClosedException", "Pull request %s is closed.", p.id)
	case source != "" && source != p.sourceCommit:
		return refuse("TipOfSourceReferenceIsDifferentException", "The tip of the source branch is %s, not %s.", p.sourceCommit, source)
	}
	return nil
}

// sourceMoved gives the open pull requests of a branch its new commit and a new revision.
func (cc *codeCommitService) sourceMoved(c *call, repo *repository, ref, commit string) error {
	cc.mu.Lock()
	pulls := slices.DeleteFunc(slices.Clone(cc.pullOrder), func(p *pullRequest) bool {
		return p.repo != repo || p.closed || p.sourceRef != ref || p.sourceCommit == commit
	})
	cc.mu.Unlock()
	for _, p := range pulls {
		destination, err := cc.git.resolve(cc.server.ctx, repo.dir, p.destinationRef)
		if err != nil {
			return err
		}
		base := ""
		if destination != "" {
			if base, err = cc.git.mergeBase(cc.server.ctx, repo.dir, destination, commit); err != nil {
				return err
			}
		}
		cc.mu.Lock()
		p.sourceCommit, p.destinationCommit, p.mergeBase, p.revision, p.modified = commit, destination, base, randomHex(32), c.time
		p.note(pullSourceUpdated, c.principal.ARN, c.time)
		snapshot := *p
		cc.mu.Unlock()
		cc.emitPull(c, snapshot, "pullRequestSourceBranchUpdated")
	}
	return nil
}
