package codecommit

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
)

const (
	// maxDifferences is how many files of one change are looked at, and maxDifferencePages on how many pages, whose size is
	// CodeCommit's choice.
	maxDifferences     = 5000
	maxDifferencePages = 50
)

// ErrTooManyDifferences says that a change touches more files than are looked at, and none so far was one that was looked for.
var ErrTooManyDifferences = errors.New("the change touches too many files to look at them all")

// Touches says whether one of the files that differ between two commits is one that is looked for, by its path before or
// after. It stops at the first, and fails with ErrTooManyDifferences where there is none in 5,000 files and more are left.
// Without a commit before, every file counts.
func (c *Client) Touches(ctx context.Context, repository, before, after string, lookedFor func(path string) bool) (bool, error) {
	in := &codecommit.GetDifferencesInput{
		RepositoryName: aws.String(repository), AfterCommitSpecifier: aws.String(after),
	}
	if before != "" {
		in.BeforeCommitSpecifier = aws.String(before)
	}
	pages := codecommit.NewGetDifferencesPaginator(c.api, in)
	for seen, page := 0, 0; pages.HasMorePages(); page++ {
		if seen >= maxDifferences || page >= maxDifferencePages {
			return false, ErrTooManyDifferences
		}
		if err := c.wait(ctx, "GetDifferences"); err != nil {
			return false, err
		}
		out, err := pages.NextPage(ctx)
		if err != nil {
			return false, fmt.Errorf("GetDifferences of %s from %s to %s: %w", repository, before, after, notFound(err))
		}
		for _, difference := range out.Differences {
			if difference.BeforeBlob != nil && lookedFor(aws.ToString(difference.BeforeBlob.Path)) ||
				difference.AfterBlob != nil && lookedFor(aws.ToString(difference.AfterBlob.Path)) {
				return true, nil
			}
		}
		seen += len(out.Differences)
	}
	return false, nil
}
