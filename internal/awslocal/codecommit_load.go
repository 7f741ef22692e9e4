package awslocal

import "errors"

// PullRequestOpener returns a function that opens one more pull request of a branch, as the IAM user would by
// CreatePullRequest, and returns its number. Git is asked once for all of them: this is for load.
func (s *Server) PullRequestOpener(user, repository, source, destination string) (open func() (string, error), err error) {
	principal, err := s.User(user)
	if err != nil {
		return nil, err
	}
	repo, refused := s.repos.findRepository(repository)
	if refused != nil {
		return nil, refused
	}
	template := pullRequest{
		title: "Change", author: principal.ARN, repo: repo, sourceRef: branchRef(source), destinationRef: branchRef(destination),
	}
	if err := s.repos.resolvePull(&call{ctx: s.ctx}, &template); err != nil {
		return nil, err
	}
	return func() (string, error) {
		p := template
		p.created, p.revision = s.clock.Now(), randomHex(32)
		p.modified = p.created
		pull, event, refused := s.repos.addPull(&p)
		switch {
		case refused != nil:
			return "", refused
		case event == nil:
			return "", errors.New("the pull request has no event")
		}
		id := pull.id
		s.repos.emitPull(&call{ctx: s.ctx, time: p.created, principal: principal}, *event, "pullRequestCreated")
		return id, nil
	}, nil
}
