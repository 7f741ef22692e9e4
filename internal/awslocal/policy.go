package awslocal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// policy is a resource policy as far as deliveries between services need it.
type policy struct {
	Statement []statement `json:"Statement"`
}

type statement struct {
	Effect    string                           `json:"Effect"`
	Principal policyPrincipal                  `json:"Principal"`
	Action    textOrList                       `json:"Action"`
	Resource  textOrList                       `json:"Resource"`
	Condition map[string]map[string]textOrList `json:"Condition"`
}

// policyPrincipal is "*" or an object of services and accounts.
type policyPrincipal struct {
	any     bool
	Service textOrList `json:"Service"`
	AWS     textOrList `json:"AWS"`
}

// UnmarshalJSON reads both forms.
func (p *policyPrincipal) UnmarshalJSON(data []byte) error {
	if string(data) == `"*"` {
		p.any = true
		return nil
	}
	type plain policyPrincipal
	if err := json.Unmarshal(data, (*plain)(p)); err != nil {
		return fmt.Errorf("policy principal: %w", err)
	}
	return nil
}

// textOrList is a text or a list of texts.
type textOrList []string

// UnmarshalJSON reads both forms.
func (t *textOrList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = textOrList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("policy: neither a text nor a list of texts: %w", err)
	}
	*t = many
	return nil
}

func parsePolicy(text string) (policy, error) {
	if text == "" {
		return policy{}, nil
	}
	var p policy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// allowsService says whether the policy lets a service act on a resource for a source. There is no role to allow it
// otherwise: without a statement the answer is no.
func (p policy) allowsService(service, action, resource, source string) bool {
	allowed := false
	for _, s := range p.Statement {
		if !s.covers(service, action, resource, source) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = allowed || s.Effect == "Allow"
	}
	return allowed
}

func (s statement) covers(service, action, resource, source string) bool {
	principal := s.Principal.any || slices.Contains(s.Principal.Service, service) || slices.Contains(s.Principal.AWS, "*")
	return principal &&
		slices.ContainsFunc(s.Action, func(a string) bool { return wildcardMatch(strings.ToLower(a), strings.ToLower(action)) }) &&
		slices.ContainsFunc(s.Resource, func(r string) bool { return wildcardMatch(r, resource) }) &&
		s.conditionsHold(source)
}

// conditionsHold checks the conditions on aws:SourceArn and aws:SourceAccount; one on anything else does not hold.
func (s statement) conditionsHold(source string) bool {
	for operator, keys := range s.Condition {
		for key, values := range keys {
			have := source
			switch strings.ToLower(key) {
			case "aws:sourcearn":
			case "aws:sourceaccount":
				have = accountOf(source)
			default:
				return false
			}
			holds := slices.Contains(values, have)
			switch operator {
			case "StringEquals":
			case "ArnEquals", "ArnLike", "StringLike":
				holds = slices.ContainsFunc(values, func(v string) bool { return wildcardMatch(v, have) })
			default:
				return false
			}
			if !holds {
				return false
			}
		}
	}
	return true
}

func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// acceptFrom queues a message that a service delivers, if the queue's policy lets it.
func (q *queue) acceptFrom(service, source string, m *message) error {
	q.mu.Lock()
	p := q.policy
	q.mu.Unlock()
	if !p.allowsService(service, "sqs:SendMessage", q.arn, source) {
		return fmt.Errorf("the policy of queue %s does not let %s send messages for %s", q.name, service, source)
	}
	q.send(m, 0)
	return nil
}
