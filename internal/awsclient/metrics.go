package awsclient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts the requests to AWS, repetitions included.
type Metrics struct {
	calls *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them. It fails where they are registered already.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{calls: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scanjob_aws_requests_total",
		Help: "Requests to AWS, each repetition counted, by service, operation and outcome: succeeded, throttled, denied (no permission), refused (by a client's error), failed (AWS's failure, no connection, no credentials).",
	}, []string{"service", "operation", "outcome"})}
	if err := registerer.Register(m.calls); err != nil {
		return nil, fmt.Errorf("register the metrics of AWS calls: %w", err)
	}
	return m, nil
}

// Count returns a configuration whose clients count their requests.
func (m *Metrics) Count(config aws.Config) aws.Config {
	config = config.Copy()
	config.APIOptions = append(config.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("ScanJobMetrics",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				out, metadata, err := next.HandleFinalize(ctx, in)
				m.calls.WithLabelValues(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx), outcomeOf(err)).Inc()
				return out, metadata, err
			}), "Retry", middleware.After)
	})
	return config
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "succeeded"
	case Throttled(err):
		return "throttled"
	}
	switch ClassOf(err) {
	case ClassAccessDenied:
		return "denied"
	case ClassUnavailable:
		return "failed"
	}
	return "refused"
}
