package awslocal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// Error is an answer that refuses an operation, in whatever form the service's protocol gives it.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is the error's name as SDK clients report it, such as ThrottlingException.
	Code    string
	Message string
	// Fields are further members of the answer in the JSON protocols, such as resourceIds.
	Fields map[string]any
	// QueryCode is the name that a service reports to clients which still expect the query protocol's names (SQS).
	QueryCode string
}

// Error is the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Throttled is the answer of a service whose rate limit was exceeded.
func Throttled() *Error {
	return &Error{Status: http.StatusBadRequest, Code: "ThrottlingException", Message: "Rate exceeded"}
}

// ServerFault is the answer of a service that failed by itself; the work was not done.
func ServerFault() *Error {
	return &Error{Status: http.StatusInternalServerError, Code: "ServerException", Message: "Service Unavailable. Please try again later."}
}

func refuse(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// denied is the answer to a principal without permission. Each service has its own name for it.
func denied(c *call) *Error { return deniedAction(c, c.action()) }

// deniedNeed is the answer to a principal whose policies do not allow one of the things that a call needs.
func deniedNeed(c *call, n iampolicy.Request) *Error {
	return deniedAction(c, n.Action+" on resource: "+n.Resource+" because no identity-based policy allows the "+n.Action+" action")
}

func deniedAction(c *call, what string) *Error {
	e := &Error{
		Status:  http.StatusBadRequest,
		Code:    "AccessDeniedException",
		Message: fmt.Sprintf("User: %s is not authorized to perform: %s", c.principal.ARN, what),
	}
	switch c.service {
	case serviceSNS:
		e.Status, e.Code = http.StatusForbidden, "AuthorizationError"
	case serviceS3, serviceSTS:
		e.Status, e.Code = http.StatusForbidden, "AccessDenied"
	case serviceSQS:
		e.Status = http.StatusForbidden
	}
	return e
}

// unlessCode is the error unless it is an API error of that code.
func unlessCode(err error, code string) error {
	var e smithy.APIError
	if errors.As(err, &e) && e.ErrorCode() == code {
		return nil
	}
	return err
}

func jsonText(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", value, err)
	}
	return string(text), nil
}
