package v1alpha1

// Condition types of ScanJob, after batch/v1 Job where it has them.
const (
	// ConditionAdmitted is True from the moment an attempt is recorded until the job backs off, and False with the reason
	// for waiting before and after.
	ConditionAdmitted = "Admitted"
	// ConditionComplete is True when the scan was done, whatever it found. Final.
	ConditionComplete = "Complete"
	// ConditionFailed is True when the scan could not be done. Final.
	ConditionFailed = "Failed"
	// ConditionSuspended is True while spec.suspend keeps the job from starting.
	ConditionSuspended = "Suspended"
	// ConditionReported is True when what the scan found has reached the topic and this status, and False while it has not.
	ConditionReported = "Reported"
)

// ConditionReady is the condition of ScanEnvironment, ScanTrigger and ScanSchedule.
const ConditionReady = "Ready"

// ConditionDegraded of a ScanEnvironment is True while attempts fail for a fault of the environment that the check of its
// references cannot see. It is absent until the first such failure, and holds no job back.
const ConditionDegraded = "Degraded"

// Reasons of condition Admitted.
const (
	// ReasonAttemptRecorded (True): an attempt is written down and its task is being started or runs.
	ReasonAttemptRecorded = "AttemptRecorded"
	// ReasonEnvironmentNotFound: spec.environmentName names no ScanEnvironment of this namespace.
	ReasonEnvironmentNotFound = "EnvironmentNotFound"
	// ReasonEnvironmentNotReady: the environment is not Ready; the message repeats why.
	ReasonEnvironmentNotReady = "EnvironmentNotReady"
	// ReasonConcurrencyLimit: all of the environment's slots are taken.
	ReasonConcurrencyLimit = "ConcurrencyLimit"
	// ReasonRateLimited: AWS's rate for starting tasks is used up for the moment.
	ReasonRateLimited = "RateLimited"
	// ReasonCapacityUnavailable: Fargate has no capacity for the moment.
	ReasonCapacityUnavailable = "CapacityUnavailable"
	// ReasonSuspended: spec.suspend is set.
	ReasonSuspended = "Suspended"
	// ReasonBackoff: the last attempt was spoiled; the next one starts at status.nextAttemptTime.
	ReasonBackoff = "Backoff"
	// ReasonNotBefore: the first attempt starts at spec.notBefore.
	ReasonNotBefore = "NotBefore"
	// ReasonFinished: the job is Complete or Failed.
	ReasonFinished = "Finished"
)

// Reasons of condition Complete.
const (
	// ReasonScanned: the scanner exited with the code for clean or for findings.
	ReasonScanned = "Scanned"
)

// Reasons of condition Failed.
const (
	// ReasonBackoffLimitExceeded: as many attempts were spoiled by the scan as spec.backoffLimit allows.
	ReasonBackoffLimitExceeded = "BackoffLimitExceeded"
	// ReasonInfrastructureBackoffLimitExceeded: the same for Fargate and spec.infrastructureBackoffLimit.
	ReasonInfrastructureBackoffLimitExceeded = "InfrastructureBackoffLimitExceeded"
	// ReasonConfiguration: the attempt cannot succeed before somebody changes something; the message says what.
	ReasonConfiguration = "Configuration"
	// ReasonCancelled: spec.cancel was set.
	ReasonCancelled = "Cancelled"
	// ReasonSuperseded: a newer revision of the pull request, or a later run of the schedule, took its place; the message
	// names the other job.
	ReasonSuperseded = "Superseded"
	// ReasonDeadlineExceeded: spec.activeDeadlineSeconds passed.
	ReasonDeadlineExceeded = "DeadlineExceeded"
)

// Reasons of condition Suspended.
const (
	// ReasonSuspendRequested (True): spec.suspend is set.
	ReasonSuspendRequested = "SuspendRequested"
	// ReasonResumed (False): spec.suspend was set once and is no more.
	ReasonResumed = "Resumed"
)

// Reasons of condition Reported.
const (
	// ReasonNothingToReport (True): the scan was clean, or failed, and there is nothing to tell.
	ReasonNothingToReport = "NothingToReport"
	// ReasonFindingsReceived (True): the topic accepted the findings and they are in this status.
	ReasonFindingsReceived = "FindingsReceived"
	// ReasonAwaitingFindings (False): the scanner found something; its document has not come through the inbox yet.
	ReasonAwaitingFindings = "AwaitingFindings"
	// ReasonFindingsNotReceived (False): the document did not come in time; the findings are at the topic and in the logs.
	ReasonFindingsNotReceived = "FindingsNotReceived"
	// ReasonNoInbox (False): the environment has no inbox or no topic, so the findings cannot reach this status.
	ReasonNoInbox = "NoInbox"
)

