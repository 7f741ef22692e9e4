package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/prometheus/client_golang/prometheus"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/scanjob"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// patience bounds every wait of the suite; a wait that is met takes a fraction of it.
const patience = 60 * time.Second

// revision is a well-formed commit for scans whose container does not look at it.
const revision = "6669fb1fca2bfc7e52b5ffd6805b15554ec601bf"

// world is one test's own AWS and namespace, with a ScanEnvironment named default.
type world struct {
	t     *testing.T
	ns    string
	stack *devstack.Stack
	aws   *awslocal.Server
	kube  client.Client
}

// newWorld makes a world without a manager. change may alter the environment before it is created.
func newWorld(t *testing.T, change ...func(*scanv1.ScanEnvironment)) *world {
	t.Helper()
	return newWorldWith(t, devstack.Options{}, change...)
}

// newWorldWith is newWorld with an AWS of one's own choice, in which the roles of config/aws/iam bind and whose calls count
// for what they need.
func newWorldWith(t *testing.T, options devstack.Options, change ...func(*scanv1.ScanEnvironment)) *world {
	t.Helper()
	options.Roles = roles
	stack := startStack(t, options)
	count(t, stack)
	return worldOf(t, stack, change...)
}

// count has the calls of an AWS count for what the roles of config/aws/iam need.
func count(t *testing.T, stack *devstack.Stack) {
	t.Cleanup(func() { used.add(stack.AWS.Calls()) })
}

// startStack starts an AWS that ends with the test.
func startStack(t *testing.T, options devstack.Options) *devstack.Stack {
	t.Helper()
	options.Dir, options.Scanner = t.TempDir(), scannerBinary(t)
	stack, err := devstack.Start(t.Context(), options)
	if err != nil {
		t.Fatalf("start the local AWS: %v", err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("the local AWS met errors: %v", err)
		}
	})
	return stack
}

// worldOf makes a world of an AWS.
func worldOf(t *testing.T, stack *devstack.Stack, change ...func(*scanv1.ScanEnvironment)) *world {
	t.Helper()
	scheme, err := controllers.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	kube, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ns: plane.Namespace(t), stack: stack, aws: stack.AWS, kube: kube}
	environment := stack.Environment(w.ns, "default")
	for _, alter := range change {
		alter(environment)
	}
	w.create(environment)
	return w
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := w.kube.Create(w.t.Context(), object); err != nil {
		w.t.Fatalf("create %T %s: %v", object, object.GetName(), err)
	}
}

// manager is a running operator.
type manager struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	log    *syncBuffer
}

// managerOptions alter how a manager is started.
type managerOptions struct {
	// kube and aws replace the configurations that the manager reaches the cluster and AWS with.
	kube *rest.Config
	aws  *aws.Config
	// jobs are the ScanJob controller's settings.
	jobs scanjob.Options
	// triggers tells when sweeps are due, schedules when runs of schedules are.
	triggers, schedules clock.PassiveClock
}

// quick are settings that make a test's scans take no longer than they must.
func quick() scanjob.Options {
	return scanjob.Options{
		PollInterval:       100 * time.Millisecond,
		CapacityProbeAfter: 100 * time.Millisecond,
		Backoff: scanjob.Backoff{
			Scan: 10 * time.Millisecond, ScanMax: 20 * time.Millisecond,
			Infrastructure: 10 * time.Millisecond, InfrastructureMax: 20 * time.Millisecond,
		},
	}
}

// manage starts an operator in this process that sees only this world's namespace, until the test ends.
func (w *world) manage(options managerOptions) *manager {
	w.t.Helper()
	kube := rest.CopyConfig(plane.Config)
	if options.kube != nil {
		kube = options.kube
	}
	reach := w.stack.Config
	if options.aws != nil {
		reach = *options.aws
	}
	if options.jobs.PollInterval == 0 {
		options.jobs = quick()
	}
	options.jobs.GitEndpoint = w.aws.URL()
	m := &manager{t: w.t, done: make(chan struct{}), log: &syncBuffer{}}
	logger := zap.New(zap.WriteTo(m.log), zap.UseDevMode(false))
	scheme, err := controllers.NewScheme()
	if err != nil {
		w.t.Fatal(err)
	}
	unique, cached := true, controllers.CacheOptions()
	cached.DefaultNamespaces = map[string]cache.Config{w.ns: {}}
	mgr, err := ctrl.NewManager(kube, ctrl.Options{
		Scheme:                 scheme,
		Logger:                 logger,
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		Cache:                  cached,
		Client:                 client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		// Several managers run in this process, one a test.
		Controller: config.Controller{SkipNameValidation: &unique},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	err = controllers.Setup(ctx, mgr, awsclient.NewFactory(reach), controllers.Options{
		ScanJob: options.jobs,
		// What a crashed manager held comes back after two seconds, not after a minute.
		Inbox:   inbox.Options{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second},
		Metrics: prometheus.NewRegistry(),

		// The local AWS has no rate.
		CodeCommit: codecommit.Options{CallsPerSecond: 1000},

		TriggerClock: options.triggers, ScheduleClock: options.schedules,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(m.done)
		m.err = mgr.Start(ctx)
	}()
	w.t.Cleanup(func() {
		m.stop()
		if w.t.Failed() {
			w.t.Logf("the manager's log, its end:\n%s", tail(m.log.String(), 6000))
		}
	})
	return m
}

// stop ends the manager and waits until it has.
func (m *manager) stop() {
	m.cancel()
	<-m.done
}

// ended says whether the manager has stopped.
func (m *manager) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// settled says whether a job is at its end and its report has been told.
func (w *world) settled(name string) bool {
	job := &scanv1.ScanJob{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: name}, job); err != nil {
		w.t.Fatalf("read ScanJob %s: %v", name, err)
	}
	return isSettled(job)
}

func isSettled(job *scanv1.ScanJob) bool {
	reported := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionReported)
	return reported != nil && reported.Reason != scanv1.ReasonAwaitingFindings
}

// job returns a ScanJob of this world. change may alter it.
func (w *world) job(name string, change ...func(*scanv1.ScanJob)) *scanv1.ScanJob {
	job := &scanv1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: scanv1.ScanJobSpec{
			EnvironmentName: "default",
			Source:          scanv1.ScanSource{CodeCommit: &scanv1.CodeCommitSource{Repository: "payments"}, Revision: revision},
		},
	}
	for _, alter := range change {
		alter(job)
	}
	return job
}

