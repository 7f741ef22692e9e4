package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrUndecodable is the class of every error of Decode: no repetition makes the message readable, so it belongs into the
// dead-letter queue.
var ErrUndecodable = errors.New("undecodable message")

// UndecodableError says why a message cannot be read. It never holds a part of the message but names of fields and, cut
// short, of sources, because a body may hold what must not be logged.
type UndecodableError struct {
	// Reason is what is wrong with the message.
	Reason string
}

// Error implements error.
func (e *UndecodableError) Error() string {
	return ErrUndecodable.Error() + ": " + e.Reason
}

// Is makes the error match ErrUndecodable.
func (e *UndecodableError) Is(target error) bool {
	return target == ErrUndecodable
}

func undecodable(format string, args ...any) error {
	return &UndecodableError{Reason: fmt.Sprintf(format, args...)}
}

// badJSON tells of a failed json.Unmarshal of the named part. The library's own messages quote the input.
func badJSON(part string, err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		is, _, _ := strings.Cut(wrongType.Value, " ")
		return undecodable("field %q of %s is a %s, where a %s is expected", wrongType.Field, part, is, wrongType.Type.Kind())
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return undecodable("%s is not JSON: the error is at byte %d", part, syntax.Offset)
	}
	return undecodable("%s cannot be read: a value is out of its range or not of its form", part)
}

// cut bounds a name that was read from a message.
func cut(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}
