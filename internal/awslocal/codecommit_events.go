package awslocal

import (
	"fmt"
	"strings"
)

// emitPull is the event of a change of a pull request.
func (cc *codeCommitService) emitPull(c *call, p pullRequest, event string) {
	const textDate = "Mon Jan 02 15:04:05 UTC 2006"
	console := fmt.Sprintf("https://%[1]s.console.aws.amazon.com/codesuite/codecommit/repositories/%s/pull-requests/%s?region=%[1]s", cc.server.options.Region, p.repo.name, p.id)
	detail := map[string]any{
		"event": event, "author": p.author, "callerUserArn": c.principal.ARN,
		"creationDate": p.created.UTC().Format(textDate), "lastModifiedDate": p.modified.UTC().Format(textDate),
		"title": p.title, "pullRequestId": p.id, "pullRequestStatus": "Open", "isMerged": "False",
		"repositoryNames": []string{p.repo.name}, "revisionId": p.revision,
		"sourceCommit": p.sourceCommit, "sourceReference": p.sourceRef,
		"destinationCommit": p.destinationCommit, "destinationReference": p.destinationRef,
		"notificationBody": fmt.Sprintf("A pull request event occurred in the following AWS CodeCommit repository: %s. User: %s. %s For more information, go to the AWS CodeCommit console %s",
			p.repo.name, c.principal.ARN, p.news(event), console),
	}
	if p.description != "" {
		detail["description"] = p.description
	}
	if p.closed {
		detail["pullRequestStatus"] = "Closed"
	}
	if p.merged {
		detail["isMerged"], detail["mergeOption"] = "True", "FAST_FORWARD_MERGE"
	}
	cc.server.bus.emit(Event{
		DetailType: "CodeCommit Pull Request State Change", Source: "aws.codecommit", Time: cc.server.clock.Now(),
		Resources: []string{p.repo.arn}, Detail: detail,
	})
}

// news is the sentence about an event in its notification text.
func (p *pullRequest) news(event string) string {
	switch event {
	case "pullRequestCreated":
		return fmt.Sprintf("Event: Created. Pull request ID: %s, title: %s.", p.id, p.title)
	case "pullRequestSourceBranchUpdated":
		return fmt.Sprintf("Event: Updated. Pull request %s received one or more commits on source branch %s.", p.id, strings.TrimPrefix(p.sourceRef, "refs/heads/"))
	case "pullRequestStatusChanged":
		return fmt.Sprintf("Pull request %s status has been updated. The status is closed.", p.id)
	}
	return fmt.Sprintf("Pull request %s merge status has been updated. The status is merged.", p.id)
}

// emitReference is the event of one reference that was created, updated or deleted.
func (cc *codeCommitService) emitReference(c *call, repo *repository, name, old, now string) {
	kind, short := "branch", strings.TrimPrefix(name, "refs/heads/")
	if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok {
		kind, short = "tag", tag
	}
	detail := map[string]any{
		"event": "referenceUpdated", "repositoryName": repo.name, "repositoryId": repo.id, "referenceType": kind,
		"referenceName": short, "referenceFullName": name, "callerUserArn": c.principal.ARN,
	}
	if now != "" {
		detail["commitId"] = now
	}
	if old != "" {
		detail["oldCommitId"] = old
	}
	switch {
	case old == "":
		detail["event"] = "referenceCreated"
	case now == "":
		detail["event"] = "referenceDeleted"
	}
	cc.server.bus.emit(Event{
		DetailType: "CodeCommit Repository State Change", Source: "aws.codecommit", Time: cc.server.clock.Now(),
		Resources: []string{repo.arn}, Detail: detail,
	})
}

// emitComment is the event of a new comment.
func (cc *codeCommitService) emitComment(c *call, repo *repository, cm *comment) {
	cc.server.bus.emit(Event{
		DetailType: "CodeCommit Comment on Pull Request", Source: "aws.codecommit", Time: cc.server.clock.Now(), Resources: []string{repo.arn},
		Detail: map[string]any{
			"event": "commentOnPullRequestCreated", "commentId": cm.id, "pullRequestId": cm.pull, "callerUserArn": c.principal.ARN,
			"beforeCommitId": cm.beforeCommit, "afterCommitId": cm.afterCommit, "repositoryId": repo.id, "repositoryName": repo.name,
			"notificationBody": "A pull request event occurred in the following AWS CodeCommit repository: " + repo.name + ". User: " + c.principal.ARN + ". The user made a comment on pull request " + cm.pull + ".",
		},
	})
}
