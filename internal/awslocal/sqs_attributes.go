package awslocal

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// sqsError is an error of SQS, which has a second name from the days of its query protocol.
func sqsError(code, queryCode, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, QueryCode: queryCode, Message: fmt.Sprintf(format, args...)}
}

// maxMessageBytes is the largest message, and the largest batch.
const maxMessageBytes = 1 << 20

// attributeBounds are the numeric attributes of a queue: lowest, highest and default
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html).
func attributeBounds(name string) (lowest, highest, standard int, ok bool) {
	switch name {
	case "VisibilityTimeout":
		return 0, 43200, 30, true
	case "MessageRetentionPeriod":
		return 60, 1209600, 345600, true
	case "ReceiveMessageWaitTimeSeconds":
		return 0, 20, 0, true
	case "DelaySeconds":
		return 0, 900, 0, true
	case "MaximumMessageSize":
		return 1024, maxMessageBytes, maxMessageBytes, true
	}
	return 0, 0, 0, false
}

// number is a numeric attribute; the lock is held.
func (q *queue) number(name string) int {
	_, _, standard, _ := attributeBounds(name)
	text, ok := q.attributes[name]
	if !ok {
		return standard
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		return standard
	}
	return value
}

func (q *queue) seconds(name string) time.Duration {
	return time.Duration(q.number(name)) * time.Second
}

// setting is number without the lock held.
func (q *queue) setting(name string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.number(name)
}

// redrivePolicy is where messages go that were received too often.
type redrivePolicy struct {
	target      *queue
	maxReceives int
}

// redrive reads the policy. A dead-letter queue that was deleted is no target.
func (q *queue) redrive() redrivePolicy {
	q.mu.Lock()
	policy := q.attributes["RedrivePolicy"]
	q.mu.Unlock()
	arn, count, err := parseRedrive(policy)
	if err != nil || arn == "" {
		return redrivePolicy{}
	}
	target, _ := q.server.queues.byARN(arn)
	return redrivePolicy{target: target, maxReceives: count}
}

// parseRedrive accepts maxReceiveCount as a number and as text, as SQS does.
func parseRedrive(text string) (arn string, count int, err error) {
	if text == "" {
		return "", 0, nil
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
		Count  any    `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return "", 0, fmt.Errorf("redrive policy: %w", err)
	}
	count, err = strconv.Atoi(fmt.Sprint(policy.Count))
	if err != nil || count < 1 || count > 1000 || policy.Target == "" {
		return "", 0, fmt.Errorf("redrive policy %s needs deadLetterTargetArn and maxReceiveCount between 1 and 1000", text)
	}
	return policy.Target, count, nil
}

// validateAttributes refuses what SetQueueAttributes would.
func (s *sqsService) validateAttributes(attributes map[string]string) *Error {
	for name, text := range attributes {
		invalid := sqsError("InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter %s.", name)
		if lowest, highest, _, ok := attributeBounds(name); ok {
			if value, err := strconv.Atoi(text); err != nil || value < lowest || value > highest {
				return invalid
			}
			continue
		}
		switch name {
		case "Policy":
			if _, err := parsePolicy(text); err != nil {
				return invalid
			}
		case "RedrivePolicy":
			arn, _, err := parseRedrive(text)
			if err != nil {
				return invalid
			}
			if _, ok := s.byARN(arn); arn != "" && !ok {
				return sqsError("InvalidParameterValue", "InvalidParameterValue", "Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", text)
			}
		case "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "RedriveAllowPolicy":
		default:
			return sqsError("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return nil
}

// describe is what GetQueueAttributes returns for the names.
func (q *queue) describe(names []string) (map[string]string, *Error) {
	depth := q.depth()
	q.mu.Lock()
	defer q.mu.Unlock()
	all := maps.Clone(q.attributes)
	if all == nil {
		all = map[string]string{}
	}
	for _, name := range []string{"VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "DelaySeconds", "MaximumMessageSize"} {
		all[name] = strconv.Itoa(q.number(name))
	}
	maps.Copy(all, map[string]string{
		"QueueArn":                              q.arn,
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(depth.Visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(depth.InFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(depth.Delayed),
	})
	if slices.Contains(names, "All") {
		return all, nil
	}
	chosen := map[string]string{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			chosen[name] = value
			continue
		}
		if !optionalAttribute(name) {
			return nil, sqsError("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return chosen, nil
}

func optionalAttribute(name string) bool {
	return slices.Contains([]string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"}, name)
}
