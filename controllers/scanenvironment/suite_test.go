package scanenvironment

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var plane *testplane.Plane

func TestMain(m *testing.M) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.UseDevMode(true)))
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		return installACK(ack.Kinds()...)
	}))
}

// installACK has kinds of ACK served.
func installACK(kinds ...ack.Kind) error {
	var served []schema.GroupVersionKind
	for _, kind := range kinds {
		served = append(served, kind.GroupVersionKind())
	}
	return plane.InstallACK(served...)
}

// world is a namespace, an AWS and an inbox of one test, with the client of a user.
type world struct {
	t         *testing.T
	namespace string
	client    client.Client
	aws       *awslocal.Server
	made      awslocal.Resources
	// inbox stands in for the consumers of queues, unless there are consumers.
	inbox     *inboxes
	consumers *inbox.Consumers
	// kube is how managers reach the API server.
	kube *rest.Config
}

// newWorld makes a world in which no manager runs yet.
func newWorld(t *testing.T) *world {
	t.Helper()
	server, made := provisioned(t)
	user, err := client.New(plane.Config, client.Options{Scheme: testScheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, namespace: plane.Namespace(t), client: user, aws: server, made: made, inbox: newInboxes(), kube: plane.Config}
}

func testScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

// start runs a manager with the controller until the test ends, or stop is called.
func (w *world) start(cfg aws.Config) (stop func()) {
	w.t.Helper()
	mgr, err := ctrl.NewManager(w.kube, ctrl.Options{
		Scheme:     testScheme(w.t),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}},
		Controller: config.Controller{SkipNameValidation: aws.Bool(true)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var queues Inbox = w.inbox
	if w.consumers != nil {
		queues = w.consumers
		if err := mgr.Add(w.consumers); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := New(Options{Clients: awsclient.NewFactory(impatient(cfg)), Inbox: queues}).SetupWithManager(mgr); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the manager ended with %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// eventually waits until a condition holds. The condition returns why it does not, or nothing.
func eventually(t *testing.T, what string, why func() string) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = why()
		return last == "", nil
	})
	if err != nil {
		t.Fatalf("%s: %s", what, last)
	}
}

// plainEnvironment refers to everything by plain identifiers.
func (w *world) plainEnvironment(name string) *v1alpha1.ScanEnvironment {
	return &v1alpha1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace},
		Spec: v1alpha1.ScanEnvironmentSpec{
			Cluster:        plain(w.made.ClusterName),
			TaskDefinition: plain("scanner"),
			Network: v1alpha1.NetworkConfiguration{
				Subnets:        []v1alpha1.AWSReference{plain(w.made.Subnets[0])},
				SecurityGroups: []v1alpha1.AWSReference{plain(w.made.SecurityGroups[0])},
			},
			Inbox:         &v1alpha1.InboxConfiguration{Queue: plain(w.made.QueueARN)},
			Notifications: &v1alpha1.NotificationsConfiguration{Topic: plain(w.made.TopicARN)},
			Reports:       &v1alpha1.ReportsConfiguration{Bucket: plain(w.made.Bucket)},
		},
	}
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

// change edits an environment as a user would.
func (w *world) change(name string, edit func(*v1alpha1.ScanEnvironment)) {
	w.t.Helper()
	environment := w.get(name)
	before := environment.DeepCopy()
	edit(environment)
	if err := w.client.Patch(w.t.Context(), environment, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// touch has an environment checked again.
func (w *world) touch(name string) {
	w.t.Helper()
	w.change(name, func(environment *v1alpha1.ScanEnvironment) {
		environment.Annotations = map[string]string{"checked": time.Now().String()}
	})
}

func (w *world) get(name string) *v1alpha1.ScanEnvironment {
	w.t.Helper()
	environment := &v1alpha1.ScanEnvironment{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: name}, environment); err != nil {
		w.t.Fatal(err)
	}
	return environment
}

func (w *world) gone(name string) bool {
	w.t.Helper()
	err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: name}, &v1alpha1.ScanEnvironment{})
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return apierrors.IsNotFound(err)
}

// readiness returns an environment's condition Ready, empty where it has none.
func readiness(environment *v1alpha1.ScanEnvironment) metav1.Condition {
	if ready := meta.FindStatusCondition(environment.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{}
}

// await waits until an environment's condition Ready has a reason, for its newest spec, and returns the environment.
func (w *world) await(name, reason string) *v1alpha1.ScanEnvironment {
	w.t.Helper()
	var environment *v1alpha1.ScanEnvironment
	eventually(w.t, "wait for "+reason, func() string {
		environment = w.get(name)
		if ready := readiness(environment); ready.Reason != reason || ready.ObservedGeneration != environment.Generation {
			return fmt.Sprintf("condition %+v", ready)
		}
		return ""
	})
	return environment
}

// closedPort is an address of this machine at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}()
	return "http://" + listener.Addr().String()
}

// inboxes keeps which environment uses which queue.
type inboxes struct {
	mu     sync.Mutex
	queues map[types.NamespacedName]inbox.Queue
}

func newInboxes() *inboxes { return &inboxes{queues: map[types.NamespacedName]inbox.Queue{}} }

func (i *inboxes) Set(environment types.NamespacedName, queue inbox.Queue) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queues[environment] = queue
}

func (i *inboxes) Remove(environment types.NamespacedName) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.queues, environment)
}

func (i *inboxes) Health(environment types.NamespacedName) inbox.Health {
	i.mu.Lock()
	defer i.mu.Unlock()
	return inbox.Health{QueueURL: i.queues[environment].URL}
}

func (*inboxes) OnHealth(func(types.NamespacedName)) {}

func (i *inboxes) url(namespace, name string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.queues[types.NamespacedName{Namespace: namespace, Name: name}].URL
}
