package awsclient

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxOwnBody is the size up to which a request's body is copied. Requests of JSON services are smaller; SQS takes the
// largest, 1 MiB (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
const maxOwnBody = 1 << 20

// OwnBodies sends requests with a body of their own. The SDK closes the body as soon as an answer begins. Where that is
// before Go's transport has seen the body's end, because the process got no processor for a moment, the transport takes
// the request for broken and drops the connection in the middle of the answer: a lost answer of RunTask or, worse, of
// ReceiveMessage, whose messages nobody sees until their visibility timeout is over.
type OwnBodies struct{ aws.HTTPClient }

// Do sends the request.
func (c OwnBodies) Do(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.ContentLength <= 0 || request.ContentLength > maxOwnBody {
		return c.HTTPClient.Do(request)
	}
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("read the body of the request: %w", err)
	}
	own := *request
	own.Body = io.NopCloser(bytes.NewReader(content))
	return c.HTTPClient.Do(&own)
}
