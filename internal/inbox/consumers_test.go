package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

func TestHandledMessageIsDeleted(t *testing.T) {
	w := newWorld(t)
	url := w.queue("inbox", nil)
	sent := w.clock.Now()
	w.send(url, "hello")
	w.consumers.Set(environment("a"), w.from(url))
	w.start()
	w.until("the queue is empty", func() bool { return w.depth("inbox") == 0 })

	seen := w.handler.seen()
	if len(seen) != 1 || seen[0].Body != "hello" || seen[0].queue != url {
		t.Fatalf("handled %+v, want the message once", seen)
	}
	m := seen[0].Message
	if m.ID == "" || m.ReceiveCount != 1 || !m.Received.Equal(w.clock.Now()) || !m.Sent.Equal(sent.Truncate(time.Millisecond)) {
		t.Errorf("message = %+v, sent at %v", m, sent)
	}
	w.counts("handled", 1)
}

func TestQueueThatIsSetAfterTheStartIsConsumed(t *testing.T) {
	w := newWorld(t)
	url := w.queue("inbox", nil)
	w.send(url, "hello")
	w.start()
	w.consumers.Set(environment("a"), w.from(url))
	w.until("the queue is empty", func() bool { return w.depth("inbox") == 0 })
}

func TestFailedMessageComesBackLaterEachTime(t *testing.T) {
	w := newWorld(t)
	var times []time.Time
	w.handler.do = func(context.Context, inbox.Message) error {
		times = append(times, w.clock.Now())
		if len(times) < 3 {
			return errors.New("the API server does not answer")
		}
		return nil
	}
	url := w.queue("inbox", nil)
	w.send(url, "hello")
	w.consumers.Set(environment("a"), w.from(url))
	w.start()
	// Between two receives there is a pause in real time, in which the clock stands still.
	w.poll("the queue is empty", func() time.Duration { return time.Duration(min(w.receiving(), 1)) * time.Second }, func() bool { return w.depth("inbox") == 0 })
	w.stop()

	if len(times) != 3 {
		t.Fatalf("handled %d times, want 3", len(times))
	}
	for i, least := range []time.Duration{10 * time.Second, 20 * time.Second} {
		if got := times[i+1].Sub(times[i]); got < least || got > 2*least {
			t.Errorf("came back after %v, want about %v", got, least)
		}
	}
	if counts := w.receiveCounts(); !slices.Equal(counts, []int{1, 2, 3}) {
		t.Errorf("receive counts %v", counts)
	}
	w.counts("failed", 2)
}

func TestPoisonEndsInTheDeadLetterQueueAndHoldsNothingUp(t *testing.T) {
	for name, body := range map[string]string{
		"a word":             "poison",
		"one MiB of garbage": "poison" + strings.Repeat("{[\x7f\\", 1<<18-2),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.handler.do = func(_ context.Context, m inbox.Message) error {
				if strings.HasPrefix(m.Body, "poison") {
					return fmt.Errorf("handle: %w", &events.UndecodableError{Reason: "not JSON"})
				}
				return nil
			}
			dead := w.queue("dead", nil)
			url := w.queue("inbox", map[string]string{
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":3}`, w.arn(dead)),
			})
			w.send(url, body)
			for i := range 25 {
				w.send(url, fmt.Sprintf("good %d", i))
			}
			w.consumers.Set(environment("a"), w.from(url))
			w.start()
			w.until("all others are handled", func() bool { return w.handler.bodies("good") == 25 && w.depth("inbox") == 1 })
			w.untilTime("the poison is in the dead-letter queue", func() bool { return w.depth("dead") == 1 })
			// The queue's maxReceiveCount is 3. The last of them may still be on its way to the handler.
			w.counts("undecodable", 3)
			w.counts("handled", 25)
		})
	}
}

func TestPanicIsAnErrorOfOneMessage(t *testing.T) {
	w := newWorld(t)
	w.handler.do = func(_ context.Context, m inbox.Message) error {
		if m.Body == "bad" && m.ReceiveCount == 1 {
			panic("no such thing")
		}
		return nil
	}
	url := w.queue("inbox", nil)
	w.send(url, "bad")
	w.send(url, "good")
	w.consumers.Set(environment("a"), w.from(url))
	w.start()
	w.untilTime("the queue is empty", func() bool { return w.depth("inbox") == 0 })
	w.counts("panicked", 1)
	w.counts("handled", 2)
}

