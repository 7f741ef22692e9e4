package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScanMode says which part of a repository is scanned.
// +kubebuilder:validation:Enum=Changes;Tree;History
type ScanMode string

// The scan modes.
const (
	// ScanModeChanges scans every commit that is reachable from the revision and not from the base revision.
	ScanModeChanges ScanMode = "Changes"
	// ScanModeTree scans the files of the revision.
	ScanModeTree ScanMode = "Tree"
	// ScanModeHistory scans every commit that is reachable from the revision, and not from the base revision where that is
	// an ancestor.
	ScanModeHistory ScanMode = "History"
)

// FailOn says which findings make the result Findings.
// +kubebuilder:validation:Enum=New;All
type FailOn string

// The values of FailOn.
const (
	FailOnNew FailOn = "New"
	FailOnAll FailOn = "All"
)

// Architecture is a CPU architecture as Kubernetes names it.
// +kubebuilder:validation:Enum=arm64;amd64
type Architecture string

// The architectures that Fargate has.
const (
	ArchitectureARM64 Architecture = "arm64"
	ArchitectureAMD64 Architecture = "amd64"
)

// ScanJobSpec describes one scan. It is immutable but for suspend, cancel, priority, activeDeadlineSeconds and
// ttlSecondsAfterFinished.
// +kubebuilder:validation:XValidation:rule="self.environmentName == oldSelf.environmentName",message="environmentName is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",message="source is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="self.mode == oldSelf.mode",message="mode is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="self.failOn == oldSelf.failOn",message="failOn is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="self.backoffLimit == oldSelf.backoffLimit",message="backoffLimit is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="self.infrastructureBackoffLimit == oldSelf.infrastructureBackoffLimit",message="infrastructureBackoffLimit is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="self.startDeadlineSeconds == oldSelf.startDeadlineSeconds",message="startDeadlineSeconds is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="has(self.resources) == has(oldSelf.resources) && (!has(self.resources) || self.resources == oldSelf.resources)",message="resources is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="has(self.container) == has(oldSelf.container) && (!has(self.container) || self.container == oldSelf.container)",message="container is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="has(self.notBefore) == has(oldSelf.notBefore) && (!has(self.notBefore) || self.notBefore == oldSelf.notBefore)",message="notBefore is immutable; create another ScanJob"
// +kubebuilder:validation:XValidation:rule="!oldSelf.cancel || self.cancel",message="cancel cannot be taken back; create another ScanJob"
type ScanJobSpec struct {
	// environmentName is the ScanEnvironment of this namespace that the scan runs in, a name of up to 253 characters. The job
	// waits until it is Ready.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	EnvironmentName string `json:"environmentName"`

	// source is what is scanned.
	Source ScanSource `json:"source"`

	ScanJobOptions `json:",inline"`

	// suspend keeps the job from starting attempts; a running task is stopped and its attempt does not count. Default:
	// false.
	// +optional
	// +kubebuilder:default=false
	Suspend bool `json:"suspend"`

	// cancel ends the job as Failed with reason Cancelled; a running task is stopped. It cannot be taken back. Default:
	// false.
	// +optional
	// +kubebuilder:default=false
	Cancel bool `json:"cancel"`

	// notBefore is the earliest time of the first attempt; the job takes no slot before. Default: none.
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`
}

// ScanJobOptions is the part of a scan's spec that triggers and schedules hold in their templates.
type ScanJobOptions struct {
	// mode is Changes (commits between base and revision), Tree (the files of the revision) or History (every commit up to
	// the revision, or from an earlier scan's end on). Default: Changes.
	// +optional
	// +kubebuilder:default=Changes
	Mode ScanMode `json:"mode,omitempty"`

	// failOn says which findings make the result Findings and are told to people: New (those that the target branch does not
	// hold already) or All. The report lists all in either case. In the modes Tree and History every finding is new.
	// Default: New.
	// +optional
	// +kubebuilder:default=New
	FailOn FailOn `json:"failOn,omitempty"`

	// backoffLimit is how many more attempts follow one that the scan itself spoiled (a crash, a failed clone), 0 to 10.
	// Default: 2.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`

	// infrastructureBackoffLimit is how many more attempts follow one that Fargate spoiled (no capacity, network
	// interface, throttled image pull, Spot reclaim), 0 to 20. Default: 6.
	// +optional
	// +kubebuilder:default=6
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	InfrastructureBackoffLimit *int32 `json:"infrastructureBackoffLimit,omitempty"`

	// startDeadlineSeconds bounds the time from RunTask's acceptance to the running container, 30 to 3600 seconds. An
	// attempt that takes longer is stopped and counts as spoiled by Fargate. Default: 600.
	// +optional
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=3600
	StartDeadlineSeconds *int64 `json:"startDeadlineSeconds,omitempty"`

	// activeDeadlineSeconds bounds the whole job from its first admission, 60 to 86400 seconds; its task is stopped and the
	// job fails with reason DeadlineExceeded. A scanner that runs keeps the deadline that it was started with; a later one
	// holds from the next attempt on. Default: 3600.
	// +optional
	// +kubebuilder:default=3600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`

	// ttlSecondsAfterFinished is how long the finished object is kept, at least 0 seconds. Default: 604800 (7 days).
	// +optional
	// +kubebuilder:default=604800
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// priority orders waiting jobs of one environment, higher first, -1000 to 1000. Default: 0.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=-1000
	// +kubebuilder:validation:Maximum=1000
	Priority int32 `json:"priority,omitempty"`

	// resources sizes the task. Default: the task definition's own.
	// +optional
	Resources *TaskResources `json:"resources,omitempty"`

	// container replaces parts of the scanner container, for a scanner of your own.
	// +optional
	Container *ContainerOverrides `json:"container,omitempty"`
}

