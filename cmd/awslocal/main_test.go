package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// screen is what a command printed so far.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestPrintedExportsReachAProvisionedServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs screen
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--port", "0", "--scanner", "/does/not/exist", "--fault", "no-capacity=FARGATE_SPOT"}, &out, &errs)
	}()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(out.String(), "# ready") {
		select {
		case err := <-done:
			t.Fatalf("ended early: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready; it printed:\n%s", out.String())
		}
		time.Sleep(time.Millisecond)
	}
	exports := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if pair, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			name, value, _ := strings.Cut(pair, "=")
			exports[name] = value
		}
	}
	client := ecs.NewFromConfig(aws.Config{
		Region: exports["AWS_REGION"], BaseEndpoint: aws.String(exports["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"], exports["AWS_SESSION_TOKEN"]),
	})
	clusters, err := client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{awslocal.DefaultNames().Cluster}})
	if err != nil || len(clusters.Clusters) != 1 {
		t.Errorf("clusters %v, error %v", clusters, err)
	}
	if !strings.Contains(errs.String(), "--scanner") {
		t.Errorf("no word about the missing scanner: %q", errs.String())
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestBadCommandLinesAreRefused(t *testing.T) {
	for name, arguments := range map[string][]string{
		"a fault that does not exist":      {"--fault", "rain=1"},
		"a share above one":                {"--fault", "drop-events=2"},
		"a number of times that is none":   {"--fault", "missing=often"},
		"no capacity on nothing":           {"--fault", "no-capacity"},
		"a throttle without an operation":  {"--fault", "throttle=ecs"},
		"a throttle without a number":      {"--fault", "throttle=ecs:RunTask:often"},
		"an argument that is not expected": {"serve"},
		"a flag that does not exist":       {"--host", "0.0.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(arguments, &screen{}); err == nil {
				t.Errorf("%v was accepted", arguments)
			}
		})
	}
}

func TestEveryFaultOfTheHelpIsAccepted(t *testing.T) {
	for _, text := range []string{
		"no-capacity=*", "missing=2", "drop-events=0.5", "duplicate-events=1", "repeat-messages=3", "throttle=ecs:RunTask:3", "lose-answer=ecs:RunTask:1",
	} {
		t.Run(text, func(t *testing.T) {
			name, _, _ := strings.Cut(text, "=")
			if !strings.Contains(faultHelp, name) {
				t.Errorf("the help does not mention %s", name)
			}
			if _, err := parse([]string{"--fault", text}, &screen{}); err != nil {
				t.Error(err)
			}
		})
	}
}