// slow makes a world whose queue holds ten messages of one batch, of which the handler of one does as it is told.
func slow(t *testing.T, do func(context.Context) error) *world {
	t.Helper()
	w := newWorld(t)
	w.handler.do = func(ctx context.Context, m inbox.Message) error {
		if m.Body == "slow" && m.ReceiveCount == 1 {
			return do(ctx)
		}
		return nil
	}
	url := w.queue("inbox", nil)
	w.send(url, "slow")
	for i := range 9 {
		w.send(url, fmt.Sprintf("good %d", i))
	}
	w.consumers.Set(environment("a"), w.from(url))
	return w
}

func TestSlowHandlerKeepsNobodyElseFromBeingDone(t *testing.T) {
	t.Run("and is ended before its message is visible to others", func(t *testing.T) {
		began := make(chan time.Time, 1)
		ended := make(chan error, 1)
		var w *world
		w = slow(t, func(ctx context.Context) error {
			began <- w.clock.Now()
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
		w.start()
		w.untilTime("the other nine of its batch are deleted", func() bool { return w.depth("inbox") == 1 })
		if w.handler.bodies("good") != 9 || len(ended) != 0 {
			t.Fatalf("%d others were handled, and the slow one ended %d times; want 9 and 0", w.handler.bodies("good"), len(ended))
		}
		first := <-began
		w.untilTime("its context ends", func() bool { return len(ended) == 1 })
		// The visibility timeout is 60 s, and the handler may take three quarters of it.
		if took := w.clock.Since(first); took < 40*time.Second || took > 55*time.Second {
			t.Errorf("the handler was ended after %v", took)
		}
		if got := w.handler.bodies("slow"); got != 1 {
			t.Errorf("the message was handed over %d times before its handler ended", got)
		}
		w.counts("failed", 1)
		w.untilTime("it is handled when it comes back", func() bool { return w.depth("inbox") == 0 })
		w.counts("handled", 10)
	})
	t.Run("and is left behind where it does not return", func(t *testing.T) {
		forever := make(chan struct{})
		t.Cleanup(func() { close(forever) })
		w := slow(t, func(context.Context) error {
			<-forever
			return nil
		})
		w.start()
		w.untilTime("its message is handled when it comes back", func() bool { return w.depth("inbox") == 0 })
		w.counts("abandoned", 1)
		w.counts("handled", 10)
		w.stop()
	})
}

func TestSlowBatchesHoldUpNoMessagesBehindThem(t *testing.T) {
	w := newWorld(t)
	answer := make(chan struct{})
	w.handler.do = func(_ context.Context, m inbox.Message) error {
		if strings.HasPrefix(m.Body, "slow") {
			<-answer
		}
		return nil
	}
	url := w.queue("inbox", nil)
	for i := range 40 { // two receivers take 20 at once
		w.send(url, fmt.Sprintf("slow %d", i))
	}
	for i := range 5 {
		w.send(url, fmt.Sprintf("good %d", i))
	}
	w.consumers.Set(environment("a"), w.from(url))
	w.start()
	w.until("the messages behind them are done", func() bool { return w.handler.bodies("good") == 5 })
	close(answer)
	w.until("all are done", func() bool { return w.depth("inbox") == 0 })
}

func TestReceiverOutlives(t *testing.T) {
	tests := map[string]func(*awslocal.Faults) *awslocal.Fault{
		"throttled receives": func(f *awslocal.Faults) *awslocal.Fault {
			return f.Fail("sqs", "ReceiveMessage", 8, awslocal.Throttled())
		},
		"broken receives": func(f *awslocal.Faults) *awslocal.Fault {
			return f.Fail("sqs", "ReceiveMessage", 8, awslocal.ServerFault())
		},
		"lost answers to receives": func(f *awslocal.Faults) *awslocal.Fault {
			return f.LoseAnswer("sqs", "ReceiveMessage", 4)
		},
		"throttled deletes": func(f *awslocal.Faults) *awslocal.Fault {
			return f.Fail("sqs", "DeleteMessageBatch", 8, awslocal.Throttled())
		},
		"lost answers to deletes": func(f *awslocal.Faults) *awslocal.Fault {
			return f.LoseAnswer("sqs", "DeleteMessageBatch", 2)
		},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			url := w.queue("inbox", nil)
			for i := range 12 {
				w.send(url, fmt.Sprintf("hello %d", i))
			}
			struck := fault(w.server.Faults())
			w.consumers.Set(environment("a"), w.from(url))
			w.start()
			w.untilTime("the queue is empty", func() bool { return w.depth("inbox") == 0 })
			if got := w.handler.distinct(); got != 12 {
				t.Errorf("handled %d of 12 messages", got)
			}
			if struck.Used() == 0 {
				t.Error("the fault never struck, so this test shows nothing")
			}
		})
	}
}

