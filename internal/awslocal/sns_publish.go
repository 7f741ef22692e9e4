package awslocal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of Publish (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html). Raw delivery hands over at most ten
// attributes, as that is what a queue's message can have.
const (
	maxPublishBytes     = 256 << 10
	maxSubjectCharacter = 99
	maxRawAttributes    = 10
)

const snsPrincipal = "sns.amazonaws.com"

// publication is a message on its way to the subscribers.
type publication struct {
	Publication
	attributes map[string]messageAttribute
	byProtocol map[string]string // MessageStructure json
}

type publishResult struct {
	MessageID string `xml:"MessageId"`
}

func (s *snsService) publishOperation(c *call) (any, error) {
	p := publication{
		Publication: Publication{
			TopicARN: c.form.Get("TopicArn"), MessageID: randomUUID(), Subject: c.form.Get("Subject"), Message: c.form.Get("Message"),
			Structure: c.form.Get("MessageStructure"), Attributes: map[string]string{}, Principal: c.principal.ARN, Time: c.time,
		},
	}
	if p.TopicARN == "" {
		p.TopicARN = c.form.Get("TargetArn")
	}
	attributes, refused := formAttributes(c.form)
	if refused != nil {
		return nil, refused
	}
	p.attributes = attributes
	for name, attribute := range attributes {
		p.Attributes[name] = attribute.StringValue
	}
	if refused := p.validate(); refused != nil {
		return nil, refused
	}
	if refused := s.publish(&p); refused != nil {
		return nil, refused
	}
	return publishResult{p.MessageID}, nil
}

