package install

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ackv1alpha1 "github.com/aws-controllers-k8s/runtime/apis/core/v1alpha1"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// leaseName is the manager's.
const leaseName = "scanjob.dev"

// TestTheManagerHasTheRightsThatItUsesAndNoOthers runs two managers as their own ServiceAccount, with the roles of
// config/rbac and no others, through everything that they do in a cluster. What is refused fails the test, and so does what
// a role grants and nothing used: take the verb out of the marker in controllers/, or add the path that uses it here.
func TestTheManagerHasTheRightsThatItUsesAndNoOthers(t *testing.T) {
	w := newWorld(t)
	first, second := w.startManager(), w.startManager()
	leader, other := w.leader(first, second)

	w.refersToACK()
	w.scansAPullRequest()
	w.followsASchedule()
	w.deletesARunningJob()
	w.removesAnOldJob()
	w.complainsTwice()
	w.servesMetricsToWhoMayReadThem(leader)

	leader.stop()
	w.leads(other)
	w.finishes("after-the-failover", nil)
	w.releasesTheEnvironment()

	for _, refusal := range w.recorder.refusals() {
		t.Errorf("the manager was refused: %s", refusal)
	}
	for scope, rules := range map[string][]rbacv1.PolicyRule{"everywhere": w.operator.ClusterRules, "in its own namespace": w.operator.Rules} {
		if len(rules) == 0 {
			t.Errorf("the manager has no rights %s", scope)
		}
		for _, unused := range w.recorder.unused(rules) {
			t.Errorf("the manager may %s %s, and nothing used it", unused, scope)
		}
	}
}

// A role that grants too much must be found out, else the test above proves nothing.
func TestARightThatNothingUsesIsFound(t *testing.T) {
	r := &recorder{used: map[right]bool{{"get", "scanjob.dev", "scanjobs"}: true}}
	got := r.unused([]rbacv1.PolicyRule{
		{APIGroups: []string{"scanjob.dev"}, Resources: []string{"scanjobs", "scanjobs/status"}, Verbs: []string{"get", "delete"}},
		{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}},
	})
	want := "[get] /metrics, delete scanjobs.scanjob.dev, delete scanjobs/status.scanjob.dev, get scanjobs/status.scanjob.dev"
	if strings.Join(got, ", ") != want {
		t.Errorf("unused are %q, want %q", got, want)
	}
}

// world is an AWS, a namespace of a team, and the operator's identity, seen through a recorder.
type world struct {
	t        *testing.T
	team     string
	kube     client.Client
	stack    *devstack.Stack
	operator *testplane.Operator
	recorder *recorder
	// kubeconfig is the managers'.
	kubeconfig string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir(), Scanner: binary(t, "scanner", "build")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("the local AWS met errors: %v", err)
		}
	})
	definitions := []string{filepath.Join(root(t), "config", "crd", "bases")}
	if _, err := envtest.InstallCRDs(plane.Config, envtest.CRDInstallOptions{Paths: definitions, ErrorIfPathMissing: true, MaxTime: time.Minute}); err != nil {
		t.Fatal(err)
	}
	var kinds []schema.GroupVersionKind
	for _, kind := range []ack.Kind{ack.Cluster, ack.TaskDefinition, ack.Subnet, ack.SecurityGroup, ack.Queue, ack.Topic, ack.Bucket} {
		kinds = append(kinds, kind.GroupVersionKind())
	}
	if err := plane.InstallACK(kinds...); err != nil {
		t.Fatal(err)
	}
	operator, err := plane.InstallOperator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := operator.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, team: plane.Namespace(t), kube: admin(t), stack: stack, operator: operator, recorder: record(t, operator.Config)}
	w.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	through := *operator
	through.Config = w.recorder.config(operator.Config)
	if err := through.WriteKubeconfig(w.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return w
}

// manager is one of the replicas.
type manager struct {
	*devstack.Process
	t       *testing.T
	metrics string
}

