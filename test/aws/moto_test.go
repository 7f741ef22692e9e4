package aws

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

// startMoto starts moto (https://docs.getmoto.org), another stand-in for AWS, in Python.
func startMoto(t *testing.T) aws.Config {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("there is no moto_server to compare with: pip install 'moto[server]'")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "-H", "127.0.0.1", "-p", port)
	command.Env = append(os.Environ(), "MOTO_ACCOUNT_ID=111122223333")
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It was killed by the end of the test's context, which Wait reports.
		_ = command.Wait()
	})
	url := "http://127.0.0.1:" + port
	eventually(t, "moto answers", func() string {
		answer, err := http.Get(url + "/moto-api/data.json")
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Sprintf("%s, %v", answer.Status, err)
		}
		return ""
	})
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider("testing", "testing", ""),
	}
}

// TestMotoAgrees sends the samples through moto's event bus, to a queue a rule.
func TestMotoAgrees(t *testing.T) {
	config := startMoto(t)
	bus, queues := eventbridge.NewFromConfig(config), sqs.NewFromConfig(config)
	urls, want := map[string]*string{}, map[string][]string{}
	for rule, pattern := range eventPatterns(t) {
		made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &rule})
		if err != nil {
			t.Fatal(err)
		}
		urls[rule] = made.QueueUrl
		if _, err := bus.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: &rule, EventPattern: &pattern}); err != nil {
			t.Fatal(err)
		}
		_, err = bus.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: &rule, Targets: []eventtypes.Target{{Id: aws.String("queue"), Arn: aws.String(arn("sqs", rule))}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range samples(t) {
		detail, err := json.Marshal(s.event["detail"])
		if err != nil {
			t.Fatal(err)
		}
		// No rule looks at the resources, so they can carry the sample's name.
		_, err = bus.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{{
			Source: aws.String(s.event["source"].(string)), DetailType: aws.String(s.event["detail-type"].(string)),
			Detail: aws.String(string(detail)), Resources: []string{s.name},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		want[s.rule] = append(want[s.rule], s.name)
	}
	for rule, url := range urls {
		got := received(t, queues, url)
		slices.Sort(want[rule])
		if diff := cmp.Diff(want[rule], got); diff != "" {
			t.Errorf("rule %s takes other samples in moto:\n%s", rule, diff)
		}
	}
}

// received empties a queue and returns the names of the samples, sorted.
func received(t *testing.T, queues *sqs.Client, url *string) []string {
	t.Helper()
	var names []string
	for {
		answer, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Messages) == 0 {
			slices.Sort(names)
			return names
		}
		for _, message := range answer.Messages {
			var event struct{ Resources []string }
			parse(t, aws.ToString(message.Body), &event)
			names = append(names, strings.Join(event.Resources, " "))
		}
	}
}
