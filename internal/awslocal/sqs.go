package awslocal

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// sqsService is SQS with standard queues.
type sqsService struct {
	server *Server
	mu     sync.RWMutex
	queues map[string]*queue // by name
	moves  []moveTask
}

func newSQS(s *Server) *sqsService { return &sqsService{server: s, queues: map[string]*queue{}} }

func (s *sqsService) operations() map[string]operation {
	return map[string]operation{
		"CreateQueue":                  jsonOperation(s.createQueue),
		"DeleteQueue":                  s.onQueue((*queue).deleteSelf),
		"GetQueueUrl":                  jsonOperation(s.getQueueURL),
		"GetQueueAttributes":           s.onQueue((*queue).getAttributes),
		"SetQueueAttributes":           s.onQueue((*queue).setAttributes),
		"SendMessage":                  s.onQueue((*queue).sendOne),
		"SendMessageBatch":             s.onQueue((*queue).sendBatch),
		"ReceiveMessage":               s.onQueue((*queue).receiveMessages),
		"DeleteMessage":                s.onQueue((*queue).deleteOne),
		"DeleteMessageBatch":           s.onQueue((*queue).deleteBatch),
		"ChangeMessageVisibility":      s.onQueue((*queue).changeOne),
		"ChangeMessageVisibilityBatch": s.onQueue((*queue).changeBatch),
		"PurgeQueue":                   s.onQueue((*queue).purgeAll),
		"StartMessageMoveTask":         jsonOperation(s.startMove),
		"ListMessageMoveTasks":         jsonOperation(s.listMoves),
	}
}

// queueInput is every member that an operation on a queue can have.
type queueInput struct {
	QueueURL                    string                      `json:"QueueUrl"`
	AttributeNames              []string                    `json:"AttributeNames"`
	MessageSystemAttributeNames []string                    `json:"MessageSystemAttributeNames"`
	MessageAttributeNames       []string                    `json:"MessageAttributeNames"`
	Attributes                  map[string]string           `json:"Attributes"`
	MessageBody                 string                      `json:"MessageBody"`
	MessageAttributes           map[string]messageAttribute `json:"MessageAttributes"`
	DelaySeconds                *int                        `json:"DelaySeconds"`
	ReceiptHandle               string                      `json:"ReceiptHandle"`
	VisibilityTimeout           *int                        `json:"VisibilityTimeout"`
	WaitTimeSeconds             *int                        `json:"WaitTimeSeconds"`
	MaxNumberOfMessages         *int                        `json:"MaxNumberOfMessages"`
	Entries                     []batchEntry                `json:"Entries"`
}

// batchEntry is one entry of a batch.
type batchEntry struct {
	ID                string                      `json:"Id"`
	MessageBody       string                      `json:"MessageBody"`
	MessageAttributes map[string]messageAttribute `json:"MessageAttributes"`
	DelaySeconds      *int                        `json:"DelaySeconds"`
	ReceiptHandle     string                      `json:"ReceiptHandle"`
	VisibilityTimeout *int                        `json:"VisibilityTimeout"`
}

// onQueue finds the queue of a request by the last part of its URL.
func (s *sqsService) onQueue(do func(q *queue, c *call, in queueInput) (any, error)) operation {
	return jsonOperation(func(c *call, in queueInput) (any, error) {
		s.mu.RLock()
		q, ok := s.queues[nameOf(in.QueueURL)]
		s.mu.RUnlock()
		if !ok {
			return nil, noQueue()
		}
		return do(q, c, in)
	})
}

