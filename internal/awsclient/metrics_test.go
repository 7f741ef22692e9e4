package awsclient

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestEveryRequestIsCountedByItsOutcome(t *testing.T) {
	answers := []struct {
		status int
		body   string
	}{
		{400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`},
		{500, `{"__type":"ServerException","message":"Service Unavailable"}`},
		{200, `{"tasks":[],"failures":[]}`},
		{400, `{"__type":"AccessDeniedException","message":"no"}`},
		{400, `{"__type":"InvalidParameterException","message":"no"}`},
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(answers[asked].status)
		if _, err := w.Write([]byte(answers[asked].body)); err != nil {
			t.Error(err)
		}
		asked++
	}))
	t.Cleanup(server.Close)
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	client := NewFactory(m.Count(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIA"+"IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"+"+bPxRfiCYEXAMPLEKEY", ""),
	})).For(Scope{}).ECS
	for range 3 { // the first one is repeated twice
		_, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{"a"}})
		t.Log(err)
	}
	for _, outcome := range []string{"throttled", "failed", "succeeded", "denied", "refused"} {
		if n := testutil.ToFloat64(m.calls.WithLabelValues("ECS", "DescribeTasks", outcome)); n != 1 {
			t.Errorf("%v requests %s, want 1", n, outcome)
		}
	}
}
