package codecommit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
)

// PullRequest is the state that a pull request is in.
type PullRequest struct {
	// ID is its number, unique in an account and region.
	ID string
	// Repository is the repository that it belongs to.
	Repository string
	// Open is false once it is closed or merged, which is final.
	Open  bool
	Title string
	// AuthorARN opened it.
	AuthorARN string
	// SourceReference and TargetReference are full names such as refs/heads/main.
	SourceReference string
	TargetReference string
	// SourceCommit is its head, TargetCommit the tip of the target.
	SourceCommit string
	TargetCommit string
	// MergeBase is the newest commit that both have in common, empty where there is none.
	MergeBase string
	// RevisionID changes with every push to the source.
	RevisionID string
	// Created is when it was opened, LastActivity when anything happened to it last, comments included.
	Created      time.Time
	LastActivity time.Time
}

// SourceBranch and TargetBranch are the references without refs/heads/.
func (pr PullRequest) SourceBranch() string {
	return strings.TrimPrefix(pr.SourceReference, branchPrefix)
}

// TargetBranch is where it goes to; see SourceBranch.
func (pr PullRequest) TargetBranch() string {
	return strings.TrimPrefix(pr.TargetReference, branchPrefix)
}

const branchPrefix = "refs/heads/"

// PullRequest returns the state of a pull request. Its error matches ErrPullRequestNotFound where there is none of that
// number, or its repository is gone.
func (c *Client) PullRequest(ctx context.Context, id string) (PullRequest, error) {
	if err := c.wait(ctx, "GetPullRequest"); err != nil {
		return PullRequest{}, err
	}
	out, err := c.api.GetPullRequest(ctx, &codecommit.GetPullRequestInput{PullRequestId: aws.String(id)})
	if err != nil {
		return PullRequest{}, fmt.Errorf("GetPullRequest %s: %w", id, notFound(err))
	}
	said := out.PullRequest
	pr := PullRequest{
		ID:           id,
		Open:         said.PullRequestStatus == types.PullRequestStatusEnumOpen,
		Title:        aws.ToString(said.Title),
		AuthorARN:    aws.ToString(said.AuthorArn),
		RevisionID:   aws.ToString(said.RevisionId),
		Created:      aws.ToTime(said.CreationDate).UTC(),
		LastActivity: aws.ToTime(said.LastActivityDate).UTC(),
	}
	if len(said.PullRequestTargets) > 0 {
		// A CodeCommit pull request has one target.
		target := said.PullRequestTargets[0]
		pr.Repository = aws.ToString(target.RepositoryName)
		pr.SourceReference, pr.TargetReference = aws.ToString(target.SourceReference), aws.ToString(target.DestinationReference)
		pr.SourceCommit, pr.TargetCommit = aws.ToString(target.SourceCommit), aws.ToString(target.DestinationCommit)
		pr.MergeBase = aws.ToString(target.MergeBase)
	}
	return pr, nil
}

// OpenPullRequests returns the numbers of a repository's open pull requests. Its error matches ErrRepositoryNotFound.
func (c *Client) OpenPullRequests(ctx context.Context, repository string) ([]string, error) {
	var ids []string
	pages := codecommit.NewListPullRequestsPaginator(c.api, &codecommit.ListPullRequestsInput{
		RepositoryName: aws.String(repository), PullRequestStatus: types.PullRequestStatusEnumOpen,
	})
	for pages.HasMorePages() {
		if err := c.wait(ctx, "ListPullRequests"); err != nil {
			return nil, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("ListPullRequests of %s: %w", repository, notFound(err))
		}
		ids = append(ids, page.PullRequestIds...)
	}
	return ids, nil
}

// Push is how a pull request came to its head.
type Push struct {
	// Time is when.
	Time time.Time
	// ActorARN is who pushed, empty where that is not known.
	ActorARN string
	// Opened says that the pull request was opened with this head.
	Opened bool
}

// LastPush returns how a pull request came to the head that it has in the given state. Where CodeCommit's account of it does
// not tell of that head, it is the last activity, of somebody unknown.
func (c *Client) LastPush(ctx context.Context, pr PullRequest) (Push, error) {
	var last, other *types.PullRequestEvent
	pages := codecommit.NewDescribePullRequestEventsPaginator(c.api, &codecommit.DescribePullRequestEventsInput{
		PullRequestId: aws.String(pr.ID), PullRequestEventType: types.PullRequestEventTypePullRequestSourceReferenceUpdated,
	})
	for pages.HasMorePages() {
		if err := c.wait(ctx, "DescribePullRequestEvents"); err != nil {
			return Push{}, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Push{}, fmt.Errorf("DescribePullRequestEvents %s: %w", pr.ID, notFound(err))
		}
		for i := range page.PullRequestEvents {
			event := &page.PullRequestEvents[i]
			update := event.PullRequestSourceReferenceUpdatedEventMetadata
			switch {
			case update == nil || aws.ToString(update.AfterCommitId) != pr.SourceCommit:
				other = event
			case last == nil || aws.ToTime(event.EventDate).After(aws.ToTime(last.EventDate)):
				last = event
			}
		}
	}
	switch {
	case last != nil:
		return Push{Time: aws.ToTime(last.EventDate).UTC(), ActorARN: aws.ToString(last.ActorArn)}, nil
	case other != nil:
		return Push{Time: pr.LastActivity}, nil
	}
	return Push{Time: pr.Created, ActorARN: pr.AuthorARN, Opened: true}, nil
}