// ScanSource names the revision to scan, in exactly one kind of repository.
// +kubebuilder:validation:XValidation:rule="has(self.codeCommit) != has(self.git)",message="exactly one of codeCommit and git must be set"
type ScanSource struct {
	// codeCommit is a CodeCommit repository in the environment's region and account.
	// +optional
	CodeCommit *CodeCommitSource `json:"codeCommit,omitempty"`

	// git is a repository on any other host.
	// +optional
	Git *GitSource `json:"git,omitempty"`

	// revision is the commit to scan: 40 hexadecimal digits, or 64 in a repository with SHA-256 ids, which ScanJob's own
	// scanner refuses.
	// +kubebuilder:validation:Pattern=`^([0-9a-f]{40}|[0-9a-f]{64})$`
	Revision string `json:"revision"`

	// baseRevision is the commit whose history is not scanned. Default in mode Changes: the merge base of the revision and
	// the repository's default branch, found by the scanner. In mode History it is where an earlier scan ended; a commit that
	// is no ancestor of the revision is ignored, and the default is none. Mode Tree does not look at it.
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9a-f]{40}|[0-9a-f]{64})$`
	BaseRevision string `json:"baseRevision,omitempty"`
}

// CodeCommitSource is a repository in CodeCommit.
type CodeCommitSource struct {
	// repository is the repository's name, of up to 100 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_.-]+$`
	Repository string `json:"repository"`

	// pullRequestID is the number of the pull request that the revision belongs to, of up to 20 digits. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]+$`
	PullRequestID string `json:"pullRequestID,omitempty"`
}

