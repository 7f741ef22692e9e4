package aws

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/scanjob"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// world is a namespace and a local AWS of one test, with a manager in this process, and ACK's controllers.
type world struct {
	t     *testing.T
	ns    string
	stack *devstack.Stack
	kube  client.Client
	ack   *ackControllers
}

// acme are names that are not those of the demo, whose resources are in the same local AWS. The manager's session there is of
// the role scanjob-manager.
func acme() map[string]string {
	values := others()
	for _, key := range []string{"ACCOUNT", "REGION", "PARTITION", "MANAGER_ROLE"} {
		delete(values, key)
	}
	return values
}

// newWorld makes a world in which the roles among the objects bind.
func newWorld(t *testing.T, objects inventory) *world {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir(), Scanner: scannerBinary(t), Roles: rolesIn(t, objects)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("the local AWS met errors: %v", err)
		}
	})
	scheme, err := controllers.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	kube, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ns: plane.Namespace(t), stack: stack, kube: kube}
	w.ack = newACKControllers(t, kube, w.ns, stack.Admin)
	return w
}

// rolesIn are the roles among the objects, as roles of the local AWS.
func rolesIn(t *testing.T, objects inventory) []awslocal.Role {
	t.Helper()
	var roles []awslocal.Role
	for _, object := range objects.of("Role") {
		var spec struct {
			Name                     string
			AssumeRolePolicyDocument string
			InlinePolicies           map[string]string
		}
		decode(t, object, &spec)
		roles = append(roles, awslocal.Role{
			ARN: "arn:aws:iam::111122223333:role/" + spec.Name, TrustPolicy: spec.AssumeRolePolicyDocument, Policies: spec.InlinePolicies,
		})
	}
	return roles
}

// scannerBinary is the real scanner, which make test builds.
func scannerBinary(t *testing.T) string {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "bin", "scanner")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run `make build`", err)
	}
	return path
}

// manage starts a manager that sees only this world's namespace, until the test ends.
func (w *world) manage() {
	w.t.Helper()
	scheme, err := controllers.NewScheme()
	if err != nil {
		w.t.Fatal(err)
	}
	unique := true
	mgr, err := ctrl.NewManager(plane.Config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{w.ns: {}}},
		Client:  client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		// Several managers run in this process, one a test.
		Controller: config.Controller{SkipNameValidation: &unique},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = controllers.Setup(ctx, mgr, awsclient.NewFactory(w.stack.Config), controllers.Options{
		ScanJob: scanjob.Options{PollInterval: 100 * time.Millisecond, GitEndpoint: w.stack.AWS.URL()},
		Inbox:   inbox.Options{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second},
		Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the manager ended with %v", err)
		}
	})
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

// environment is the ScanEnvironment of config/aws, with its condition Ready.
func (w *world) environment() (*v1alpha1.ScanEnvironment, metav1.Condition) {
	w.t.Helper()
	environment := &v1alpha1.ScanEnvironment{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: "default"}, environment); err != nil {
		w.t.Fatal(err)
	}
	if ready := meta.FindStatusCondition(environment.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return environment, *ready
	}
	return environment, metav1.Condition{}
}

// submit creates a job for a commit that its container does not look at.
func (w *world) submit(name string) {
	w.t.Helper()
	job := &v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: v1alpha1.ScanJobSpec{
			EnvironmentName: "default",
			Source: v1alpha1.ScanSource{
				CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"}, Revision: "6669fb1fca2bfc7e52b5ffd6805b15554ec601bf",
			},
			ScanJobOptions: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeTree},
		},
	}
	if err := w.kube.Create(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
}

// job returns a job and one of its conditions.
func (w *world) job(name, kind string) (*v1alpha1.ScanJob, metav1.Condition) {
	w.t.Helper()
	job := &v1alpha1.ScanJob{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: name}, job); err != nil {
		w.t.Fatal(err)
	}
	if found := meta.FindStatusCondition(job.Status.Conditions, kind); found != nil {
		return job, *found
	}
	return job, metav1.Condition{}
}
