package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// MessageLimit is the size of a message with its attributes that every SNS topic takes, in bytes
// (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
const MessageLimit = 256 << 10

// Message is a publication as SNS wants it.
type Message struct {
	Subject string
	// Body is the JSON object of messages by protocol, for MessageStructure json.
	Body       string
	Attributes map[string]types.MessageAttributeValue
}

// Message returns the publication of the result: the mail for the protocol email, the result document for every other. It
// lists fewer findings where all would not fit into MessageLimit; the totals always count all.
func (s Subject) Message() (Message, error) {
	attributes, err := s.attributes()
	if err != nil {
		return Message{}, err
	}
	room := MessageLimit
	for name, value := range attributes {
		room -= len(name) + len(*value.DataType) + len(*value.StringValue)
	}
	for {
		body, err := s.body()
		if err != nil {
			return Message{}, err
		}
		if len(body) <= room {
			return Message{Subject: s.MailSubject(), Body: body, Attributes: attributes}, nil
		}
		listed := len(s.Result.Findings)
		if listed == 0 {
			return Message{}, fmt.Errorf("the message has %d bytes without any finding, the limit is %d", len(body), room)
		}
		s.Result.Findings = s.Result.Findings[:listed*3/4]
	}
}

func (s Subject) body() (string, error) {
	document, err := marshal(s.Result)
	if err != nil {
		return "", err
	}
	return marshal(map[string]string{"default": document, "email": s.MailText()})
}

// attributes returns what subscriptions can filter by.
func (s Subject) attributes() (map[string]types.MessageAttributeValue, error) {
	var severities []contract.Severity
	for _, severity := range contract.Severities() {
		if s.Result.BySeverity[severity] > 0 {
			severities = append(severities, severity)
		}
	}
	list, err := marshal(severities)
	if err != nil {
		return nil, err
	}
	return map[string]types.MessageAttributeValue{
		contract.AttributeSchema:     attribute("String", contract.Schema),
		contract.AttributeResult:     attribute("String", "Findings"),
		contract.AttributeRepository: attribute("String", s.Result.Source.Repository),
		contract.AttributeSeverity:   attribute("String.Array", list),
		contract.AttributeTotal:      attribute("Number", strconv.Itoa(s.Result.Total)),
	}, nil
}

func attribute(kind, value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String(kind), StringValue: aws.String(value)}
}

// marshal returns JSON that keeps <, > and & readable: no browser reads it as HTML.
func marshal(value any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}
