package awslocal

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// snsService is SNS with standard topics.
type snsService struct {
	server *Server
	mu     sync.RWMutex
	topics map[string]*topic // by ARN
}

type topic struct {
	arn           string
	attributes    map[string]string
	subscriptions []*subscription
}

func newSNS(s *Server) *snsService { return &snsService{server: s, topics: map[string]*topic{}} }

func (s *snsService) operations() map[string]operation {
	return map[string]operation{
		"CreateTopic":               s.createTopic,
		"GetTopicAttributes":        s.getTopicAttributes,
		"Subscribe":                 s.subscribe,
		"ConfirmSubscription":       s.confirmSubscription,
		"Unsubscribe":               s.unsubscribe,
		"ListSubscriptionsByTopic":  s.listSubscriptionsByTopic,
		"GetSubscriptionAttributes": s.getSubscriptionAttributes,
		"Publish":                   s.publishOperation,
	}
}

func snsNotFound(what string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "NotFound", Message: what + " does not exist"}
}

func snsInvalid(format string, args ...any) *Error {
	return refuse("InvalidParameter", "Invalid parameter: "+format, args...)
}

// topic finds a topic by ARN; the lock is held.
func (s *snsService) topic(arn string) (*topic, *Error) {
	t, ok := s.topics[arn]
	if !ok {
		return nil, snsNotFound("Topic")
	}
	return t, nil
}

type topicARNResult struct {
	TopicARN string `xml:"TopicArn"`
}

func (s *snsService) createTopic(c *call) (any, error) {
	name := c.form.Get("Name")
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`).MatchString(name) {
		return nil, snsInvalid("Topic Name")
	}
	arn := s.server.arn(serviceSNS, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.topics[arn]; !ok {
		s.topics[arn] = &topic{arn: arn, attributes: formMap(c.form, "Attributes")}
	}
	return topicARNResult{arn}, nil
}

type attributesResult struct {
	Entries []entryXML `xml:"Attributes>entry"`
}

func (s *snsService) getTopicAttributes(c *call) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, refused := s.topic(c.form.Get("TopicArn"))
	if refused != nil {
		return nil, refused
	}
	confirmed, pending := 0, 0
	for _, sub := range t.subscriptions {
		if sub.pending {
			pending++
		} else {
			confirmed++
		}
	}
	result := attributesResult{Entries: []entryXML{
		{"TopicArn", t.arn}, {"Owner", s.server.options.Account}, {"DisplayName", t.attributes["DisplayName"]},
		{"SubscriptionsConfirmed", decimal(confirmed)}, {"SubscriptionsPending", decimal(pending)},
	}}
	for name, value := range t.attributes {
		if name != "DisplayName" {
			result.Entries = append(result.Entries, entryXML{name, value})
		}
	}
	return result, nil
}

type subscribeResult struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
}

func (s *snsService) subscribe(c *call) (any, error) {
	sub, refused := s.newSubscription(c)
	if refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	t, refused := s.topic(c.form.Get("TopicArn"))
	if refused != nil {
		s.mu.Unlock()
		return nil, refused
	}
	s.expire(t, c.time)
	have := slices.IndexFunc(t.subscriptions, func(o *subscription) bool { return o.protocol == sub.protocol && o.endpoint == sub.endpoint })
	if have >= 0 && t.subscriptions[have].attributesText != sub.attributesText {
		s.mu.Unlock()
		return nil, snsInvalid("Attributes Reason: Subscription already exists with different attributes")
	}
	if have >= 0 {
		sub = t.subscriptions[have]
	} else {
		sub.topic, sub.arn = t, t.arn+":"+randomUUID()
		t.subscriptions = append(t.subscriptions, sub)
	}
	pending, arn, mail := sub.pending, sub.arn, s.confirmationMail(sub, c.time)
	s.mu.Unlock()
	if pending {
		s.server.record.send(mail)
		if c.form.Get("ReturnSubscriptionArn") != "true" {
			arn = "pending confirmation"
		}
	}
	return subscribeResult{arn}, nil
}

// confirmSubscription is also what the link in the mail calls.
func (s *snsService) confirmSubscription(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, refused := s.topic(c.form.Get("TopicArn"))
	if refused != nil {
		return nil, refused
	}
	s.expire(t, c.time)
	token := c.form.Get("Token")
	for _, sub := range t.subscriptions {
		if token != "" && sub.token == token {
			sub.pending = false
			return subscribeResult{sub.arn}, nil
		}
	}
	return nil, snsInvalid("Token")
}

func (s *snsService) unsubscribe(c *call) (any, error) {
	arn := c.form.Get("SubscriptionArn")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		t.subscriptions = slices.DeleteFunc(t.subscriptions, func(sub *subscription) bool { return sub.arn == arn && !sub.pending })
	}
	return nothing{}, nil
}

type subscriptionXML struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
	Owner           string `xml:"Owner"`
	Protocol        string `xml:"Protocol"`
	Endpoint        string `xml:"Endpoint"`
	TopicARN        string `xml:"TopicArn"`
}

type listSubscriptionsResult struct {
	Members   []subscriptionXML `xml:"Subscriptions>member"`
	NextToken string            `xml:"NextToken,omitempty"`
}

// subscriptionPage is how many subscriptions one list call returns.
const subscriptionPage = 100

func (s *snsService) listSubscriptionsByTopic(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, refused := s.topic(c.form.Get("TopicArn"))
	if refused != nil {
		return nil, refused
	}
	s.expire(t, c.time)
	from, refused := decodePage(c.form.Get("NextToken"))
	if refused != nil {
		return nil, snsInvalid("NextToken")
	}
	var result listSubscriptionsResult
	for i := from; i < len(t.subscriptions); i++ {
		if i-from == subscriptionPage {
			result.NextToken = encodePage(i)
			break
		}
		sub := t.subscriptions[i]
		result.Members = append(result.Members, subscriptionXML{
			SubscriptionARN: sub.shownARN(), Owner: s.server.options.Account, Protocol: sub.protocol, Endpoint: sub.endpoint, TopicARN: t.arn,
		})
	}
	return result, nil
}

func (s *snsService) getSubscriptionAttributes(c *call) (any, error) {
	arn := c.form.Get("SubscriptionArn")
	topicARN := arn[:max(strings.LastIndex(arn, ":"), 0)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, refused := s.topic(topicARN)
	if refused != nil {
		return nil, snsNotFound("Subscription")
	}
	for _, sub := range t.subscriptions {
		if sub.arn != arn {
			continue
		}
		result := attributesResult{Entries: []entryXML{
			{"SubscriptionArn", arn}, {"TopicArn", t.arn}, {"Protocol", sub.protocol}, {"Endpoint", sub.endpoint},
			{"PendingConfirmation", boolText(sub.pending)}, {"RawMessageDelivery", boolText(sub.raw)},
		}}
		if sub.filterText != "" {
			result.Entries = append(result.Entries, entryXML{"FilterPolicy", sub.filterText})
		}
		return result, nil
	}
	return nil, snsNotFound("Subscription")
}

// confirmURL is the link that confirms a subscription.
func (s *snsService) confirmURL(sub *subscription) string {
	query := url.Values{"Action": {"ConfirmSubscription"}, "Version": {"2010-03-31"}, "TopicArn": {sub.topic.arn}, "Token": {sub.token}}
	return s.server.URL() + "/?" + query.Encode()
}
