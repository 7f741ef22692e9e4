package v1alpha1

import (
	ackv1alpha1 "github.com/aws-controllers-k8s/runtime/apis/core/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AWSReference names one AWS resource: by its plain identifier or by the ACK object that owns it.
// +kubebuilder:validation:XValidation:rule="has(self.id) != has(self.from)",message="exactly one of id and from must be set"
type AWSReference struct {
	// id is the resource's plain name, identifier or ARN, of up to 2048 characters; each field that uses it says which it
	// accepts.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	ID string `json:"id,omitempty"`

	// from names the ACK object in this namespace whose status holds the identifier. The environment is not Ready before
	// that object is synced.
	// +optional
	// +kubebuilder:validation:XValidation:rule="has(self.name) && size(self.name) > 0",message="from.name must be set"
	// +kubebuilder:validation:XValidation:rule="!has(self.namespace)",message="from.namespace must not be set: nothing refers across namespaces"
	From *ackv1alpha1.AWSResourceReference `json:"from,omitempty"`
}

// ScanEnvironmentSpec describes the AWS surroundings that scans share.
// +kubebuilder:validation:XValidation:rule="!has(self.externalID) || has(self.assumeRoleARN)",message="externalID must not be set without assumeRoleARN: it is for the role named there"
type ScanEnvironmentSpec struct {
	// region is the AWS region of everything in this environment. Default: the manager's own region.
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-z]{2}(-[a-z]+)+-[0-9]+$`
	Region string `json:"region,omitempty"`

	// assumeRoleARN is the role that the manager assumes for every AWS call of this environment, usually in another
	// account. Default: the manager's own identity.
	// +optional
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	AssumeRoleARN string `json:"assumeRoleARN,omitempty"`

	// externalID is what the manager gives as sts:ExternalId when it assumes the role of assumeRoleARN, for a trust policy that
	// asks for it; 2 to 1224 characters. It is no secret, and keeps a role from being used through an environment that its
	// owner has not agreed on it with. Default: none is given.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1224
	// +kubebuilder:validation:Pattern=`^[\w+=,.@:/-]*$`
	ExternalID string `json:"externalID,omitempty"`

	// cluster is the ECS cluster that runs the tasks: its name or ARN, or an ACK ecs Cluster.
	Cluster AWSReference `json:"cluster"`

	// taskDefinition is what runs: family:revision or ARN, or an ACK ecs TaskDefinition. A family without a revision
	// stands for its newest active revision, looked up at each check.
	TaskDefinition AWSReference `json:"taskDefinition"`

	// containerName is the container of the task definition that is the scanner, of up to 255 characters. Default: scanner.
	// +optional
	// +kubebuilder:default=scanner
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ContainerName string `json:"containerName,omitempty"`

	// network places the tasks' network interfaces.
	Network NetworkConfiguration `json:"network"`

	// capacity says on which capacity tasks run and how many at once.
	// +optional
	// +kubebuilder:default={}
	Capacity CapacityConfiguration `json:"capacity,omitempty"`

	// inbox is the queue that carries this environment's events and findings. Without it ScanTriggers get no events, the
	// state of tasks is learned by polling alone, and findings are counted as unknown.
	// +optional
	Inbox *InboxConfiguration `json:"inbox,omitempty"`

	// notifications is where scanners publish what they find. Without it findings are only in the tasks' logs.
	// +optional
	Notifications *NotificationsConfiguration `json:"notifications,omitempty"`

	// reports is where scanners write full redacted reports. Without it none are written.
	// +optional
	Reports *ReportsConfiguration `json:"reports,omitempty"`

	// repositoryConfiguration says whose .gitleaksignore, .scanjobignore and comments such as scanjob:allow count
	// in a scan: TargetBranch (the files of the branch that a pull request goes to, and no comments, so that a pull request
	// cannot switch its own scan off), SourceBranch (the files and comments of what is scanned) or None. A scan in mode Tree or
	// History without a pull request is of one branch, whose files and comments count unless it is None. The same goes for
	// .gitleaks.toml, whose rules and allowlists are added to what is built in; it never switches a built-in rule off. Default:
	// TargetBranch.
	// +optional
	// +kubebuilder:default=TargetBranch
	RepositoryConfiguration RepositoryConfiguration `json:"repositoryConfiguration,omitempty"`
}

// RepositoryConfiguration says whose configuration of the scanner counts.
// +kubebuilder:validation:Enum=TargetBranch;SourceBranch;None
type RepositoryConfiguration string

// The values of RepositoryConfiguration.
const (
	RepositoryConfigurationTargetBranch RepositoryConfiguration = "TargetBranch"
	RepositoryConfigurationSourceBranch RepositoryConfiguration = "SourceBranch"
	RepositoryConfigurationNone         RepositoryConfiguration = "None"
)

// NetworkConfiguration is the awsvpc configuration of the tasks.
type NetworkConfiguration struct {
	// subnets are 1 to 16 of one VPC: subnet identifiers or ACK ec2 Subnets. Several availability zones raise the odds
	// of getting capacity.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Subnets []AWSReference `json:"subnets"`

	// securityGroups are at most 5: security group identifiers or ACK ec2 SecurityGroups. Default: the VPC's default group.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5
	SecurityGroups []AWSReference `json:"securityGroups,omitempty"`

	// assignPublicIP gives tasks a public address. Tasks in a public subnet need it to pull their image. Default: false.
	// +optional
	// +kubebuilder:default=false
	AssignPublicIP bool `json:"assignPublicIP,omitempty"`
}

// CapacityConfiguration says on which capacity tasks run and how many at once.
type CapacityConfiguration struct {
	// strategy spreads tasks over up to 2 providers, FARGATE and FARGATE_SPOT, as in ECS's capacity provider strategy. The
	// cluster must have the providers associated. Default: launch type FARGATE.
	// +optional
	// +listType=map
	// +listMapKey=capacityProvider
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:XValidation:rule="self.size() == 0 || self.exists(s, s.weight > 0)",message="at least one item must have a weight of 1 to 1000"
	// +kubebuilder:validation:XValidation:rule="self.filter(s, s.base > 0).size() <= 1",message="only one item may have a base"
	Strategy []CapacityProviderStrategyItem `json:"strategy,omitempty"`

	// onDemandFallback lets a scan that Spot has no capacity for run on FARGATE, after spec.infrastructureBackoffLimit
	// attempts on Spot failed for capacity. Default: true.
	// +optional
	// +kubebuilder:default=true
	OnDemandFallback *bool `json:"onDemandFallback,omitempty"`

	// maxConcurrentTasks bounds how many tasks of this environment exist at once, between 1 and 10000. A change takes effect
	// at once, and stops no task. It cannot be lowered below status.slots.inUse unless drain is true. Default: 100.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +kubebuilder:validation:XValidation:rule="self >= 1 && self <= 10000",message="maxConcurrentTasks must be 1 to 10000"
	MaxConcurrentTasks int32 `json:"maxConcurrentTasks,omitempty"`

	// drain lets maxConcurrentTasks be lowered below the number of slots in use: the tasks that run go on to their ends, and
	// none is started before fewer than maxConcurrentTasks are left. Default: false, and such a change is refused.
	// +optional
	// +kubebuilder:default=false
	Drain bool `json:"drain,omitempty"`
}

// CapacityProvider is a Fargate capacity provider.
// +kubebuilder:validation:Enum=FARGATE;FARGATE_SPOT
type CapacityProvider string

// The capacity providers of Fargate.
const (
	CapacityProviderFargate     CapacityProvider = "FARGATE"
	CapacityProviderFargateSpot CapacityProvider = "FARGATE_SPOT"
)

// CapacityProviderStrategyItem is one share of a strategy.
type CapacityProviderStrategyItem struct {
	// capacityProvider is FARGATE or FARGATE_SPOT.
	CapacityProvider CapacityProvider `json:"capacityProvider"`

	// weight is this provider's relative share of the tasks above the base, 0 to 1000. Default: 1.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Weight int32 `json:"weight"`

	// base is how many tasks at least run on this provider, 0 to 100000. ECS counts it per RunTask call, which starts one
	// task here: a base greater than 0 therefore sends every task to this provider. Default: 0.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	Base int32 `json:"base"`
}

// InboxConfiguration is the queue of events and findings.
type InboxConfiguration struct {
	// queue is the SQS queue: its URL or ARN, or an ACK sqs Queue.
	Queue AWSReference `json:"queue"`
}

// NotificationsConfiguration is the topic of findings.
type NotificationsConfiguration struct {
	// topic is the SNS topic: its ARN, or an ACK sns Topic.
	Topic AWSReference `json:"topic"`
}

// ReportsConfiguration is the bucket of full reports.
type ReportsConfiguration struct {
	// bucket is the S3 bucket: its name, or an ACK s3 Bucket.
	Bucket AWSReference `json:"bucket"`

	// prefix opens the key of every report, with up to 512 characters; a trailing slash makes it a folder. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9/!_.*'()-]*$`
	Prefix string `json:"prefix,omitempty"`
}