func TestDeletedQueueIsToldAndDoesNotEndTheOthers(t *testing.T) {
	w := newWorld(t)
	gone, url := w.queue("gone", nil), w.queue("inbox", nil)
	if _, err := w.client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &gone}); err != nil {
		t.Fatal(err)
	}
	w.consumers.Set(environment("a"), w.from(gone))
	w.consumers.Set(environment("b"), w.from(url))
	w.start()
	w.untilTime("several receives of the deleted queue failed", func() bool {
		return w.metric("scanjob_inbox_receive_errors_total", "queue", "gone") >= 3
	})
	w.send(url, "hello")
	w.until("the other queue is consumed", func() bool { return w.handler.bodies("hello") == 1 })
}

func TestShutdown(t *testing.T) {
	t.Run("finishes what is nearly done", func(t *testing.T) {
		w := newWorld(t)
		began, finish := make(chan struct{}), make(chan struct{})
		w.handler.do = func(ctx context.Context, _ inbox.Message) error {
			close(began)
			<-finish
			return ctx.Err()
		}
		url := w.queue("inbox", nil)
		w.send(url, "hello")
		w.consumers.Set(environment("a"), w.from(url))
		w.start()
		<-began
		w.cancel()
		close(finish)
		w.ended()
		if got := w.depth("inbox"); got != 0 {
			t.Errorf("%d messages are left, want none", got)
		}
		w.counts("handled", 1)
	})
	t.Run("gives back what takes longer than the grace", func(t *testing.T) {
		w := newWorld(t)
		var began sync.WaitGroup
		began.Add(3)
		w.handler.do = func(ctx context.Context, _ inbox.Message) error {
			began.Done()
			<-ctx.Done()
			return ctx.Err()
		}
		url := w.queue("inbox", nil)
		for i := range 3 {
			w.send(url, fmt.Sprintf("hello %d", i))
		}
		w.consumers.Set(environment("a"), w.from(url))
		w.start()
		began.Wait()
		w.cancel()
		w.untilTime("the consumers ended", w.hasEnded)
		w.ended()
		if got := len(w.receive(url)); got != 3 {
			t.Errorf("%d of 3 messages can be received at once by the next leader", got)
		}
		w.counts("returned", 3)
	})
	t.Run("does not wait for a handler that does not return", func(t *testing.T) {
		forever := make(chan struct{})
		t.Cleanup(func() { close(forever) })
		w := slow(t, func(context.Context) error {
			<-forever
			return nil
		})
		w.start()
		w.untilTime("the others are done", func() bool { return w.depth("inbox") == 1 })
		w.stop()
	})
	t.Run("does not wait for a message", func(t *testing.T) {
		w := newWorld(t)
		w.consumers.Set(environment("a"), w.from(w.queue("inbox", nil)))
		w.start()
		w.until("a receive waits", func() bool { return w.receiving() > 0 })
		w.cancel()
		w.ended()
	})
	t.Run("keeps a queue that is set afterwards from being consumed", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.cancel()
		w.ended()
		w.consumers.Set(environment("a"), w.from(w.queue("inbox", nil)))
		if got := w.server.CallCount("sqs", "ReceiveMessage"); got != 0 {
			t.Errorf("%d receives", got)
		}
	})
	t.Run("is for good", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.stop()
		if err := w.consumers.Start(t.Context()); err == nil {
			t.Error("the consumers started a second time")
		}
	})
}

