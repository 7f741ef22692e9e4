package awslocal

import (
	"container/heap"
	"container/list"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// maxInFlight is how many messages of a standard queue may be received and not deleted.
const maxInFlight = 120_000

// queue is a standard queue.
type queue struct {
	server *Server
	name   string
	url    string
	arn    string

	mu         sync.Mutex
	attributes map[string]string
	policy     iampolicy.Policy // the attribute Policy, read
	created    time.Time
	modified   time.Time
	messages   map[string]*message // all that were not deleted, by id
	visible    *list.List          // of *message
	hidden     hiddenMessages      // in flight or delayed, the next to appear first
	inFlight   int
	arrived    chan struct{} // closed and replaced when a message becomes visible
}

// message is one message of a queue.
type message struct {
	id, body   string
	attributes map[string]messageAttribute
	sender     string
	sent       time.Time
	first      time.Time // first receive
	received   time.Time // latest receive
	receives   int
	repeats    int    // how many times it comes back although deleted
	origin     string // the ARN of the queue that it was moved from as a dead letter

	element   *list.Element // in visible
	index     int           // in hidden, or -1
	visibleAt time.Time
	inFlight  bool
}

type messageAttribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

// hiddenMessages is a heap by the time at which messages become visible.
type hiddenMessages []*message

func (h hiddenMessages) Len() int           { return len(h) }
func (h hiddenMessages) Less(i, j int) bool { return h[i].visibleAt.Before(h[j].visibleAt) }
func (h hiddenMessages) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push adds a *message.
func (h *hiddenMessages) Push(x any) {
	m, _ := x.(*message)
	m.index = len(*h)
	*h = append(*h, m)
}

// Pop removes the last message.
func (h *hiddenMessages) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	m.index = -1
	return m
}

// newQueue makes an empty queue; the attributes were found valid.
func newQueue(s *Server, name string, attributes map[string]string, now time.Time) (*queue, error) {
	p, err := parsePolicy(attributes["Policy"])
	return &queue{
		server: s, name: name,
		url:        fmt.Sprintf("%s/%s/%s", s.URL(), s.options.Account, name),
		arn:        s.arn(serviceSQS, name),
		attributes: attributes, policy: p, created: now, modified: now,
		messages: map[string]*message{}, visible: list.New(), arrived: make(chan struct{}),
	}, err
}

// send adds a message that becomes visible after the delay.
func (q *queue) send(m *message, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m.index = -1
	m.repeats = q.server.faults.messageRepeats()
	q.messages[m.id] = m
	q.hideOrShow(m, delay, false)
}

func newMessage(body, sender string, attributes map[string]messageAttribute, now time.Time) *message {
	return &message{id: randomUUID(), body: body, sender: sender, attributes: attributes, sent: now}
}

// hideOrShow puts a message that is in no list into the right one; the lock is held.
func (q *queue) hideOrShow(m *message, d time.Duration, inFlight bool) {
	if d <= 0 {
		m.element = q.visible.PushBack(m)
		q.wake()
		return
	}
	m.visibleAt = q.server.clock.Now().Add(d)
	if m.inFlight = inFlight; inFlight {
		q.inFlight++
	}
	heap.Push(&q.hidden, m)
}

// detach takes a message out of its list; the lock is held.
func (q *queue) detach(m *message) {
	if m.element != nil {
		q.visible.Remove(m.element)
		m.element = nil
	}
	if m.index >= 0 {
		heap.Remove(&q.hidden, m.index)
	}
	if m.inFlight {
		m.inFlight = false
		q.inFlight--
	}
}

// wake tells those who wait that a message became visible; the lock is held.
func (q *queue) wake() {
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// tick shows the messages whose time has come; the lock is held.
func (q *queue) tick(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].visibleAt.After(now) {
		m := q.hidden[0]
		q.detach(m)
		m.element = q.visible.PushBack(m)
	}
}

