package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/ekstoken/ekstest"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const (
	clusterName = "main"
	// functionGroup is the group of config/lambda's access entry.
	functionGroup = "scanjob:function"
)

// world is a namespace with the rights that config/lambda gives, a cluster in front of it that the function reaches as its role,
// and an AWS.
type world struct {
	t         *testing.T
	namespace string
	admin     client.Client
	aws       *awslocal.Server
	function  *function
}

// newWorld makes a world. The AWS has no pull requests: it may not be asked for them, so that the times of events decide.
func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.Faults().Deny("*", "codecommit:GetPullRequest")
	w := worldOf(t, server, plane.Namespace(t), server.Config())
	w.applyRBAC()
	return w
}

// worldOf is a world around what is there.
func worldOf(t *testing.T, server *awslocal.Server, namespace string, config aws.Config) *world {
	t.Helper()
	scheme, err := controllers.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cluster := ekstest.Start(t, clusterName, plane.Config, ekstest.AccessEntry{
		Credentials: keys, User: "arn:aws:sts::111122223333:assumed-role/scanjob-function/scanjob-events", Groups: []string{functionGroup},
	})
	s, err := settingsOf(environment(cluster, namespace))
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFunction(s, config)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, namespace: namespace, admin: admin, aws: server, function: f}
}

// environment is the function's environment, as config/lambda sets it.
func environment(cluster *ekstest.Cluster, namespace string) func(string) string {
	return func(name string) string {
		return map[string]string{
			envClusterName: clusterName, envClusterEndpoint: cluster.Endpoint, envClusterCA: cluster.Authority, envNamespace: namespace,
		}[name]
	}
}

// applyRBAC gives the function the rights that config/lambda has for it.
func (w *world) applyRBAC() {
	w.t.Helper()
	for _, object := range build(w.t) {
		if object.GroupVersionKind().Group != "rbac.authorization.k8s.io" {
			continue
		}
		object.SetNamespace(w.namespace)
		if err := w.admin.Create(w.t.Context(), object); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	object.SetNamespace(w.namespace)
	if err := w.admin.Create(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

// environment makes a ScanEnvironment that the manager has resolved to an account, or not yet where that is empty.
func (w *world) environment(name, account string) {
	w.t.Helper()
	environment := &v1alpha1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ScanEnvironmentSpec{
			Cluster: v1alpha1.AWSReference{ID: "scans"}, TaskDefinition: v1alpha1.AWSReference{ID: "scanner:7"}, ContainerName: "scanner",
			Network: v1alpha1.NetworkConfiguration{Subnets: []v1alpha1.AWSReference{{ID: "subnet-0a1b2c3d"}}},
		},
	}
	w.create(environment)
	if account == "" {
		return
	}
	environment.Status.Resolved = &v1alpha1.ResolvedEnvironment{Region: "us-east-1", Account: account, Subnets: []string{"subnet-0a1b2c3d"}}
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Resolved"})
	if err := w.admin.Status().Update(w.t.Context(), environment); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) trigger(name, environment string, kinds ...v1alpha1.TriggerEvent) {
	w.t.Helper()
	w.create(&v1alpha1.ScanTrigger{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ScanTriggerSpec{EnvironmentName: environment, Events: kinds, DebounceSeconds: ptr.To[int32](0)},
	})
}

// jobs are the names of the ScanJobs, and of those that are cancelled.
func (w *world) jobs() (names, cancelled []string) {
	w.t.Helper()
	var list v1alpha1.ScanJobList
	if err := w.admin.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	for _, job := range list.Items {
		names = append(names, job.Name)
		if job.Spec.Cancel {
			cancelled = append(cancelled, job.Name)
		}
	}
	slices.Sort(names)
	return names, cancelled
}

// wantJobs fails the test unless there are these jobs, in whatever order, and no others.
func (w *world) wantJobs(what string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got, _ := w.jobs(); !slices.Equal(got, want) {
		w.t.Errorf("%s: jobs %v, want %v", what, got, want)
	}
}

// handle calls the function with a sample event, and fails the test where it fails.
func (w *world) handle(file string) {
	w.t.Helper()
	if err := w.function.Handle(w.t.Context(), sample(w.t, file)); err != nil {
		w.t.Fatalf("%s: %v", file, err)
	}
}

func sample(t *testing.T, file string) json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "events", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// nameOf is what the queue's way calls a trigger's job for an event.
func nameOf(t *testing.T, trigger string, body []byte) string {
	t.Helper()
	event, err := events.Decode(string(body))
	if err != nil {
		t.Fatal(err)
	}
	var c triggers.Change
	ok := false
	switch e := event.(type) {
	case events.PullRequest:
		c, ok = triggers.OfPullRequest(e, time.Now())
	case events.Push:
		c, ok = triggers.OfPush(e, time.Now())
	}
	if !ok {
		t.Fatalf("%s makes no job", body)
	}
	name, err := triggers.JobName(trigger, c, "")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func garbage(n int) json.RawMessage {
	return json.RawMessage(base64.StdEncoding.EncodeToString(make([]byte, n)))
}
