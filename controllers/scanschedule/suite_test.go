package scanschedule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/codecommit"
	cctypes "github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
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

// world is a namespace with a ScanEnvironment, an AWS with repositories, a clock, and a manager that follows schedules.
type world struct {
	t         *testing.T
	namespace string
	client    client.Client
	aws       *awslocal.Server
	code      *sdk.Client
	clock     *clocktesting.FakePassiveClock
	// crash makes that many status writes fail after everything before them was done.
	crash atomic.Int32
	pokes int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	server, err := awslocal.Start(awslocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{
		t: t, namespace: plane.Namespace(t), aws: server, code: sdk.NewFromConfig(server.Config()), clock: clocktesting.NewFakePassiveClock(time.Now()),
	}
	w.startManager()
	return w
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
	plane.ReleaseScanJobs(t, w.namespace)
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
	reach := w.aws.Config()
	// A fault is seen at once, and not after the SDK's own tries.
	reach.RetryMaxAttempts = 1
	ctx, cancel := context.WithCancel(context.Background())
	reconciler := New(Options{
		Client: crashing{mgr.GetClient(), &w.crash}, Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("scanschedule"),
		CodeCommit: codecommit.NewClients(awsclient.NewFactory(reach), codecommit.Options{}), Clock: w.clock,
	})
	if err := reconciler.SetupWithManager(ctx, mgr); err != nil {
		t.Fatal(err)
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

// crashing is a client whose status writes fail as often as was asked for.
type crashing struct {
	client.Client
	left *atomic.Int32
}

var errCrash = errors.New("the status cannot be written")

func (c crashing) Status() client.SubResourceWriter { return crashingStatus{c.Client.Status(), c.left} }

type crashingStatus struct {
	client.SubResourceWriter
	left *atomic.Int32
}

func (c crashingStatus) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	if c.left.Load() > 0 {
		c.left.Add(-1)
		return errCrash
	}
	return c.SubResourceWriter.Patch(ctx, object, patch, options...)
}

// environment makes the ScanEnvironment default as if its controller had resolved it to a task definition.
func (w *world) environment() {
	w.t.Helper()
	environment := &v1alpha1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: w.namespace},
		Spec: v1alpha1.ScanEnvironmentSpec{
			Region:         "us-east-1",
			Cluster:        v1alpha1.AWSReference{ID: "scans"},
			TaskDefinition: v1alpha1.AWSReference{ID: "scanner"},
			Network:        v1alpha1.NetworkConfiguration{Subnets: []v1alpha1.AWSReference{{ID: "subnet-0a1b2c3d4e5f60718"}}},
		},
	}
	w.create(environment)
	w.resolve(definition7)
}

// resolve lets the environment have a task definition, and be ready.
func (w *world) resolve(taskDefinition string) {
	w.t.Helper()
	environment := &v1alpha1.ScanEnvironment{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: "default"}, environment); err != nil {
		w.t.Fatal(err)
	}
	environment.Status.Resolved = &v1alpha1.ResolvedEnvironment{
		Region: "us-east-1", Account: "111122223333", Subnets: []string{"subnet-0a1b2c3d4e5f60718"},
		ClusterARN: "arn:aws:ecs:us-east-1:111122223333:cluster/scans", TaskDefinitionARN: taskDefinition,
	}
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady})
	if err := w.client.Status().Update(w.t.Context(), environment); err != nil {
		w.t.Fatal(err)
	}
}

// schedule makes a ScanSchedule that is due half an hour from now and each hour after that, and waits until it was seen.
// What alter leaves as it is scans the tree of the default branch of payments.
func (w *world) schedule(name string, alter ...func(*v1alpha1.ScanScheduleSpec)) *v1alpha1.ScanSchedule {
	w.t.Helper()
	schedule := w.newSchedule(name, alter...)
	w.create(schedule)
	w.seen(schedule)
	return schedule
}

func (w *world) newSchedule(name string, alter ...func(*v1alpha1.ScanScheduleSpec)) *v1alpha1.ScanSchedule {
	schedule := &v1alpha1.ScanSchedule{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace},
		Spec: v1alpha1.ScanScheduleSpec{
			EnvironmentName: "default",
			Schedule:        fmt.Sprintf("%d * * * *", w.clock.Now().Add(30*time.Minute).Minute()),
			Repositories:    []string{"payments"},
			Template:        v1alpha1.ScanJobTemplate{Spec: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeTree}},
		},
	}
	for _, change := range alter {
		change(&schedule.Spec)
	}
	return schedule
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

// seen waits until a schedule's newest spec has a status.
func (w *world) seen(schedule *v1alpha1.ScanSchedule) {
	w.t.Helper()
	w.eventually("wait for the first status", schedule, func() string {
		if schedule.Status.ObservedGeneration != schedule.Generation {
			return "not observed"
		}
		return ""
	})
}

// repository makes a repository whose branch main has one commit, and returns that.
func (w *world) repository(name string) string {
	w.t.Helper()
	if _, err := w.code.CreateRepository(w.t.Context(), &sdk.CreateRepositoryInput{RepositoryName: aws.String(name)}); err != nil {
		w.t.Fatal(err)
	}
	return w.commit(name, "main", "")
}

// commit adds a commit to a branch, whose head is the parent, and returns it.
func (w *world) commit(repository, branch, parent string) string {
	w.t.Helper()
	input := &sdk.CreateCommitInput{
		RepositoryName: aws.String(repository), BranchName: aws.String(branch),
		PutFiles: []cctypes.PutFileEntry{{FilePath: aws.String("readme"), FileContent: []byte("after " + parent + "\n")}},
	}
	if parent != "" {
		input.ParentCommitId = aws.String(parent)
	}
	out, err := w.code.CreateCommit(w.t.Context(), input)
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(out.CommitId)
}

