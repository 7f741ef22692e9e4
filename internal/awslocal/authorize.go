package awslocal

import (
	"encoding/json"
	"strings"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// authorize refuses a call of a role's session that the role's policies do not allow, as AWS does, and notes what the call
// needed. Callers without a role, or with one that has no policies, may do everything.
func (s *Server) authorize(c *call) *Error {
	r, bound := s.binding(c)
	if !bound {
		return nil
	}
	needs, passes := s.needsOf(c)
	return s.grant(c, r, needs, passes)
}

// authorizeGit is authorize for a Git client.
func (s *Server) authorizeGit(c *call, repository string) *Error {
	r, bound := s.binding(c)
	if !bound {
		return nil
	}
	return s.grant(c, r, []iampolicy.Request{need(c.action(), s.arn(serviceCodeCommit, repository))}, nil)
}

// binding is the role whose policies bind the caller.
func (s *Server) binding(c *call) (*role, bool) {
	r, ok := s.accounts.role(c.principal.Role)
	return r, ok && r.bound()
}

func (s *Server) grant(c *call, r *role, needs []iampolicy.Request, passes []passedRole) *Error {
	for _, passed := range passes {
		needs = append(needs, passed.need())
	}
	c.needs = needs
	for _, n := range needs {
		if !iampolicy.Allows(r.policies, n) {
			return deniedNeed(c, n)
		}
	}
	for _, passed := range passes {
		if refused := s.acceptPassed(passed); refused != nil {
			return refused
		}
	}
	return nil
}

func need(action, resource string) iampolicy.Request {
	return iampolicy.Request{Action: action, Resource: resource}
}

// anyResource stands for the resource of actions that have none of their own: only a policy for * covers it.
const anyResource = "*"

// subject is every member of a JSON request that names what the request is about.
type subject struct {
	Cluster        string   `json:"cluster"`
	Clusters       []string `json:"clusters"`
	Task           string   `json:"task"`
	Tasks          []string `json:"tasks"`
	QueueURL       string   `json:"QueueUrl"`
	QueueName      string   `json:"QueueName"`
	QueueOwner     string   `json:"QueueOwnerAWSAccountId"`
	RepositoryName string   `json:"repositoryName"`
	PullRequestID  string   `json:"pullRequestId"`
	Targets        []struct {
		RepositoryName string `json:"repositoryName"`
	} `json:"targets"`
	LogGroupName string `json:"logGroupName"`
}

// needsOf lists the permissions that a call needs, and the roles that it passes on, by the service authorization reference
// (https://docs.aws.amazon.com/service-authorization/latest/reference/). An operation that it does not know needs its
// action on everything.
func (s *Server) needsOf(c *call) (needs []iampolicy.Request, passes []passedRole) {
	var about subject
	if c.form == nil && c.service != serviceS3 {
		// A body that is no JSON names nothing; the operation will refuse it.
		if err := json.Unmarshal(c.body, &about); err != nil {
			about = subject{}
		}
	}
	one := func(resource string) []iampolicy.Request { return []iampolicy.Request{need(c.action(), resource)} }
	switch c.service {
	case serviceECS:
		return s.tasks.needs(c, about)
	case serviceSQS:
		return one(s.queueARN(about)), nil
	case serviceSNS:
		return one(c.form.Get("TopicArn")), nil
	case serviceS3:
		return one("arn:aws:s3:::" + strings.Trim(c.http.URL.Path, "/")), nil
	case serviceCodeCommit:
		return one(s.repos.subject(about)), nil
	case serviceLogs:
		return one(s.arn(serviceLogs, "log-group:"+about.LogGroupName+":*")), nil
	case serviceSTS:
		return needsOfSTS(c), nil
	}
	return one(anyResource), nil
}

// needsOfSTS: whoever has credentials may ask for their name; tags that a session takes along need a permission.
func needsOfSTS(c *call) []iampolicy.Request {
	if c.operation == "GetCallerIdentity" {
		return nil
	}
	role := c.form.Get("RoleArn")
	needs := []iampolicy.Request{need(c.action(), role)}
	if tags := c.principal.Tags; len(tags) > 0 {
		needs = append(needs, iampolicy.Request{Action: "sts:TagSession", Resource: role, Context: tagContext(tags)})
	}
	return needs
}

func (s *Server) queueARN(about subject) string {
	if about.QueueURL != "" {
		return s.arn(serviceSQS, nameOf(about.QueueURL))
	}
	if about.QueueOwner != "" {
		return "arn:aws:sqs:" + s.options.Region + ":" + about.QueueOwner + ":" + about.QueueName
	}
	return s.arn(serviceSQS, about.QueueName)
}

// subject is the ARN of the repository that a request is about: named, or by its pull request.
func (cc *codeCommitService) subject(about subject) string {
	name := about.RepositoryName
	if name == "" && len(about.Targets) > 0 {
		name = about.Targets[0].RepositoryName
	}
	if name == "" {
		cc.mu.Lock()
		defer cc.mu.Unlock()
		pull, ok := cc.pulls[about.PullRequestID]
		if !ok {
			return anyResource
		}
		name = pull.repo.name
	}
	return cc.server.arn(serviceCodeCommit, name)
}