// ScanEnvironmentStatus is what the controller resolved and observed.
type ScanEnvironmentStatus struct {
	// observedGeneration is the spec generation that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready says whether the environment admits jobs; its reason names the first reference that is not usable.
	// Degraded says that attempts fail for a fault of the environment.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// references is the result per reference of the spec, in the spec's order.
	// +optional
	// +listType=map
	// +listMapKey=field
	References []ReferenceStatus `json:"references,omitempty"`

	// resolved holds the identifiers that jobs use. It keeps its last complete value while a reference is not usable.
	// +optional
	Resolved *ResolvedEnvironment `json:"resolved,omitempty"`

	// slots counts the environment's tasks and waiting jobs. It is written at most every 10 seconds.
	// +optional
	Slots *SlotsStatus `json:"slots,omitempty"`

	// checkedSpec identifies the spec that conditions, references and resolved are about, but for its limits:
	// capacity.maxConcurrentTasks and capacity.drain take effect without a check.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CheckedSpec string `json:"checkedSpec,omitempty"`

	// lastCheckTime is when AWS was last asked about the resources.
	// +optional
	LastCheckTime *metav1.Time `json:"lastCheckTime,omitempty"`
}

// SlotsStatus counts an environment's slots.
type SlotsStatus struct {
	// inUse is how many attempts have a task, or may have one.
	InUse int32 `json:"inUse"`
	// waiting is how many jobs would start an attempt if they could.
	Waiting int32 `json:"waiting"`
}