// Reasons of condition Ready of ScanEnvironment. Where a reference is not usable, the reason is the kind of the reference
// (Cluster, TaskDefinition, Subnet, SecurityGroup, Queue, Topic, Bucket) followed by one of the suffixes below, such as
// ClusterNotSynced.
const (
	// ReasonReady (True): every reference can be used.
	ReasonReady = "Ready"
	// ReasonAWSUnavailable (False or unchanged): AWS could not be asked; the last known state stays in use.
	ReasonAWSUnavailable = "AWSUnavailable"
	// ReasonAssumeRoleFailed (False): spec.assumeRoleARN could not be assumed.
	ReasonAssumeRoleFailed = "AssumeRoleFailed"
	// ReasonRegionUnknown (False): neither spec.region nor the manager has a region.
	ReasonRegionUnknown = "RegionUnknown"

	// ReasonSuffixNotFound: the ACK object, or the AWS resource, does not exist.
	ReasonSuffixNotFound = "NotFound"
	// ReasonSuffixKindNotInstalled: the CustomResourceDefinition of ACK's kind is not installed.
	ReasonSuffixKindNotInstalled = "KindNotInstalled"
	// ReasonSuffixNotSynced: the ACK object exists and is not synced yet.
	ReasonSuffixNotSynced = "NotSynced"
	// ReasonSuffixTerminal: the ACK object says that its spec must change.
	ReasonSuffixTerminal = "Terminal"
	// ReasonSuffixInactive: the AWS resource exists and is not ACTIVE.
	ReasonSuffixInactive = "Inactive"
	// ReasonSuffixInvalid: the AWS resource cannot be used for scans, such as a task definition without the container.
	ReasonSuffixInvalid = "Invalid"
	// ReasonSuffixAccessDenied: the manager's role may not look at the AWS resource, or has not been able to consume the
	// queue for a minute.
	ReasonSuffixAccessDenied = "AccessDenied"
)

// Reasons of condition Degraded of ScanEnvironment.
const (
	// ReasonAttemptFailed (True): an attempt failed before its container ran, for a fault of the environment; the message has
	// the job and ECS's words.
	ReasonAttemptFailed = "AttemptFailed"
	// ReasonAttemptRan (False): an attempt that was begun after the failure got its container running.
	ReasonAttemptRan = "AttemptRan"
	// ReasonEnvironmentChanged (Unknown): the spec, or what its references lead to, has changed since the failure.
	ReasonEnvironmentChanged = "EnvironmentChanged"
)

// Reasons of condition Ready of ScanTrigger.
const (
	// ReasonListening (True): events of the environment's inbox reach the trigger.
	ReasonListening = "Listening"
	// ReasonSweeping (True): the environment has no inbox, and the trigger's sweeps find the heads of pull requests.
	ReasonSweeping = "Sweeping"
	// ReasonNoInboxConfigured (False): the environment has no inbox, and the trigger does not sweep.
	ReasonNoInboxConfigured = "NoInboxConfigured"
	// ReasonInvalidPattern (False): a pattern of the spec cannot be used; it counts as one that matches.
	ReasonInvalidPattern = "InvalidPattern"
	// ReasonInvalidExpression (False): spec.expression does not compile, costs too much or is not a boolean; it counts as true.
	ReasonInvalidExpression = "InvalidExpression"
	// ReasonInvalidTemplate (False): spec.template has labels or annotations that no object can have; they are left out.
	ReasonInvalidTemplate = "InvalidTemplate"
)

// Reasons of the events of a ScanTrigger. All but StaleEvent and HeadsMissed are warnings.
const (
	// ReasonStaleEvent: an event was dropped because its pull request has another head by now.
	ReasonStaleEvent = "StaleEvent"
	// ReasonPullRequestGone: an event was dropped because there is no such pull request any more.
	ReasonPullRequestGone = "PullRequestGone"
	// ReasonPullRequestUnknown: the operator's role may not look a pull request up, and the times of events alone decide.
	ReasonPullRequestUnknown = "PullRequestUnknown"
	// ReasonPathsUnknown: the files that a change touches could not be looked at, and it is scanned for that reason.
	ReasonPathsUnknown = "PathsUnknown"
	// ReasonHeadsMissed: a sweep found heads of open pull requests that had no scan, because their events never came.
	ReasonHeadsMissed = "HeadsMissed"
	// ReasonSweepIncomplete: a sweep could not look at every repository; the trigger's status.sweep says why.
	ReasonSweepIncomplete = "SweepIncomplete"
	// ReasonRepositoryUnmatched: an entry of spec.repositories matches no repository.
	ReasonRepositoryUnmatched = "RepositoryUnmatched"
	// ReasonInvalidReplay: the annotation scanjob.dev/replay-since is not a time.
	ReasonInvalidReplay = "InvalidReplay"
	// ReasonInvalidSpec: a part of the trigger's spec cannot be followed, and an event is scanned as if it were not there.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonExpressionFailed: the expression failed for one event, which is scanned for that reason.
	ReasonExpressionFailed = "ExpressionFailed"
	// ReasonScanJobRefused: a ScanJob cannot be created before somebody changes something. The event comes again until the
	// queue gives it up.
	ReasonScanJobRefused = "ScanJobRefused"
)

