package scantrigger

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	inboxrouter "github.com/scanjob-dev/scanjob/controllers/inbox"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var plane *testplane.Plane

func TestMain(m *testing.M) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.UseDevMode(true)))
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		return nil
	}))
}

// world is a namespace with a manager, an AWS with an inbox queue, and the way of messages from the one to the other.
type world struct {
	t         *testing.T
	namespace string
	client    client.Client
	handler   *Handler
	maker     *Maker
	cached    client.Reader
	hosted    bool
	registry  *prometheus.Registry
	aws       *awslocal.Server
	sqs       *sqs.Client
	queueURL  string
	consumers *inbox.Consumers
}

// newWorld makes a world whose queue moves messages to the queue dead after two receives, 1 s apart at least. Nobody can be
// asked about pull requests in it, and nothing is swept.
func newWorld(t *testing.T) *world {
	t.Helper()
	return makeWorld(t, awslocal.Options{}, false)
}

// newHostedWorld makes a world whose pull requests are those of its CodeCommit.
func newHostedWorld(t *testing.T) *world {
	t.Helper()
	return makeWorld(t, awslocal.Options{PullRequestPage: 3}, true)
}

func makeWorld(t *testing.T, options awslocal.Options, hosted bool) *world {
	t.Helper()
	server, err := awslocal.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{
		t: t, namespace: plane.Namespace(t), hosted: hosted, registry: prometheus.NewRegistry(), aws: server, sqs: sqs.NewFromConfig(server.Config()),
	}
	plane.ReleaseScanJobs(t, w.namespace)
	w.makeQueues()
	w.startManager()
	return w
}

func (w *world) makeQueues() {
	w.t.Helper()
	dead, err := w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: ptr.To("dead")})
	if err != nil {
		w.t.Fatal(err)
	}
	arn := string(sqstypes.QueueAttributeNameQueueArn)
	attributes, err := w.sqs.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: dead.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	redrive := fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":2}`, attributes.Attributes[arn])
	out, err := w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{
		QueueName: ptr.To("inbox"), Attributes: map[string]string{"RedrivePolicy": redrive},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.queueURL = *out.QueueUrl
}

func (w *world) startManager() {
	w.t.Helper()
	t := w.t
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.client, err = client.New(plane.Config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(plane.Config, ctrl.Options{
		Scheme:     scheme,
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cached = mgr.GetClient()
	reach := w.aws.Config()
	// How often the SDK asks again is not what these tests are about, and it waits for seconds in between.
	reach.RetryMaxAttempts = 2
	factory := awsclient.NewFactory(reach)
	metrics, err := NewMetrics(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	options := MakerOptions{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("scantrigger"), Metrics: metrics}
	if w.hosted {
		options.CodeCommit = codecommit.NewClients(factory, codecommit.Options{CallsPerSecond: 1000})
	}
	if w.maker, err = NewMaker(options); err != nil {
		t.Fatal(err)
	}
	w.handler = NewHandler(mgr.GetClient(), w.maker)
	reconciler, err := New(ReconcilerOptions{Client: mgr.GetClient(), DeadLetters: inbox.NewDeadLetters(factory, clock.RealClock{}), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	router := inboxrouter.New(inboxrouter.Options{
		Client: mgr.GetClient(), Recorder: options.Recorder,
		PullRequests: w.handler, Pushes: w.handler, Tasks: nobody{}, Findings: nobody{},
	})
	w.consumers = inbox.New(router, inbox.Options{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second})
	if w.hosted {
		sweeper := NewSweeper(SweeperOptions{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Maker: w.maker, CodeCommit: options.CodeCommit})
		if err := sweeper.SetupWithManager(mgr); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		inboxrouter.IndexEnvironments(ctx, mgr.GetFieldIndexer()), reconciler.SetupWithManager(ctx, mgr), mgr.Add(w.consumers),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended with %v", err)
		}
	}))
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		t.Fatal("the cache does not sync")
	}
}

// nobody takes the messages that are not for triggers.
type nobody struct{}

func (nobody) ObserveTask(context.Context, string, events.TaskState) error   { return nil }
func (nobody) RecordFindings(context.Context, string, contract.Result) error { return nil }

// environment makes the ScanEnvironment default as if its controller had resolved it to the queue.
func (w *world) environment(account string) *v1alpha1.ScanEnvironment {
	w.t.Helper()
	environment := &v1alpha1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: w.namespace},
		Spec: v1alpha1.ScanEnvironmentSpec{
			Cluster:        v1alpha1.AWSReference{ID: "scans"},
			TaskDefinition: v1alpha1.AWSReference{ID: "scanner:7"},
			Network:        v1alpha1.NetworkConfiguration{Subnets: []v1alpha1.AWSReference{{ID: "subnet-0a1b2c3d4e5f60718"}}},
			Inbox:          &v1alpha1.InboxConfiguration{Queue: v1alpha1.AWSReference{ID: w.queueURL}},
		},
	}
	w.create(environment)
	w.resolve(environment, account)
	return environment
}

