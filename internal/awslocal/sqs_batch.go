package awslocal

import (
	"regexp"
	"time"
)

// maxBatch is the number of entries of a batch.
const maxBatch = 10

func (q *queue) sendOne(c *call, in queueInput) (any, error) {
	return q.accept(c, batchEntry{MessageBody: in.MessageBody, MessageAttributes: in.MessageAttributes, DelaySeconds: in.DelaySeconds})
}

// accept checks and queues one message.
func (q *queue) accept(c *call, entry batchEntry) (map[string]any, error) {
	if refused := q.validateMessage(entry.MessageBody); refused != nil {
		return nil, refused
	}
	delay, refused := bounded("DelaySeconds", entry.DelaySeconds, 0, 900, q.setting("DelaySeconds"))
	if refused != nil {
		return nil, refused
	}
	m := newMessage(entry.MessageBody, c.principal.UserID, entry.MessageAttributes, c.time)
	q.send(m, time.Duration(delay)*time.Second)
	return map[string]any{"MessageId": m.id, "MD5OfMessageBody": md5Hex(m.body)}, nil
}

func (q *queue) deleteOne(_ *call, in queueInput) (any, error) {
	if refused := q.remove(in.ReceiptHandle); refused != nil {
		return nil, refused
	}
	return nothing{}, nil
}

func (q *queue) changeOne(_ *call, in queueInput) (any, error) {
	if refused := q.change(in.ReceiptHandle, in.VisibilityTimeout); refused != nil {
		return nil, refused
	}
	return nothing{}, nil
}

func (q *queue) change(handle string, timeout *int) *Error {
	if timeout == nil {
		return sqsError("MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter VisibilityTimeout.")
	}
	seconds, refused := bounded("VisibilityTimeout", timeout, 0, 43200, 0)
	if refused != nil {
		return refused
	}
	return q.changeVisibility(handle, time.Duration(seconds)*time.Second)
}

func (q *queue) sendBatch(c *call, in queueInput) (any, error) {
	total := 0
	for _, entry := range in.Entries {
		total += len(entry.MessageBody)
	}
	if total > maxMessageBytes {
		return nil, sqsError("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageBytes, total)
	}
	return q.batch(in, func(entry batchEntry) (map[string]any, error) { return q.accept(c, entry) })
}

func (q *queue) deleteBatch(_ *call, in queueInput) (any, error) {
	return q.batch(in, func(entry batchEntry) (map[string]any, error) {
		return map[string]any{}, errorOrNil(q.remove(entry.ReceiptHandle))
	})
}

func (q *queue) changeBatch(_ *call, in queueInput) (any, error) {
	return q.batch(in, func(entry batchEntry) (map[string]any, error) {
		return map[string]any{}, errorOrNil(q.change(entry.ReceiptHandle, entry.VisibilityTimeout))
	})
}

// errorOrNil avoids an error interface that holds a nil *Error.
func errorOrNil(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}

// batch does each entry by itself: the answer is 200 also when all of them failed.
func (q *queue) batch(in queueInput, do func(batchEntry) (map[string]any, error)) (any, error) {
	if refused := validateBatch(in.Entries); refused != nil {
		return nil, refused
	}
	successful, failed := []any{}, []any{}
	for _, entry := range in.Entries {
		result, err := do(entry)
		if err != nil {
			e := asError(err)
			failed = append(failed, map[string]any{"Id": entry.ID, "Code": e.Code, "Message": e.Message, "SenderFault": true})
			continue
		}
		result["Id"] = entry.ID
		successful = append(successful, result)
	}
	out := map[string]any{"Successful": successful}
	if len(failed) > 0 {
		out["Failed"] = failed
	}
	return out, nil
}

func validateBatch(entries []batchEntry) *Error {
	const prefix = "AWS.SimpleQueueService."
	switch {
	case len(entries) == 0:
		return sqsError("EmptyBatchRequest", prefix+"EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(entries) > maxBatch:
		return sqsError("TooManyEntriesInBatchRequest", prefix+"TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(entries))
	}
	id, seen := regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`), map[string]bool{}
	for _, entry := range entries {
		switch {
		case !id.MatchString(entry.ID):
			return sqsError("InvalidBatchEntryId", prefix+"InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		case seen[entry.ID]:
			return sqsError("BatchEntryIdsNotDistinct", prefix+"BatchEntryIdsNotDistinct", "Id %s repeated.", entry.ID)
		}
		seen[entry.ID] = true
	}
	return nil
}
