package scanenvironment

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// registerAgain registers another revision of a family and returns its ARN.
func (w *world) registerAgain(family string) string {
	w.t.Helper()
	client := ecs.NewFromConfig(w.aws.Config())
	old, err := client.DescribeTaskDefinition(w.t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
	if err != nil {
		w.t.Fatal(err)
	}
	registered, err := client.RegisterTaskDefinition(w.t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: &family, Cpu: old.TaskDefinition.Cpu, Memory: old.TaskDefinition.Memory,
		NetworkMode: old.TaskDefinition.NetworkMode, RequiresCompatibilities: old.TaskDefinition.RequiresCompatibilities,
		ContainerDefinitions: old.TaskDefinition.ContainerDefinitions, RuntimePlatform: old.TaskDefinition.RuntimePlatform,
		ExecutionRoleArn: old.TaskDefinition.ExecutionRoleArn, TaskRoleArn: old.TaskDefinition.TaskRoleArn,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
}

func TestAReadyEnvironmentLearnsWhatBecameOfItsResources(t *testing.T) {
	tests := []struct {
		name    string
		happen  func(*world)
		reason  string
		message string
	}{
		{
			"the revision is deregistered", func(w *world) {
				if err := w.aws.Faults().TaskDefinitionInactive(w.made.TaskDefinitionARN); err != nil {
					w.t.Fatal(err)
				}
			}, "TaskDefinitionInactive", "is INACTIVE, not ACTIVE",
		},
		{
			"the spec names a container that is not there", func(w *world) {
				w.change("default", func(e *v1alpha1.ScanEnvironment) { e.Spec.ContainerName = "sacnner" })
			}, "TaskDefinitionInvalid", "it has no container sacnner, only scanner; correct containerName",
		},
		{
			"the spec asks for a cluster that does not exist", func(w *world) {
				w.change("default", func(e *v1alpha1.ScanEnvironment) { e.Spec.Cluster.ID = "scnas" })
			}, "ClusterNotFound", `cluster: ECS cluster "scnas" does not exist in AWS`,
		},
		{
			"the manager may not look at the queue any more", func(w *world) {
				w.aws.Faults().Deny(awslocal.Any, "sqs:GetQueueAttributes")
			}, "QueueAccessDenied", "allow sqs:GetQueueAttributes",
		},
		{
			"the spec names a role that cannot be assumed", func(w *world) {
				w.change("default", func(e *v1alpha1.ScanEnvironment) {
					e.Spec.AssumeRoleARN = "arn:aws:iam::444455556666:role/locked"
				})
			}, v1alpha1.ReasonAssumeRoleFailed, "arn:aws:iam::444455556666:role/locked could not be assumed",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.start(w.aws.Config())
			environment := w.plainEnvironment("default")
			environment.Spec.TaskDefinition = plain(w.made.TaskDefinitionARN)
			w.create(environment)
			before := w.await("default", v1alpha1.ReasonReady)

			test.happen(w)
			w.touch("default")
			after := w.await("default", test.reason)
			if ready := readiness(after); ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, test.message) {
				t.Errorf("condition %+v", ready)
			}
			if diff := cmp.Diff(before.Status.Resolved, after.Status.Resolved); diff != "" {
				t.Errorf("what was resolved did not stay:\n%s", diff)
			}
		})
	}
}

// clusterDeleted passes calls on to an AWS, but shows every cluster as ECS shows a deleted one while deleted is set.
func clusterDeleted(t *testing.T, server *awslocal.Server, deleted *atomic.Bool) aws.Config {
	t.Helper()
	target, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		// The host stays as it was signed.
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(response *http.Response) error {
			if !deleted.Load() || !strings.HasSuffix(response.Request.Header.Get("X-Amz-Target"), ".DescribeClusters") {
				return nil
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, []byte(`"ACTIVE"`), []byte(`"INACTIVE"`))
			response.Body = io.NopCloser(bytes.NewReader(body))
			response.ContentLength = int64(len(body))
			for _, header := range []string{"Content-Length", "X-Amz-Crc32"} {
				response.Header.Del(header)
			}
			return nil
		},
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	cfg := server.Config()
	cfg.BaseEndpoint = aws.String(front.URL)
	return cfg
}

func TestADeletedClusterEndsReady(t *testing.T) {
	w := newWorld(t)
	var deleted atomic.Bool
	w.start(clusterDeleted(t, w.aws, &deleted))
	w.create(w.plainEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)

	deleted.Store(true)
	w.touch("default")
	environment := w.await("default", "ClusterInactive")
	if message := readiness(environment).Message; !strings.Contains(message, "is INACTIVE, not ACTIVE") {
		t.Errorf("message %q", message)
	}
}

