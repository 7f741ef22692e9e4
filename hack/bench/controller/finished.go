package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// The findings of the finished jobs: every withFindings-th has so many.
const (
	withFindings   = 4
	findingsOfEach = 20
)

// example has the manager take a job as far as is asked for, and returns it as it is in the cluster then.
func (w *world) example(ctx context.Context, name string, enough func(*scanv1.ScanJob) bool) (*scanv1.ScanJob, error) {
	if err := w.submit(ctx, name, 1); err != nil {
		return nil, err
	}
	job := &scanv1.ScanJob{}
	return job, w.until(ctx, "the example is "+name, func() (bool, error) {
		err := w.kube.Get(ctx, client.ObjectKey{Namespace: namespace, Name: jobName(name, 0)}, job)
		return err == nil && enough(job), err
	})
}

// createLike creates jobs of a repository that have the status of an example, with the labels and annotations that a trigger
// gives them. Each takes one write: as long as the status is no subresource, a creation may bring it. task names the task of
// a job.
func (w *world) createLike(ctx context.Context, example *scanv1.ScanJob, repository string, count int, task func(i int) (string, error)) error {
	var group errgroup.Group
	group.SetLimit(32)
	for i := range count {
		group.Go(func() error {
			arn, err := task(i)
			if err != nil {
				return err
			}
			return patiently(func() error { return w.kube.Create(ctx, like(example, repository, i, arn)) })
		})
	}
	return group.Wait()
}

func like(example *scanv1.ScanJob, repository string, i int, taskARN string) *scanv1.ScanJob {
	job := &scanv1.ScanJob{Spec: example.Spec, Status: *example.Status.DeepCopy()}
	at := example.CreationTimestamp.UTC().Format(time.RFC3339)
	pull := strconv.Itoa(i)
	job.ObjectMeta = metav1.ObjectMeta{
		Namespace: namespace, Name: jobName(repository, i), Finalizers: example.Finalizers,
		Labels:      triggers.Labels("main", repository, pull),
		Annotations: map[string]string{scanv1.AnnotationEventTime: at, scanv1.AnnotationReceivedTime: at},
	}
	job.Spec.Source.CodeCommit = &scanv1.CodeCommitSource{Repository: repository, PullRequestID: pull}
	job.Status.Attempts[0].TaskARN = taskARN
	job.Status.Attempts[0].ClientToken = fmt.Sprintf("%064x", i)
	if example.Status.Phase == scanv1.PhaseSucceeded && i%withFindings == 0 {
		job.Status.Result, job.Status.Findings = scanv1.ResultFindings, someFindings(i)
	}
	return job
}

// taskLike runs another task as an example's.
func (w *world) taskLike(ctx context.Context, example *scanv1.ScanJob) func(int) (string, error) {
	attempt := example.Status.Attempts[0]
	calls := ecs.NewFromConfig(w.stack.AWS.Config())
	return func(i int) (string, error) {
		answer, err := calls.RunTask(ctx, &ecs.RunTaskInput{
			Cluster: &attempt.ClusterARN, TaskDefinition: &attempt.TaskDefinitionARN, StartedBy: aws.String(fmt.Sprintf("bench-%d", i)),
			LaunchType:           types.LaunchTypeFargate,
			NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: w.stack.Resources.Subnets}},
		})
		switch {
		case err != nil:
			return "", err
		case len(answer.Tasks) != 1:
			return "", fmt.Errorf("RunTask answers %+v", answer.Failures)
		}
		return *answer.Tasks[0].TaskArn, nil
	}
}

func someFindings(i int) *scanv1.Findings {
	findings := &scanv1.Findings{Attempt: 1, Total: findingsOfEach, New: findingsOfEach, BySeverity: map[string]int32{"high": findingsOfEach}}
	for n := range findingsOfEach {
		findings.Items = append(findings.Items, scanv1.Finding{
			Rule: "aws-access-key-id", Severity: "high", Path: fmt.Sprintf("services/payments/%d/configuration/production-%d.yaml", i, n), Line: int32(n + 1),
			Commit: strings.Repeat("6f1c", 10), Preview: "AKIA********", Account: "********4242", Fingerprint: fmt.Sprintf("%032x%032x", i, n),
		})
	}
	return findings
}

// setStatusSubresource says whether a ScanJob's status is a resource of its own, and returns when the API server does so.
func (w *world) setStatusSubresource(ctx context.Context, separate bool) error {
	definition := &unstructured.Unstructured{}
	definition.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	definition.SetName("scanjobs." + scanv1.GroupVersion.Group)
	operation, value := "remove", ""
	if separate {
		operation, value = "add", `,"value":{"status":{}}`
	}
	patch := fmt.Sprintf(`[{"op":%q,"path":"/spec/versions/0/subresources"%s}]`, operation, value)
	if err := w.kube.Patch(ctx, definition, client.RawPatch(apitypes.JSONPatchType, []byte(patch))); err != nil {
		return fmt.Errorf("change the definition of ScanJobs: %w", err)
	}
	return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		probe := &scanv1.ScanJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "probe-"}, Status: scanv1.ScanJobStatus{Phase: scanv1.PhasePending}}
		probe.Spec.EnvironmentName = "none"
		probe.Spec.Source = scanv1.ScanSource{CodeCommit: &scanv1.CodeCommitSource{Repository: "none"}, Revision: strings.Repeat("6f1c", 10)}
		err := w.kube.Create(ctx, probe)
		if err != nil {
			return false, client.IgnoreNotFound(ignoreBusy(err)) // the API server changes over
		}
		if err := w.kube.Delete(ctx, probe); err != nil || (probe.Status.Phase == "") != separate {
			return false, err
		}
		return true, nil
	})
}

// patiently repeats what the API server refuses while it fills its caches anew.
func patiently(call func() error) error {
	return retry.OnError(wait.Backoff{Steps: 60, Duration: time.Second, Factor: 1}, func(err error) bool { return ignoreBusy(err) == nil }, call)
}

// ignoreBusy drops errors that pass by themselves.
func ignoreBusy(err error) error {
	if apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) {
		return nil
	}
	return err
}
