package awslocal

import (
	"cmp"
	"container/list"
	"net/http"
	"slices"
	"time"
)

// moveTask is one redrive of a dead-letter queue.
type moveTask struct {
	handle, source, destination string
	started                     time.Time
	moved, left                 int
}

// startMove moves the visible messages of a dead-letter queue to the destination, or each back to where it came from, at
// once: as new messages, with an id and a time of their own.
func (s *sqsService) startMove(c *call, in struct {
	Source      string `json:"SourceArn"`
	Destination string `json:"DestinationArn"`
	PerSecond   *int   `json:"MaxNumberOfMessagesPerSecond"`
}) (any, error) {
	if in.PerSecond != nil && (*in.PerSecond < 1 || *in.PerSecond > 500) {
		return nil, sqsError("InvalidParameterValue", "InvalidParameterValue", "Value %d for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500.", *in.PerSecond)
	}
	source, ok := s.byARN(in.Source)
	if !ok {
		return nil, &Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "The resource that you specified for the SourceArn parameter doesn't exist."}
	}
	if !s.isDeadLetterQueue(source) {
		return nil, sqsError("InvalidParameterValue", "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
	}
	if _, ok := s.byARN(in.Destination); in.Destination != "" && !ok {
		return nil, &Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "The resource that you specified for the DestinationArn parameter doesn't exist."}
	}
	task := moveTask{handle: randomUUID(), source: in.Source, destination: in.Destination, started: c.time}
	for _, m := range source.drain(c.time) {
		target, ok := s.byARN(cmp.Or(in.Destination, m.origin))
		if !ok {
			task.left++
			source.send(m, 0)
			continue
		}
		task.moved++
		target.send(newMessage(m.body, m.sender, m.attributes, c.time), 0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves = append(s.moves, task)
	return map[string]any{"TaskHandle": task.handle}, nil
}

func (s *sqsService) isDeadLetterQueue(q *queue) bool {
	s.mu.RLock()
	queues := make([]*queue, 0, len(s.queues))
	for _, other := range s.queues {
		queues = append(queues, other)
	}
	s.mu.RUnlock()
	return slices.ContainsFunc(queues, func(other *queue) bool { return other.redrive().target == q })
}

// drain takes the visible messages out of a queue.
func (q *queue) drain(now time.Time) []*message {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick(now)
	var taken []*message
	for element := q.visible.Front(); element != nil; element = element.Next() {
		m, _ := element.Value.(*message)
		delete(q.messages, m.id)
		taken = append(taken, m)
	}
	q.visible = list.New()
	return taken
}

// listMoves returns the latest tasks of a queue, newest first.
func (s *sqsService) listMoves(_ *call, in struct {
	Source     string `json:"SourceArn"`
	MaxResults *int   `json:"MaxResults"`
}) (any, error) {
	limit, refused := bounded("MaxResults", in.MaxResults, 1, 10, 1)
	if refused != nil {
		return nil, refused
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	results := []any{}
	for _, task := range slices.Backward(s.moves) {
		if task.source == in.Source && len(results) < limit {
			results = append(results, task.document())
		}
	}
	return map[string]any{"Results": results}, nil
}

func (t moveTask) document() map[string]any {
	document := map[string]any{
		"SourceArn": t.source, "Status": "COMPLETED", "StartedTimestamp": t.started.UnixMilli(),
		"ApproximateNumberOfMessagesMoved": t.moved, "ApproximateNumberOfMessagesToMove": t.moved + t.left,
	}
	if t.destination != "" {
		document["DestinationArn"] = t.destination
	}
	if t.left > 0 {
		document["Status"], document["FailureReason"] = "FAILED", "CouldNotDetermineMessageSource"
	}
	return document
}