// startManager runs the manager's program as the Deployment does, until the test ends.
func (w *world) startManager() *manager {
	w.t.Helper()
	metrics := freeAddress(w.t)
	// The last of two equal flags counts.
	args := append(w.stack.ManagerArgs(), "--leader-elect", "--leader-election-namespace="+w.operator.Namespace, "--metrics-bind-address="+metrics)
	process, err := devstack.StartManager(binary(w.t, "manager", "build"), w.kubeconfig, args, w.stack.ManagerEnv(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	m := &manager{Process: process, t: w.t, metrics: metrics}
	w.t.Cleanup(func() {
		m.stop()
		if w.t.Failed() {
			log := process.Log()
			w.t.Logf("the end of a manager's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return m
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// stop ends a manager as Kubernetes does when its pod is deleted.
func (m *manager) stop() {
	select {
	case <-m.Done():
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := m.Stop(ctx); err != nil {
		m.t.Errorf("stop a manager: %v", err)
	}
}

func (m *manager) isLeader() bool {
	return strings.Contains(strings.ToLower(m.Log()), "successfully acquired lease")
}

// leader waits until one of two leads and returns it, and the other, which must not.
func (w *world) leader(a, b *manager) (leader, other *manager) {
	w.t.Helper()
	eventually(w.t, "one manager leads", func(context.Context) (bool, error) { return a.isLeader() || b.isLeader(), nil })
	if a.isLeader() && b.isLeader() {
		w.t.Fatal("two managers lead")
	}
	if b.isLeader() {
		return b, a
	}
	return a, b
}

// leads waits until a manager leads.
func (w *world) leads(m *manager) {
	w.t.Helper()
	eventually(w.t, "the other manager leads", func(context.Context) (bool, error) { return m.isLeader(), nil })
	lease := &coordinationv1.Lease{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.operator.Namespace, Name: leaseName}, lease); err != nil {
		w.t.Fatal(err)
	}
}

// refersToACK makes ACK objects of every kind and an environment that names them, and plays ACK's controllers for them.
func (w *world) refersToACK() {
	w.t.Helper()
	environment := w.stack.Environment(w.team, "default")
	named := scanv1.AWSReference{From: &ackv1alpha1.AWSResourceReference{Name: ptr.To("scans")}}
	spec := &environment.Spec
	spec.Cluster, spec.TaskDefinition, spec.Inbox.Queue, spec.Notifications.Topic, spec.Reports.Bucket = named, named, named, named, named
	spec.Network.Subnets, spec.Network.SecurityGroups = []scanv1.AWSReference{named}, []scanv1.AWSReference{named}
	w.create(environment)
	w.environmentIs(metav1.ConditionFalse)
	made := w.stack.Resources
	for _, row := range []struct {
		kind             ack.Kind
		spec, identified map[string]any
		arn              string
	}{
		{ack.Cluster, map[string]any{"name": "scans"}, nil, made.ClusterARN},
		{ack.TaskDefinition, map[string]any{"family": "scanner", "containerDefinitions": []any{}}, nil, made.TaskDefinitionARN},
		{ack.Subnet, map[string]any{"cidrBlock": "10.0.0.0/24"}, map[string]any{"subnetID": made.Subnets[0]}, ""},
		{ack.SecurityGroup, map[string]any{"name": "scans", "description": "Scans"}, map[string]any{"id": made.SecurityGroups[0]}, ""},
		{ack.Queue, map[string]any{"queueName": "scan-inbox"}, map[string]any{"queueURL": made.QueueURL}, made.QueueARN},
		{ack.Topic, map[string]any{"name": "scan-findings"}, map[string]any{"topicARN": made.TopicARN}, made.TopicARN},
		{ack.Bucket, map[string]any{"name": made.Bucket}, nil, ""},
	} {
		object := &unstructured.Unstructured{Object: map[string]any{"spec": row.spec}}
		object.SetGroupVersionKind(row.kind.GroupVersionKind())
		object.SetNamespace(w.team)
		object.SetName("scans")
		w.create(object)
		status := map[string]any{"conditions": []any{map[string]any{"type": "ACK.ResourceSynced", "status": "True"}}}
		for field, value := range row.identified {
			status[field] = value
		}
		if row.arn != "" {
			status["ackResourceMetadata"] = map[string]any{"arn": row.arn, "ownerAccountID": "111122223333", "region": w.stack.AWS.Region()}
		}
		object.Object["status"] = status
		if err := w.kube.Status().Update(w.t.Context(), object); err != nil {
			w.t.Fatal(err)
		}
	}
	w.environmentIs(metav1.ConditionTrue)
}

func (w *world) environmentIs(ready metav1.ConditionStatus) {
	w.t.Helper()
	environment := &scanv1.ScanEnvironment{}
	eventually(w.t, "the environment's Ready is "+string(ready), func(ctx context.Context) (bool, error) {
		err := w.kube.Get(ctx, types.NamespacedName{Namespace: w.team, Name: "default"}, environment)
		found := meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionReady)
		return found != nil && found.Status == ready, err
	})
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := w.kube.Create(w.t.Context(), object); err != nil {
		w.t.Fatalf("create %T %s: %v", object, object.GetName(), err)
	}
}

// scansAPullRequest goes the main way, with the real scanner: from a pull request to a finished ScanJob.
func (w *world) scansAPullRequest() {
	w.t.Helper()
	ctx := w.t.Context()
	w.create(w.stack.Trigger(w.team, "pull-requests", "default"))
	trigger := &scanv1.ScanTrigger{}
	eventually(w.t, "the trigger is ready", func(ctx context.Context) (bool, error) {
		err := w.kube.Get(ctx, types.NamespacedName{Namespace: w.team, Name: "pull-requests"}, trigger)
		return meta.IsStatusConditionTrue(trigger.Status.Conditions, scanv1.ConditionReady), err
	})
	repository, err := w.stack.CreateRepository(ctx, "payments")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := repository.Commit(ctx, "main", "Begin", map[string]string{"README.md": "payments\n"}); err != nil {
		w.t.Fatal(err)
	}
	account := strings.Repeat("4321", 3)
	if _, err := repository.Commit(ctx, "topic", "Change", map[string]string{"main.tf": `role = "arn:aws:iam::` + account + `:role/admin"` + "\n"}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := repository.OpenPullRequest(ctx, "topic", "A change"); err != nil {
		w.t.Fatal(err)
	}
	jobs := &scanv1.ScanJobList{}
	eventually(w.t, "the pull request is scanned and its findings have come back", func(ctx context.Context) (bool, error) {
		err := w.kube.List(ctx, jobs, client.InNamespace(w.team))
		return len(jobs.Items) == 1 && meta.IsStatusConditionTrue(jobs.Items[0].Status.Conditions, scanv1.ConditionReported), err
	})
	if result := jobs.Items[0].Status.Result; result != scanv1.ResultFindings {
		w.t.Errorf("the result is %s, want Findings", result)
	}
}

// followsASchedule makes one that is not due for long: its jobs take the rights that a trigger's take.
func (w *world) followsASchedule() {
	w.t.Helper()
	schedule := &scanv1.ScanSchedule{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.team, Name: "yearly"},
		Spec:       scanv1.ScanScheduleSpec{EnvironmentName: "default", Schedule: "0 0 29 2 *", Repositories: []string{"payments"}},
	}
	schedule.Spec.Template.Spec.Mode = scanv1.ScanModeTree
	w.create(schedule)
	eventually(w.t, "the schedule is ready", func(ctx context.Context) (bool, error) {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(schedule), schedule)
		return meta.IsStatusConditionTrue(schedule.Status.Conditions, scanv1.ConditionReady), err
	})
}

// finishes submits a job whose container finds nothing, and waits for its end.
func (w *world) finishes(name string, ttl *int32) {
	w.t.Helper()
	w.stack.AWS.RunContainersWith(awslocal.ExitWith(0))
	job := scanJob(w.team, name)
	job.Spec.TTLSecondsAfterFinished = ttl
	w.create(job)
	eventually(w.t, "ScanJob "+name+" is complete", func(ctx context.Context) (bool, error) {
		if err := w.kube.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return ttl != nil && apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		}
		return meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionComplete), nil
	})
}

func (w *world) removesAnOldJob() {
	w.t.Helper()
	w.finishes("short-lived", ptr.To[int32](0))
	w.gone(scanJob(w.team, "short-lived"))
}

func (w *world) deletesARunningJob() {
	w.t.Helper()
	w.stack.AWS.RunContainersWith(awslocal.UntilStopped())
	job := scanJob(w.team, "deleted")
	w.create(job)
	w.runs(job)
	if err := w.kube.Delete(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
	w.gone(job)
}

// runs waits until a job's task runs.
func (w *world) runs(job *scanv1.ScanJob) {
	w.t.Helper()
	eventually(w.t, "ScanJob "+job.Name+" runs", func(ctx context.Context) (bool, error) {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(job), job)
		return job.Status.Phase == scanv1.PhaseRunning, err
	})
}

func (w *world) gone(object client.Object) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%T %s is gone", object, object.GetName()), func(ctx context.Context) (bool, error) {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(object), object)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

// complainsTwice has the same event recorded again, which makes a series of it.
func (w *world) complainsTwice() {
	w.t.Helper()
	queue := sqs.NewFromConfig(w.stack.Config)
	events := &eventsv1.EventList{}
	for _, wanted := range []func(eventsv1.Event) bool{
		func(eventsv1.Event) bool { return true },
		func(e eventsv1.Event) bool { return e.Series != nil && e.Series.Count > 1 },
	} {
		_, err := queue.SendMessage(w.t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(w.stack.Resources.QueueURL), MessageBody: aws.String("{}")})
		if err != nil {
			w.t.Fatal(err)
		}
		eventually(w.t, "the message that cannot be decoded is an event", func(ctx context.Context) (bool, error) {
			err := w.kube.List(ctx, events, client.InNamespace(w.team))
			for _, event := range events.Items {
				if event.Regarding.Kind == "ScanEnvironment" && event.Type == corev1.EventTypeWarning && strings.Contains(event.Reason, "Undecodable") && wanted(event) {
					return true, err
				}
			}
			return false, err
		})
	}
}

// servesMetricsToWhoMayReadThem asks as nobody, as an account without the role, and as one with it.
func (w *world) servesMetricsToWhoMayReadThem(m *manager) {
	w.t.Helper()
	nobody, reader := w.account("nobody"), w.account("reader")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.team + "-metrics-reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.operator.Namespace + "-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.team, Name: "reader"}},
	}
	w.create(binding)
	w.t.Cleanup(func() {
		if err := w.kube.Delete(context.Background(), binding); err != nil {
			w.t.Error(err)
		}
	})
	for _, row := range []struct {
		who, token string
		want       int
	}{{"nobody in particular", "", http.StatusUnauthorized}, {"an account without the role", nobody, http.StatusForbidden}, {"an account with the role", reader, http.StatusOK}} {
		var text string
		eventually(w.t, fmt.Sprintf("%s gets %d for the metrics", row.who, row.want), func(ctx context.Context) (bool, error) {
			status, body, err := scrape(ctx, m.metrics, row.token)
			text = body
			return status == row.want, err
		})
		if row.want == http.StatusOK && !strings.Contains(text, "controller_runtime_reconcile_total") {
			w.t.Errorf("the metrics are %.200s", text)
		}
	}
}

// account makes a ServiceAccount of the team and returns a token of it.
func (w *world) account(name string) string {
	w.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.team, Name: name}}
	w.create(account)
	token := &authenticationv1.TokenRequest{}
	if err := w.kube.SubResource("token").Create(w.t.Context(), account, token); err != nil {
		w.t.Fatal(err)
	}
	return token.Status.Token
}

func scrape(ctx context.Context, address, token string) (int, string, error) {
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		asked.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- the manager signs its certificate itself
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(asked)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = io.Copy(&body, response.Body)
	return response.StatusCode, body.String(), err
}

// releasesTheEnvironment deletes it, for which its finalizer has to be taken away.
func (w *world) releasesTheEnvironment() {
	w.t.Helper()
	environment := w.stack.Environment(w.team, "default")
	if err := w.kube.Delete(w.t.Context(), environment); err != nil {
		w.t.Fatal(err)
	}
	w.gone(environment)
}
