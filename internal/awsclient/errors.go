package awsclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// ErrAssumeRole is in the chain of every error of a call that failed because the scope's role could not be assumed.
var ErrAssumeRole = errors.New("the role could not be assumed")

// NoIdentityError is in the chain of every error of a call that was not made, because the process has no AWS credentials: the
// configuration that Load returned could get none. It says nothing of the resource, nor of a role to assume.
type NoIdentityError struct{ err error }

func (e *NoIdentityError) Error() string {
	return "the manager has no AWS credentials: " + e.err.Error()
}

// Unwrap returns why.
func (e *NoIdentityError) Unwrap() error { return e.err }

// Class says what an error of an AWS call means for whoever asked.
type Class string

const (
	// ClassUnavailable means that AWS could not be asked or did not answer the question: throttled, its own failure, no
	// connection, or credentials that it does not take. Nothing is known about the resource.
	ClassUnavailable Class = "Unavailable"
	// ClassAccessDenied means that the caller may not make this call.
	ClassAccessDenied Class = "AccessDenied"
	// ClassNotFound means that the resource does not exist.
	ClassNotFound Class = "NotFound"
	// ClassInvalid means that AWS refuses the request as it is, now and later.
	ClassInvalid Class = "Invalid"
)

// ClassOf returns the class of an error of an AWS call. A code that it does not know is ClassUnavailable where AWS says
// that the fault is its own, or says nothing, and ClassInvalid otherwise.
func ClassOf(err error) Class {
	var identity *NoIdentityError
	var api smithy.APIError
	if errors.As(err, &identity) || !errors.As(err, &api) {
		return ClassUnavailable
	}
	if class, known := classOfCode(api.ErrorCode()); known {
		return class
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		if class, known := classOfStatus(response.HTTPStatusCode()); known {
			return class
		}
	}
	if api.ErrorFault() == smithy.FaultClient {
		return ClassInvalid
	}
	return ClassUnavailable
}

func classOfCode(code string) (class Class, known bool) {
	switch code {
	case "RequestTimeout", "RequestTimeTooSkewed":
		return ClassUnavailable, true
	case "BadRequest":
		// What S3's answer to HEAD, which has no body, is taken for: expired credentials more often than a bad request.
		return ClassUnavailable, true
	case "Forbidden", "UnauthorizedOperation", "KmsAccessDenied":
		return ClassAccessDenied, true
	case "KmsNotFound", "KMS.NotFoundException":
		// The key of an encrypted queue is not there. The queue is.
		return ClassInvalid, true
	case "NotFound", "NoSuchBucket", "QueueDoesNotExist":
		return ClassNotFound, true
	}
	switch {
	case isThrottle(code), isCredential(code):
		return ClassUnavailable, true
	case strings.HasPrefix(code, "AccessDenied"), strings.HasPrefix(code, "KMS.AccessDenied"), strings.HasPrefix(code, "AuthorizationError"):
		return ClassAccessDenied, true
	case strings.HasSuffix(code, "NotFoundException"), strings.HasSuffix(code, "NonExistentQueue"):
		return ClassNotFound, true
	}
	return "", false
}

func classOfStatus(status int) (class Class, known bool) {
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return ClassUnavailable, true
	case status == http.StatusForbidden:
		return ClassAccessDenied, true
	case status == http.StatusNotFound:
		return ClassNotFound, true
	case status >= http.StatusMultipleChoices:
		return ClassInvalid, true
	}
	return "", false
}

// RoleRefused says whether the call failed because AWS definitely refused to let the scope's role be assumed, as opposed
// to AWS not being reachable.
func RoleRefused(err error) bool {
	if !errors.Is(err, ErrAssumeRole) {
		return false
	}
	class := ClassOf(err)
	return class == ClassAccessDenied || class == ClassInvalid || class == ClassNotFound
}

// Throttled says whether an error is AWS's answer to too many calls, that of EC2 behind another service included.
func Throttled(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	text := strings.ToLower(api.ErrorMessage())
	return isThrottle(api.ErrorCode()) || strings.Contains(text, "request limit exceeded") || strings.Contains(text, "requestlimitexceeded")
}

// Short returns the words of an AWS error that a person needs: its code and message, without the SDK's account of
// operations and retries around them. The same fault gives the same words each time, so they can go into a status.
func Short(err error) string {
	var identity *NoIdentityError
	if errors.As(err, &identity) {
		return "the manager has no AWS credentials: " + Short(identity.err)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch code, message := api.ErrorCode(), strings.TrimSpace(api.ErrorMessage()); {
		case message == "":
			return code
		case code == "": // the agent of EKS Pod Identity says it in words alone
			return message
		default:
			return code + ": " + message
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	var network *net.OpError
	if errors.As(err, &network) {
		// Its own text also has the local port, which is another one each time.
		if network.Addr == nil {
			return network.Op + ": " + network.Err.Error()
		}
		return network.Op + " " + network.Addr.String() + ": " + network.Err.Error()
	}
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		return send.Err.Error()
	}
	return err.Error()
}

func isThrottle(code string) bool {
	switch code {
	case "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
		"RequestThrottled", "RequestThrottledException", "SlowDown", "LimitExceededException", "EC2ThrottledException",
		"BandwidthLimitExceeded", "PriorRequestNotComplete", "KmsThrottled", "KMS.ThrottlingException":
		return true
	}
	return false
}

// isCredential tells the codes that speak of the caller's credentials and not of its permissions. They come and go with
// a rotation, so they say nothing about the resource.
func isCredential(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidAccessKeyId", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "IncompleteSignature", "RequestExpired", "InvalidToken":
		return true
	}
	return false
}
