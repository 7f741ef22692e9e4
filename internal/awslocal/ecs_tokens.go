package awslocal

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// How long ECS remembers a client token: min(24 h, task lifetime + 1 h), counted from the tasks' creation
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html).
const (
	tokenLongest   = 24 * time.Hour
	tokenAfterStop = time.Hour
)

// tokenRecord is the outcome that belongs to a client token of one cluster.
type tokenRecord struct {
	hash     [sha256.Size]byte
	created  time.Time
	tasks    []*task
	failures []failureItem
}

// token finds the record of a token that has not expired; an expired one is forgotten. The service's lock is held.
func (c *cluster) token(token string, now time.Time) (*tokenRecord, bool) {
	record, ok := c.tokens[token]
	if token == "" || !ok {
		return nil, false
	}
	if now.After(record.expiry()) {
		delete(c.tokens, token)
		return nil, false
	}
	return record, true
}

// expiry is when the token is forgotten. It lies a day ahead while a task has not stopped; an outcome of failures alone
// has no task to live as long as.
func (r *tokenRecord) expiry() time.Time {
	longest := r.created.Add(tokenLongest)
	last := r.created
	for _, t := range r.tasks {
		stopped, ok := t.stoppedTime()
		if !ok {
			return longest
		}
		if stopped.After(last) {
			last = stopped
		}
	}
	if expiry := last.Add(tokenAfterStop); expiry.Before(longest) {
		return expiry
	}
	return longest
}

// replay answers a repeated request with the first one's outcome, or with ConflictException if it differs.
func (r *tokenRecord) replay(hash [sha256.Size]byte, now time.Time) (any, error) {
	if hash != r.hash {
		arns := []string{}
		for _, t := range r.tasks {
			arns = append(arns, t.arn)
		}
		conflict := refuse("ConflictException", "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use with a different RunTask request.")
		conflict.Fields = map[string]any{"resourceIds": arns}
		return nil, conflict
	}
	out := runTaskOutput{Tasks: []map[string]any{}, Failures: nonNil(r.failures)}
	for _, t := range r.tasks {
		if t.gone(now) {
			out.Failures = append(out.Failures, failureItem{Reason: "1 task stopped more than 1 hour ago"})
			continue
		}
		document := t.document(apiForm{tags: true})
		if t.stopped() {
			document = map[string]any{
				"taskArn": t.arn, "lastStatus": document["lastStatus"], "desiredStatus": document["desiredStatus"],
			}
		}
		out.Tasks = append(out.Tasks, document)
	}
	return out, nil
}

// requestHash identifies a request by its parameters: the order of members does not matter, that of lists does.
func requestHash(body []byte) ([sha256.Size]byte, error) {
	var parameters any
	if err := json.Unmarshal(body, &parameters); err != nil {
		return [sha256.Size]byte{}, refuse("SerializationException", "%v", err)
	}
	canonical, err := json.Marshal(parameters)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode the request's parameters: %w", err)
	}
	return sha256.Sum256(canonical), nil
}
