package fargate

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

func TestARegionThatDoesNotAnswerIsNotWaitedForByEveryCall(t *testing.T) {
	silent := make(chan struct{})
	var answering atomic.Bool
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !answering.Load() {
			select {
			case <-silent:
			case <-r.Context().Done():
			}
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if _, err := w.Write([]byte(`{"tasks":[],"failures":[]}`)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	defer close(silent)
	client := NewClient(ecs.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIA"+"IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"+"+bPxRfiCYEXAMPLEKEY", ""),
	}, func(o *ecs.Options) { o.RetryMaxAttempts = 1 }), NewBudget(DefaultQuotas()))
	client.timeout, client.circuit = 50*time.Millisecond, newCircuit(100*time.Millisecond)

	describe := func() error {
		_, _, err := client.Describe(context.Background(), observedCluster, []string{"a"})
		return err
	}
	for range silentCalls {
		if err := describe(); err == nil || errors.Is(err, ErrSilent) {
			t.Fatalf("a call without an answer returned %v", err)
		}
	}
	if err := describe(); !errors.Is(err, ErrSilent) || asked.Load() != silentCalls {
		t.Fatalf("after %d silent calls the next returned %v", asked.Load(), err)
	}
	answering.Store(true)
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := describe()
		if err == nil {
			break
		}
		if !errors.Is(err, ErrSilent) || time.Now().After(deadline) {
			t.Fatalf("the region answers again, and the call returned %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}
