package awslocal

import (
	"fmt"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// parsePolicy reads a resource policy; none at all allows nothing.
func parsePolicy(text string) (iampolicy.Policy, error) {
	if text == "" {
		return iampolicy.Policy{}, nil
	}
	return iampolicy.Parse(text)
}

// allowsDelivery says whether a resource's policy lets a service act on it for a source, as a rule or a topic is. There is
// no role to allow it otherwise: without a statement the answer is no.
func allowsDelivery(p iampolicy.Policy, service, action, resource, source string) bool {
	return iampolicy.Allows([]iampolicy.Policy{p}, iampolicy.Request{
		Principal: iampolicy.Principal{Service: service}, Action: action, Resource: resource,
		Context: map[string][]string{"aws:SourceArn": {source}, "aws:SourceAccount": {accountOf(source)}},
	})
}

// acceptFrom queues a message that a service delivers, if the queue's policy lets it.
func (q *queue) acceptFrom(service, source string, m *message) error {
	q.mu.Lock()
	p := q.policy
	q.mu.Unlock()
	if !allowsDelivery(p, service, "sqs:SendMessage", q.arn, source) {
		return fmt.Errorf("the policy of queue %s does not let %s send messages for %s", q.name, service, source)
	}
	q.send(m, 0)
	return nil
}
