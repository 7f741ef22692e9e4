package scanjob

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// rig runs the reconciler by hand, with a clock of its own, against the local AWS over HTTP: for what takes minutes or
// hours. test/e2e has the real API server and the loops around it.
type rig struct {
	t          *testing.T
	aws        *awslocal.Server
	config     aws.Config
	kube       client.WithWatch
	clock      *clocktesting.FakeClock
	recorder   *events.FakeRecorder
	reconciler *Reconciler
}

// newRig returns a rig with one Ready environment and one job. Attempts of the job that name no cluster of their own are
// in the environment's.
func newRig(t *testing.T, job *scanv1.ScanJob) *rig {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{Dir: t.TempDir(), Container: awslocal.UntilStopped()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	resources, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	if err != nil {
		t.Fatal(err)
	}
	environment := newEnvironment(func(e *scanv1.ScanEnvironment) {
		e.Status.Resolved.ClusterARN = resources.ClusterARN
		e.Status.Resolved.TaskDefinitionARN = resources.TaskDefinitionARN
		e.Status.Resolved.Subnets = []string{"subnet-0123456789abcdef0"}
		e.Status.Resolved.SecurityGroups = []string{"sg-0123456789abcdef0"}
	})
	for i := range job.Status.Attempts {
		if job.Status.Attempts[i].ClusterARN == testCluster {
			job.Status.Attempts[i].ClusterARN = resources.ClusterARN
		}
		job.Status.Attempts[i].TaskDefinitionARN = resources.TaskDefinitionARN
	}
	scheme := runtime.NewScheme()
	if err := scanv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	rig := &rig{
		t: t, aws: server, config: server.Config(), clock: clocktesting.NewFakeClock(noon()), recorder: events.NewFakeRecorder(100),
		kube: fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(job, environment).WithObjects(job, environment).
			WithIndex(&scanv1.ScanJob{}, indexUID, unfinishedBy(func(job *scanv1.ScanJob) string { return string(job.UID) })).Build(),
	}
	rig.restart()
	return rig
}

// restart puts a new manager in the place of the old one, which knows nothing.
func (r *rig) restart() {
	options := Options{Clock: r.clock}.withDefaults()
	tasks := fargate.NewClients(awsclient.NewFactory(r.config), options.Quotas)
	r.reconciler = &Reconciler{
		client: r.kube, live: r.kube, recorder: r.recorder,
		tasks:     tasks,
		observer:  fargate.NewObserver(15*time.Second, r.clock, logr.Discard()),
		admission: newAdmission(r.kube, tasks, newCircuits(probeAfter), r.clock),
		memory:    newMemory(),
		conflicts: newConflicts(),
		options:   options,
	}
}

// admit lets the job's next attempt start.
func (r *rig) admit() {
	job := r.job()
	r.reconciler.admission.environments[environmentOf(job)] = &queue{verdicts: map[types.UID]verdict{
		job.UID: {admitted: true, attempt: nextNumber(job), onDemand: ownFallback(job)},
	}}
}

func (r *rig) key() types.NamespacedName {
	return types.NamespacedName{Namespace: "scans", Name: "payments-42"}
}

func (r *rig) job() *scanv1.ScanJob {
	r.t.Helper()
	job := &scanv1.ScanJob{}
	if err := r.kube.Get(r.t.Context(), r.key(), job); err != nil {
		r.t.Fatal(err)
	}
	return job
}

// attempt returns the job's last attempt.
func (r *rig) attempt() scanv1.Attempt {
	r.t.Helper()
	attempt := lastAttempt(r.job())
	if attempt == nil {
		r.t.Fatalf("there is no attempt: %+v", r.job().Status.Conditions)
	}
	return *attempt
}

// reconcile runs one reconcile; whether it returned an error is for the test to judge.
func (r *rig) reconcile() (ctrl.Result, error) {
	return r.reconciler.Reconcile(r.t.Context(), ctrl.Request{NamespacedName: r.key()})
}

// succeed runs one reconcile that must return no error.
func (r *rig) succeed() ctrl.Result {
	r.t.Helper()
	result, err := r.reconcile()
	if err != nil {
		r.t.Fatal(err)
	}
	return result
}

// start admits the job and runs the reconcile that starts its task.
func (r *rig) start() {
	r.t.Helper()
	r.admit()
	r.succeed()
	r.clock.Step(holdBack)
	r.succeed()
	if attempt := r.attempt(); attempt.TaskARN == "" {
		r.t.Fatalf("no task was started: %+v", attempt)
	}
}

// poll lets the observer ask ECS once, and waits for what it tells.
func (r *rig) poll() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	told := make(chan struct{}, 1)
	r.reconciler.observer.OnNews(func(types.NamespacedName) {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	go func() { done <- r.reconciler.observer.Start(ctx) }()
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		r.t.Error("the observer told nothing")
	}
	cancel()
	if err := <-done; err != nil {
		r.t.Error(err)
	}
}

// change changes the job's spec.
func (r *rig) change(apply func(*scanv1.ScanJob)) {
	r.t.Helper()
	job := r.job()
	apply(job)
	if err := r.kube.Update(r.t.Context(), job); err != nil {
		r.t.Fatal(err)
	}
}

// taskRuns waits until the only task's container runs.
func (r *rig) taskRuns() {
	r.t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for time.Now().Before(limit) {
		if tasks := r.aws.Tasks(); len(tasks) == 1 && tasks[0].LastStatus == fargate.StatusRunning {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	r.t.Fatalf("the tasks are %+v", r.aws.Tasks())
}

func (r *rig) environmentKey() types.NamespacedName {
	return types.NamespacedName{Namespace: "scans", Name: "default"}
}
