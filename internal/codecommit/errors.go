package codecommit

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// What there is not. The error of a call matches one of them where CodeCommit said so.
var (
	ErrRepositoryNotFound  = errors.New("there is no such repository")
	ErrPullRequestNotFound = errors.New("there is no such pull request")
	ErrCommitNotFound      = errors.New("the repository has no such commit")
	ErrBranchNotFound      = errors.New("the repository has no such branch")
	ErrEmpty               = errors.New("the repository is empty: it has no default branch")
)

// ClassOf returns what an error of a call means, as awsclient.ClassOf does, with what is CodeCommit's own: what is
// not there, and a key of KMS that cannot be used for the moment.
func ClassOf(err error) awsclient.Class {
	var key *types.EncryptionKeyUnavailableException
	var denied *types.EncryptionKeyAccessDeniedException
	switch {
	case errors.Is(err, ErrRepositoryNotFound), errors.Is(err, ErrBranchNotFound), errors.Is(err, ErrEmpty),
		errors.Is(err, ErrPullRequestNotFound), errors.Is(err, ErrCommitNotFound):
		return awsclient.ClassNotFound
	case errors.As(err, &key):
		return awsclient.ClassUnavailable
	case errors.As(err, &denied):
		return awsclient.ClassAccessDenied
	}
	return awsclient.ClassOf(err)
}

// notFound puts the package's own error before CodeCommit's where that says that something is not there.
func notFound(err error) error {
	var noRepository *types.RepositoryDoesNotExistException
	var noBranch *types.BranchDoesNotExistException
	var noPullRequest *types.PullRequestDoesNotExistException
	var noCommit *types.CommitDoesNotExistException
	switch {
	case errors.As(err, &noRepository):
		return fmt.Errorf("%w: %w", ErrRepositoryNotFound, err)
	case errors.As(err, &noBranch):
		return fmt.Errorf("%w: %w", ErrBranchNotFound, err)
	case errors.As(err, &noPullRequest):
		return fmt.Errorf("%w: %w", ErrPullRequestNotFound, err)
	case errors.As(err, &noCommit):
		return fmt.Errorf("%w: %w", ErrCommitNotFound, err)
	}
	return err
}
