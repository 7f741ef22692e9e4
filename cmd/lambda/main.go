// Command lambda is an AWS Lambda function that EventBridge calls with the events of CodeCommit, and that makes the same ScanJobs
// of them as the manager makes of those in its queue. It is for those who want no queue.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

func main() {
	// CloudWatch Logs reads JSON.
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	f, err := begin(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "lambda:", err)
		os.Exit(1)
	}
	lambda.Start(f.Handle)
}

func begin(ctx context.Context) (*function, error) {
	s, err := settingsOf(os.Getenv)
	if err != nil {
		return nil, err
	}
	aws, err := awsclient.Load(ctx)
	if err != nil {
		return nil, err
	}
	return newFunction(s, aws)
}