// GitSource is a repository on any Git host.
type GitSource struct {
	// url is the repository's https:// or http:// address, of up to 2048 characters and without credentials: a task's
	// overrides are readable to everybody who can describe tasks.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^@\s]+$`
	URL string `json:"url"`

	// pullRequestID is the number of the pull or merge request that the revision belongs to, of up to 20 digits. Default:
	// none.
	// +optional
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]+$`
	PullRequestID string `json:"pullRequestID,omitempty"`
}

// TaskResources is a size that Fargate has.
// +kubebuilder:validation:XValidation:rule="has(self.cpu) == has(self.memory)",message="cpu and memory must be set together"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || (self.cpu == '250m' ? self.memory in ['512Mi','1Gi','2Gi'] : true)",message="Fargate has no such size: cpu 250m needs memory 512Mi, 1Gi or 2Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || (self.cpu == '500m' ? self.memory in ['1Gi','2Gi','3Gi','4Gi'] : true)",message="Fargate has no such size: cpu 500m needs memory 1Gi to 4Gi in steps of 1Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || self.cpu != '1' || (self.memory.matches('^[1-9][0-9]{0,2}Gi$') && int(self.memory.split('G')[0]) >= 2 && int(self.memory.split('G')[0]) <= 8)",message="Fargate has no such size: cpu 1 needs memory 2Gi to 8Gi in steps of 1Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || self.cpu != '2' || (self.memory.matches('^[1-9][0-9]{0,2}Gi$') && int(self.memory.split('G')[0]) >= 4 && int(self.memory.split('G')[0]) <= 16)",message="Fargate has no such size: cpu 2 needs memory 4Gi to 16Gi in steps of 1Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || self.cpu != '4' || (self.memory.matches('^[1-9][0-9]{0,2}Gi$') && int(self.memory.split('G')[0]) >= 8 && int(self.memory.split('G')[0]) <= 30)",message="Fargate has no such size: cpu 4 needs memory 8Gi to 30Gi in steps of 1Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || self.cpu != '8' || (self.memory.matches('^[1-9][0-9]{0,2}Gi$') && int(self.memory.split('G')[0]) >= 16 && int(self.memory.split('G')[0]) <= 60 && int(self.memory.split('G')[0]) % 4 == 0)",message="Fargate has no such size: cpu 8 needs memory 16Gi to 60Gi in steps of 4Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || !has(self.memory) || self.cpu != '16' || (self.memory.matches('^[1-9][0-9]{0,2}Gi$') && int(self.memory.split('G')[0]) >= 32 && int(self.memory.split('G')[0]) <= 120 && int(self.memory.split('G')[0]) % 8 == 0)",message="Fargate has no such size: cpu 16 needs memory 32Gi to 120Gi in steps of 8Gi"
type TaskResources struct {
	// cpu is the task's CPU in vCPU: 250m, 500m, 1, 2, 4, 8 or 16, written as a string.
	// +optional
	// +kubebuilder:validation:Enum="250m";"500m";"1";"2";"4";"8";"16"
	CPU string `json:"cpu,omitempty"`

	// memory is the task's memory, such as 2Gi. Which sizes there are depends on cpu.
	// +optional
	// +kubebuilder:validation:Pattern=`^(512Mi|[1-9][0-9]{0,2}Gi)$`
	Memory string `json:"memory,omitempty"`

	// ephemeralStorage is the task's disk, 21Gi to 200Gi, written in up to 8 characters. Default: Fargate's own 20 GiB.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^(2[1-9]|[3-9][0-9]|1[0-9][0-9]|200)Gi$')",message="ephemeralStorage must be 21Gi to 200Gi in steps of 1Gi"
	// +kubebuilder:validation:MaxLength=8
	EphemeralStorage string `json:"ephemeralStorage,omitempty"`

	// architecture is what the scan needs: arm64 or amd64. It is not chosen at run time but by the task definition; a job
	// whose environment has another one fails at once and says so. Default: whatever the task definition has.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`
}

// ContainerOverrides replaces parts of the scanner container. Image and entry point are the task definition's.
type ContainerOverrides struct {
	// command replaces the image's command, with up to 64 words. Default: the image's own.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Command []string `json:"command,omitempty"`

	// env is up to 64 variables besides the contract's, which it cannot replace. They are readable in ECS, EventBridge and
	// CloudTrail: never put a secret here, use the task definition's secrets.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`
}

// EnvVar is one environment variable.
type EnvVar struct {
	// name is the variable's name, of up to 128 characters; names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT
	// are reserved.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('SCAN_') && !self.startsWith('SCANJOB_') && !self.startsWith('AWS_') && self != 'SNS_TOPIC' && self != 'TRACEPARENT'",message="names that open with SCAN_, SCANJOB_ or AWS_ and the names SNS_TOPIC and TRACEPARENT are reserved"
	Name string `json:"name"`
	// value is the variable's value, of up to 4096 characters. Default: empty.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`
}

// Phase sums a job's conditions up for people; programs read the conditions.
// +kubebuilder:validation:Enum=Pending;Queued;Starting;Running;Succeeded;Failed
type Phase string

// The phases.
const (
	// PhasePending: accepted, and not yet considered, suspended, or waiting for its environment.
	PhasePending Phase = "Pending"
	// PhaseQueued: waiting for a slot or for the end of a backoff.
	PhaseQueued Phase = "Queued"
	// PhaseStarting: an attempt is recorded, its container does not run yet.
	PhaseStarting Phase = "Starting"
	// PhaseRunning: the container runs, or ran and its task is being taken down.
	PhaseRunning Phase = "Running"
	// PhaseSucceeded: the scan was done, whatever it found.
	PhaseSucceeded Phase = "Succeeded"
	// PhaseFailed: the scan could not be done.
	PhaseFailed Phase = "Failed"
)

