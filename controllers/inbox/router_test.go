package inbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	inboxevents "github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

const (
	queueURL = "https://sqs.us-east-1.amazonaws.com/111122223333/scan-inbox"
	account  = "111122223333"
	region   = "us-east-1"
)

func TestRouterHandsEachEventToWhomItConcerns(t *testing.T) {
	received := time.Date(2026, 11, 9, 10, 16, 0, 0, time.UTC)
	tests := map[string]struct{ file, want, kind, outcome string }{
		"a pull request":        {"codecommit-pullRequestCreated.json", "pull request 42 Created, received 10:16:00", "PullRequest", "handled"},
		"a merge":               {"codecommit-pullRequestMergeStatusUpdated.json", "pull request 42 Merged, received 10:16:00", "PullRequest", "handled"},
		"a push":                {"codecommit-referenceUpdated-push.json", "push to feature/capture, received 10:16:00", "Push", "handled"},
		"a task":                {"ecs-task-3-running.json", "task RUNNING version 3", "TaskState", "handled"},
		"findings":              {"findings.json", "2 findings of payments-pr42", "Findings", "handled"},
		"findings in envelopes": {"sns-envelope.json", "2 findings of payments-pr42", "Findings", "handled"},
		"a comment":             {"codecommit-commentOnPullRequestCreated.json", "", "Ignored", "ignored"},
		"an approval":           {"codecommit-pullRequestApprovalStateChanged-approve.json", "", "Ignored", "ignored"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, environment("default", account, region))
			err := w.router.Handle(w.ctx, queueURL, inbox.Message{ID: "m-1", Body: sample(t, test.file), Received: received})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(w.got, "; "); got != test.want {
				t.Errorf("handed over %q, want %q", got, test.want)
			}
			w.counted(test.kind, test.outcome)
			w.noEvents()
		})
	}
}

func TestRouterKeepsTheMessageWhenAHandlerFails(t *testing.T) {
	failure := errors.New("the API server does not answer")
	for kind, file := range map[string]string{
		"PullRequest": "codecommit-pullRequestCreated.json", "Push": "codecommit-referenceCreated.json",
		"TaskState": "ecs-task-1-provisioning.json", "Findings": "findings.json",
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, environment("default", account, region))
			w.fails = failure
			err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: sample(t, file)})
			if !errors.Is(err, failure) || errors.Is(err, inboxevents.ErrUndecodable) {
				t.Errorf("error = %v, want the handler's", err)
			}
			w.counted(kind, "failed")
		})
	}
}

func TestRouterDropsEventsOfAnotherAccountOrRegion(t *testing.T) {
	foreign := map[string]*v1alpha1.ScanEnvironment{
		"another account": environment("default", "444455556666", region),
		"another region":  environment("default", account, "eu-west-1"),
	}
	for name, env := range foreign {
		for _, file := range []string{"codecommit-pullRequestCreated.json", "codecommit-referenceCreated.json", "ecs-task-3-running.json"} {
			t.Run(name+", "+file, func(t *testing.T) {
				w := newWorld(t, env)
				if err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: sample(t, file)}); err != nil {
					t.Fatalf("error = %v, want none: repeating the message does not help", err)
				}
				if len(w.got) != 0 {
					t.Errorf("handed over %v", w.got)
				}
				own := env.Status.Resolved
				w.event("Warning ForeignEvent", account, region, own.Account, own.Region, "Remove the rule")
			})
		}
	}
	t.Run("but not where one environment of the queue has the account", func(t *testing.T) {
		w := newWorld(t, environment("other", "444455556666", region), environment("default", account, region))
		if err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: sample(t, "codecommit-pullRequestCreated.json")}); err != nil {
			t.Fatal(err)
		}
		if len(w.got) != 1 {
			t.Errorf("handed over %v, want the event", w.got)
		}
		w.noEvents()
	})
	t.Run("and tells of it in what an event can hold", func(t *testing.T) {
		long := environment("default", "444455556666", region)
		w := newWorld(t, long)
		long.Status.Resolved.QueueURL += strings.Repeat("é", 1000)
		w.router.reportForeign(w.ctx, long, account, region)
		w.event("Warning ForeignEvent", account, "Remove the rule")
	})
	t.Run("and counts them", func(t *testing.T) {
		w := newWorld(t, environment("default", "444455556666", region))
		if err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: sample(t, "codecommit-pullRequestCreated.json")}); err != nil {
			t.Fatal(err)
		}
		w.counted("PullRequest", "foreign")
	})
}

