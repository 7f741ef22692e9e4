package awslocal

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// codeCommitService is CodeCommit.
type codeCommitService struct {
	server *Server
	git    gitTool

	mu           sync.Mutex
	repositories map[string]*repository
	pulls        map[string]*pullRequest
	pullOrder    []*pullRequest
	pullTokens   map[string]*pullRequest
	comments     map[string][]*comment // by pull request
	commentToken map[string]*comment
}

type repository struct {
	name, id, arn, dir string
	description        string
	created            time.Time
	writing            sync.Mutex // held while references change
}

func newCodeCommit(s *Server, git gitTool) *codeCommitService {
	git.home = s.dir
	cc := &codeCommitService{
		server: s, git: git, repositories: map[string]*repository{}, pulls: map[string]*pullRequest{},
		pullTokens: map[string]*pullRequest{}, comments: map[string][]*comment{}, commentToken: map[string]*comment{},
	}
	cc.load()
	return cc
}

// load takes over the repositories of an earlier server in the same folder.
func (cc *codeCommitService) load() {
	entries, err := os.ReadDir(cc.root())
	if err != nil {
		cc.server.record.fail(fmt.Errorf("read the repositories: %w", err))
	}
	for _, entry := range entries {
		if entry.IsDir() {
			cc.repositories[entry.Name()] = cc.newRepository(entry.Name(), "")
		}
	}
}

func (cc *codeCommitService) root() string { return filepath.Join(cc.server.dir, "repositories") }

func (cc *codeCommitService) newRepository(name, description string) *repository {
	return &repository{
		name: name, id: randomUUID(), arn: cc.server.arn(serviceCodeCommit, name), dir: filepath.Join(cc.root(), name),
		description: description, created: cc.server.clock.Now(),
	}
}

func (cc *codeCommitService) operations() map[string]operation {
	return map[string]operation{
		"CreateRepository":              jsonOperation(cc.createRepository),
		"GetRepository":                 jsonOperation(cc.getRepository),
		"DeleteRepository":              jsonOperation(cc.deleteRepository),
		"ListRepositories":              jsonOperation(cc.listRepositories),
		"UpdateDefaultBranch":           jsonOperation(cc.updateDefaultBranch),
		"CreateBranch":                  jsonOperation(cc.createBranch),
		"DeleteBranch":                  jsonOperation(cc.deleteBranch),
		"GetBranch":                     jsonOperation(cc.getBranch),
		"CreateCommit":                  jsonOperation(cc.createCommit),
		"GetCommit":                     jsonOperation(cc.getCommit),
		"GetDifferences":                jsonOperation(cc.getDifferences),
		"CreatePullRequest":             jsonOperation(cc.createPullRequest),
		"GetPullRequest":                jsonOperation(cc.getPullRequest),
		"ListPullRequests":              jsonOperation(cc.listPullRequests),
		"DescribePullRequestEvents":     jsonOperation(cc.describePullRequestEvents),
		"UpdatePullRequestStatus":       jsonOperation(cc.updatePullRequestStatus),
		"MergePullRequestByFastForward": jsonOperation(cc.mergeByFastForward),
		"PostCommentForPullRequest":     jsonOperation(cc.postComment),
		"GetCommentsForPullRequest":     jsonOperation(cc.getComments),
	}
}

func (cc *codeCommitService) repository(name string) (*repository, bool) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	repo, ok := cc.repositories[name]
	return repo, ok
}

// findRepository is repository with the answer that CodeCommit gives where there is none.
func (cc *codeCommitService) findRepository(name string) (*repository, *Error) {
	if name == "" {
		return nil, refuse("RepositoryNameRequiredException", "The repository name is required.")
	}
	repo, ok := cc.repository(name)
	if !ok {
		return nil, refuse("RepositoryDoesNotExistException", "%s does not exist", name)
	}
	return repo, nil
}

func (cc *codeCommitService) createRepository(c *call, in struct {
	Name        string `json:"repositoryName"`
	Description string `json:"repositoryDescription"`
}) (any, error) {
	if !regexp.MustCompile(`^[\w.-]{1,100}$`).MatchString(in.Name) || strings.HasSuffix(in.Name, ".git") || strings.Trim(in.Name, ".") == "" {
		return nil, refuse("InvalidRepositoryNameException", "The repository name %s is not valid: 1 to 100 letters, digits and characters of _.-, not ending in .git", in.Name)
	}
	cc.mu.Lock()
	if _, ok := cc.repositories[in.Name]; ok {
		cc.mu.Unlock()
		return nil, refuse("RepositoryNameExistsException", "Repository named %s already exists", in.Name)
	}
	repo := cc.newRepository(in.Name, in.Description)
	repo.writing.Lock()
	defer repo.writing.Unlock()
	cc.repositories[in.Name] = repo
	cc.mu.Unlock()
	if err := cc.git.initRepository(cc.server.ctx, repo.dir, cc.server.options.GitPartialClone); err != nil {
		cc.forget(repo)
		return nil, err
	}
	return map[string]any{"repositoryMetadata": cc.metadata(repo)}, nil
}