// submit creates a job and returns it as it is in the cluster.
func (w *world) submit(name string, change ...func(*scanv1.ScanJob)) *scanv1.ScanJob {
	w.t.Helper()
	job := w.job(name, change...)
	w.create(job)
	return job
}

// wait polls a job until the condition holds, and returns it. what ends the sentence "the job never …".
func (w *world) wait(name, what string, condition func(*scanv1.ScanJob) bool) *scanv1.ScanJob {
	w.t.Helper()
	job := &scanv1.ScanJob{}
	poll(w.t, func() bool {
		if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: name}, job); err != nil {
			w.t.Fatalf("read ScanJob %s: %v", name, err)
		}
		return condition(job)
	}, func() string {
		text, err := yaml.Marshal(job.Status)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("ScanJob %s never %s; its status:\n%s", name, what, text)
	})
	return job
}

// finished waits until the job is at its end and its report is settled.
func (w *world) finished(name string) *scanv1.ScanJob {
	w.t.Helper()
	return w.wait(name, "finished", isSettled)
}

// gone waits until the job does not exist.
func (w *world) gone(name string) {
	w.t.Helper()
	job := &scanv1.ScanJob{}
	poll(w.t, func() bool {
		return apierrors.IsNotFound(w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: name}, job))
	}, func() string {
		text, err := yaml.Marshal(job)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("ScanJob %s was never gone:\n%s", name, text)
	})
}

// change patches a job's spec.
func (w *world) change(name string, alter func(*scanv1.ScanJob)) {
	w.t.Helper()
	job := &scanv1.ScanJob{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: name}, job); err != nil {
		w.t.Fatal(err)
	}
	before := job.DeepCopy()
	alter(job)
	if err := w.kube.Patch(w.t.Context(), job, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// wantReason fails the test unless the condition is True with that reason.
func wantReason(t *testing.T, job *scanv1.ScanJob, condition, reason string) *metav1.Condition {
	t.Helper()
	found := meta.FindStatusCondition(job.Status.Conditions, condition)
	if found == nil || found.Status != metav1.ConditionTrue || found.Reason != reason {
		text, err := yaml.Marshal(job.Status)
		if err != nil {
			t.Fatal(err)
		}
		t.Fatalf("condition %s is not True with reason %s; status:\n%s", condition, reason, text)
	}
	return found
}

// oneTaskPerAttempt fails the test if any attempt has more than one task, or a task has no attempt.
func (w *world) oneTaskPerAttempt(job *scanv1.ScanJob) {
	w.t.Helper()
	tasks := map[string]int{}
	for _, task := range w.aws.Tasks() {
		tasks[task.StartedBy]++
		if tasks[task.StartedBy] > 1 {
			w.t.Errorf("attempt %s has %d tasks", task.StartedBy, tasks[task.StartedBy])
		}
	}
	known := map[string]bool{}
	for _, attempt := range job.Status.Attempts {
		if attempt.TaskARN != "" {
			known[attempt.TaskARN] = true
		}
	}
	for _, task := range w.aws.Tasks() {
		if strings.Contains(task.StartedBy, string(job.UID)) && !known[task.ARN] {
			w.t.Errorf("task %s (%s) is in no attempt of the job", task.ARN, task.StartedBy)
		}
	}
}

// events returns the Kubernetes events about this world's objects, as text.
func (w *world) events() string {
	w.t.Helper()
	list := &corev1.EventList{}
	if err := w.kube.List(w.t.Context(), list, client.InNamespace(w.ns)); err != nil {
		w.t.Fatal(err)
	}
	var text strings.Builder
	for _, event := range list.Items {
		fmt.Fprintf(&text, "%s %s %s/%s: %s\n", event.Type, event.Reason, event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Message)
	}
	return text.String()
}

// poll waits until the condition holds, and fails the test with the explanation when it does not in time.
func poll(t *testing.T, condition func() bool, explain func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatal(explain())
		case <-ticker.C:
		}
	}
}

// pollWhileItMoves is poll for much work: it fails when what progress tells has not changed for as long as poll waits.
func pollWhileItMoves(t *testing.T, condition func() bool, progress func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	last := ""
	for !condition() {
		if now := progress(); now != last {
			last = now
			deadline.Reset(patience)
		}
		select {
		case <-deadline.C:
			t.Fatal(last)
		case <-ticker.C:
		}
	}
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func toYAML(value any) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func tail(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	return "…" + text[len(text)-bytes:]
}