// Reasons of condition Ready of ScanSchedule, besides ReasonInvalidPattern and ReasonInvalidTemplate (in both cases the rest of
// the spec is followed), ReasonEnvironmentNotFound, ReasonEnvironmentNotReady, ReasonRegionUnknown, ReasonAWSUnavailable and
// ReasonAssumeRoleFailed.
const (
	// ReasonScheduled (True): the runs come at their times.
	ReasonScheduled = "Scheduled"
	// ReasonInvalidSchedule (False): spec.schedule is no cron line, or one that is never due.
	ReasonInvalidSchedule = "InvalidSchedule"
	// ReasonUnknownTimeZone (False): there is no zone of the name in spec.timeZone.
	ReasonUnknownTimeZone = "UnknownTimeZone"
	// ReasonNoRepositoryMatches (False): a pattern of spec.repositories matches no repository.
	ReasonNoRepositoryMatches = "NoRepositoryMatches"
	// ReasonTooManyTargets (False): there are more branches to scan than one schedule can have.
	ReasonTooManyTargets = "TooManyTargets"
	// ReasonTargetsNotScanned (False): the last run could not scan all that it should; the message names what and why, and
	// status.targets has every one.
	ReasonTargetsNotScanned = "TargetsNotScanned"
)

// Reasons of a target of a ScanSchedule, besides ReasonAWSUnavailable and ReasonAssumeRoleFailed. ReasonAccessDenied is also
// one of condition Ready: repositories cannot be listed.
const (
	// ReasonAccessDenied (Waiting): the operator's role may not read the repository.
	ReasonAccessDenied = "AccessDenied"
	// ReasonScanUnfinished (Waiting): an earlier scan of the branch is unfinished, and concurrencyPolicy is Forbid.
	ReasonScanUnfinished = "ScanUnfinished"
	// ReasonJobNotCreated (Waiting): the ScanJob could not be created yet, for a quota or for another of its name.
	ReasonJobNotCreated = "JobNotCreated"
	// ReasonRepositoryNotFound (Absent): there is no repository of that name.
	ReasonRepositoryNotFound = "RepositoryNotFound"
	// ReasonRepositoryEmpty (Absent): nothing was ever pushed to the repository.
	ReasonRepositoryEmpty = "RepositoryEmpty"
	// ReasonBranchNotFound (Absent): the repository has no such branch.
	ReasonBranchNotFound = "BranchNotFound"
	// ReasonStartingDeadlineExceeded (Missed): startingDeadlineSeconds passed.
	ReasonStartingDeadlineExceeded = "StartingDeadlineExceeded"
	// ReasonRepositoryUnreadable (Failed): CodeCommit refuses to tell of the repository, as for a key that is disabled.
	ReasonRepositoryUnreadable = "RepositoryUnreadable"
	// ReasonJobRejected (Failed): the API server does not accept the ScanJob; the template, or an admission policy, must change.
	ReasonJobRejected = "JobRejected"
)

// Labels of a ScanJob that a trigger or schedule created.
const (
	LabelTrigger     = "scanjob.dev/trigger"
	LabelSchedule    = "scanjob.dev/schedule"
	LabelRepository  = "scanjob.dev/repository"
	LabelPullRequest = "scanjob.dev/pull-request"
)

// Annotations of a ScanTrigger, by which people ask for something. The status tells what came of it.
const (
	// AnnotationSweep asks for a sweep over open pull requests, now and once for each value.
	AnnotationSweep = "scanjob.dev/sweep"
	// AnnotationReplaySince asks, once for each value, for a scan of every head of an open pull request that had activity
	// since then and is neither scanned nor being scanned. It is an RFC 3339 time.
	AnnotationReplaySince = "scanjob.dev/replay-since"
)

// Annotations of a ScanJob.
const (
	// AnnotationEventTime is when the event happened, RFC 3339 with fractions of a second.
	AnnotationEventTime = "scanjob.dev/event-time"
	// AnnotationReceivedTime is when the inbox handed the event over, in the same form.
	AnnotationReceivedTime = "scanjob.dev/received-time"
	// AnnotationEventID is the event's identifier.
	AnnotationEventID = "scanjob.dev/event-id"
	// AnnotationGate with the value "true" marks a job that stands in the way of a deployment: Argo CD's health check in
	// config/argocd takes only a clean scan of it as Healthy. The operator does nothing about it.
	AnnotationGate = "scanjob.dev/gate"
	// AnnotationRerunOf names the job that this one is another run of, where Argo CD's action made it.
	AnnotationRerunOf = "scanjob.dev/rerun-of"
	// AnnotationScheduledTime is the run of a schedule that the job belongs to, RFC 3339.
	AnnotationScheduledTime = "scanjob.dev/scheduled-time"
	// AnnotationBranch is the branch whose head a schedule's job scans.
	AnnotationBranch = "scanjob.dev/branch"
	// AnnotationSupersededBy, set together with spec.cancel, names the job that took this one's place.
	AnnotationSupersededBy = "scanjob.dev/superseded-by"
)

// Finalizers.
const (
	// FinalizerStopTask keeps a ScanJob until its task has stopped.
	FinalizerStopTask = "scanjob.dev/stop-task"
	// FinalizerInUse keeps a ScanEnvironment while a task that was started through it may run, because its region and role
	// are needed to stop that task.
	FinalizerInUse = "scanjob.dev/in-use"
)