func TestSlowHandlersOfOneReceiverLeaveTheQueueToAnother(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	w.handler.do = func(_ context.Context, m inbox.Message) error {
		if m.Body == "slow" {
			<-release
		}
		return nil
	}
	url := w.queue("inbox", nil)
	w.consumers.Set(environment("a"), w.from(url))
	w.start()
	// One at a time, so that each is a batch: a receiver has five places.
	for i := range 5 {
		w.send(url, "slow")
		w.until("it is handled", func() bool { return w.handler.bodies("slow") == i+1 })
	}
	w.send(url, "quick")
	w.until("the quick one is done", func() bool { return w.depth("inbox") == 5 })
	close(release)
	w.until("all are done", func() bool { return w.depth("inbox") == 0 })
}

func TestConsumersRunOnTheLeaderOnly(t *testing.T) {
	if !inbox.New(nil, inbox.Options{}).NeedLeaderElection() {
		t.Error("consumers do not need leader election")
	}
}

func TestMetricsCannotBeRegisteredTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := inbox.NewMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.NewMetrics(registry); err == nil {
		t.Error("the same metrics were registered twice")
	}
}

func TestEnvironments(t *testing.T) {
	t.Run("that share a queue share its receivers", func(t *testing.T) {
		w := newWorld(t)
		url := w.queue("inbox", nil)
		for i := range 5 {
			w.consumers.Set(environment(fmt.Sprint(i)), w.from(url))
		}
		w.start()
		w.until("a receive waits", func() bool { return w.receiving() == 1 })
		w.send(url, "hello")
		w.until("the message is handled", func() bool { return w.depth("inbox") == 0 })
		if got := w.receiving(); got > 1 {
			t.Errorf("%d receives are open, want the one of one consumer", got)
		}
	})
	t.Run("that are removed stop the queue only with the last one", func(t *testing.T) {
		w := newWorld(t)
		url := w.queue("inbox", nil)
		w.consumers.Set(environment("a"), w.from(url))
		w.consumers.Set(environment("b"), w.from(url))
		w.start()
		w.consumers.Remove(environment("a"))
		w.consumers.Remove(environment("never there"))
		w.send(url, "first")
		w.until("the message is handled", func() bool { return w.depth("inbox") == 0 })
		w.consumers.Remove(environment("b"))
		w.until("nothing is received any more", func() bool { return w.receiving() == 0 })
		w.send(url, "second")
		if got := w.handler.bodies("second"); got != 0 || w.depth("inbox") != 1 {
			t.Errorf("a message was taken from a queue that nobody uses")
		}
	})
	t.Run("that move to another queue leave the first", func(t *testing.T) {
		w := newWorld(t)
		first, second := w.queue("first", nil), w.queue("second", nil)
		w.consumers.Set(environment("a"), w.from(first))
		w.start()
		w.until("a receive waits", func() bool { return w.receiving() == 1 })
		w.consumers.Set(environment("a"), w.from(second))
		w.send(second, "hello")
		w.until("the message is handled", func() bool { return w.depth("second") == 0 })
		w.consumers.Set(environment("a"), inbox.Queue{})
		w.until("nothing is received any more", func() bool { return w.receiving() == 0 })
	})
	t.Run("whose role lost its permission do not hold up the others of the queue", func(t *testing.T) {
		w := newWorld(t)
		url := w.queue("inbox", nil)
		user, err := w.server.User("developer")
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := w.server.UserConfig("developer")
		if err != nil {
			t.Fatal(err)
		}
		w.server.Faults().Deny(user.ARN, "sqs:ReceiveMessage")
		w.consumers.Set(environment("a"), inbox.Queue{URL: url, Client: sqs.NewFromConfig(cfg)})
		w.consumers.Set(environment("b"), w.from(url))
		w.send(url, "hello")
		w.start()
		w.untilTime("the message is handled", func() bool { return w.depth("inbox") == 0 })
		// Each of the two receivers meets it once, and stays with the role that works.
		for range 5 {
			w.send(url, "hello")
			w.untilTime("the next message is handled", func() bool { return w.depth("inbox") == 0 })
		}
		if got := w.metric("scanjob_inbox_receive_errors_total", "queue", "inbox"); got < 1 || got > 2 {
			t.Errorf("%v receives were denied, want one for each receiver", got)
		}
		if got := w.consumers.Health(environment("a")); got.Err != nil || got.QueueURL != url {
			t.Errorf("health = %+v, want none to speak of: the queue is consumed", got)
		}
	})
	t.Run("are told of what keeps their queue from being consumed, and of its end", func(t *testing.T) {
		for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage"} {
			w := newWorld(t)
			var told atomic.Int64
			w.consumers.OnHealth(func(name types.NamespacedName) {
				if name == environment("a") {
					told.Add(1)
				}
			})
			url := w.queue("inbox", nil)
			denied := w.server.Faults().Deny(awslocal.Any, action)
			began := w.clock.Now()
			w.consumers.Set(environment("a"), w.from(url))
			w.send(url, "hello")
			w.start()
			w.untilTime("the fault is told", func() bool { return told.Load() == 1 })
			got := w.consumers.Health(environment("a"))
			if got.QueueURL != url || got.Action != action || !strings.Contains(fmt.Sprint(got.Err), "AccessDenied") || got.Since.Before(began) {
				t.Errorf("health = %+v", got)
			}
			if lasted := w.clock.Since(began); lasted < time.Minute {
				t.Errorf("it is told after %v", lasted)
			}
			if other := w.consumers.Health(environment("b")); other != (inbox.Health{}) {
				t.Errorf("an environment without a queue has the health %+v", other)
			}
			denied.Clear()
			w.untilTime("its end is told", func() bool { return told.Load() == 2 })
			if got := w.consumers.Health(environment("a")); got.Err != nil {
				t.Errorf("health = %+v", got)
			}
			w.stop()
		}
	})
	t.Run("have the time of the last receive as a metric, while they use the queue", func(t *testing.T) {
		w := newWorld(t)
		url := w.queue("inbox", nil)
		w.send(url, "hello")
		w.consumers.Set(environment("a"), w.from(url))
		w.start()
		const name = "scanjob_inbox_last_receive_timestamp_seconds"
		w.until("the receive is noted", func() bool { return int64(w.metric(name, "queue", "inbox")) == w.clock.Now().Unix() })
		w.consumers.Remove(environment("a"))
		if got := w.metric(name, "queue", "inbox"); got != 0 {
			t.Errorf("the metric is still there: %v", got)
		}
	})
	t.Run("whose role may not delete have their messages handled again", func(t *testing.T) {
		w := newWorld(t)
		url := w.queue("inbox", nil)
		denied := w.server.Faults().Deny(awslocal.Any, "sqs:DeleteMessage")
		w.consumers.Set(environment("a"), w.from(url))
		w.send(url, "hello")
		w.start()
		w.untilTime("the message is handled twice", func() bool { return w.handler.bodies("hello") == 2 })
		if w.metric("scanjob_inbox_settle_errors_total", "queue", "inbox") == 0 {
			t.Error("the failed delete is not counted")
		}
		denied.Clear()
		w.untilTime("the queue is empty", func() bool { return w.depth("inbox") == 0 })
	})
}

