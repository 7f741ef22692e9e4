package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConcurrencyPolicy says what happens when a branch is due while an earlier scan of the schedule for it is unfinished. Each
// branch is judged for itself: a repository that takes long does not hold up the others.
// +kubebuilder:validation:Enum=Allow;Forbid;Replace
type ConcurrencyPolicy string

// The concurrency policies.
const (
	// ConcurrencyAllow starts the new scan beside the old one.
	ConcurrencyAllow ConcurrencyPolicy = "Allow"
	// ConcurrencyForbid lets the new scan wait for the old one's end, until startingDeadlineSeconds or the next run.
	ConcurrencyForbid ConcurrencyPolicy = "Forbid"
	// ConcurrencyReplace cancels the old scan.
	ConcurrencyReplace ConcurrencyPolicy = "Replace"
)

// MaxScheduleTargets is how many branches one schedule can have, counted over all its repositories. It keeps the object,
// whose status has an entry for each, well below etcd's limit of 1.5 MiB.
const MaxScheduleTargets = 1000

// ScanScheduleSpec describes scans that are repeated.
// +kubebuilder:validation:XValidation:rule="self.template.spec.mode in ['Tree', 'History']",message="a schedule scans whole repositories: template.spec.mode must be Tree or History"
// +kubebuilder:validation:XValidation:rule="self.template.spec.mode != 'History' || !self.incremental || !has(self.template.spec.ttlSecondsAfterFinished) || self.template.spec.ttlSecondsAfterFinished >= 300",message="a scan that the next one goes on from must be kept for at least 300 seconds: raise template.spec.ttlSecondsAfterFinished, or set incremental to false"
type ScanScheduleSpec struct {
	// environmentName is the ScanEnvironment of this namespace that the scans run in, a name of up to 253 characters.
	// Its region and role are also what the repositories are looked for with.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	EnvironmentName string `json:"environmentName"`

	// schedule is a cron line of five fields (minute, hour, day of month, month, day of week) and up to 128 characters, or
	// one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually.
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!self.contains('TZ=')",message="set timeZone instead of TZ= or CRON_TZ="
	// +kubebuilder:validation:XValidation:rule="self.contains('TZ=') || self.matches('^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$') || self.matches('^ *[0-9A-Za-z*?/,-]+( +[0-9A-Za-z*?/,-]+){4} *$')",message="schedule must have five fields (minute, hour, day of month, month, day of week) or be one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"
	Schedule string `json:"schedule"`

	// timeZone is the IANA name of the zone that the schedule is read in, such as Europe/Berlin, of up to 64 characters.
	// Default: Etc/UTC.
	// +optional
	// +kubebuilder:default="Etc/UTC"
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`
	// +kubebuilder:validation:XValidation:rule="self.lowerAscii() != 'local'",message="timeZone must be the name of a zone: Local is another one on each machine"
	TimeZone string `json:"timeZone,omitempty"`

	// startingDeadlineSeconds is how late the scan of a run may still start, at least 10 seconds. What is later is missed.
	// Default: no limit.
	// +optional
	// +kubebuilder:validation:Minimum=10
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`

	// jitterSeconds spreads a run: each repository's scans start so long after the run's time as a hash of the schedule's UID
	// and the repository says, at most this many seconds and less than the time to the next run, 0 to 86400. A repository has
	// the same delay in each run. Default: 0, all at once.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	JitterSeconds int32 `json:"jitterSeconds,omitempty"`

	// concurrencyPolicy is Allow, Forbid or Replace. Default: Forbid.
	// +optional
	// +kubebuilder:default=Forbid
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`

	// suspend keeps scans from being started; unfinished ones go on. Of the runs that are due meanwhile, the latest starts
	// when suspend is taken back, unless startingDeadlineSeconds is over. Default: false.
	// +optional
	// +kubebuilder:default=false
	Suspend bool `json:"suspend"`

	// repositories are 1 to 256 names or patterns (*, ?, [a-z], {a,b}) of CodeCommit repositories to scan, of up to 256
	// characters each.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Repositories []string `json:"repositories"`

	// branches are the names of up to 16 branches to scan, of up to 256 characters each. Default: each repository's default
	// branch.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Branches []string `json:"branches,omitempty"`

	// incremental lets a scan of mode History go on from the commit that the last complete one of the branch ended at, and
	// leaves out a branch that has not moved since. Where that commit is no longer an ancestor of the branch, and where the
	// scanner has changed, everything is scanned. It has no effect on mode Tree. Default: true.
	// +optional
	// +kubebuilder:default=true
	Incremental *bool `json:"incremental,omitempty"`

	// template is what the jobs are made from. Its mode must be Tree or History.
	Template ScanJobTemplate `json:"template"`

	// successfulJobsHistoryLimit is how many finished jobs that succeeded are kept per branch, at least 0. Default: 3.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=0
	SuccessfulJobsHistoryLimit *int32 `json:"successfulJobsHistoryLimit,omitempty"`

	// failedJobsHistoryLimit is how many finished jobs that failed are kept per branch, at least 0. Default: 1.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	FailedJobsHistoryLimit *int32 `json:"failedJobsHistoryLimit,omitempty"`
}

// ScanScheduleStatus is what the schedule did.
type ScanScheduleStatus struct {
	// observedGeneration is the spec generation that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready says whether the schedule can be followed.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// activeJobs counts the schedule's unfinished jobs.
	// +optional
	// +kubebuilder:default=0
	ActiveJobs int32 `json:"activeJobs"`

	// lastScheduleTime is the time of the run that was last begun, as the schedule has it.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`

	// lastMissedTime is the time of the run that last was too late to begin, by startingDeadlineSeconds.
	// +optional
	LastMissedTime *metav1.Time `json:"lastMissedTime,omitempty"`

	// lastSuccessfulTime is when a scan of the schedule was last complete, whatever it found.
	// +optional
	LastSuccessfulTime *metav1.Time `json:"lastSuccessfulTime,omitempty"`

	// nextScheduleTime is the time of the next run; absent while the schedule is suspended or cannot be read.
	// +optional
	NextScheduleTime *metav1.Time `json:"nextScheduleTime,omitempty"`

	// expandedTime is when spec.repositories was last compared with the repositories that there are; absent where that could
	// not be done.
	// +optional
	ExpandedTime *metav1.Time `json:"expandedTime,omitempty"`

	// unmatchedPatterns are the patterns of spec.repositories that matched no repository then.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=256
	UnmatchedPatterns []string `json:"unmatchedPatterns,omitempty"`

	// targets are the branches that the schedule scans, by repository and branch, at most 1000.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	Targets []ScheduleTarget `json:"targets,omitempty"`

	// omittedTargets counts the branches beyond those 1000. They are not scanned.
	// +optional
	OmittedTargets int32 `json:"omittedTargets,omitempty"`
}

