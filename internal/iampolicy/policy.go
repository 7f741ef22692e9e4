package iampolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// version is the only version of the policy language that is taken; the older one is the default and lacks most of it.
const version = "2012-10-17"

// The effects of a statement.
const (
	effectAllow = "Allow"
	effectDeny  = "Deny"
)

// Policy is one policy document.
type Policy struct {
	Statements []Statement
}

// Statement is one statement of a policy.
type Statement struct {
	// ID is its Sid; empty where it has none.
	ID string
	// Effect is Allow or Deny.
	Effect string
	// Principal is who it speaks of, nil in an identity policy.
	Principal *PrincipalElement
	// Actions are patterns such as ecs:RunTask; * and ? are wildcards.
	Actions []string
	// Resources are patterns of ARNs; none in a trust policy, which speaks of the role that it belongs to.
	Resources []string
	// Conditions must all hold.
	Conditions []Condition
}

// PrincipalElement lists principals by their kind.
type PrincipalElement struct {
	// Any is "*": everybody.
	Any bool
	// AWS are accounts, by number or root ARN, and ARNs of users, roles and sessions.
	AWS []string
	// Service are the names of AWS services, such as ecs-tasks.amazonaws.com.
	Service []string
	// Federated are the ARNs of identity providers.
	Federated []string
}

// document and statementDocument are the JSON of a policy.
type document struct {
	Version   string              `json:"Version"`
	ID        string              `json:"Id"`
	Statement []statementDocument `json:"Statement"`
}

type statementDocument struct {
	Sid       string                           `json:"Sid"`
	Effect    string                           `json:"Effect"`
	Principal *principalDocument               `json:"Principal"`
	Action    textOrList                       `json:"Action"`
	Resource  textOrList                       `json:"Resource"`
	Condition map[string]map[string]textOrList `json:"Condition"`
}

type principalDocument struct {
	any       bool
	AWS       textOrList `json:"AWS"`
	Service   textOrList `json:"Service"`
	Federated textOrList `json:"Federated"`
}

// UnmarshalJSON reads both forms: "*" and lists by kind.
func (p *principalDocument) UnmarshalJSON(data []byte) error {
	if string(data) == `"*"` {
		p.any = true
		return nil
	}
	type plain principalDocument
	return strict(data, (*plain)(p))
}

// textOrList is a text or a list of texts. A condition's value may also be true or false.
type textOrList []string

// UnmarshalJSON reads all forms.
func (t *textOrList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = textOrList{one}
		return nil
	}
	var truth bool
	if json.Unmarshal(data, &truth) == nil {
		*t = textOrList{fmt.Sprint(truth)}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return errors.New("neither a text nor a list of texts")
	}
	*t = many
	return nil
}

// strict decodes JSON whose members are all known, and nothing after it.
func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("something follows the document")
	}
	return nil
}

// Parse reads a policy document. It refuses elements and condition operators that it does not know, policy variables, and
// statements that IAM would not take.
func Parse(text string) (Policy, error) {
	var d document
	if err := strict([]byte(text), &d); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	if d.Version != version {
		return Policy{}, fmt.Errorf("policy: Version is %q, want %q", d.Version, version)
	}
	if len(d.Statement) == 0 {
		return Policy{}, errors.New("policy: it has no statement")
	}
	if strings.Contains(text, "${") {
		return Policy{}, errors.New("policy: policy variables are not supported here")
	}
	var p Policy
	for i, s := range d.Statement {
		parsed, err := s.parse()
		if err != nil {
			return Policy{}, fmt.Errorf("policy: statement %d %s: %w", i+1, s.Sid, err)
		}
		p.Statements = append(p.Statements, parsed)
	}
	return p, nil
}

func (s statementDocument) parse() (Statement, error) {
	parsed := Statement{ID: s.Sid, Effect: s.Effect, Actions: s.Action, Resources: s.Resource}
	switch {
	case s.Effect != effectAllow && s.Effect != effectDeny:
		return Statement{}, fmt.Errorf("effect is %q, want Allow or Deny", s.Effect)
	case len(s.Action) == 0:
		return Statement{}, errors.New("it has no action")
	case s.Principal == nil && len(s.Resource) == 0:
		return Statement{}, errors.New("it has neither a resource nor a principal")
	}
	if s.Principal != nil {
		parsed.Principal = &PrincipalElement{
			Any: s.Principal.any, AWS: s.Principal.AWS, Service: s.Principal.Service, Federated: s.Principal.Federated,
		}
	}
	for _, action := range s.Action {
		if action != "*" && !strings.Contains(action, ":") {
			return Statement{}, fmt.Errorf("action %q has no service", action)
		}
	}
	conditions, err := parseConditions(s.Condition)
	parsed.Conditions = conditions
	return parsed, err
}