func TestAnOutageLeavesAReadyEnvironmentReady(t *testing.T) {
	tests := []struct {
		name  string
		begin func(w *world) (end func())
	}{
		{"AWS fails", func(w *world) func() {
			return w.aws.Faults().Fail(awslocal.Any, awslocal.Any, awslocal.Forever, awslocal.ServerFault()).Clear
		}},
		{"AWS throttles", func(w *world) func() {
			return w.aws.Faults().Fail(awslocal.Any, awslocal.Any, awslocal.Forever, awslocal.Throttled()).Clear
		}},
		{"answers get lost", func(w *world) func() {
			return w.aws.Faults().LoseAnswer(awslocal.Any, awslocal.Any, awslocal.Forever).Clear
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.start(w.aws.Config())
			w.create(w.plainEnvironment("default"))
			before := w.await("default", v1alpha1.ReasonReady)

			end := test.begin(w)
			w.touch("default")
			eventually(t, "the outage is told", func() string {
				during := w.get("default")
				ready := readiness(during)
				if ready.Status != metav1.ConditionTrue || ready.Reason != v1alpha1.ReasonReady {
					t.Fatalf("the environment is not Ready: %+v", ready)
				}
				if diff := cmp.Diff(before.Status.Resolved, during.Status.Resolved); diff != "" {
					t.Fatalf("what jobs use changed:\n%s", diff)
				}
				if !strings.Contains(ready.Message, v1alpha1.ReasonAWSUnavailable) {
					return ready.Message
				}
				return ""
			})
			if got := entries(w.get("default").Status.References); got != "+++++++" {
				t.Errorf("references %s", got)
			}

			end()
			w.touch("default")
			eventually(t, "the end of the outage is told", func() string {
				if message := readiness(w.get("default")).Message; strings.Contains(message, v1alpha1.ReasonAWSUnavailable) {
					return message
				}
				return ""
			})
		})
	}
}

func TestAManagerThatStartsInAnOutageLeavesAReadyEnvironmentReady(t *testing.T) {
	w := newWorld(t)
	stop := w.start(w.aws.Config())
	w.create(w.plainEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)
	stop()
	w.inbox = newInboxes()

	nowhere := w.aws.Config()
	nowhere.BaseEndpoint = aws.String(closedPort(t))
	w.start(nowhere)
	eventually(t, "the outage is told", func() string {
		ready := readiness(w.get("default"))
		if ready.Status != metav1.ConditionTrue {
			t.Fatalf("the environment is not Ready: %+v", ready)
		}
		if !strings.Contains(ready.Message, v1alpha1.ReasonAWSUnavailable) {
			return ready.Message
		}
		return ""
	})
	eventually(t, "the inbox is used as before", func() string {
		if got := w.inbox.url(w.namespace, "default"); got != w.made.QueueURL {
			return "queue " + got
		}
		return ""
	})
}

func TestAnEnvironmentThatIsMadeInAnOutageBecomesReadyByItself(t *testing.T) {
	w := newWorld(t)
	fault := w.aws.Faults().Fail("ecs", awslocal.Any, awslocal.Forever, awslocal.ServerFault())
	w.start(w.aws.Config())
	w.create(w.plainEnvironment("default"))
	environment := w.await("default", v1alpha1.ReasonAWSUnavailable)
	if ready := readiness(environment); ready.Status != metav1.ConditionFalse {
		t.Errorf("condition %+v", ready)
	}
	if len(environment.Finalizers) != 0 {
		t.Errorf("finalizers %v before it was ever Ready", environment.Finalizers)
	}
	fault.Clear()
	w.await("default", v1alpha1.ReasonReady)
}

func TestWithoutAnyRegionNothingIsAsked(t *testing.T) {
	w := newWorld(t)
	cfg := w.aws.Config()
	cfg.Region = ""
	w.start(cfg)
	asked := len(w.aws.Calls())
	w.create(w.plainEnvironment("default"))
	w.await("default", v1alpha1.ReasonRegionUnknown)
	if now := len(w.aws.Calls()); now != asked {
		t.Errorf("%d calls", now-asked)
	}
	w.change("default", func(e *v1alpha1.ScanEnvironment) { e.Spec.Region = "us-east-1" })
	w.await("default", v1alpha1.ReasonReady)
}
