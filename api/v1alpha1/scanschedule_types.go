package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConcurrencyPolicy says what happens when a run is due while scans of the last one are unfinished.
// +kubebuilder:validation:Enum=Allow;Forbid;Replace
type ConcurrencyPolicy string

// The concurrency policies.
const (
	// ConcurrencyAllow starts the new run beside the old one.
	ConcurrencyAllow ConcurrencyPolicy = "Allow"
	// ConcurrencyForbid skips the new run.
	ConcurrencyForbid ConcurrencyPolicy = "Forbid"
	// ConcurrencyReplace cancels the old run's scans first.
	ConcurrencyReplace ConcurrencyPolicy = "Replace"
)

// ScanScheduleSpec describes scans that are repeated.
// +kubebuilder:validation:XValidation:rule="self.template.spec.mode in ['Tree', 'History']",message="a schedule scans whole repositories: template.spec.mode must be Tree or History"
type ScanScheduleSpec struct {
	// environmentName is the ScanEnvironment of this namespace that the scans run in.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	EnvironmentName string `json:"environmentName"`

	// schedule is a cron line of five fields, or one of @hourly, @daily, @weekly, @monthly, @yearly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!self.contains('TZ=')",message="set timeZone instead of TZ= or CRON_TZ="
	Schedule string `json:"schedule"`

	// timeZone is the IANA name of the zone that the schedule is read in. Default: Etc/UTC.
	// +optional
	// +kubebuilder:default="Etc/UTC"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`

	// startingDeadlineSeconds is how late a missed run may still start, at least 10 seconds. Default: no limit.
	// +optional
	// +kubebuilder:validation:Minimum=10
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`

	// concurrencyPolicy is Allow, Forbid or Replace. Default: Forbid.
	// +optional
	// +kubebuilder:default=Forbid
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`

	// suspend skips runs; unfinished scans go on. Default: false.
	// +optional
	// +kubebuilder:default=false
	Suspend bool `json:"suspend"`

	// repositories are names or patterns (*, ?, {a,b}) of CodeCommit repositories to scan.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Repositories []string `json:"repositories"`

	// branches are the names of the branches to scan. Default: each repository's default branch.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Branches []string `json:"branches,omitempty"`

	// template is what the jobs are made from. Its mode must be Tree or History.
	Template ScanJobTemplate `json:"template"`

	// successfulJobsHistoryLimit is how many finished jobs that succeeded are kept per repository, at least 0. Default: 3.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=0
	SuccessfulJobsHistoryLimit *int32 `json:"successfulJobsHistoryLimit,omitempty"`

	// failedJobsHistoryLimit is how many finished jobs that failed are kept per repository, at least 0. Default: 1.
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
	ActiveJobs int32 `json:"activeJobs,omitempty"`

	// lastScheduleTime is when a run was last started.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`

	// lastSuccessfulTime is when a run was last finished with every scan done.
	// +optional
	LastSuccessfulTime *metav1.Time `json:"lastSuccessfulTime,omitempty"`

	// nextScheduleTime is when the next run is due.
	// +optional
	NextScheduleTime *metav1.Time `json:"nextScheduleTime,omitempty"`
}

// ScanSchedule is a cron schedule that creates ScanJobs.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ssched,categories={scanjob,all}
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.spec.schedule`
// +kubebuilder:printcolumn:name="Time Zone",type=string,JSONPath=`.spec.timeZone`
// +kubebuilder:printcolumn:name="Suspend",type=boolean,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.activeJobs`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastScheduleTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.template.spec.mode`,priority=1
// +kubebuilder:printcolumn:name="Repositories",type=string,JSONPath=`.spec.repositories`,priority=1
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
