package awslocal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unconfirmedLife is how long a subscription waits for its confirmation; the token in the mail is good as long.
const unconfirmedLife = 48 * time.Hour

// mailLimit is how many messages in a second one address gets before SNS suspends its subscription.
const mailLimit = 10

// subscription is one subscriber of a topic. The service's lock guards it.
type subscription struct {
	topic          *topic
	arn            string
	protocol       string
	endpoint       string
	raw            bool
	filter         *pattern
	filterText     string
	filterBody     bool
	attributesText string
	pending        bool
	pendingSince   time.Time
	token          string
	sent           []time.Time // the times of the latest mails
}

// shownARN hides the ARN of a subscription that waits for its confirmation.
func (s *subscription) shownARN() string {
	if s.pending {
		return "PendingConfirmation"
	}
	return s.arn
}

// newSubscription reads a Subscribe request.
func (s *snsService) newSubscription(c *call) (*subscription, *Error) {
	attributes := formMap(c.form, "Attributes")
	sub := &subscription{
		protocol: c.form.Get("Protocol"), endpoint: c.form.Get("Endpoint"), attributesText: canonicalMap(attributes),
		raw: attributes["RawMessageDelivery"] == "true", filterText: attributes["FilterPolicy"],
		filterBody: attributes["FilterPolicyScope"] == "MessageBody",
	}
	switch sub.protocol {
	case "sqs":
		if !strings.Contains(sub.endpoint, ":sqs:") {
			return nil, snsInvalid("SQS endpoint ARN")
		}
	case "email":
		if !strings.Contains(sub.endpoint, "@") {
			return nil, snsInvalid("Email address")
		}
		if sub.raw {
			return nil, snsInvalid("Attributes Reason: RawMessageDelivery is not supported for protocol email")
		}
		sub.pending, sub.pendingSince, sub.token = true, c.time, randomHex(64)
	default:
		return nil, snsInvalid("Amazon SNS does not support this protocol string: %s (the local AWS has sqs and email)", sub.protocol)
	}
	if scope := attributes["FilterPolicyScope"]; scope != "" && scope != "MessageBody" && scope != "MessageAttributes" {
		return nil, snsInvalid("FilterPolicyScope: Unknown filter policy scope %s", scope)
	}
	if sub.filterText != "" && sub.filterText != "{}" {
		filter, err := compilePattern([]byte(sub.filterText))
		if err != nil {
			return nil, snsInvalid("FilterPolicy: %v", err)
		}
		sub.filter = &filter
	}
	return sub, nil
}

func canonicalMap(m map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%q=%q\n", name, m[name])
	}
	return b.String()
}

// expire removes the subscriptions that were not confirmed in time; the lock is held.
func (s *snsService) expire(t *topic, now time.Time) {
	t.subscriptions = slices.DeleteFunc(t.subscriptions, func(sub *subscription) bool {
		return sub.pending && now.Sub(sub.pendingSince) > unconfirmedLife
	})
}

func (s *snsService) confirmationMail(sub *subscription, now time.Time) Mail {
	link := s.confirmURL(sub)
	return Mail{
		To: sub.endpoint, Subject: "AWS Notification - Subscription Confirmation", Time: now, TopicARN: sub.topic.arn, ConfirmURL: link,
		Body: fmt.Sprintf("You have chosen to subscribe to the topic:\n%s\n\nTo confirm this subscription, visit the link below:\n%s\n", sub.topic.arn, link),
	}
}

// mayMail counts a mail and suspends the subscription when there are too many in a second; the lock is held.
func (s *subscription) mayMail(now time.Time) bool {
	s.sent = slices.DeleteFunc(s.sent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(s.sent) >= mailLimit {
		s.pending, s.pendingSince, s.token = true, now, randomHex(64)
		return false
	}
	s.sent = append(s.sent, now)
	return true
}

func decimal(n int) string { return strconv.Itoa(n) }

func boolText(b bool) string { return strconv.FormatBool(b) }