// ScanResult is what a scan found.
// +kubebuilder:validation:Enum=Clean;Findings;Unknown
type ScanResult string

// The results.
const (
	// ResultClean: everything was scanned, nothing was found.
	ResultClean ScanResult = "Clean"
	// ResultFindings: something was found, or a part was left out for a limit.
	ResultFindings ScanResult = "Findings"
	// ResultUnknown: the scan is not done or could not be done.
	ResultUnknown ScanResult = "Unknown"
)

// FailureClass says who spoiled an attempt, which decides whether and against which limit it is repeated.
// +kubebuilder:validation:Enum=Infrastructure;Scan;Configuration;Cancelled;Superseded;DeadlineExceeded;Suspended
type FailureClass string

// The failure classes.
const (
	// ClassInfrastructure: Fargate spoiled it; repeated against infrastructureBackoffLimit.
	ClassInfrastructure FailureClass = "Infrastructure"
	// ClassScan: the scan itself spoiled it; repeated against backoffLimit.
	ClassScan FailureClass = "Scan"
	// ClassConfiguration: it cannot succeed before somebody changes something; not repeated.
	ClassConfiguration FailureClass = "Configuration"
	// ClassCancelled: somebody asked for its end.
	ClassCancelled FailureClass = "Cancelled"
	// ClassSuperseded: a newer revision of the same pull request took its place.
	ClassSuperseded FailureClass = "Superseded"
	// ClassDeadlineExceeded: activeDeadlineSeconds passed.
	ClassDeadlineExceeded FailureClass = "DeadlineExceeded"
	// ClassSuspended: stopped because the job was suspended; counts against no limit.
	ClassSuspended FailureClass = "Suspended"
)

// ScanJobStatus is what happened so far.
type ScanJobStatus struct {
	// observedGeneration is the spec generation that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase sums the conditions up, for columns only.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// result is what the scan found.
	// +optional
	Result ScanResult `json:"result,omitempty"`

	// conditions: Admitted, Suspended, Complete, Failed, Reported.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// attempts are the tasks that this job started, oldest first.
	// +optional
	// +listType=map
	// +listMapKey=number
	Attempts []Attempt `json:"attempts,omitempty"`

	// nextAttemptTime is the earliest time of the next attempt, while the job backs off or waits for spec.notBefore.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`

	// timeline is when what happened, over all attempts.
	// +optional
	Timeline Timeline `json:"timeline,omitempty"`

	// findings is what was found, redacted.
	// +optional
	Findings *Findings `json:"findings,omitempty"`

	// deliveries says to whom the result was reported.
	// +optional
	// +listType=map
	// +listMapKey=sink
	Deliveries []Delivery `json:"deliveries,omitempty"`

	// cost is what the attempts cost so far.
	// +optional
	Cost *Cost `json:"cost,omitempty"`
}

