package awslocal

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// The services, by their IAM prefixes. Faults and recorded calls name them so.
const (
	serviceECS        = "ecs"
	serviceSQS        = "sqs"
	serviceSNS        = "sns"
	serviceEvents     = "events"
	serviceCodeCommit = "codecommit"
	serviceS3         = "s3"
	serviceLogs       = "logs"
	serviceSTS        = "sts"
)

// Call is one request that the server answered. Git requests count as codecommit GitPull and GitPush.
type Call struct {
	// Service is the IAM prefix of the service, such as ecs, sqs, sns, events, codecommit, s3, logs or sts.
	Service   string
	Operation string
	// Principal is the caller's ARN; empty where the caller could not be told.
	Principal string
	// Time is when the request arrived.
	Time time.Time
	// Err is the error code of the answer, empty for success.
	Err string
	// Lost says that the work was done and the answer was not sent.
	Lost bool
	// Needs are the permissions that the call needed, for a caller that policies bind; see Role.
	Needs []iampolicy.Request `json:",omitempty"`
}

// call is a request on its way through the server.
type call struct {
	ctx       context.Context
	service   string
	operation string
	principal Principal
	time      time.Time
	body      []byte
	form      url.Values
	http      *http.Request
	needs     []iampolicy.Request
}

// action is the IAM action of the call.
func (c *call) action() string {
	operation := c.operation
	switch {
	case c.service == serviceSQS:
		operation = strings.TrimSuffix(operation, "Batch")
	case c.service == serviceS3 && (operation == "ListObjectsV2" || operation == "HeadBucket"):
		operation = "ListBucket"
	case c.service == serviceS3 && operation == "HeadObject":
		operation = "GetObject"
	}
	return c.service + ":" + operation
}

func (c *call) summary() Call {
	return Call{Service: c.service, Operation: c.operation, Principal: c.principal.ARN, Time: c.time, Needs: c.needs}
}

// operation does the work of one API operation. Its error is an *Error where the caller is to blame.
type operation func(c *call) (any, error)

// jsonOperation is an operation of a JSON protocol: the request's body is decoded into In.
func jsonOperation[In any](do func(c *call, in In) (any, error)) operation {
	return func(c *call) (any, error) {
		var in In
		if len(c.body) > 0 {
			if err := json.Unmarshal(c.body, &in); err != nil {
				return nil, refuse("SerializationException", "%s: %v", c.operation, err)
			}
		}
		return do(c, in)
	}
}

// epoch is a time as the JSON protocols write it: seconds with milliseconds as the fraction.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// nothing is the answer of operations that return no members.
type nothing struct{}