func (w *world) branch(repository, name, commit string) {
	w.t.Helper()
	_, err := w.code.CreateBranch(w.t.Context(), &sdk.CreateBranchInput{RepositoryName: aws.String(repository), BranchName: aws.String(name), CommitId: aws.String(commit)})
	if err != nil {
		w.t.Fatal(err)
	}
}

// poke has a schedule looked at again, as a timer of the real clock would.
func (w *world) poke(schedule *v1alpha1.ScanSchedule) {
	w.t.Helper()
	w.pokes++
	before := schedule.DeepCopy()
	schedule.Annotations = map[string]string{"poke": fmt.Sprint(w.pokes)}
	if err := w.client.Patch(w.t.Context(), schedule, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets time go by and the schedule look at the clock.
func (w *world) pass(schedule *v1alpha1.ScanSchedule, d time.Duration) {
	w.t.Helper()
	w.clock.SetTime(w.clock.Now().Add(d))
	w.poke(schedule)
}

// next lets the time of a schedule's next run come, and returns it once the run has begun.
func (w *world) next(schedule *v1alpha1.ScanSchedule) time.Time {
	w.t.Helper()
	w.get(schedule)
	if schedule.Status.NextScheduleTime == nil {
		w.t.Fatalf("%s has no next run: %+v", schedule.Name, schedule.Status)
	}
	due := schedule.Status.NextScheduleTime.Time
	w.clock.SetTime(due)
	w.poke(schedule)
	w.eventually("wait for the run", schedule, func() string {
		if last := schedule.Status.LastScheduleTime; last == nil || !last.Time.Equal(due) {
			return "not begun"
		}
		return ""
	})
	return due
}

func (w *world) get(object client.Object) {
	w.t.Helper()
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		w.t.Fatal(err)
	}
}

// eventually reads a schedule until a condition holds. The condition returns why it does not, or nothing.
func (w *world) eventually(what string, schedule *v1alpha1.ScanSchedule, why func() string) {
	w.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		w.get(schedule)
		last = why()
		return last == "", nil
	})
	if err != nil {
		w.t.Fatalf("%s: %s; status: %+v", what, last, schedule.Status)
	}
}

// states waits until the schedule's targets are in states, each written as "repository branch State Reason".
func (w *world) states(schedule *v1alpha1.ScanSchedule, want ...string) {
	w.t.Helper()
	w.eventually("wait for the targets", schedule, func() string {
		var got []string
		for _, target := range schedule.Status.Targets {
			got = append(got, strings.Join(strings.Fields(fmt.Sprint(target.Repository, " ", target.Branch, " ", target.State, " ", target.Reason)), " "))
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("%q, want %q", got, want)
		}
		return ""
	})
}

// ready waits until condition Ready has a reason for the newest spec, and returns its message.
func (w *world) ready(schedule *v1alpha1.ScanSchedule, reason string) string {
	w.t.Helper()
	message := ""
	w.eventually("wait for "+reason, schedule, func() string {
		ready := meta.FindStatusCondition(schedule.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != reason || ready.ObservedGeneration != schedule.Generation {
			return fmt.Sprintf("condition %+v", ready)
		}
		message = ready.Message
		return ""
	})
	return message
}

// jobs returns the schedule's jobs, oldest run first and then by repository and branch.
func (w *world) jobs(schedule *v1alpha1.ScanSchedule) []child {
	w.t.Helper()
	var list v1alpha1.ScanJobList
	if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	children := slices.DeleteFunc(childrenOf(list.Items), func(c child) bool { return !metav1.IsControlledBy(c.job, schedule) })
	slices.SortFunc(children, func(a, b child) int {
		return slices.Compare([]string{stamp(a.run), a.repository, a.branch}, []string{stamp(b.run), b.repository, b.branch})
	})
	return children
}

// finish gives a job its end, by a task definition, as the ScanJob controller does.
func (w *world) finish(job *v1alpha1.ScanJob, condition, taskDefinition string) {
	w.t.Helper()
	w.get(job)
	now := metav1.NewTime(w.clock.Now())
	job.Status.Conditions = []metav1.Condition{{Type: condition, Status: metav1.ConditionTrue, Reason: "Test", LastTransitionTime: now}}
	job.Status.Timeline.FinishedTime = &now
	job.Status.Attempts = []v1alpha1.Attempt{{Number: 1, RecordedAt: now, ClientToken: "token", TaskDefinitionARN: taskDefinition}}
	if err := w.client.Status().Update(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
}

// change edits a schedule as a user would.
func (w *world) change(schedule *v1alpha1.ScanSchedule, alter func(*v1alpha1.ScanScheduleSpec)) {
	w.t.Helper()
	w.get(schedule)
	before := schedule.DeepCopy()
	alter(&schedule.Spec)
	if err := w.client.Patch(w.t.Context(), schedule, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// warned waits for a Warning event about a schedule with a reason whose note has the text.
func (w *world) warned(schedule *v1alpha1.ScanSchedule, reason, text string) {
	w.t.Helper()
	w.eventually("wait for the event "+reason, schedule, func() string {
		var list eventsv1.EventList
		if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
			return err.Error()
		}
		var seen []string
		for _, event := range list.Items {
			if event.Regarding.Name == schedule.Name && event.Type == corev1.EventTypeWarning {
				seen = append(seen, event.Reason+": "+event.Note)
				if event.Reason == reason && strings.Contains(event.Note, text) {
					return ""
				}
			}
		}
		return fmt.Sprintf("%q", seen)
	})
}