// Attempt is one task, or the record that one is about to be started.
type Attempt struct {
	// number counts attempts from 1.
	Number int32 `json:"number"`
	// recordedAt is when the attempt was written down, before RunTask was called.
	RecordedAt metav1.Time `json:"recordedAt"`
	// clientToken is RunTask's idempotency token, a pure function of the job's UID and the attempt's number.
	ClientToken string `json:"clientToken"`
	// clusterARN is the cluster that the task was asked for in.
	// +optional
	ClusterARN string `json:"clusterARN,omitempty"`
	// taskDefinitionARN is the task definition that was asked for.
	// +optional
	TaskDefinitionARN string `json:"taskDefinitionARN,omitempty"`
	// roleARN is the role that the task was asked for with; empty for the manager's own identity.
	// +optional
	RoleARN string `json:"roleARN,omitempty"`
	// externalID is what that role was assumed with as sts:ExternalId; empty where none was given.
	// +optional
	ExternalID string `json:"externalID,omitempty"`
	// containerName is the container of the task definition that is the scanner.
	// +optional
	ContainerName string `json:"containerName,omitempty"`
	// onDemandFallback is set where the attempt asks for FARGATE because Spot had no capacity for the ones before.
	// +optional
	OnDemandFallback bool `json:"onDemandFallback,omitempty"`
	// fallbackReason is why the attempt asks for FARGATE; set together with onDemandFallback.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	FallbackReason string `json:"fallbackReason,omitempty"`
	// subnets are those that the attempt asks for, where one of the environment's had no free addresses for an earlier attempt.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Subnets []string `json:"subnets,omitempty"`
	// capacityProvider is where the task runs, once ECS has told.
	// +optional
	CapacityProvider string `json:"capacityProvider,omitempty"`
	// taskARN is the task; empty while RunTask's answer is not known, and where no task was ever started.
	// +optional
	TaskARN string `json:"taskARN,omitempty"`
	// unlistedSince is since when ECS lists no task of an attempt whose ARN is not known. From then on RunTask is not
	// repeated for it, and after five minutes the attempt is closed.
	// +optional
	UnlistedSince *metav1.Time `json:"unlistedSince,omitempty"`
	// acceptedAt is when RunTask's answer, or another sign that the task exists, arrived.
	// +optional
	AcceptedAt *metav1.Time `json:"acceptedAt,omitempty"`
	// taskStatus is the last status that ECS told.
	// +optional
	TaskStatus string `json:"taskStatus,omitempty"`
	// taskVersion is the version of the task that taskStatus is from; older news is dropped.
	// +optional
	TaskVersion int64 `json:"taskVersion,omitempty"`
	// startedAt is when the container ran.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// stopRequestedAt is when this operator asked ECS to stop the task.
	// +optional
	StopRequestedAt *metav1.Time `json:"stopRequestedAt,omitempty"`
	// stopRequestedFor is why: Cancelled, Superseded, DeadlineExceeded, Suspended, or Infrastructure for a start that took
	// too long.
	// +optional
	StopRequestedFor FailureClass `json:"stopRequestedFor,omitempty"`
	// stoppedAt is when the attempt ended: the task stopped, or it was learned that there is none.
	// +optional
	StoppedAt *metav1.Time `json:"stoppedAt,omitempty"`
	// stopCode is ECS's code for the stop.
	// +optional
	StopCode string `json:"stopCode,omitempty"`
	// reason is ECS's text for the stop, or why there is no task.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// exitCode is the scanner's; absent where the container never started or was lost.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// capacityMissed is set where Fargate had no capacity for the task, or took it back.
	// +optional
	CapacityMissed bool `json:"capacityMissed,omitempty"`
	// class says who spoiled the attempt; empty for a running one and for one that did its scan.
	// +optional
	Class FailureClass `json:"class,omitempty"`
}

// Timeline holds the moments of a job.
type Timeline struct {
	// eventTime is when the event happened that the job stands for.
	// +optional
	EventTime *metav1.Time `json:"eventTime,omitempty"`
	// receivedTime is when the inbox handed the event over.
	// +optional
	ReceivedTime *metav1.Time `json:"receivedTime,omitempty"`
	// createdTime is when the object was created.
	// +optional
	CreatedTime *metav1.Time `json:"createdTime,omitempty"`
	// admittedTime is when the first attempt was recorded.
	// +optional
	AdmittedTime *metav1.Time `json:"admittedTime,omitempty"`
	// runTaskTime is when RunTask of the last attempt was accepted.
	// +optional
	RunTaskTime *metav1.Time `json:"runTaskTime,omitempty"`
	// pullStartedTime is when the last attempt's image pull began.
	// +optional
	PullStartedTime *metav1.Time `json:"pullStartedTime,omitempty"`
	// runningTime is when the last attempt's container ran.
	// +optional
	RunningTime *metav1.Time `json:"runningTime,omitempty"`
	// stoppedTime is when the last attempt stopped.
	// +optional
	StoppedTime *metav1.Time `json:"stoppedTime,omitempty"`
	// finishedTime is when Complete or Failed became true; ttlSecondsAfterFinished counts from here.
	// +optional
	FinishedTime *metav1.Time `json:"finishedTime,omitempty"`
	// reportedTime is when the findings were in the status and at the topic.
	// +optional
	ReportedTime *metav1.Time `json:"reportedTime,omitempty"`
}

