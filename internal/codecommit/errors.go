package codecommit

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// What there is not. The error of a call matches one of them where CodeCommit said so.
var (
	ErrRepositoryNotFound = errors.New("there is no such repository")
	ErrBranchNotFound     = errors.New("the repository has no such branch")
	ErrEmpty              = errors.New("the repository is empty: it has no default branch")
)

// ClassOf returns what an error of a call means, as awsclient.ClassOf does, with what is CodeCommit's own: a repository or
// branch that is not there, and a key of KMS that cannot be used for the moment.
func ClassOf(err error) awsclient.Class {
	var key *types.EncryptionKeyUnavailableException
	var denied *types.EncryptionKeyAccessDeniedException
	switch {
	case errors.Is(err, ErrRepositoryNotFound), errors.Is(err, ErrBranchNotFound), errors.Is(err, ErrEmpty):
		return awsclient.ClassNotFound
	case errors.As(err, &key):
		return awsclient.ClassUnavailable
	case errors.As(err, &denied):
		return awsclient.ClassAccessDenied
	}
	return awsclient.ClassOf(err)
}