func (cc *codeCommitService) forget(repo *repository) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	delete(cc.repositories, repo.name)
	for id, p := range cc.pulls {
		if p.repo == repo {
			delete(cc.pulls, id)
		}
	}
}

func (cc *codeCommitService) getRepository(c *call, in struct {
	Name string `json:"repositoryName"`
}) (any, error) {
	repo, refused := cc.findRepository(in.Name)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"repositoryMetadata": cc.metadata(repo)}, nil
}

// deleteRepository succeeds also for a repository that does not exist.
func (cc *codeCommitService) deleteRepository(_ *call, in struct {
	Name string `json:"repositoryName"`
}) (any, error) {
	repo, ok := cc.repository(in.Name)
	if !ok {
		return nothing{}, nil
	}
	repo.writing.Lock()
	defer repo.writing.Unlock()
	cc.forget(repo)
	if err := os.RemoveAll(repo.dir); err != nil {
		return nil, fmt.Errorf("remove repository %s: %w", repo.name, err)
	}
	return map[string]any{"repositoryId": repo.id}, nil
}

func (cc *codeCommitService) metadata(repo *repository) map[string]any {
	metadata := map[string]any{
		"accountId": cc.server.options.Account, "repositoryId": repo.id, "repositoryName": repo.name, "Arn": repo.arn,
		"cloneUrlHttp": cc.server.GitURL(repo.name),
		"creationDate": epoch(repo.created), "lastModifiedDate": epoch(repo.created),
	}
	if repo.description != "" {
		metadata["repositoryDescription"] = repo.description
	}
	if branch := cc.defaultBranch(repo); branch != "" {
		metadata["defaultBranch"] = branch
	}
	return metadata
}

// defaultBranch is empty for a repository without commits.
func (cc *codeCommitService) defaultBranch(repo *repository) string {
	head, err := cc.git.head(repo.dir)
	if err != nil {
		return ""
	}
	commit, err := cc.git.branch(repo.dir, head)
	if err != nil || commit == "" {
		return ""
	}
	return strings.TrimPrefix(head, headsPrefix)
}

// settleHead makes the first branch of a repository its default branch.
func (cc *codeCommitService) settleHead(repo *repository) error {
	refs, err := cc.git.refs(repo.dir)
	if err != nil {
		return err
	}
	head, err := cc.git.head(repo.dir)
	if err != nil {
		return err
	}
	if _, ok := refs[head]; ok {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if strings.HasPrefix(name, headsPrefix) {
			_, err := cc.git.in(cc.server.ctx, repo.dir, "symbolic-ref", "HEAD", name)
			return err
		}
	}
	return nil
}

// defaultRepositoryPage is how many repositories one ListRepositories returns
// (https://docs.aws.amazon.com/codecommit/latest/APIReference/API_ListRepositories.html).
const defaultRepositoryPage = 1000

func (cc *codeCommitService) listRepositories(_ *call, in struct {
	NextToken string `json:"nextToken"`
}) (any, error) {
	from, refused := decodePage(in.NextToken)
	if refused != nil {
		return nil, refuse("InvalidContinuationTokenException", "The continuation token is not valid.")
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	names := slices.Sorted(maps.Keys(cc.repositories))
	until := from + cc.server.options.RepositoryPage
	items := []any{}
	for i := from; i < min(len(names), until); i++ {
		items = append(items, map[string]string{"repositoryName": names[i], "repositoryId": cc.repositories[names[i]].id})
	}
	out := map[string]any{"repositories": items}
	if until < len(names) {
		out["nextToken"] = encodePage(until)
	}
	return out, nil
}

// resourceOf is the ARN of what a call is about, as far as denials tell resources apart; * for everything else.
func (s *Server) resourceOf(c *call) string {
	var named struct {
		Repository string `json:"repositoryName"`
	}
	if c.service != serviceCodeCommit || json.Unmarshal(c.body, &named) != nil || named.Repository == "" {
		return Any
	}
	return s.arn(serviceCodeCommit, named.Repository)
}

// changeRefs does something that may change references, one at a time per repository, and tells the bus what changed.
func (cc *codeCommitService) changeRefs(c *call, repo *repository, change func() error) error {
	repo.writing.Lock()
	defer repo.writing.Unlock()
	before, err := cc.git.refs(repo.dir)
	if err != nil {
		return err
	}
	err = change()
	after, refsErr := cc.git.refs(repo.dir)
	if err := errors.Join(err, refsErr); err != nil {
		return err
	}
	return cc.refsChanged(c, repo, before, after)
}