// TargetState says what became of a branch in a run.
// +kubebuilder:validation:Enum=Waiting;Created;Unchanged;Absent;Missed;Failed
type TargetState string

// The states of a target.
const (
	// TargetWaiting: the scan starts at nextAttemptTime, or when what reason names is over.
	TargetWaiting TargetState = "Waiting"
	// TargetCreated: there is a ScanJob.
	TargetCreated TargetState = "Created"
	// TargetUnchanged: all of the branch's history was scanned before, so there is no ScanJob.
	TargetUnchanged TargetState = "Unchanged"
	// TargetAbsent: there is nothing to scan; reason says what there is not.
	TargetAbsent TargetState = "Absent"
	// TargetMissed: the scan did not start within startingDeadlineSeconds.
	TargetMissed TargetState = "Missed"
	// TargetFailed: no ScanJob can be made; reason says why. The next run tries again.
	TargetFailed TargetState = "Failed"
)

// ScheduleTarget is one branch of one repository.
type ScheduleTarget struct {
	// repository is the repository's name.
	// +kubebuilder:validation:MaxLength=256
	Repository string `json:"repository"`

	// branch is the branch's name; absent while the name of the default branch is not known.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Branch string `json:"branch,omitempty"`

	// scheduleTime is the run that state tells of; absent before the first.
	// +optional
	ScheduleTime *metav1.Time `json:"scheduleTime,omitempty"`

	// state is Waiting, Created, Unchanged, Absent, Missed or Failed; absent before the first run.
	// +optional
	State TargetState `json:"state,omitempty"`

	// reason says in one word why the state is what it is, where that is not plain.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message says the same in a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`

	// nextAttemptTime is, in state Waiting, the earliest time at which the scan starts or what was in its way is looked at
	// again.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`

	// jobName is the newest ScanJob of the target, which may be deleted by now.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	JobName string `json:"jobName,omitempty"`

	// history is how far the branch's history was scanned; absent before the first complete scan of mode History.
	// +optional
	History *ScannedHistory `json:"history,omitempty"`
}

// ScannedHistory says that everything a commit can reach was scanned.
type ScannedHistory struct {
	// revision is that commit.
	// +kubebuilder:validation:Pattern=`^([0-9a-f]{40}|[0-9a-f]{64})$`
	Revision string `json:"revision"`
	// scheduleTime is the run that the last of the scans belonged to.
	ScheduleTime metav1.Time `json:"scheduleTime"`
	// scanner stands for the task definition and the container settings that all of it was scanned with, as a hash. With
	// others, such as a newer image with more rules, all of it is scanned again.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Scanner string `json:"scanner,omitempty"`
}

// ScanSchedule is a cron schedule that creates ScanJobs.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ssched,categories={scanjob,all}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.spec.schedule`
// +kubebuilder:printcolumn:name="Time Zone",type=string,JSONPath=`.spec.timeZone`
// +kubebuilder:printcolumn:name="Suspend",type=boolean,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.activeJobs`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastScheduleTime`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.nextScheduleTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.template.spec.mode`,priority=1
// +kubebuilder:printcolumn:name="Repositories",type=string,JSONPath=`.spec.repositories`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
type ScanSchedule struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the wanted state.
	Spec ScanScheduleSpec `json:"spec"`
	// status is the observed state.
	// +optional
	Status ScanScheduleStatus `json:"status,omitempty"`
}

// ScanScheduleList is a list of ScanSchedules.
// +kubebuilder:object:root=true
type ScanScheduleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScanSchedule `json:"items"`
}