// Findings is what was found, redacted.
type Findings struct {
	// attempt is the number of the attempt that found them.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// total counts all findings.
	Total int32 `json:"total"`
	// new counts those that the target branch does not hold already.
	New int32 `json:"new"`
	// suppressed counts what was found besides and does not count, because an ignore file, a comment or a baseline says so.
	// +optional
	Suppressed int32 `json:"suppressed,omitempty"`
	// resolved counts what the target branch holds and the scanned revision does not any more.
	// +optional
	Resolved int32 `json:"resolved,omitempty"`
	// bySeverity counts all findings by severity: critical, high, medium, low.
	// +optional
	BySeverity map[string]int32 `json:"bySeverity,omitempty"`
	// items are up to 50 findings, worst first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Items []Finding `json:"items,omitempty"`
	// reportURI is where the full redacted report is.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	ReportURI string `json:"reportURI,omitempty"`
}

// Finding is one place that a rule matched, redacted.
type Finding struct {
	// rule is the rule's identifier.
	// +kubebuilder:validation:MaxLength=128
	Rule string `json:"rule"`
	// severity is critical, high, medium or low.
	// +kubebuilder:validation:Enum=critical;high;medium;low
	Severity string `json:"severity"`
	// path is the file's path in the repository.
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`
	// line is the line number, counted from 1.
	// +optional
	Line int32 `json:"line,omitempty"`
	// commit is the commit that brought it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Commit string `json:"commit,omitempty"`
	// preview is the redacted match.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Preview string `json:"preview,omitempty"`
	// account is the AWS account it belongs to, masked but for its last four digits.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Account string `json:"account,omitempty"`
	// fingerprint identifies the finding across scans.
	// +kubebuilder:validation:MaxLength=128
	Fingerprint string `json:"fingerprint"`
}

// DeliveryState is how far a report got.
// +kubebuilder:validation:Enum=Pending;Delivered;Failed
type DeliveryState string

// The delivery states.
const (
	DeliveryPending   DeliveryState = "Pending"
	DeliveryDelivered DeliveryState = "Delivered"
	DeliveryFailed    DeliveryState = "Failed"
)

// The sinks of status.deliveries.
const (
	// SinkTopic is the SNS topic; the scanner itself publishes to it.
	SinkTopic = "topic"
	// SinkStatus is this object's status.
	SinkStatus = "status"
)

// Delivery is the report to one sink.
type Delivery struct {
	// sink is topic or status.
	Sink string `json:"sink"`
	// state is Pending, Delivered or Failed.
	State DeliveryState `json:"state"`
	// attempts counts the tries that this operator made.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// lastError is why the last try failed.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	LastError string `json:"lastError,omitempty"`
	// lastAttemptTime is when the last try was made.
	// +optional
	LastAttemptTime *metav1.Time `json:"lastAttemptTime,omitempty"`
}

// Cost is what Fargate bills for a job's tasks, from the start of the image pull to the stop, at least a minute each.
type Cost struct {
	// vcpuSeconds is vCPU times seconds.
	VCPUSeconds int64 `json:"vcpuSeconds"`
	// memoryGBSeconds is memory in GB times seconds.
	MemoryGBSeconds int64 `json:"memoryGBSeconds"`
	// estimatedUSD is the price in US dollars at us-east-1's On-Demand list prices; Spot is cheaper.
	EstimatedUSD string `json:"estimatedUSD"`
}

// ScanJob is one scan of one revision, run as a Fargate task to its end.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=sj,categories={scanjob,all}
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Result",type=string,JSONPath=`.status.result`
// +kubebuilder:printcolumn:name="Findings",type=integer,JSONPath=`.status.findings.total`
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.source.codeCommit.repository`
// +kubebuilder:printcolumn:name="PR",type=string,JSONPath=`.spec.source.codeCommit.pullRequestID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`,priority=1
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.spec.source.revision`,priority=1
// +kubebuilder:printcolumn:name="Admission",type=string,JSONPath=`.status.conditions[?(@.type=="Admitted")].reason`,priority=1
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.source.git.url`,priority=1
// +kubebuilder:printcolumn:name="Failure",type=string,JSONPath=`.status.conditions[?(@.type=="Failed")].reason`,priority=1
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.spec.environmentName`,priority=1
// +kubebuilder:selectablefield:JSONPath=`.spec.environmentName`
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:selectablefield:JSONPath=`.status.result`
type ScanJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the wanted scan.
	Spec ScanJobSpec `json:"spec"`
	// status is what happened so far.
	// +optional
	Status ScanJobStatus `json:"status,omitempty"`
}

// ScanJobList is a list of ScanJobs.
// +kubebuilder:object:root=true
type ScanJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScanJob `json:"items"`
}