func noQueue() *Error {
	return sqsError("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

func (s *sqsService) byARN(arn string) (*queue, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	q, ok := s.queues[arn[strings.LastIndex(arn, ":")+1:]]
	return q, ok && q.arn == arn
}

func (s *sqsService) createQueue(c *call, in struct {
	QueueName  string            `json:"QueueName"`
	Attributes map[string]string `json:"Attributes"`
}) (any, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`).MatchString(in.QueueName) {
		return nil, sqsError("InvalidParameterValue", "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. The local AWS has no FIFO queues.")
	}
	if refused := s.validateAttributes(in.Attributes); refused != nil {
		return nil, refused
	}
	made, err := newQueue(s.server, in.QueueName, maps.Clone(in.Attributes), c.time)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	q, ok := s.queues[in.QueueName]
	if !ok {
		q = made
		s.queues[in.QueueName] = q
	}
	s.mu.Unlock()
	if !q.same(in.Attributes) {
		return nil, sqsError("QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for an attribute.")
	}
	return map[string]any{"QueueUrl": q.url}, nil
}

// same says whether the attributes asked for are those that the queue has.
func (q *queue) same(attributes map[string]string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, value := range attributes {
		_, _, standard, _ := attributeBounds(name)
		if have, ok := q.attributes[name]; have != value && (ok || value != strconv.Itoa(standard)) {
			return false
		}
	}
	return true
}

func (s *sqsService) getQueueURL(_ *call, in struct {
	QueueName string `json:"QueueName"`
	Owner     string `json:"QueueOwnerAWSAccountId"`
}) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	q, ok := s.queues[in.QueueName]
	if !ok || in.Owner != "" && in.Owner != s.server.options.Account {
		return nil, noQueue()
	}
	return map[string]any{"QueueUrl": q.url}, nil
}

func (q *queue) deleteSelf(_ *call, _ queueInput) (any, error) {
	q.server.queues.mu.Lock()
	defer q.server.queues.mu.Unlock()
	delete(q.server.queues.queues, q.name)
	return nothing{}, nil
}

func (q *queue) getAttributes(_ *call, in queueInput) (any, error) {
	attributes, refused := q.describe(in.AttributeNames)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"Attributes": attributes}, nil
}

func (q *queue) setAttributes(c *call, in queueInput) (any, error) {
	if refused := q.server.queues.validateAttributes(in.Attributes); refused != nil {
		return nil, refused
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.attributes == nil {
		q.attributes = map[string]string{}
	}
	for name, value := range in.Attributes {
		if q.attributes[name] = value; value == "" {
			delete(q.attributes, name)
		}
	}
	p, err := parsePolicy(q.attributes["Policy"])
	if err != nil {
		return nil, err
	}
	q.policy, q.modified = p, c.time
	return nothing{}, nil
}

func (q *queue) purgeAll(_ *call, _ queueInput) (any, error) {
	q.purge()
	return nothing{}, nil
}

func (q *queue) receiveMessages(c *call, in queueInput) (any, error) {
	limit, refused := bounded("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, 10, 1)
	if refused != nil {
		return nil, refused
	}
	wait, refused := bounded("WaitTimeSeconds", in.WaitTimeSeconds, 0, 20, q.setting("ReceiveMessageWaitTimeSeconds"))
	if refused != nil {
		return nil, refused
	}
	visibility, refused := bounded("VisibilityTimeout", in.VisibilityTimeout, 0, 43200, q.setting("VisibilityTimeout"))
	if refused != nil {
		return nil, refused
	}
	messages, refused := q.receive(c.ctx, limit, time.Duration(visibility)*time.Second, time.Duration(wait)*time.Second)
	if refused != nil {
		return nil, refused
	}
	out := []any{}
	for _, r := range messages {
		out = append(out, r.document(append(in.AttributeNames, in.MessageSystemAttributeNames...), in.MessageAttributeNames))
	}
	if len(out) == 0 {
		return nothing{}, nil
	}
	return map[string]any{"Messages": out}, nil
}

// document is the message with only the attributes that were asked for.
func (r received) document(system, custom []string) map[string]any {
	m := r.message
	document := map[string]any{"MessageId": m.id, "ReceiptHandle": r.handle, "Body": m.body, "MD5OfBody": md5Hex(m.body)}
	attributes := map[string]string{}
	for name, value := range map[string]string{
		"SenderId":                         m.sender,
		"SentTimestamp":                    strconv.FormatInt(m.sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.first.UnixMilli(), 10),
	} {
		if slices.Contains(system, "All") || slices.Contains(system, name) {
			attributes[name] = value
		}
	}
	if len(attributes) > 0 {
		document["Attributes"] = attributes
	}
	chosen := map[string]messageAttribute{}
	for name, value := range m.attributes {
		if slices.ContainsFunc(custom, func(pattern string) bool {
			return pattern == "All" || wildcardMatch(pattern, name)
		}) {
			chosen[name] = value
		}
	}
	if len(chosen) > 0 {
		document["MessageAttributes"] = chosen
	}
	return document
}

func bounded(name string, value *int, lowest, highest, standard int) (int, *Error) {
	if value == nil {
		return standard, nil
	}
	if *value < lowest || *value > highest {
		return 0, sqsError("InvalidParameterValue", "InvalidParameterValue", "Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *value, name, lowest, highest)
	}
	return *value, nil
}

// Queue is the depth of a queue by its name.
func (s *Server) Queue(name string) (QueueDepth, error) {
	s.queues.mu.RLock()
	q, ok := s.queues.queues[name]
	s.queues.mu.RUnlock()
	if !ok {
		return QueueDepth{}, fmt.Errorf("no queue %q", name)
	}
	return q.depth(), nil
}

// validateMessage refuses bodies that SQS does not take.
func (q *queue) validateMessage(body string) *Error {
	switch limit := q.setting("MaximumMessageSize"); {
	case body == "":
		return &Error{Status: http.StatusBadRequest, Code: "MissingRequiredParameterException", QueryCode: "MissingParameter", Message: "The request must contain the parameter MessageBody."}
	case len(body) > limit:
		return sqsError("InvalidParameterValue", "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", limit)
	case !utf8.ValidString(body):
		return sqsError("InvalidMessageContents", "InvalidMessageContents", "The message contains characters outside the allowed set.")
	}
	return nil
}
