// Package failure gives the errors of a scan their class: what the exit code of the container says, and what the operator
// therefore does next.
package failure

import (
	"context"
	"errors"
	"fmt"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Error is an error with a class. Its text is written for people, says what to do, and never holds a secret: texts of
// servers and libraries, which may quote a request with its credentials, stay in Cause and are not printed.
type Error struct {
	// ExitCode is contract.ExitRequest or contract.ExitTemporary.
	ExitCode int
	// Message says what failed and what to do.
	Message string
	// Cause is the error behind it, for errors.Is and errors.As only.
	Cause error
}

// Error returns the message, without the cause.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Request returns an error that a repetition cannot cure: the request itself has to change.
func Request(cause error, format string, arguments ...any) *Error {
	return &Error{ExitCode: contract.ExitRequest, Message: fmt.Sprintf(format, arguments...), Cause: cause}
}

// Temporary returns an error that a repetition may cure.
func Temporary(cause error, format string, arguments ...any) *Error {
	return &Error{ExitCode: contract.ExitTemporary, Message: fmt.Sprintf(format, arguments...), Cause: cause}
}

// Classify returns err as an *Error. An error without a class is temporary, because the operator repeats such an attempt
// within its limit; a context that ended explains itself by its cause.
func Classify(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		var classified *Error
		if cause := context.Cause(ctx); errors.As(cause, &classified) {
			return classified
		}
		return Temporary(err, "the scan was stopped before its end: %v", context.Cause(ctx))
	}
	var classified *Error
	if errors.As(err, &classified) {
		return classified
	}
	// Nobody has looked at what this text may hold.
	return Temporary(err, "unexpected failure of the scanner, of type %T", err)
}
