package awslocal

import (
	"maps"
	"slices"
	"strings"
)

func branchRef(name string) string {
	if strings.HasPrefix(name, "refs/") {
		return name
	}
	return "refs/heads/" + name
}

// refsChanged emits the reference events and moves the open pull requests whose source branch moved.
func (cc *codeCommitService) refsChanged(c *call, repo *repository, before, after map[string]string) error {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, now := before[name], after[name]
		if old == now {
			continue
		}
		cc.emitReference(c, repo, name, old, now)
		if now == "" {
			continue
		}
		if err := cc.sourceMoved(c, repo, name, now); err != nil {
			return err
		}
	}
	return nil
}

func (cc *codeCommitService) getBranch(c *call, in struct {
	Repository string `json:"repositoryName"`
	Branch     string `json:"branchName"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	commit, err := cc.branchTip(c, repo, in.Branch)
	if err != nil {
		return nil, err
	}
	return map[string]any{"branch": map[string]string{"branchName": in.Branch, "commitId": commit}}, nil
}

// branchTip is the commit of a branch that must exist.
func (cc *codeCommitService) branchTip(c *call, repo *repository, branch string) (string, error) {
	if branch == "" {
		return "", refuse("BranchNameRequiredException", "The branch name is required.")
	}
	commit, err := cc.git.resolve(c.ctx, repo.dir, "refs/heads/"+branch)
	if err != nil {
		return "", err
	}
	if commit == "" {
		return "", refuse("BranchDoesNotExistException", "Branch %s does not exist", branch)
	}
	return commit, nil
}

func (cc *codeCommitService) createBranch(c *call, in struct {
	Repository string `json:"repositoryName"`
	Branch     string `json:"branchName"`
	Commit     string `json:"commitId"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	commit, err := cc.git.resolve(c.ctx, repo.dir, in.Commit)
	if err != nil {
		return nil, err
	}
	if commit == "" {
		return nil, refuse("CommitDoesNotExistException", "The specified commit does not exist: %s", in.Commit)
	}
	err = cc.changeRefs(c, repo, func() error {
		have, err := cc.git.resolve(c.ctx, repo.dir, "refs/heads/"+in.Branch)
		if err != nil {
			return err
		}
		if have != "" {
			return refuse("BranchNameExistsException", "Branch %s already exists", in.Branch)
		}
		return cc.git.updateRef(c.ctx, repo.dir, "refs/heads/"+in.Branch, commit, "")
	})
	return nothing{}, err
}

func (cc *codeCommitService) deleteBranch(c *call, in struct {
	Repository string `json:"repositoryName"`
	Branch     string `json:"branchName"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	if in.Branch == cc.defaultBranch(repo) {
		return nil, refuse("DefaultBranchCannotBeDeletedException", "The default branch %s cannot be deleted", in.Branch)
	}
	var deleted string
	err := cc.changeRefs(c, repo, func() (err error) {
		if deleted, err = cc.branchTip(c, repo, in.Branch); err != nil {
			return err
		}
		return cc.git.updateRef(c.ctx, repo.dir, "refs/heads/"+in.Branch, "", deleted)
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"deletedBranch": map[string]string{"branchName": in.Branch, "commitId": deleted}}, nil
}

func (cc *codeCommitService) updateDefaultBranch(c *call, in struct {
	Repository string `json:"repositoryName"`
	Branch     string `json:"defaultBranchName"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	repo.writing.Lock()
	defer repo.writing.Unlock()
	if _, err := cc.branchTip(c, repo, in.Branch); err != nil {
		return nil, err
	}
	_, err := cc.git.in(c.ctx, repo.dir, "symbolic-ref", "HEAD", "refs/heads/"+in.Branch)
	return nothing{}, err
}