// world is an AWS, consumers of it and the time of both.
type world struct {
	t         *testing.T
	clock     *clocktesting.FakeClock
	server    *awslocal.Server
	client    *sqs.Client
	registry  *prometheus.Registry
	handler   *recorder
	consumers *inbox.Consumers
	cancel    context.CancelFunc
	end       chan error
	started   bool
	arrived   atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := clocktesting.NewFakeClock(time.Now())
	server, err := awslocal.Start(awslocal.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	metrics, err := inbox.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	handler := &recorder{}
	w := &world{
		t: t, clock: clock, server: server, registry: registry, handler: handler,
		client:    sqs.NewFromConfig(server.Config(), quick),
		consumers: inbox.New(handler, inbox.Options{Metrics: metrics, Clock: clock}),
		end:       make(chan error, 1),
	}
	server.Faults().Before("sqs", "ReceiveMessage", awslocal.Forever, func(awslocal.Call) { w.arrived.Add(1) })
	t.Cleanup(func() {
		if w.started {
			w.stop()
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// quick keeps the SDK's own waits between its tries, which are in real time, out of the tests.
func quick(o *sqs.Options) {
	o.RetryMaxAttempts = 2
	o.Retryer = impatient{o.Retryer}
}

type impatient struct{ aws.Retryer }

func (impatient) RetryDelay(int, error) (time.Duration, error) { return time.Millisecond, nil }

func environment(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "scans", Name: name}
}

func (w *world) from(url string) inbox.Queue { return inbox.Queue{URL: url, Client: w.client} }

func (w *world) queue(name string, attributes map[string]string) string {
	w.t.Helper()
	out, err := w.client.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.QueueUrl
}

func (w *world) arn(url string) string {
	w.t.Helper()
	out, err := w.client.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
}

func (w *world) send(url, body string) {
	w.t.Helper()
	if _, err := w.client.SendMessage(w.t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
		w.t.Fatal(err)
	}
}

// receive takes what is there, as another consumer would.
func (w *world) receive(url string) []sqstypes.Message {
	w.t.Helper()
	out, err := w.client.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Messages
}

// receiving counts the receives that wait for a message.
func (w *world) receiving() int {
	// The answered ones are counted first: a receive that ends in between must not make the difference negative.
	answered := w.server.CallCount("sqs", "ReceiveMessage")
	return int(w.arrived.Load()) - answered
}

// depth counts the messages of a queue, hidden ones too.
func (w *world) depth(name string) int {
	w.t.Helper()
	depth, err := w.server.Queue(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return depth.Visible + depth.InFlight
}

func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel, w.started = cancel, true
	go func() { w.end <- w.consumers.Start(ctx) }()
}

// stop ends the consumers and waits, with time passing, until they did.
func (w *world) stop() {
	w.cancel()
	w.untilTime("the consumers ended", w.hasEnded)
	w.ended()
}

func (w *world) hasEnded() bool { return len(w.end) == 1 }

// ended waits for the end of Start, without time passing.
func (w *world) ended() {
	w.t.Helper()
	select {
	case err := <-w.end:
		if err != nil {
			w.t.Errorf("Start ended with %v", err)
		}
		w.started = false
	case <-time.After(20 * time.Second):
		w.t.Fatal("the consumers do not end")
	}
}

// until polls while the clock stands still.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	w.poll(what, func() time.Duration { return 0 }, holds)
}

// untilTime polls while time passes quickly.
func (w *world) untilTime(what string, holds func() bool) {
	w.t.Helper()
	w.poll(what, func() time.Duration { return time.Second }, holds)
}

func (w *world) poll(what string, step func() time.Duration, holds func() bool) {
	w.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
			w.clock.Step(step())
		case <-deadline:
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (w *world) counts(outcome string, want float64) {
	w.t.Helper()
	w.until(fmt.Sprintf("%v messages are counted as %s", want, outcome), func() bool {
		return w.metric("scanjob_inbox_messages_total", "outcome", outcome) == want
	})
}

// metric sums up the counters or gauges of a name that have a label.
func (w *world) metric(name, label, value string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, pair := range metric.GetLabel() {
				if pair.GetName() == label && pair.GetValue() == value {
					sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

func (w *world) receiveCounts() []int {
	var counts []int
	for _, m := range w.handler.seen() {
		counts = append(counts, m.ReceiveCount)
	}
	return counts
}

// recorder is a handler that keeps what it was given.
type recorder struct {
	mu       sync.Mutex
	messages []handled
	do       func(context.Context, inbox.Message) error
}

type handled struct {
	inbox.Message
	queue string
}

// Handle implements inbox.Handler.
func (r *recorder) Handle(ctx context.Context, queue string, m inbox.Message) error {
	r.mu.Lock()
	r.messages = append(r.messages, handled{m, queue})
	r.mu.Unlock()
	if r.do == nil {
		return nil
	}
	return r.do(ctx, m)
}

func (r *recorder) seen() []handled {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// bodies counts how often a message was handled whose body begins so.
func (r *recorder) bodies(prefix string) int {
	n := 0
	for _, m := range r.seen() {
		if strings.HasPrefix(m.Body, prefix) {
			n++
		}
	}
	return n
}

func (r *recorder) distinct() int {
	ids := map[string]bool{}
	for _, m := range r.seen() {
		ids[m.ID] = true
	}
	return len(ids)
}
