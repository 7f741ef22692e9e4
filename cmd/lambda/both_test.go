package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/scanjob"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// patience bounds every wait.
const patience = 60 * time.Second

// both is a world in which the same events go to the manager's queue and to the function.
type both struct {
	*world
	stack *devstack.Stack
	// copies is the queue that holds what EventBridge would call the function with.
	copies string
}

func newBoth(t *testing.T) *both {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	stack.AWS.RunContainersWith(awslocal.ExitWith(0))
	w := worldOf(t, stack.AWS, plane.Namespace(t), stack.Config)
	w.applyRBAC()
	b := &both{world: w, stack: stack}
	b.copyEvents()
	w.create(stack.Environment(w.namespace, "default"))
	w.create(stack.Trigger(w.namespace, "pull-requests", "default"))
	return b
}

// copyEvents makes the rule that would call the function.
func (b *both) copyEvents() {
	b.t.Helper()
	ctx, queues, rules := b.t.Context(), sqs.NewFromConfig(b.stack.Config), eventbridge.NewFromConfig(b.stack.Config)
	name := aws.String("function")
	arn := "arn:aws:sqs:" + b.aws.Region() + ":111122223333:function"
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":%q}]}`, arn)
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name, Attributes: map[string]string{string(sqstypes.QueueAttributeNamePolicy): policy}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.copies = aws.ToString(queue.QueueUrl)
	_, err = rules.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, EventPattern: aws.String(`{"source":["aws.codecommit"]}`)})
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = rules.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []eventtypes.Target{{Id: name, Arn: &arn}}})
	if err != nil {
		b.t.Fatal(err)
	}
}

// callFunction calls the function with every event so far, as Lambda would, until it succeeds.
func (b *both) callFunction() {
	b.t.Helper()
	queues := sqs.NewFromConfig(b.stack.Config)
	for {
		out, err := queues.ReceiveMessage(b.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &b.copies, MaxNumberOfMessages: 10})
		if err != nil {
			b.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return
		}
		for _, message := range out.Messages {
			if err := b.function.Handle(b.t.Context(), json.RawMessage(aws.ToString(message.Body))); err != nil {
				b.t.Fatal(err)
			}
			if _, err := queues.DeleteMessage(b.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &b.copies, ReceiptHandle: message.ReceiptHandle}); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// manage runs the operator until the returned function is called, or the test ends.
func (b *both) manage() (stop func()) {
	b.t.Helper()
	scheme, err := controllers.NewScheme()
	if err != nil {
		b.t.Fatal(err)
	}
	unique := true
	mgr, err := ctrl.NewManager(plane.Config, ctrl.Options{
		Scheme: scheme, Logger: log.Log, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{b.namespace: {}}},
		Client:     client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		Controller: config.Controller{SkipNameValidation: &unique},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = controllers.Setup(ctx, mgr, awsclient.NewFactory(b.stack.Config), controllers.Options{
		ScanJob: scanjob.Options{GitEndpoint: b.aws.URL(), PollInterval: 100 * time.Millisecond},
		Inbox:   inbox.Options{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second},
		Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("the manager: %v", err)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// eventually polls until what is empty: it says what there is to wait for.
func (b *both) eventually(what func() string) {
	b.t.Helper()
	deadline, ticker := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	for {
		missing := what()
		if missing == "" {
			return
		}
		select {
		case <-deadline:
			b.t.Fatal(missing)
		case <-ticker.C:
		}
	}
}

// listening waits until the trigger hears its queue.
func (b *both) listening() {
	b.t.Helper()
	b.eventually(func() string {
		var trigger v1alpha1.ScanTrigger
		if err := b.admin.Get(b.t.Context(), client.ObjectKey{Namespace: b.namespace, Name: "pull-requests"}, &trigger); err != nil {
			return err.Error()
		}
		if !meta.IsStatusConditionTrue(trigger.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Sprintf("the trigger is not ready: %+v", trigger.Status.Conditions)
		}
		return ""
	})
}

// wantDone waits until the queue is empty and all jobs are done, and fails the test unless there are so many.
func (b *both) wantDone(want int) {
	b.t.Helper()
	var list v1alpha1.ScanJobList
	b.eventually(func() string {
		depth, err := b.aws.Queue(awslocal.DefaultNames().Queue)
		if err != nil {
			return err.Error()
		}
		if err := b.admin.List(b.t.Context(), &list, client.InNamespace(b.namespace)); err != nil {
			return err.Error()
		}
		open := 0
		for i := range list.Items {
			if !jobs.Finished(&list.Items[i]) {
				open++
			}
		}
		if depth.Total() > 0 || open > 0 || len(list.Items) < want {
			return fmt.Sprintf("%d messages, %d jobs, %d of them not done", depth.Total(), len(list.Items), open)
		}
		return ""
	})
	if len(list.Items) != want || len(b.aws.Tasks()) != want {
		b.t.Errorf("%d jobs and %d tasks, want %d", len(list.Items), len(b.aws.Tasks()), want)
	}
}

func (b *both) open(repo *devstack.Repository, branch string) {
	b.t.Helper()
	if _, err := repo.Commit(b.t.Context(), branch, "Change", map[string]string{branch + ".txt": "x"}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := repo.OpenPullRequest(b.t.Context(), branch, "A change"); err != nil {
		b.t.Fatal(err)
	}
}

func TestQueueAndFunctionTogetherMakeOneJob(t *testing.T) {
	b := newBoth(t)
	stop := b.manage()
	b.listening()
	repo, err := b.stack.CreateRepository(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Commit(t.Context(), "main", "Begin", map[string]string{"README.md": "x"}); err != nil {
		t.Fatal(err)
	}
	t.Log("both at once")
	b.open(repo, "both")
	b.callFunction()
	b.wantDone(1)

	t.Log("the function first: the manager is away")
	stop()
	b.open(repo, "function")
	b.callFunction()
	if names, _ := b.jobs(); len(names) != 2 {
		t.Errorf("jobs %v, want that of the function", names)
	}
	stop = b.manage()
	b.wantDone(2)

	t.Log("the queue first: the function is called late")
	b.open(repo, "queue")
	b.wantDone(3)
	b.callFunction()
	b.wantDone(3)
	stop()
}
