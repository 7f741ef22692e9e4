package fargate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/scanjob-dev/scanjob/internal/fargate"
)

const (
	uid     = "0f8fad5b-d9cb-469f-a165-70867728950e"
	cluster = "arn:aws:ecs:us-east-1:111122223333:cluster/scans"
	taskARN = "arn:aws:ecs:us-east-1:111122223333:task/scans/c13b4cb40f1f4fe4a2971f76ae5a47ad"
)

// accepted is RunTask's answer when it has started a task.
const accepted = `{"tasks":[{"taskArn":"` + taskARN + `","lastStatus":"PROVISIONING"}],"failures":[]}`

// answering returns a client of a real HTTP server that gives one answer to all calls, and the bodies that it was sent.
func answering(t *testing.T, status int, answer string) (*fargate.Client, *[]string) {
	t.Helper()
	bodies := &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request: %v", err)
		}
		*bodies = append(*bodies, string(body))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		if _, err := io.WriteString(w, answer); err != nil {
			t.Errorf("write the answer: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	return clientOf(server.URL), bodies
}

// clientOf returns a client that does not repeat calls, so that a test sees every answer.
func clientOf(url string) *fargate.Client {
	return fargate.NewClient(ecs.NewFromConfig(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIA"+"IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"+"+bPxRfiCYEXAMPLEKEY", ""),
	}, func(o *ecs.Options) { o.RetryMaxAttempts = 1 }), fargate.NewBudget(fargate.DefaultQuotas()))
}

// contains fails the test where a text lacks a part, compared without regard to case.
func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
		t.Errorf("%q does not contain %q", text, part)
	}
}