func (w *world) resolve(environment *v1alpha1.ScanEnvironment, account string) {
	w.t.Helper()
	environment.Status.Resolved = &v1alpha1.ResolvedEnvironment{
		Region: "us-east-1", Account: account, QueueURL: w.queueURL, Subnets: []string{"subnet-0a1b2c3d4e5f60718"},
		ClusterARN:        "arn:aws:ecs:us-east-1:111122223333:cluster/scans",
		TaskDefinitionARN: "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7",
	}
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
	})
	if err := w.client.Status().Update(w.t.Context(), environment); err != nil {
		w.t.Fatal(err)
	}
}

// trigger makes a ScanTrigger for the environment default and waits until events reach it.
func (w *world) trigger(name string, edits ...func(*v1alpha1.ScanTrigger)) *v1alpha1.ScanTrigger {
	w.t.Helper()
	trigger := w.newTrigger(name, edits...)
	w.create(trigger)
	w.awaitReason(trigger, v1alpha1.ReasonListening)
	return trigger
}

func (w *world) newTrigger(name string, edits ...func(*v1alpha1.ScanTrigger)) *v1alpha1.ScanTrigger {
	trigger := &v1alpha1.ScanTrigger{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace},
		Spec:       v1alpha1.ScanTriggerSpec{EnvironmentName: "default"},
	}
	for _, edit := range edits {
		edit(trigger)
	}
	return trigger
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

// awaitReason waits until a trigger's condition Ready has a reason for its newest spec.
func (w *world) awaitReason(trigger *v1alpha1.ScanTrigger, reason string) {
	w.t.Helper()
	w.eventually("wait for "+reason, func() string {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
			return err.Error()
		}
		ready := meta.FindStatusCondition(trigger.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != reason || ready.ObservedGeneration != trigger.Generation || trigger.Status.ObservedGeneration != trigger.Generation {
			return fmt.Sprintf("condition %+v", ready)
		}
		return ""
	})
}

// handle hands an event to the handler as the router does, and fails the test where it cannot be handled.
func (w *world) handle(e events.PullRequest) {
	w.t.Helper()
	if err := w.handler.HandlePullRequest(w.t.Context(), w.queueURL, e, e.Time.Add(time.Second)); err != nil {
		w.t.Fatal(err)
	}
}

// jobs returns the ScanJobs of the namespace by their names.
func (w *world) jobs() map[string]v1alpha1.ScanJob {
	w.t.Helper()
	var list v1alpha1.ScanJobList
	if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	jobs := map[string]v1alpha1.ScanJob{}
	for _, job := range list.Items {
		jobs[job.Name] = job
	}
	return jobs
}

// running returns the commits whose jobs nobody cancelled, in order.
func (w *world) running() []string {
	w.t.Helper()
	commits := []string{}
	for _, job := range w.jobs() {
		if !job.Spec.Cancel {
			commits = append(commits, job.Spec.Source.Revision)
		}
	}
	slices.Sort(commits)
	return commits
}

// warnings returns the reasons and notes of the Warning events about an object.
func (w *world) warnings(about string) []string {
	w.t.Helper()
	return w.eventsOf(about, corev1.EventTypeWarning)
}

// told returns the reasons and notes of all events about an object.
func (w *world) told(about string) []string {
	w.t.Helper()
	return append(w.warnings(about), w.eventsOf(about, corev1.EventTypeNormal)...)
}

func (w *world) eventsOf(about, kind string) []string {
	w.t.Helper()
	var list eventsv1.EventList
	if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	var found []string
	for _, event := range list.Items {
		if event.Type == kind && event.Regarding.Name == about {
			found = append(found, event.Reason+": "+event.Note)
		}
	}
	return found
}

func (w *world) eventually(what string, why func() string) {
	w.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = why()
		return last == "", nil
	})
	if err != nil {
		w.t.Fatalf("%s: %s", what, last)
	}
}
