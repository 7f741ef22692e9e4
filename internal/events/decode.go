package events

import (
	"encoding/json"
	"strings"
	"time"
)

// Decode reads the body of one queue message. It takes EventBridge events as they are, findings documents that SNS
// delivers raw, and either of the two inside SNS's envelope (a subscription without raw delivery). Unknown fields are
// ignored. Every error matches ErrUndecodable.
func Decode(body string) (Event, error) {
	fields, err := object("the message", body)
	if err != nil {
		return nil, err
	}
	if !isEnvelope(fields) {
		return decodeDocument(fields, body)
	}
	message, err := openEnvelope(fields)
	if err != nil {
		return nil, err
	}
	inner, err := object("the message in the SNS envelope", message)
	if err != nil {
		return nil, err
	}
	return decodeDocument(inner, message)
}

// decodeDocument tells an EventBridge event from a findings document by the fields that only one of them has.
func decodeDocument(fields map[string]json.RawMessage, body string) (Event, error) {
	if _, ok := fields["detail-type"]; ok {
		return decodeEventBridge(body)
	}
	if _, ok := fields["schema"]; ok {
		return decodeFindings(body)
	}
	return nil, undecodable("it is neither an EventBridge event (no field \"detail-type\") nor a findings document (no field \"schema\")")
}

func object(part, text string) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, badJSON(part, err)
	}
	return fields, nil
}

// isEnvelope tells SNS's envelope by three of its fields that no other document has together.
func isEnvelope(fields map[string]json.RawMessage) bool {
	for _, name := range []string{"Type", "MessageId", "TopicArn"} {
		if _, ok := fields[name]; !ok {
			return false
		}
	}
	return true
}

func openEnvelope(fields map[string]json.RawMessage) (string, error) {
	var kind, message string
	if err := json.Unmarshal(fields["Type"], &kind); err != nil {
		return "", badJSON("field \"Type\" of the SNS envelope", err)
	}
	if kind != "Notification" {
		return "", undecodable("the SNS envelope is a %q, not a \"Notification\"; confirm or remove the subscription", cut(kind))
	}
	if err := json.Unmarshal(fields["Message"], &message); err != nil {
		return "", undecodable("field \"Message\" of the SNS envelope is missing or not a string")
	}
	return message, nil
}

// envelope is what EventBridge puts around every event.
type envelope struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Detail     json.RawMessage `json:"detail"`

	happened time.Time
}

// validate checks what is told to people and kept on objects. EventBridge fills all of it; another sender may fill it with
// anything.
func (e envelope) validate() error {
	const advice = "; the rule's target must not transform its input"
	switch {
	case len(e.Account) != 12 || !only(digits, e.Account):
		return undecodable("field \"account\" of the event is not an account of 12 digits" + advice)
	case len(e.Region) > 32 || !only(lowerCase+digits+"-", e.Region):
		return undecodable("field \"region\" of the event is not the name of a region" + advice)
	case len(e.ID) > 128 || e.ID == "" || strings.ContainsFunc(e.ID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return undecodable("field \"id\" of the event is not 1 to 128 printable characters" + advice)
	}
	return nil
}

func decodeEventBridge(body string) (Event, error) {
	var e envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return nil, badJSON("the event", err)
	}
	if e.Source != sourceCodeCommit && e.Source != sourceECS {
		return nil, undecodable("events of source %q are not for this operator; narrow the EventBridge rule", cut(e.Source))
	}
	decode, ok := decoders()[e.DetailType]
	if !ok {
		return ignored(e, ""), nil
	}
	if err := e.validate(); err != nil {
		return nil, err
	}
	happened, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil {
		return nil, undecodable("field \"time\" of the event is not an RFC 3339 time")
	}
	e.happened = happened.UTC()
	return decode(e)
}

// The sources and detail types that are decoded.
const (
	sourceCodeCommit = "aws.codecommit"
	sourceECS        = "aws.ecs"

	detailPullRequest = "CodeCommit Pull Request State Change"
	detailRepository  = "CodeCommit Repository State Change"
	detailTask        = "ECS Task State Change"
)

func decoders() map[string]func(envelope) (Event, error) {
	return map[string]func(envelope) (Event, error){
		detailPullRequest: decodePullRequest,
		detailRepository:  decodePush,
		detailTask:        decodeTask,
	}
}

func ignored(e envelope, event string) Ignored {
	parts := []string{e.Source, cut(e.DetailType)}
	if event != "" {
		parts = append(parts, cut(event))
	}
	return Ignored{Description: strings.Join(parts, ", ")}
}