// ReferenceStatus is the result of one reference.
type ReferenceStatus struct {
	// field is the reference's place in the spec, such as network.subnets[0].
	Field string `json:"field"`
	// ready says whether the resource exists and can be used.
	Ready bool `json:"ready"`
	// resolved is the identifier that the reference led to.
	// +optional
	Resolved string `json:"resolved,omitempty"`
	// reason is why it is not ready: one of the reasons of condition Ready.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says what is wrong and what to do.
	// +optional
	Message string `json:"message,omitempty"`
}

// ResolvedEnvironment holds the identifiers that the references led to.
type ResolvedEnvironment struct {
	// region is the AWS region.
	Region string `json:"region"`
	// account is the 12-digit AWS account number that owns the cluster.
	Account string `json:"account"`
	// clusterARN is the ECS cluster's ARN.
	ClusterARN string `json:"clusterARN"`
	// taskDefinitionARN is the task definition's ARN, revision included.
	TaskDefinitionARN string `json:"taskDefinitionARN"`
	// cpu is the task definition's CPU in units of 1/1024 vCPU.
	// +optional
	CPU string `json:"cpu,omitempty"`
	// memory is the task definition's memory in MiB.
	// +optional
	Memory string `json:"memory,omitempty"`
	// architecture is the task definition's CPU architecture.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`
	// subnets are subnet identifiers.
	// +listType=atomic
	Subnets []string `json:"subnets"`
	// securityGroups are security group identifiers.
	// +optional
	// +listType=atomic
	SecurityGroups []string `json:"securityGroups,omitempty"`
	// queueURL is the inbox queue's URL.
	// +optional
	QueueURL string `json:"queueURL,omitempty"`
	// topicARN is the findings topic's ARN.
	// +optional
	TopicARN string `json:"topicARN,omitempty"`
	// bucket is the report bucket's name.
	// +optional
	Bucket string `json:"bucket,omitempty"`
}

// ScanEnvironment is the AWS surroundings that scans share: cluster, task definition, network, capacity, inbox queue,
// findings topic, report bucket and limits.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=senv,categories={scanjob,all}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Limit",type=integer,JSONPath=`.spec.capacity.maxConcurrentTasks`
// +kubebuilder:printcolumn:name="In Use",type=integer,JSONPath=`.status.slots.inUse`
// +kubebuilder:printcolumn:name="Waiting",type=integer,JSONPath=`.status.slots.waiting`
// +kubebuilder:printcolumn:name="Region",type=string,JSONPath=`.status.resolved.region`,priority=1
// +kubebuilder:printcolumn:name="Task Definition",type=string,JSONPath=`.status.resolved.taskDefinitionARN`,priority=1
// +kubebuilder:printcolumn:name="Degraded",type=string,JSONPath=`.status.conditions[?(@.type=="Degraded")].status`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.spec.capacity.maxConcurrentTasks >= oldSelf.spec.capacity.maxConcurrentTasks || (has(self.spec.capacity.drain) && self.spec.capacity.drain) || !has(self.status) || !has(self.status.slots) || self.spec.capacity.maxConcurrentTasks >= self.status.slots.inUse",message="spec.capacity.maxConcurrentTasks must not be lowered below status.slots.inUse without spec.capacity.drain",messageExpression="'spec.capacity.maxConcurrentTasks must be %d to 10000, because that many slots are in use; set spec.capacity.drain to lower it all the same and let their tasks end'.format([self.status.slots.inUse])"
type ScanEnvironment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the wanted state.
	Spec ScanEnvironmentSpec `json:"spec"`
	// status is the observed state.
	// +optional
	Status ScanEnvironmentStatus `json:"status,omitempty"`
}

// ScanEnvironmentList is a list of ScanEnvironments.
// +kubebuilder:object:root=true
type ScanEnvironmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScanEnvironment `json:"items"`
}