// receive takes up to limit messages, waiting for the first of them for up to wait.
func (q *queue) receive(ctx context.Context, limit int, visibility, wait time.Duration) ([]received, *Error) {
	deadline := q.server.clock.Now().Add(wait)
	for {
		redrive := q.redrive()
		now := q.server.clock.Now()
		q.mu.Lock()
		if q.inFlight >= maxInFlight {
			q.mu.Unlock()
			return nil, sqsError("OverLimit", "OverLimit", "Too many messages are in flight; delete some first.")
		}
		q.tick(now)
		messages, dead := q.take(now, limit, visibility, redrive)
		arrived, until := q.arrived, deadline
		if len(q.hidden) > 0 && q.hidden[0].visibleAt.Before(until) {
			until = q.hidden[0].visibleAt
		}
		q.mu.Unlock()
		for _, m := range dead {
			redrive.target.send(m, 0)
		}
		if len(messages) > 0 || !now.Before(deadline) || !q.await(ctx, arrived, until.Sub(now)) {
			return messages, nil
		}
	}
}

// await waits for a message or the time; it returns false when the request or the server ended.
func (q *queue) await(ctx context.Context, arrived <-chan struct{}, d time.Duration) bool {
	timer := q.server.clock.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-arrived:
	case <-timer.C():
	case <-ctx.Done():
		return false
	}
	return true
}

// received is one receive of a message.
type received struct {
	message message
	handle  string
}

// take receives visible messages and returns apart those that were received too often: they go to the dead-letter queue
// with the time at which they were first sent. The lock is held.
func (q *queue) take(now time.Time, limit int, visibility time.Duration, redrive redrivePolicy) (taken []received, dead []*message) {
	for q.visible.Len() > 0 && len(taken) < limit {
		m, _ := q.visible.Front().Value.(*message)
		q.detach(m)
		if now.Sub(m.sent) > q.seconds("MessageRetentionPeriod") {
			delete(q.messages, m.id)
			continue
		}
		if redrive.target != nil && m.receives >= redrive.maxReceives {
			delete(q.messages, m.id)
			dead = append(dead, &message{id: m.id, body: m.body, sender: m.sender, attributes: m.attributes, sent: m.sent, origin: q.arn})
			continue
		}
		if m.first.IsZero() {
			m.first = now
		}
		m.received = now
		m.receives++
		q.hideOrShow(m, visibility, true)
		taken = append(taken, received{message: *m, handle: m.handle()})
	}
	return taken, dead
}

// handle is the receipt handle of the latest receive.
func (m *message) handle() string {
	return base64.StdEncoding.EncodeToString([]byte(m.id + ":" + strconv.Itoa(m.receives)))
}

// find looks up the message of a receipt handle. It is nil when the message is gone or was received again since, which is
// no error: an old handle does nothing. The lock is held.
func (q *queue) find(handle string) (*message, *Error) {
	text, err := base64.StdEncoding.DecodeString(handle)
	id, _, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return nil, sqsError("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	m, ok := q.messages[id]
	if !ok || m.handle() != handle {
		return nil, nil
	}
	return m, nil
}

// remove deletes the message of a receipt handle; one that is to be repeated comes back.
func (q *queue) remove(handle string) *Error {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, refused := q.find(handle)
	if refused != nil || m == nil {
		return refused
	}
	q.detach(m)
	if m.repeats > 0 {
		m.repeats--
		q.hideOrShow(m, 0, false)
		return nil
	}
	delete(q.messages, m.id)
	return nil
}

// maxVisibility is how long a message can stay in flight from its receive on.
const maxVisibility = 12 * time.Hour

// changeVisibility restarts the clock of a message in flight.
func (q *queue) changeVisibility(handle string, d time.Duration) *Error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.server.clock.Now()
	q.tick(now)
	m, refused := q.find(handle)
	switch {
	case refused != nil:
		return refused
	case m == nil:
		return sqsError("InvalidParameterValue", "InvalidParameterValue", "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", handle)
	case !m.inFlight:
		return sqsError("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The specified message isn't in flight.")
	case now.Add(d).Sub(m.received) > maxVisibility:
		return sqsError("InvalidParameterValue", "InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	q.detach(m)
	q.hideOrShow(m, d, true)
	return nil
}

func (q *queue) purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages, q.hidden, q.inFlight = map[string]*message{}, nil, 0
	q.visible.Init()
}

// depth counts the messages by their state.
func (q *queue) depth() QueueDepth {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick(q.server.clock.Now())
	return QueueDepth{Visible: q.visible.Len(), InFlight: q.inFlight, Delayed: len(q.hidden) - q.inFlight}
}

// QueueDepth is how many messages a queue holds.
type QueueDepth struct{ Visible, InFlight, Delayed int }

// Total is the number of messages that were not deleted.
func (d QueueDepth) Total() int { return d.Visible + d.InFlight + d.Delayed }

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