// formAttributes reads MessageAttributes.entry.N.
func formAttributes(form url.Values) (map[string]messageAttribute, *Error) {
	attributes := map[string]messageAttribute{}
	for n := 1; ; n++ {
		prefix := "MessageAttributes.entry." + strconv.Itoa(n) + "."
		name := form.Get(prefix + "Name")
		if name == "" {
			return attributes, nil
		}
		a := messageAttribute{DataType: form.Get(prefix + "Value.DataType"), StringValue: form.Get(prefix + "Value.StringValue")}
		kind, _, _ := strings.Cut(a.DataType, ".")
		switch kind {
		case "String", "Number":
			if a.StringValue == "" {
				return nil, refuse("ParameterValueInvalid", "The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, a.DataType)
			}
		case "Binary":
			value, err := base64.StdEncoding.DecodeString(form.Get(prefix + "Value.BinaryValue"))
			if err != nil {
				return nil, refuse("ParameterValueInvalid", "The message attribute '%s' is not base64.", name)
			}
			a.BinaryValue = value
		default:
			return nil, refuse("ParameterValueInvalid", "The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		}
		if _, err := strconv.ParseFloat(a.StringValue, 64); kind == "Number" && err != nil {
			return nil, refuse("ParameterValueInvalid", "Could not cast message attribute '%s' value to number.", name)
		}
		attributes[name] = a
	}
}

func (p *publication) validate() *Error {
	size := len(p.Message)
	for name, a := range p.attributes {
		size += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	switch {
	case p.Message == "":
		return snsInvalid("Empty message")
	case size > maxPublishBytes:
		return snsInvalid("Message too long")
	}
	if refused := validateSubject(p.Subject); refused != nil {
		return refused
	}
	switch p.Structure {
	case "":
		return nil
	case "json":
		return p.readStructure()
	}
	return snsInvalid("Invalid Message Structure parameter: %s", p.Structure)
}

// validateSubject keeps to the stricter, earlier rule: ASCII, no control characters, less than 100 characters.
func validateSubject(subject string) *Error {
	bad := func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }
	if utf8.RuneCountInString(subject) > maxSubjectCharacter || strings.ContainsFunc(subject, bad) || strings.HasPrefix(subject, " ") {
		return snsInvalid("Subject")
	}
	return nil
}

// readStructure reads a message per protocol: members that are not texts are ignored, default must be there.
func (p *publication) readStructure() *Error {
	decoder := json.NewDecoder(strings.NewReader(p.Message))
	p.byProtocol = map[string]string{}
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return snsInvalid("Message Structure - JSON message body failed to parse")
	}
	seen := map[string]bool{}
	for decoder.More() {
		key, err := decoder.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return snsInvalid("Message Structure - JSON message body failed to parse")
		}
		if seen[name] {
			return snsInvalid("Message Structure - Duplicate key in JSON message body: %s", name)
		}
		seen[name] = true
		var value any
		if err := decoder.Decode(&value); err != nil {
			return snsInvalid("Message Structure - JSON message body failed to parse")
		}
		if text, ok := value.(string); ok {
			p.byProtocol[name] = text
		}
	}
	if _, err := decoder.Token(); err != nil {
		return snsInvalid("Message Structure - JSON message body failed to parse")
	}
	if _, ok := p.byProtocol["default"]; !ok {
		return snsInvalid("Message Structure - No default entry in JSON message body")
	}
	return nil
}

// messageFor is what a protocol's subscribers get.
func (p *publication) messageFor(protocol string) string {
	if p.byProtocol == nil {
		return p.Message
	}
	if text, ok := p.byProtocol[protocol]; ok {
		return text
	}
	return p.byProtocol["default"]
}

// publish hands a message to the subscribers whose filters let it through.
func (s *snsService) publish(p *publication) *Error {
	s.mu.Lock()
	t, refused := s.topic(p.TopicARN)
	if refused != nil {
		s.mu.Unlock()
		return refused
	}
	s.expire(t, p.Time)
	var deliveries []*subscription
	var mails []Mail
	for _, sub := range t.subscriptions {
		switch {
		case sub.pending || !sub.accepts(p):
		case sub.protocol == "sqs":
			deliveries = append(deliveries, sub)
		case sub.mayMail(p.Time):
			mails = append(mails, p.mailTo(sub))
		default:
			mails = append(mails, s.confirmationMail(sub, p.Time))
		}
	}
	s.mu.Unlock()
	s.server.record.publication(p.Publication)
	for _, mail := range mails {
		s.server.record.send(mail)
	}
	for _, sub := range deliveries {
		if err := s.deliver(sub, p); err != nil {
			s.server.record.drop(Undelivered{Source: sub.arn, Target: sub.endpoint, Reason: err.Error(), Body: p.Message})
		}
	}
	return nil
}

// publishFromService is the way of EventBridge to a topic.
func (s *snsService) publishFromService(arn, message string) error {
	p := publication{Publication: Publication{TopicARN: arn, MessageID: randomUUID(), Message: message, Principal: eventsPrincipal, Time: s.server.clock.Now()}}
	return errorOrNil(s.publish(&p))
}

func (p *publication) mailTo(sub *subscription) Mail {
	subject := p.Subject
	if subject == "" {
		subject = "AWS Notification Message"
	}
	return Mail{To: sub.endpoint, Subject: subject, Body: p.messageFor("email"), Time: p.Time, TopicARN: p.TopicARN}
}

// accepts applies the subscription's filter policy.
func (s *subscription) accepts(p *publication) bool {
	if s.filter == nil {
		return true
	}
	if s.filterBody {
		var body map[string]any
		return json.Unmarshal([]byte(p.messageFor(s.protocol)), &body) == nil && s.filter.match(body)
	}
	document := map[string]any{}
	for name, a := range p.attributes {
		document[name] = a.filterValue()
	}
	return s.filter.match(document)
}

// filterValue is the attribute as filter policies see it.
func (a messageAttribute) filterValue() any {
	switch a.DataType {
	case "Number":
		if number, err := strconv.ParseFloat(a.StringValue, 64); err == nil {
			return number
		}
	case "String.Array":
		var items []any
		if json.Unmarshal([]byte(a.StringValue), &items) == nil {
			return items
		}
	}
	return a.StringValue
}

// deliver puts a message into a subscriber's queue: as it is with raw delivery, else in an envelope.
func (s *snsService) deliver(sub *subscription, p *publication) error {
	q, ok := s.server.queues.byARN(sub.endpoint)
	if !ok {
		return fmt.Errorf("queue %s does not exist", sub.endpoint)
	}
	body, attributes := p.messageFor("sqs"), p.attributes
	if !sub.raw {
		envelope, err := s.envelope(sub, p, body)
		if err != nil {
			return err
		}
		body, attributes = envelope, nil
	}
	if len(attributes) > maxRawAttributes {
		return fmt.Errorf("raw delivery hands over at most %d attributes, not %d", maxRawAttributes, len(attributes))
	}
	m := newMessage(body, "AIDAEXAMPLESENDER:sns", attributes, s.server.clock.Now())
	return q.acceptFrom(snsPrincipal, p.TopicARN, m)
}

func (s *snsService) envelope(sub *subscription, p *publication, message string) (string, error) {
	fields := map[string]any{
		"Type": "Notification", "MessageId": p.MessageID, "TopicArn": p.TopicARN, "Message": message,
		"Timestamp": p.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "SignatureVersion": "1", "Signature": "EXAMPLE",
		"SigningCertURL": s.server.URL() + "/SimpleNotificationService.pem",
		"UnsubscribeURL": s.server.URL() + "/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=" + url.QueryEscape(sub.arn),
	}
	if p.Subject != "" {
		fields["Subject"] = p.Subject
	}
	if len(p.attributes) > 0 {
		attributes := map[string]any{}
		for name, a := range p.attributes {
			value := a.StringValue
			if a.BinaryValue != nil {
				value = base64.StdEncoding.EncodeToString(a.BinaryValue)
			}
			attributes[name] = map[string]string{"Type": a.DataType, "Value": value}
		}
		fields["MessageAttributes"] = attributes
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("encode the envelope of message %s: %w", p.MessageID, err)
	}
	return string(body), nil
}
