package awslocal

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// Mail is one e-mail that SNS sent to a subscriber.
type Mail struct {
	To      string
	Subject string
	Body    string
	Time    time.Time
	// TopicARN is the topic that it came from.
	TopicARN string
	// ConfirmURL is the link of a mail that asks to confirm a subscription; empty in all others.
	ConfirmURL string
}

// Publication is one accepted Publish to a topic.
type Publication struct {
	TopicARN  string
	MessageID string
	Subject   string
	// Message is as given; with Structure json it is a document of messages by protocol.
	Message    string
	Structure  string
	Attributes map[string]string
	Principal  string
	Time       time.Time
}

// Undelivered is an event or message that a target refused for good, as a missing queue or policy makes it.
type Undelivered struct {
	Source string // the rule or subscription
	Target string
	Reason string
	Body   string
}

// recordedEvents is how many events are kept at least.
const recordedEvents = 10_000

// record keeps what happened, for tests to look at.
type record struct {
	mu           sync.Mutex
	calls        []Call
	counts       map[operationName]int
	mail         []Mail
	publications []Publication
	undelivered  []Undelivered
	events       []Event
	errs         []error
}

type operationName struct{ service, operation string }

func newRecord() *record { return &record{counts: map[operationName]int{}} }

func (r *record) call(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	r.counts[operationName{c.Service, c.Operation}]++
}
func (r *record) send(m Mail) { r.mu.Lock(); defer r.mu.Unlock(); r.mail = append(r.mail, m) }
func (r *record) publication(p Publication) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.publications = append(r.publications, p)
}
func (r *record) drop(u Undelivered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undelivered = append(r.undelivered, u)
}
func (r *record) event(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) >= 2*recordedEvents {
		r.events = slices.Clone(r.events[recordedEvents:])
	}
	r.events = append(r.events, e)
}
func (r *record) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *record) failures() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

// Calls are all answered requests so far, oldest first.
func (s *Server) Calls() []Call {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.calls)
}

// CallCount is how often an operation was called so far, refused calls included.
func (s *Server) CallCount(service, operation string) int {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return s.record.counts[operationName{service, operation}]
}

// Mail is the outbox: all e-mails so far, oldest first, requests for confirmation included.
func (s *Server) Mail() []Mail {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.mail)
}

// Publishes are all accepted SNS publishes so far, oldest first.
func (s *Server) Publishes() []Publication {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.publications)
}

// Events are the events that services and PutEvents have put on the default bus, oldest first, also those that faults
// dropped. Only the latest 10,000 are sure to be kept.
func (s *Server) Events() []Event {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.events)
}

// Undelivered are the events and messages so far that their targets refused for good.
func (s *Server) Undelivered() []Undelivered {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.undelivered)
}
