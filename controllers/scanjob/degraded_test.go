package scanjob

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

const testDefinition = "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7"

func TestWhatAnAttemptSaysOfItsEnvironment(t *testing.T) {
	const notFound = "CannotPullContainerError: not found"
	open := func(changes ...func(*scanv1.Attempt)) scanv1.Attempt {
		attempt := scanv1.Attempt{Number: 1, RecordedAt: *at(0), ClusterARN: testCluster, TaskDefinitionARN: testDefinition}
		for _, change := range changes {
			change(&attempt)
		}
		return attempt
	}
	ran := func(attempt *scanv1.Attempt) { attempt.StartedAt = at(time.Minute) }
	failed := func(class scanv1.FailureClass, reason string) func(*scanv1.Attempt) {
		return func(attempt *scanv1.Attempt) {
			attempt.StoppedAt, attempt.Class, attempt.Reason = at(time.Minute), class, reason
		}
	}
	exited := func(code int32) func(*scanv1.Attempt) {
		return func(attempt *scanv1.Attempt) { attempt.ExitCode = &code }
	}
	elsewhere := func(attempt *scanv1.Attempt) { attempt.ClusterARN += "-other" }
	older := func(attempt *scanv1.Attempt) {
		attempt.TaskDefinitionARN = strings.TrimSuffix(testDefinition, "7") + "6"
	}
	own := scanv1.ScanJobOptions{Container: &scanv1.ContainerOverrides{Command: []string{"scan"}}}
	sized := scanv1.ScanJobOptions{Resources: &scanv1.TaskResources{CPU: "1", Memory: "2Gi"}}
	demanding := scanv1.ScanJobOptions{Resources: &scanv1.TaskResources{Architecture: scanv1.ArchitectureARM64}}
	for _, row := range []struct {
		name          string
		before, after scanv1.Attempt
		options       scanv1.ScanJobOptions
		want          []string // what failed; empty for an attempt that ran
	}{
		{"an image that is not there", open(), open(failed(scanv1.ClassConfiguration, notFound)), scanv1.ScanJobOptions{}, []string{notFound}},
		{"the same, told before", open(failed(scanv1.ClassConfiguration, notFound)), open(failed(scanv1.ClassConfiguration, notFound)), scanv1.ScanJobOptions{}, nil},
		{"the same for a job of its own size", open(), open(failed(scanv1.ClassConfiguration, notFound)), sized, []string{notFound}},
		{"the same in another cluster than the environment's", open(elsewhere), open(elsewhere, failed(scanv1.ClassConfiguration, notFound)), scanv1.ScanJobOptions{}, nil},
		{"the same of an older revision than the environment's", open(older), open(older, failed(scanv1.ClassConfiguration, notFound)), scanv1.ScanJobOptions{}, nil},
		{"a size that Fargate has not, which the job asked for", open(), open(failed(scanv1.ClassConfiguration, "ClientException: No Fargate configuration exists")), sized, nil},
		{"a size that Fargate has not, which the task definition has", open(), open(failed(scanv1.ClassConfiguration, "ClientException: No Fargate configuration exists")),
			demanding, []string{"ClientException: No Fargate configuration exists"}},
		{"a command that is not there, which is the job's", open(), open(failed(scanv1.ClassConfiguration, "CannotStartContainerError: not found in $PATH")), own, nil},
		{"a request that cannot be scanned", open(ran), open(ran, failed(scanv1.ClassConfiguration, "exit code 64"), exited(64)), scanv1.ScanJobOptions{}, nil},
		{"a failure of Fargate", open(), open(failed(scanv1.ClassInfrastructure, "Capacity is unavailable")), scanv1.ScanJobOptions{}, nil},
		{"a container that runs", open(), open(ran), scanv1.ScanJobOptions{}, []string{""}},
		{"a container that ran before", open(ran), open(ran, failed("", ""), exited(0)), scanv1.ScanJobOptions{}, nil},
		{"an attempt that is only recorded", scanv1.Attempt{}, open(), scanv1.ScanJobOptions{}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			before, after := &scanv1.ScanJobStatus{Attempts: []scanv1.Attempt{row.before}}, &scanv1.ScanJobStatus{Attempts: []scanv1.Attempt{row.after}}
			environment := newEnvironment(func(e *scanv1.ScanEnvironment) {
				e.Status.Resolved.ClusterARN, e.Status.Resolved.TaskDefinitionARN = testCluster, testDefinition
			})
			var got []string
			for _, learned := range experiences(before, after, &scanv1.ScanJobSpec{ScanJobOptions: row.options}, environment) {
				got = append(got, learned.failed)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("what it says (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHowTheConditionDegradedFollows(t *testing.T) {
	set := func(status metav1.ConditionStatus, message string) *metav1.Condition {
		return &metav1.Condition{Type: scanv1.ConditionDegraded, Status: status, Message: message, LastTransitionTime: *at(time.Hour)}
	}
	ran := func(recorded time.Duration) experience {
		return experience{attempt: scanv1.Attempt{Number: 1, RecordedAt: *at(recorded)}}
	}
	failed := experience{failed: "not found", attempt: scanv1.Attempt{Number: 2, RecordedAt: *at(0)}}
	said := "attempt 1 of ScanJob other failed, and others will, too: not found"
	for _, row := range []struct {
		name    string
		current *metav1.Condition
		learned experience
		want    metav1.ConditionStatus // empty: it stays as it is
	}{
		{"the first failure", nil, failed, metav1.ConditionTrue},
		{"another job fails of the same", set(metav1.ConditionTrue, said), failed, ""},
		{"another job fails of something else", set(metav1.ConditionTrue, "attempt 1 of ScanJob other failed, and others will, too: denied"), failed, metav1.ConditionTrue},
		{"it failed, ran, and fails again", set(metav1.ConditionFalse, said), failed, metav1.ConditionTrue},
		{"the environment was changed, and it fails again", set(metav1.ConditionUnknown, ""), failed, metav1.ConditionTrue},
		{"nothing ever failed", nil, ran(2 * time.Hour), ""},
		{"a later attempt runs", set(metav1.ConditionTrue, said), ran(2 * time.Hour), metav1.ConditionFalse},
		{"an attempt of the same second runs", set(metav1.ConditionTrue, said), ran(time.Hour), metav1.ConditionFalse},
		{"an attempt that was begun before the failure runs", set(metav1.ConditionTrue, said), ran(30 * time.Minute), ""},
		{"the environment was changed, and an attempt runs", set(metav1.ConditionUnknown, ""), ran(2 * time.Hour), metav1.ConditionFalse},
		{"another attempt runs", set(metav1.ConditionFalse, ""), ran(2 * time.Hour), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := degraded(row.current, newJob(), row.learned, noon())
			if got == nil || row.want == "" {
				if got != nil || row.want != "" {
					t.Errorf("got %+v, want status %q", got, row.want)
				}
				return
			}
			if got.Status != row.want || !strings.Contains(got.Message, "payments-42") || !strings.HasSuffix(got.Message, row.learned.failed) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// degradation returns the environment's condition Degraded.
func (r *rig) degradation() metav1.Condition {
	r.t.Helper()
	environment := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(r.t.Context(), r.environmentKey(), environment); err != nil {
		r.t.Fatal(err)
	}
	if condition := meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionDegraded); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}

// told returns the events that were recorded, and forgets them.
func (r *rig) told() (events []string) {
	for {
		select {
		case event := <-r.recorder.Events:
			events = append(events, event)
		default:
			return events
		}
	}
}

// TestBadInputThatOnlyTheFirstAttemptShows has the mistakes that the check of an environment cannot see. What it can see is
// in controllers/scanenvironment.
func TestBadInputThatOnlyTheFirstAttemptShows(t *testing.T) {
	for _, row := range []struct {
		name     string
		mistake  func(*awslocal.Faults)
		accepted bool // RunTask starts a task, which fails to start
		message  string
	}{
		{"a subnet of another VPC", func(f *awslocal.Faults) { f.InOtherVPC("subnet-0123456789abcdef0") }, false,
			"does not appear to belong to the same VPC as the input subnets. (the subnets and security groups of spec.network of the ScanEnvironment must be of one VPC)"},
		{"a role that may not be passed", func(f *awslocal.Faults) {
			f.Fail("ecs", "RunTask", 1, awslocal.CannotPassRole("arn:aws:sts::111122223333:assumed-role/manager/x", "arn:aws:iam::111122223333:role/scanjob-task"))
		}, false, "(allow the manager's role iam:PassRole on that role, to be passed to ecs-tasks.amazonaws.com)"},
		{"an image for another architecture", func(f *awslocal.Faults) { f.FailStart(1, awslocal.OtherArchitecture()) }, true,
			"(the image has no variant for the task definition's CPU architecture: build one, or correct the task definition's cpuArchitecture)"},
		{"an image that is not there", func(f *awslocal.Faults) { f.FailStart(1, awslocal.ImageNotFound()) }, true, "(push the image"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, newJob())
			row.mistake(r.aws.Faults())
			r.admit()
			r.succeed()
			if row.accepted {
				r.stopped()
				r.poll()
			}
			r.succeed()
			job := r.job()
			if attempt := r.attempt(); attempt.Class != scanv1.ClassConfiguration || !meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed) {
				t.Fatalf("the attempt is %+v", attempt)
			}
			wantMessage(t, job, scanv1.ConditionFailed, row.message)
			condition := r.degradation()
			if condition.Status != metav1.ConditionTrue || condition.Reason != scanv1.ReasonAttemptFailed || condition.ObservedGeneration != 3 ||
				!strings.Contains(condition.Message, row.message) || !strings.Contains(condition.Message, "attempt 1 of ScanJob payments-42") {
				t.Errorf("condition %+v", condition)
			}
			if events := strings.Join(r.told(), "\n"); !strings.Contains(events, "Warning AttemptFailed attempt 1 of ScanJob payments-42") {
				t.Errorf("the events are:\n%s", events)
			}
		})
	}
}

// stopped waits until the only task has stopped.
func (r *rig) stopped() {
	r.t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for time.Now().Before(limit) {
		if tasks := r.aws.Tasks(); len(tasks) == 1 && tasks[0].LastStatus == "STOPPED" {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	r.t.Fatalf("the tasks are %+v", r.aws.Tasks())
}

func TestALaterAttemptThatRunsEndsDegraded(t *testing.T) {
	r := newRig(t, newJob())
	r.degrade(noon().Add(-time.Minute))
	r.start()
	r.taskRuns()
	r.poll()
	r.succeed()
	if condition := r.degradation(); condition.Status != metav1.ConditionFalse || condition.Reason != scanv1.ReasonAttemptRan {
		t.Errorf("condition %+v", condition)
	}
}

func TestAnEnvironmentThatSomebodyElseWritesIsToldAllTheSame(t *testing.T) {
	r := newRig(t, newJob())
	r.degrade(noon().Add(-time.Minute))
	r.start()
	r.taskRuns()
	r.poll()
	// The cache of the manager is behind: it decides by what it read, and writes by what is there.
	stale := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(t.Context(), r.environmentKey(), stale); err != nil {
		t.Fatal(err)
	}
	newer := stale.DeepCopy()
	meta.SetStatusCondition(&newer.Status.Conditions, metav1.Condition{Type: scanv1.ConditionReady, Status: metav1.ConditionFalse, Reason: "ClusterInactive", Message: "news"})
	if err := r.kube.Status().Update(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	s := newScope(r.job(), noon())
	s.environment = stale
	s.job.Status.Attempts[0].StartedAt = at(time.Second)
	if err := r.reconciler.tellEnvironment(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	environment := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
		t.Fatal(err)
	}
	if ready := meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionReady); ready.Reason != "ClusterInactive" {
		t.Errorf("the news are lost: %+v", ready)
	}
	if condition := r.degradation(); condition.Status != metav1.ConditionFalse {
		t.Errorf("condition %+v", condition)
	}
}

// degrade marks the environment as a failed attempt of another job would.
func (r *rig) degrade(since time.Time) {
	r.t.Helper()
	environment := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(r.t.Context(), r.environmentKey(), environment); err != nil {
		r.t.Fatal(err)
	}
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{
		Type: scanv1.ConditionDegraded, Status: metav1.ConditionTrue, Reason: scanv1.ReasonAttemptFailed,
		Message: fmt.Sprintf("attempt 1 of ScanJob other failed since %s", since), LastTransitionTime: metav1.NewTime(since),
	})
	if err := r.kube.Status().Update(r.t.Context(), environment); err != nil {
		r.t.Fatal(err)
	}
}
