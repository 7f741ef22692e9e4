package awslocal

import (
	"fmt"
	"strings"
)

// eventsPrincipal is how EventBridge appears in resource policies.
const eventsPrincipal = "events.amazonaws.com"

// deliverTo gives an event to one target. A target that is missing or forbidden is not tried again: the event goes to
// the target's dead-letter queue or is dropped.
func (b *eventBus) deliverTo(rule string, t target, body string) {
	err := b.send(rule, t.ARN, body)
	if err == nil {
		return
	}
	b.server.record.drop(Undelivered{Source: rule, Target: t.ARN, Reason: err.Error(), Body: body})
	if t.DeadLetterConfig == nil {
		return
	}
	dead, ok := b.server.queues.byARN(t.DeadLetterConfig.ARN)
	if !ok {
		return
	}
	attributes := map[string]messageAttribute{}
	for name, value := range map[string]string{
		"RULE_ARN": rule, "TARGET_ARN": t.ARN, "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": err.Error(), "RETRY_ATTEMPTS": "0",
	} {
		attributes[name] = messageAttribute{DataType: "String", StringValue: value}
	}
	m := newMessage(body, eventsSender(), attributes, b.server.clock.Now())
	if err := dead.acceptFrom(eventsPrincipal, rule, m); err != nil {
		b.server.record.drop(Undelivered{Source: rule, Target: dead.arn, Reason: err.Error(), Body: body})
	}
}

func (b *eventBus) send(rule, arn, body string) error {
	switch {
	case strings.Contains(arn, ":sqs:"):
		q, ok := b.server.queues.byARN(arn)
		if !ok {
			return fmt.Errorf("queue %s does not exist", arn)
		}
		return q.acceptFrom(eventsPrincipal, rule, newMessage(body, eventsSender(), nil, b.server.clock.Now()))
	case strings.Contains(arn, ":sns:"):
		return b.server.topics.publishFromService(arn, body)
	}
	return fmt.Errorf("the local AWS delivers events to queues and topics, not to %s", arn)
}

// eventsSender is the SenderId of messages that EventBridge sends.
func eventsSender() string { return "AIDAEXAMPLESENDER:events" }
