package scanenvironment

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const (
	// maxSubscriptionPages bounds the look at a topic with very many subscribers, 100 a page.
	maxSubscriptionPages = 5
	// pendingConfirmation stands for the ARN of a subscription whose confirmation link nobody has followed yet
	// (https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html).
	pendingConfirmation = "PendingConfirmation"
	// deletedSubscription stands for the ARN of one that was deleted a short while ago.
	deletedSubscription = "Deleted"
)

// subscribers looks at who gets what is published to the topic. Whatever it finds, scans can be done, so it only warns.
func (c *check) subscribers(ctx context.Context, ref *reference) {
	var all []snstypes.Subscription
	pages := sns.NewListSubscriptionsByTopicPaginator(c.clients.SNS, &sns.ListSubscriptionsByTopicInput{TopicArn: aws.String(ref.identifier)})
	for range maxSubscriptionPages {
		if !pages.HasMorePages() {
			break
		}
		page, err := pages.NextPage(ctx)
		if err != nil && awsclient.ClassOf(err) == awsclient.ClassUnavailable {
			ref.warning = c.lastMessage(ref.field) // nothing is known to have changed
			return
		}
		if err != nil {
			ref.warning = ref.say("has subscribers that may not be looked at: %s; allow sns:ListSubscriptionsByTopic on it to the role that the manager uses", awsclient.Short(err))
			return
		}
		all = append(all, page.Subscriptions...)
	}
	if pages.HasMorePages() {
		return // so many subscribers are not there by accident
	}
	if fault := lonely(all, c.queueARN); fault != "" {
		ref.warning = ref.say("%s", fault)
	}
}

// lonely says who is missing among a topic's subscribers, or nothing. queueARN is the inbox; empty where there is none.
func lonely(subscriptions []snstypes.Subscription, queueARN string) string {
	inbox, others, pending := false, 0, 0
	for _, subscription := range subscriptions {
		switch id := aws.ToString(subscription.SubscriptionArn); {
		case id == deletedSubscription:
		case id == pendingConfirmation:
			pending++
		case aws.ToString(subscription.Protocol) == "sqs" && aws.ToString(subscription.Endpoint) == queueARN:
			inbox = true
		default:
			others++
		}
	}
	var faults []string
	if queueARN != "" && !inbox {
		faults = append(faults, "does not have the inbox queue among its subscribers, so findings do not reach the status of ScanJobs; subscribe "+queueARN)
	}
	switch {
	case others > 0 && pending > 0:
		// The other may be a function or a queue, and the mail the only one that people read.
		faults = append(faults, fmt.Sprintf("has subscribers that are told nothing: %s not confirmed; follow the link in the mail that AWS sent, which is good for two days", count(pending, "subscription is", "subscriptions are")))
	case others > 0:
	case pending > 0:
		faults = append(faults, fmt.Sprintf("tells nobody of findings: %s not confirmed; follow the link in the mail that AWS sent, which is good for two days", count(pending, "subscription is", "subscriptions are")))
	default:
		faults = append(faults, "tells nobody of findings: nobody is subscribed; subscribe an e-mail address")
	}
	return strings.Join(faults, "; and it ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// lastMessage returns what status says so far of a reference that can be used, with this very spec.
func (c *check) lastMessage(field string) string {
	for _, entry := range c.last {
		if entry.Field == field && entry.Ready {
			return entry.Message
		}
	}
	return ""
}

// warned lists the warnings of references that can be used, for the message of condition Ready.
func warned(references []reference) string {
	text := ""
	for i := range references {
		if references[i].problem == nil && references[i].warning != "" {
			text += "; warning: " + references[i].warning
		}
	}
	return text
}