func TestRouterKeepsEventsOfAQueueWhoseEnvironmentIsNotKnownYet(t *testing.T) {
	elsewhere := environment("default", account, region)
	elsewhere.Status.Resolved.QueueURL += "-2"
	unresolved := environment("new", account, region)
	unresolved.Status.Resolved = nil
	w := newWorld(t, elsewhere, unresolved)
	err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: sample(t, "codecommit-pullRequestCreated.json")})
	if err == nil || errors.Is(err, inboxevents.ErrUndecodable) || !strings.Contains(err.Error(), queueURL) {
		t.Errorf("error = %v, want one that names the queue and brings the message back", err)
	}
	if len(w.got) != 0 {
		t.Errorf("handed over %v", w.got)
	}
}

func TestRouterKeepsAForeignEventThatMayBeForAnEnvironmentThatIsNotResolvedYet(t *testing.T) {
	tests := map[string]struct {
		edit func(*v1alpha1.ScanEnvironment)
		kept bool
	}{
		"an ACK object that may be the queue": {func(*v1alpha1.ScanEnvironment) {}, true},
		"the queue's ARN": {func(e *v1alpha1.ScanEnvironment) {
			e.Spec.Inbox.Queue.ID = "arn:aws:sqs:us-east-1:111122223333:scan-inbox"
		}, true},
		"the queue's URL": {func(e *v1alpha1.ScanEnvironment) { e.Spec.Inbox.Queue.ID = queueURL }, true},
		"the event's region, and a role of its account": {func(e *v1alpha1.ScanEnvironment) {
			e.Spec.Region, e.Spec.AssumeRoleARN = region, "arn:aws:iam::"+account+":role/scans"
		}, true},
		"another queue":             {func(e *v1alpha1.ScanEnvironment) { e.Spec.Inbox.Queue.ID = queueURL + "-2" }, false},
		"another region":            {func(e *v1alpha1.ScanEnvironment) { e.Spec.Region = "eu-west-1" }, false},
		"a role of another account": {func(e *v1alpha1.ScanEnvironment) { e.Spec.AssumeRoleARN = "arn:aws:iam::444455556666:role/scans" }, false},
		"no inbox":                  {func(e *v1alpha1.ScanEnvironment) { e.Spec.Inbox = nil }, false},
		"references that led to something of another kind": {func(e *v1alpha1.ScanEnvironment) { e.Status.Resolved = &v1alpha1.ResolvedEnvironment{} }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pending := environment("pending", account, region)
			pending.Namespace, pending.Status.Resolved = "others", nil
			pending.Spec.Inbox = &v1alpha1.InboxConfiguration{}
			test.edit(pending)
			w := newWorld(t, environment("default", "444455556666", region), pending)
			err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: sample(t, "codecommit-pullRequestCreated.json")})
			if !test.kept {
				if err != nil {
					t.Errorf("error = %v, want none: the event is nobody's", err)
				}
				w.counted("PullRequest", "foreign")
				return
			}
			if err == nil || errors.Is(err, inboxevents.ErrUndecodable) || !strings.Contains(err.Error(), "others/pending") {
				t.Errorf("error = %v, want one that names the environment and brings the message back", err)
			}
			w.counted("PullRequest", "failed")
			w.noEvents()
		})
	}
}

func TestRouterTellsOfWhatItCannotRead(t *testing.T) {
	const private = "correct-horse-battery-staple"
	for name, body := range map[string]string{
		"text":                   private,
		"one MiB of garbage":     strings.Repeat("{["+private, 1<<20/len(private)),
		"an event of a stranger": `{"source":"aws.s3","detail-type":"x","detail":{"key":"` + private + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, environment("first", account, region), environment("second", account, region))
			err := w.router.Handle(w.ctx, queueURL, inbox.Message{ID: "m-17", Body: body, ReceiveCount: 2})
			if !errors.Is(err, inboxevents.ErrUndecodable) {
				t.Fatalf("error = %v, want ErrUndecodable, which leaves the message alone", err)
			}
			for range 2 {
				w.event("Warning UndecodableMessage", "m-17", "dead-letter queue")
			}
			w.counted("Unknown", "undecodable")
			logged := strings.Join(w.logs, "\n")
			for _, want := range []string{queueURL, "m-17", "reason"} {
				if !strings.Contains(logged, want) {
					t.Errorf("the log %q does not tell %q", logged, want)
				}
			}
			if strings.Contains(logged, private) || strings.Contains(err.Error(), private) {
				t.Error("the body is told")
			}
		})
	}
	t.Run("also when the environments cannot be listed", func(t *testing.T) {
		w := newWorld(t)
		w.router.options.Client = interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
				return errors.New("the cache is not synced")
			},
		})
		err := w.router.Handle(w.ctx, queueURL, inbox.Message{Body: private})
		if !errors.Is(err, inboxevents.ErrUndecodable) || !strings.Contains(err.Error(), "the cache is not synced") {
			t.Errorf("error = %v, want both", err)
		}
	})
}

func TestMetricsCannotBeRegisteredTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry); err == nil {
		t.Error("the same metrics were registered twice")
	}
}

// world is a router and all that it talks to.
type world struct {
	t        *testing.T
	ctx      context.Context
	router   *Router
	registry *prometheus.Registry
	recorder *events.FakeRecorder
	logs     []string
	got      []string
	fails    error
}

func newWorld(t *testing.T, environments ...*v1alpha1.ScanEnvironment) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := &indexes{ClientBuilder: fake.NewClientBuilder().WithScheme(scheme)}
	for _, environment := range environments {
		builder.WithObjects(environment.DeepCopy())
	}
	if err := IndexEnvironments(t.Context(), builder); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, registry: prometheus.NewRegistry(), recorder: events.NewFakeRecorder(10)}
	metrics, err := NewMetrics(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	logger := funcr.New(func(_, args string) { w.logs = append(w.logs, args) }, funcr.Options{Verbosity: 1})
	w.ctx = log.IntoContext(t.Context(), logger)
	w.router = New(Options{
		Client: builder.Build(), Recorder: w.recorder, Metrics: metrics,
		PullRequests: w, Pushes: w, Tasks: w, Findings: w,
	})
	return w
}

// indexes lets IndexEnvironments set up a client that is not a cache.
type indexes struct{ *fake.ClientBuilder }

func (i *indexes) IndexField(_ context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	i.WithIndex(object, field, extract)
	return nil
}

func (w *world) note(format string, args ...any) error {
	w.got = append(w.got, fmt.Sprintf(format, args...))
	return w.fails
}

func (w *world) HandlePullRequest(_ context.Context, queue string, e inboxevents.PullRequest, received time.Time) error {
	w.sameQueue(queue)
	return w.note("pull request %s %s, received %s", e.ID, e.EventKind, received.Format(time.TimeOnly))
}

func (w *world) HandlePush(_ context.Context, queue string, e inboxevents.Push, received time.Time) error {
	w.sameQueue(queue)
	return w.note("push to %s, received %s", e.Branch, received.Format(time.TimeOnly))
}

func (w *world) ObserveTask(_ context.Context, queue string, e inboxevents.TaskState) error {
	w.sameQueue(queue)
	return w.note("task %s version %d", e.Task.LastStatus, e.Task.Version)
}

func (w *world) RecordFindings(_ context.Context, queue string, r contract.Result) error {
	w.sameQueue(queue)
	return w.note("%d findings of %s", r.Total, r.ScanJob.Name)
}

func (w *world) sameQueue(queue string) {
	w.t.Helper()
	if queue != queueURL {
		w.t.Errorf("queue %q, want %q", queue, queueURL)
	}
}

func (w *world) counted(kind, outcome string) {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	var counted []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := []string{}
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetValue())
			}
			counted = append(counted, fmt.Sprintf("%s=%v", strings.Join(labels, "/"), metric.GetCounter().GetValue()))
		}
	}
	if want := []string{kind + "/" + outcome + "=1"}; !slices.Equal(counted, want) {
		w.t.Errorf("counted %v, want %v", counted, want)
	}
}

func (w *world) event(parts ...string) {
	w.t.Helper()
	select {
	case event := <-w.recorder.Events:
		for _, part := range parts {
			if !strings.Contains(event, part) {
				w.t.Errorf("event %q does not tell %q", event, part)
			}
		}
		// The recorder writes type, reason and note with spaces in between.
		if note := strings.SplitN(event, " ", 3)[2]; len(note) > 1024 {
			w.t.Errorf("the note has %d bytes; Kubernetes takes 1024", len(note))
		}
	default:
		w.t.Errorf("no event that tells %q", parts)
	}
}

func (w *world) noEvents() {
	w.t.Helper()
	if len(w.recorder.Events) > 0 {
		w.t.Errorf("event %q, want none", <-w.recorder.Events)
	}
}

func environment(name, account, region string) *v1alpha1.ScanEnvironment {
	return &v1alpha1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "scans"},
		Status:     v1alpha1.ScanEnvironmentStatus{Resolved: &v1alpha1.ResolvedEnvironment{Account: account, Region: region, QueueURL: queueURL}},
	}
}

// sample reads one of the messages that internal/events is tested with.
func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "internal", "events", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
