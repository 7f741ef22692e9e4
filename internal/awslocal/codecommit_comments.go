package awslocal

import (
	"time"
	"unicode/utf8"
)

// comment is a comment on a pull request. The service's lock guards it.
type comment struct {
	id, content, author, token string
	pull, repository           string
	beforeCommit, afterCommit  string
	location                   *commentLocation
	created                    time.Time
}

type commentLocation struct {
	FilePath            string `json:"filePath,omitempty"`
	FilePosition        *int64 `json:"filePosition,omitempty"`
	RelativeFileVersion string `json:"relativeFileVersion,omitempty"`
}

// maxComment is the number of characters of a comment.
const maxComment = 10240

type postCommentInput struct {
	PullRequest string           `json:"pullRequestId"`
	Repository  string           `json:"repositoryName"`
	Before      string           `json:"beforeCommitId"`
	After       string           `json:"afterCommitId"`
	Content     string           `json:"content"`
	Token       string           `json:"clientRequestToken"`
	Location    *commentLocation `json:"location"`
}

func (cc *codeCommitService) postComment(c *call, in postCommentInput) (any, error) {
	repo, refused := cc.findRepository(in.Repository)
	if refused != nil {
		return nil, refused
	}
	if refused := in.validate(); refused != nil {
		return nil, refused
	}
	for _, commit := range []string{in.Before, in.After} {
		if _, err := cc.commitOf(c, repo, commit); err != nil {
			return nil, err
		}
	}
	if in.Location != nil {
		if refused := cc.validateLocation(c, repo, in); refused != nil {
			return nil, refused
		}
	}
	posted, isNew, refused := cc.addComment(c, in)
	if refused != nil {
		return nil, refused
	}
	if isNew {
		cc.emitComment(c, repo, posted)
	}
	document := posted.place(repo)
	document["comment"] = posted.document()
	return document, nil
}

func (in postCommentInput) validate() *Error {
	switch {
	case in.Content == "":
		return refuse("CommentContentRequiredException", "The comment is empty.")
	case utf8.RuneCountInString(in.Content) > maxComment:
		return refuse("CommentContentSizeLimitExceededException", "The comment is too large. Comments are limited to 10,240 characters.")
	case in.Before == in.After:
		return refuse("BeforeCommitIdAndAfterCommitIdAreSameException", "The before commit ID and the after commit ID are the same, which is not valid.")
	}
	return nil
}

func (cc *codeCommitService) validateLocation(c *call, repo *repository, in postCommentInput) *Error {
	commit := in.After
	switch in.Location.RelativeFileVersion {
	case "BEFORE":
		commit = in.Before
	case "AFTER":
	default:
		return refuse("InvalidRelativeFileVersionEnumException", "The relative file version must be BEFORE or AFTER.")
	}
	if position := in.Location.FilePosition; position != nil && *position < 1 {
		return refuse("InvalidFilePositionException", "The position %d is not valid.", *position)
	}
	if _, err := cc.git.in(c.ctx, repo.dir, "cat-file", "-e", commit+":"+in.Location.FilePath); err != nil {
		return refuse("PathDoesNotExistException", "The path %s does not exist in commit %s.", in.Location.FilePath, commit)
	}
	return nil
}

// addComment stores a comment; a repeated token gives the first one again.
func (cc *codeCommitService) addComment(c *call, in postCommentInput) (posted *comment, isNew bool, refused *Error) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	p, refused := cc.findPull(in.PullRequest)
	if refused != nil {
		return nil, false, refused
	}
	if p.repo.name != in.Repository {
		return nil, false, refuse("RepositoryNotAssociatedWithPullRequestException", "Repository %s does not belong to pull request %s.", in.Repository, p.id)
	}
	if have, ok := cc.commentToken[in.Token]; ok && in.Token != "" {
		if have.content != in.Content || have.pull != in.PullRequest || have.afterCommit != in.After || have.beforeCommit != in.Before {
			return nil, false, refuse("IdempotencyParameterMismatchException", "The client request token was used before with other parameters.")
		}
		return have, false, nil
	}
	posted = &comment{
		id: randomUUID() + ":" + randomUUID(), content: in.Content, author: c.principal.ARN, token: in.Token,
		pull: p.id, repository: in.Repository, beforeCommit: in.Before, afterCommit: in.After, location: in.Location, created: c.time,
	}
	cc.comments[p.id] = append(cc.comments[p.id], posted)
	p.modified = c.time
	if in.Token != "" {
		cc.commentToken[in.Token] = posted
	}
	return posted, true, nil
}

func (cm *comment) document() map[string]any {
	document := map[string]any{
		"commentId": cm.id, "content": cm.content, "authorArn": cm.author, "deleted": false,
		"creationDate": epoch(cm.created), "lastModifiedDate": epoch(cm.created),
	}
	if cm.token != "" {
		document["clientRequestToken"] = cm.token
	}
	return document
}

// place is where a comment belongs.
func (cm *comment) place(repo *repository) map[string]any {
	place := map[string]any{
		"pullRequestId": cm.pull, "repositoryName": repo.name, "beforeCommitId": cm.beforeCommit, "afterCommitId": cm.afterCommit,
	}
	if cm.location != nil {
		place["location"] = cm.location
	}
	return place
}

func (cc *codeCommitService) getComments(_ *call, in struct {
	PullRequest string `json:"pullRequestId"`
	Repository  string `json:"repositoryName"`
	Before      string `json:"beforeCommitId"`
	After       string `json:"afterCommitId"`
	MaxResults  *int   `json:"maxResults"`
	NextToken   string `json:"nextToken"`
}) (any, error) {
	limit := 100
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	from, refused := decodePage(in.NextToken)
	if refused != nil || limit < 1 || limit > 500 {
		return nil, refuse("InvalidContinuationTokenException", "The continuation token or the number of results is not valid.")
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	p, refused := cc.findPull(in.PullRequest)
	if refused != nil {
		return nil, refused
	}
	comments := cc.comments[p.id]
	data, next := []any{}, ""
	for i := from; i < len(comments); i++ {
		cm := comments[i]
		if in.Repository != "" && cm.repository != in.Repository || in.Before != "" && cm.beforeCommit != in.Before || in.After != "" && cm.afterCommit != in.After {
			continue
		}
		if len(data) == limit {
			next = encodePage(i)
			break
		}
		place := cm.place(p.repo)
		place["comments"] = []any{cm.document()}
		data = append(data, place)
	}
	out := map[string]any{"commentsForPullRequestData": data}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}
