package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TriggerEvent is a kind of event that a trigger can listen to.
// +kubebuilder:validation:Enum=PullRequestCreated;PullRequestUpdated;Push
type TriggerEvent string

// The events.
const (
	// EventPullRequestCreated: a pull request was opened.
	EventPullRequestCreated TriggerEvent = "PullRequestCreated"
	// EventPullRequestUpdated: the source branch of an open pull request got new commits.
	EventPullRequestUpdated TriggerEvent = "PullRequestUpdated"
	// EventPush: a branch got new commits.
	EventPush TriggerEvent = "Push"
)

// ScanJobTemplate is what the jobs of a trigger or schedule are made from.
type ScanJobTemplate struct {
	// metadata is added to the jobs'.
	// +optional
	Metadata TemplateMetadata `json:"metadata,omitempty"`
	// spec is the jobs' spec without source and environment.
	// +optional
	// +kubebuilder:default={}
	Spec ScanJobOptions `json:"spec,omitempty"`
}

// TemplateMetadata is the part of an object's metadata that a template may set.
type TemplateMetadata struct {
	// labels are up to 32 that are added to the job's; names under scanjob.dev/ are reserved.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Labels map[string]string `json:"labels,omitempty"`
	// annotations are up to 32 that are added to the job's; names under scanjob.dev/ are reserved.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ScanTriggerSpec says which events become which ScanJobs.
type ScanTriggerSpec struct {
	// environmentName is the ScanEnvironment of this namespace whose inbox the trigger listens to and whose scans it
	// creates, a name of up to 253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	EnvironmentName string `json:"environmentName"`

	// events are the 1 to 3 kinds of event that create a scan. Default: PullRequestCreated and PullRequestUpdated.
	// +optional
	// +listType=set
	// +kubebuilder:default={PullRequestCreated,PullRequestUpdated}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Events []TriggerEvent `json:"events,omitempty"`

	// repositories are up to 256 names or patterns (* and ?, {a,b}), of up to 256 characters each, of which one must match
	// the event's repository. Default: every repository.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Repositories []string `json:"repositories,omitempty"`

	// targetBranches are up to 256 names or patterns (*, ** across slashes, ?), of up to 256 characters each, of which one
	// must match the branch that a pull request is to be merged into, or that was pushed to. Default: every branch.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	TargetBranches []string `json:"targetBranches,omitempty"`

	// paths are up to 256 patterns (*, ** across slashes, ?, {a,b}), of up to 256 characters each, of files of which one
	// must be among those that a change touches: for a pull request, between the merge base and its head; for a push, between the old and the new commit. A file that only
	// pathsIgnore matches does not count. Default: every file.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Paths []string `json:"paths,omitempty"`

	// pathsIgnore are up to 256 patterns, of up to 256 characters each, of files that do not count: a change that touches
	// nothing else is not scanned. Default: none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	PathsIgnore []string `json:"pathsIgnore,omitempty"`

	// expression is a CEL expression of up to 4096 characters over the variable event that must be true for a scan, with
	// CEL's extended functions for strings (lowerAscii, split, …). The fields of event are strings: type, id, time, account, region, actor,
	// repository, author, pullRequestId, revisionId, title, sourceBranch, targetBranch, sourceCommit, targetCommit.
	// Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Expression string `json:"expression,omitempty"`

	// debounceSeconds delays the scan of a pull request, so that several pushes in a row become one scan, 0 to 300 seconds
	// after the push. It needs supersede. Default: 5.
	// +optional
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=300
	DebounceSeconds *int32 `json:"debounceSeconds,omitempty"`

	// supersede cancels unfinished scans of the same pull request when a newer revision is to be scanned. Default: true.
	// +optional
	// +kubebuilder:default=true
	Supersede *bool `json:"supersede,omitempty"`

	// sweepIntervalSeconds is how often open pull requests are listed for heads whose event was lost, 0 (only where the
	// annotation scanjob.dev/sweep asks for it) or 60 to 86400 seconds. Finished jobs are kept at least until the sweep after
	// them. Default: 600.
	// +optional
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +kubebuilder:validation:XValidation:rule="self == 0 || self >= 60",message="sweepIntervalSeconds must be 0 or at least 60"
	SweepIntervalSeconds *int32 `json:"sweepIntervalSeconds,omitempty"`

	// suspend keeps the trigger from creating scans and from sweeping; events that arrive meanwhile are dropped. The first
	// sweep after it scans the heads that are open then. Default: false.
	// +optional
	// +kubebuilder:default=false
	Suspend bool `json:"suspend"`

	// template is what the jobs are made from.
	// +optional
	// +kubebuilder:default={}
	Template ScanJobTemplate `json:"template,omitempty"`

	// successfulJobsHistoryLimit is how many finished jobs that succeeded are kept, at least 0. Default: 100.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	SuccessfulJobsHistoryLimit *int32 `json:"successfulJobsHistoryLimit,omitempty"`

	// failedJobsHistoryLimit is how many finished jobs that failed are kept, at least 0. Default: 100.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	FailedJobsHistoryLimit *int32 `json:"failedJobsHistoryLimit,omitempty"`
}

// ScanTriggerStatus is what the trigger did.
type ScanTriggerStatus struct {
	// observedGeneration is the spec generation that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready says whether events can reach the trigger and its spec can be followed.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// activeJobs counts the trigger's unfinished jobs.
	// +optional
	// +kubebuilder:default=0
	ActiveJobs int32 `json:"activeJobs"`

	// lastJobName is the newest job that the trigger created.
	// +optional
	LastJobName string `json:"lastJobName,omitempty"`

	// lastJobTime is when that job was created.
	// +optional
	LastJobTime *metav1.Time `json:"lastJobTime,omitempty"`

	// lastSweepTime is when the last sweep began that got through. What was pushed before it has been looked at, but for the
	// repositories in sweep.problems.
	// +optional
	LastSweepTime *metav1.Time `json:"lastSweepTime,omitempty"`

	// sweptSelection is the selection of that sweep.
	// +optional
	SweptSelection string `json:"sweptSelection,omitempty"`

	// nextSweepTime is when the next sweep is due; absent where none is.
	// +optional
	NextSweepTime *metav1.Time `json:"nextSweepTime,omitempty"`

	// missedHeads counts the heads of open pull requests that sweeps found without a scan, since the trigger was created.
	// +optional
	// +kubebuilder:default=0
	MissedHeads int64 `json:"missedHeads"`

	// sweep is what the last sweep found.
	// +optional
	Sweep *SweepStatus `json:"sweep,omitempty"`

	// lastHandledSweep is the value of the annotation scanjob.dev/sweep that was acted upon.
	// +optional
	LastHandledSweep string `json:"lastHandledSweep,omitempty"`

	// replay is the answer to the annotation scanjob.dev/replay-since.
	// +optional
	Replay *ReplayStatus `json:"replay,omitempty"`

	// deadLetters is the dead-letter queue of the environment's inbox; absent where the environment has no inbox.
	// +optional
	DeadLetters *DeadLetterStatus `json:"deadLetters,omitempty"`
}

// SweepStatus is what a sweep over open pull requests found.
type SweepStatus struct {
	// startTime is when it began.
	StartTime metav1.Time `json:"startTime"`
	// durationSeconds is how long it took.
	// +optional
	DurationSeconds int32 `json:"durationSeconds,omitempty"`
	// repositories counts the repositories that were looked at.
	// +optional
	Repositories int32 `json:"repositories,omitempty"`
	// pullRequests counts the open pull requests that spec.targetBranches match.
	// +optional
	PullRequests int32 `json:"pullRequests,omitempty"`
	// missed counts the heads that had no scan, and got one.
	// +optional
	Missed int32 `json:"missed,omitempty"`
	// closed counts the pull requests that had a scan under way and are closed, merged or gone; it was cancelled.
	// +optional
	Closed int32 `json:"closed,omitempty"`
	// unmatchedPatterns are entries of spec.repositories that match no repository, up to 16.
	// +optional
	// +listType=atomic
	UnmatchedPatterns []string `json:"unmatchedPatterns,omitempty"`
	// problems are the repositories that could not be looked at, up to 512, the first 16 of them with a message.
	// +optional
	// +listType=map
	// +listMapKey=repository
	Problems []SweepProblem `json:"problems,omitempty"`
	// retries counts the sweeps in a row, this one the last, that failed or that AWS left without an answer. The next is tried
	// 2 minutes after the first, and after twice as long each time, up to the interval; 0 where all went well.
	// +optional
	Retries int32 `json:"retries,omitempty"`
	// paused says that the trigger was suspended after this sweep: the next is due when it is resumed.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// message says why the sweep did not get through; empty where it did.
	// +optional
	Message string `json:"message,omitempty"`
	// request is what annotations asked this sweep for; empty where it was a regular one.
	// +optional
	Request string `json:"request,omitempty"`
	// selection is a hash of what chooses pull requests: a part of the spec, and where the repositories are. When that changes,
	// the next sweep is due at once and looks at every head again.
	// +optional
	Selection string `json:"selection,omitempty"`
}

// SweepProblem is a repository that a sweep could not look at.
type SweepProblem struct {
	// repository is its name.
	Repository string `json:"repository"`
	// reason is RepositoryNotFound, AccessDenied, AssumeRoleFailed, AWSUnavailable, RepositoryUnreadable or JobNotCreated.
	Reason string `json:"reason"`
	// message says what is wrong and what to do.
	// +optional
	Message string `json:"message,omitempty"`
	// since is the start of the last sweep that got through this repository; absent where none did.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// ReplayStatus is what came of a replay.
type ReplayStatus struct {
	// since is the annotation's value.
	Since string `json:"since"`
	// time is when it was done.
	Time metav1.Time `json:"time"`
	// jobs counts the jobs that it created.
	// +optional
	Jobs int32 `json:"jobs,omitempty"`
	// message says why it could not be done; empty where it was.
	// +optional
	Message string `json:"message,omitempty"`
}

// DeadLetterStatus is the state of a dead-letter queue.
type DeadLetterStatus struct {
	// queueARN is the queue; empty where the inbox has none.
	// +optional
	QueueARN string `json:"queueARN,omitempty"`
	// messages is about how many messages it holds; absent where that is not known.
	// +optional
	Messages *int64 `json:"messages,omitempty"`
	// message says why the number is not known; empty where it is.
	// +optional
	Message string `json:"message,omitempty"`
}

// ScanTrigger says which events become which ScanJobs.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=strig,categories={scanjob,all}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Suspend",type=boolean,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.activeJobs`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastJobTime`
// +kubebuilder:printcolumn:name="Swept",type=date,JSONPath=`.status.lastSweepTime`
// +kubebuilder:printcolumn:name="Missed",type=integer,JSONPath=`.status.missedHeads`
// +kubebuilder:printcolumn:name="Dead Letters",type=integer,JSONPath=`.status.deadLetters.messages`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.spec.environmentName`,priority=1
// +kubebuilder:printcolumn:name="Last Job",type=string,JSONPath=`.status.lastJobName`,priority=1
// +kubebuilder:printcolumn:name="Repositories",type=string,JSONPath=`.spec.repositories`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
type ScanTrigger struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the wanted state.
	Spec ScanTriggerSpec `json:"spec"`
	// status is the observed state.
	// +optional
	Status ScanTriggerStatus `json:"status,omitempty"`
}

// ScanTriggerList is a list of ScanTriggers.
// +kubebuilder:object:root=true
type ScanTriggerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScanTrigger `json:"items"`
}
