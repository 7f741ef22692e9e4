package codecommit

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
)

// Repositories returns the names of all repositories of the account and region. A page has 1,000
// (https://docs.aws.amazon.com/codecommit/latest/APIReference/API_ListRepositories.html).
func (c *Client) Repositories(ctx context.Context) ([]string, error) {
	var names []string
	pages := codecommit.NewListRepositoriesPaginator(c.api, &codecommit.ListRepositoriesInput{})
	for pages.HasMorePages() {
		if err := c.wait(ctx, "ListRepositories"); err != nil {
			return nil, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("ListRepositories: %w", err)
		}
		for _, repository := range page.Repositories {
			names = append(names, aws.ToString(repository.RepositoryName))
		}
	}
	return names, nil
}

// DefaultBranch returns the name of a repository's default branch. Its error matches ErrRepositoryNotFound, or ErrEmpty
// for a repository that nothing was ever pushed to.
func (c *Client) DefaultBranch(ctx context.Context, repository string) (string, error) {
	if err := c.wait(ctx, "GetRepository"); err != nil {
		return "", err
	}
	out, err := c.api.GetRepository(ctx, &codecommit.GetRepositoryInput{RepositoryName: aws.String(repository)})
	if err != nil {
		return "", fmt.Errorf("GetRepository %s: %w", repository, notFound(err))
	}
	branch := aws.ToString(out.RepositoryMetadata.DefaultBranch)
	if branch == "" {
		return "", fmt.Errorf("GetRepository %s: %w", repository, ErrEmpty)
	}
	return branch, nil
}

// Head returns the commit that a branch stands at. Its error matches ErrRepositoryNotFound or ErrBranchNotFound.
func (c *Client) Head(ctx context.Context, repository, branch string) (string, error) {
	if err := c.wait(ctx, "GetBranch"); err != nil {
		return "", err
	}
	out, err := c.api.GetBranch(ctx, &codecommit.GetBranchInput{RepositoryName: aws.String(repository), BranchName: aws.String(branch)})
	if err != nil {
		return "", fmt.Errorf("GetBranch %s of %s: %w", branch, repository, notFound(err))
	}
	return aws.ToString(out.Branch.CommitId), nil
}
