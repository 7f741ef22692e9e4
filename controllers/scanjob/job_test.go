package scanjob

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

const (
	testUID     = "0f8fad5b-d9cb-469f-a165-70867728950e"
	testCluster = "arn:aws:ecs:us-east-1:111122223333:cluster/scans"
	testQueue   = "https://sqs.us-east-1.amazonaws.com/111122223333/scan-inbox"
	testTask    = "arn:aws:ecs:us-east-1:111122223333:task/scans/c13b4cb40f1f4fe4a2971f76ae5a47ad"
)

// noon is when the stories of these tests begin.
func noon() time.Time { return time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC) }

// at is a moment after noon in the API's form.
func at(d time.Duration) *metav1.Time {
	t := metav1.NewTime(noon().Add(d))
	return &t
}

// newJob returns a job as the API server hands it out, with the defaults of the schema.
func newJob(changes ...func(*scanv1.ScanJob)) *scanv1.ScanJob {
	job := &scanv1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "scans", Name: "payments-42", UID: testUID, Generation: 1, CreationTimestamp: *at(0)},
		Spec: scanv1.ScanJobSpec{
			EnvironmentName: "default",
			Source: scanv1.ScanSource{
				CodeCommit: &scanv1.CodeCommitSource{Repository: "payments", PullRequestID: "42"},
				Revision:   "6f1c0e6a8b9d4c3f2e1d0c9b8a7f6e5d4c3b2a19",
			},
			ScanJobOptions: scanv1.ScanJobOptions{
				Mode:                       scanv1.ScanModeChanges,
				BackoffLimit:               ptr.To[int32](2),
				InfrastructureBackoffLimit: ptr.To[int32](6),
				StartDeadlineSeconds:       ptr.To[int64](600),
				ActiveDeadlineSeconds:      ptr.To[int64](3600),
				TTLSecondsAfterFinished:    ptr.To[int32](604800),
			},
		},
	}
	for _, change := range changes {
		change(job)
	}
	return job
}

func cancelled(job *scanv1.ScanJob) { job.Spec.Cancel = true }

func suspended(job *scanv1.ScanJob) { job.Spec.Suspend = true }

func superseded(job *scanv1.ScanJob) {
	job.Spec.Cancel = true
	job.Annotations = map[string]string{scanv1.AnnotationSupersededBy: "payments-43"}
}

func deleted(job *scanv1.ScanJob) { job.DeletionTimestamp = at(time.Minute) }

// admittedAt sets when the first attempt was recorded.
func admittedAt(d time.Duration) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) { job.Status.Timeline.AdmittedTime = at(d) }
}

// withAttempts appends attempts and numbers them.
func withAttempts(attempts ...scanv1.Attempt) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) {
		for _, attempt := range attempts {
			attempt.Number = nextNumber(job)
			job.Status.Attempts = append(job.Status.Attempts, attempt)
		}
	}
}

// spoiledBy is an attempt that ended a minute after noon.
func spoiledBy(class scanv1.FailureClass) scanv1.Attempt {
	return scanv1.Attempt{RecordedAt: *at(0), StoppedAt: at(time.Minute), Class: class, Reason: "why it was spoiled"}
}

// missedCapacity is an attempt that Fargate had no capacity for.
func missedCapacity() scanv1.Attempt {
	attempt := spoiledBy(scanv1.ClassInfrastructure)
	attempt.CapacityMissed = true
	return attempt
}

// running is an attempt whose task was accepted at noon.
func running(changes ...func(*scanv1.Attempt)) scanv1.Attempt {
	attempt := scanv1.Attempt{RecordedAt: *at(0), ClusterARN: testCluster, ContainerName: "scanner", TaskARN: testTask, AcceptedAt: at(0)}
	for _, change := range changes {
		change(&attempt)
	}
	return attempt
}

func done(exitCode int32) scanv1.Attempt {
	return scanv1.Attempt{RecordedAt: *at(0), StoppedAt: at(time.Minute), ExitCode: &exitCode}
}

// withCondition sets a condition to True.
func withCondition(kind, reason string) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) { setCondition(job, kind, metav1.ConditionTrue, reason, "as the test says") }
}

// newEnvironment returns a Ready environment.
func newEnvironment(changes ...func(*scanv1.ScanEnvironment)) *scanv1.ScanEnvironment {
	environment := &scanv1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "scans", Name: "default", UID: "this-cluster", Generation: 3},
		Spec: scanv1.ScanEnvironmentSpec{
			ContainerName: "scanner",
			Network:       scanv1.NetworkConfiguration{AssignPublicIP: true},
			Capacity:      scanv1.CapacityConfiguration{MaxConcurrentTasks: 100, OnDemandFallback: ptr.To(true)},
			Inbox:         &scanv1.InboxConfiguration{},
			Notifications: &scanv1.NotificationsConfiguration{},
			Reports:       &scanv1.ReportsConfiguration{Prefix: "sarif/"},
		},
		Status: scanv1.ScanEnvironmentStatus{
			ObservedGeneration: 3,
			Conditions:         []metav1.Condition{{Type: scanv1.ConditionReady, Status: metav1.ConditionTrue, Reason: scanv1.ReasonReady}},
			Resolved: &scanv1.ResolvedEnvironment{
				Region: "us-east-1", Account: "111122223333", ClusterARN: testCluster,
				TaskDefinitionARN: "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7",
				Architecture:      scanv1.ArchitectureARM64,
				Subnets:           []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"},
				QueueURL: testQueue,
				TopicARN: "arn:aws:sns:us-east-1:111122223333:scan-findings", Bucket: "scan-reports",
			},
		},
	}
	for _, change := range changes {
		change(environment)
	}
	return environment
}

// onSpot makes an environment prefer Spot.
func onSpot(environment *scanv1.ScanEnvironment) {
	environment.Spec.Capacity.Strategy = []scanv1.CapacityProviderStrategyItem{
		{CapacityProvider: scanv1.CapacityProviderFargateSpot, Weight: 3}, {CapacityProvider: scanv1.CapacityProviderFargate, Weight: 1},
	}
}

// task returns what ECS tells of the task of running in a version.
func task(version int64, status string, changes ...func(*fargate.Task)) fargate.Task {
	t := fargate.Task{ARN: testTask, ClusterARN: testCluster, Version: version, LastStatus: status, CPU: "1024", Memory: "2048"}
	for _, change := range changes {
		change(&t)
	}
	return t
}

// exited gives a task's scanner an exit code and the task the stop code that goes with it.
func exited(code int32) func(*fargate.Task) {
	return func(t *fargate.Task) {
		t.StopCode, t.StoppedReason = "EssentialContainerExited", "Essential container in task exited"
		t.StoppedAt = noon().Add(3 * time.Minute)
		t.Containers = []fargate.Container{{Name: "scanner", LastStatus: "STOPPED", ExitCode: &code}}
	}
}
