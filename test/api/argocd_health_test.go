package api

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(time.Now())}
}

// aJob is a job whose spec and status are of generation 2.
func aJob(change ...func(*v1alpha1.ScanJob)) *v1alpha1.ScanJob {
	job := &v1alpha1.ScanJob{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScanJob"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "scans", Name: "payments", Generation: 2},
		Spec: v1alpha1.ScanJobSpec{
			EnvironmentName: "default",
			Source:          v1alpha1.ScanSource{CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"}, Revision: revision},
		},
		Status: v1alpha1.ScanJobStatus{ObservedGeneration: 2, Phase: v1alpha1.PhasePending, Result: v1alpha1.ResultUnknown},
	}
	for _, c := range change {
		c(job)
	}
	return job
}

func with(conditions ...metav1.Condition) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) { job.Status.Conditions = append(job.Status.Conditions, conditions...) }
}

func inPhase(phase v1alpha1.Phase) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) { job.Status.Phase = phase }
}

func waitingFor(phase v1alpha1.Phase, reason, message string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) {
		inPhase(phase)(job)
		with(condition(v1alpha1.ConditionAdmitted, metav1.ConditionFalse, reason, message))(job)
	}
}

func admitted(phase v1alpha1.Phase) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) {
		inPhase(phase)(job)
		with(condition(v1alpha1.ConditionAdmitted, metav1.ConditionTrue, v1alpha1.ReasonAttemptRecorded, "attempt 1 is recorded"))(job)
	}
}

func failed(reason, message string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) {
		inPhase(v1alpha1.PhaseFailed)(job)
		with(condition(v1alpha1.ConditionAdmitted, metav1.ConditionFalse, v1alpha1.ReasonFinished, "the job is finished"),
			condition(v1alpha1.ConditionFailed, metav1.ConditionTrue, reason, message))(job)
	}
}

func complete(result v1alpha1.ScanResult) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) {
		inPhase(v1alpha1.PhaseSucceeded)(job)
		job.Status.Result = result
		with(condition(v1alpha1.ConditionAdmitted, metav1.ConditionFalse, v1alpha1.ReasonFinished, "the job is finished"),
			condition(v1alpha1.ConditionComplete, metav1.ConditionTrue, v1alpha1.ReasonScanned, "attempt 1 scanned the revision"))(job)
	}
}

func gate(job *v1alpha1.ScanJob) {
	job.Annotations = map[string]string{v1alpha1.AnnotationGate: "true"}
}

func found(job *v1alpha1.ScanJob) {
	complete(v1alpha1.ResultFindings)(job)
	job.Status.Findings = &v1alpha1.Findings{Total: 3, New: 1, BySeverity: map[string]int32{"high": 2, "critical": 1, "low": 0}}
}

func deleted(job *v1alpha1.ScanJob) {
	job.DeletionTimestamp = ptr.To(metav1.Now())
	job.Finalizers = []string{v1alpha1.FinalizerStopTask}
}

// healthRow is an object and what Argo CD is to show of it.
type healthRow struct {
	name    string
	object  runtime.Object
	status  string
	message string
}

func checkHealth(t *testing.T, rows []healthRow) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got, want := healthOf(t, live(t, row.object)), (argoHealth{row.status, row.message}); got != want {
				t.Errorf("got  %s: %s\nwant %s: %s", got.Status, got.Message, want.Status, want.Message)
			}
		})
	}
}

func TestArgoShowsHowAScanStands(t *testing.T) {
	clean, findings := complete(v1alpha1.ResultClean), complete(v1alpha1.ResultFindings)
	checkHealth(t, []healthRow{
		{"that nobody has looked at", aJob(func(job *v1alpha1.ScanJob) { job.Status = v1alpha1.ScanJobStatus{} }),
			"Progressing", "waiting for the operator to look at it"},
		{"whose status is of an older spec, however it ended", aJob(clean, func(job *v1alpha1.ScanJob) { job.Generation = 3 }),
			"Progressing", "waiting for the operator to look at it"},
		{"without a word on what it waits for", aJob(), "Progressing", "Pending: not looked at yet"},
		{"that waits for its environment", aJob(waitingFor(v1alpha1.PhasePending, v1alpha1.ReasonEnvironmentNotReady, "ScanEnvironment default is being checked")),
			"Progressing", "Pending: ScanEnvironment default is being checked"},
		{"whose environment is not there", aJob(waitingFor(v1alpha1.PhasePending, v1alpha1.ReasonEnvironmentNotFound, "there is no ScanEnvironment default in this namespace: create it")),
			"Progressing", "Pending: there is no ScanEnvironment default in this namespace: create it"},
		{"that waits for a slot", aJob(waitingFor(v1alpha1.PhaseQueued, v1alpha1.ReasonConcurrencyLimit, "all 100 slots are taken")),
			"Progressing", "Queued: all 100 slots are taken"},
		{"that backs off", aJob(waitingFor(v1alpha1.PhaseQueued, v1alpha1.ReasonBackoff, "attempt 2 follows after 12:00:00Z")),
			"Progressing", "Queued: attempt 2 follows after 12:00:00Z"},
		{"that is starting", aJob(admitted(v1alpha1.PhaseStarting)), "Progressing", "Starting: attempt 1 is recorded"},
		{"that runs", aJob(admitted(v1alpha1.PhaseRunning)), "Progressing", "Running: attempt 1 is recorded"},
		{"that is suspended", aJob(waitingFor(v1alpha1.PhasePending, v1alpha1.ReasonSuspended, "spec.suspend is set"),
			with(condition(v1alpha1.ConditionSuspended, metav1.ConditionTrue, v1alpha1.ReasonSuspendRequested, "spec.suspend is set"))),
			"Suspended", "Pending: spec.suspend is set"},
		{"that was suspended and waits for a slot", aJob(waitingFor(v1alpha1.PhaseQueued, v1alpha1.ReasonConcurrencyLimit, "all 100 slots are taken"),
			with(condition(v1alpha1.ConditionSuspended, metav1.ConditionFalse, v1alpha1.ReasonResumed, "spec.suspend was taken back"))),
			"Progressing", "Queued: all 100 slots are taken"},
		{"that is being cancelled", aJob(admitted(v1alpha1.PhaseRunning), func(job *v1alpha1.ScanJob) { job.Spec.Cancel = true }),
			"Progressing", "being cancelled; ends when its task has stopped"},
		{"that is being deleted", aJob(admitted(v1alpha1.PhaseRunning), deleted), "Progressing", "being deleted; goes when its task has stopped"},
		{"that is clean", aJob(clean), "Healthy", "Clean: attempt 1 scanned the revision"},
		{"that found something", aJob(found), "Healthy", "Findings: 3 findings (1 critical, 2 high)"},
		{"that found one thing", aJob(findings, func(job *v1alpha1.ScanJob) { job.Status.Findings = &v1alpha1.Findings{Total: 1} }), "Healthy", "Findings: 1 finding"},
		{"whose findings have not come", aJob(findings, with(condition(v1alpha1.ConditionReported, metav1.ConditionFalse, v1alpha1.ReasonNoInbox, "the environment has no inbox"))),
			"Healthy", "Findings: how many is not known here; the environment has no inbox"},
		{"that could not be done", aJob(failed(v1alpha1.ReasonConfiguration, "attempt 1: image not found")), "Degraded", "Configuration: attempt 1: image not found"},
		{"that was tried too often", aJob(failed(v1alpha1.ReasonBackoffLimitExceeded, "3 attempts were spoiled")), "Degraded", "BackoffLimitExceeded: 3 attempts were spoiled"},
		{"that took too long", aJob(failed(v1alpha1.ReasonDeadlineExceeded, "activeDeadlineSeconds (60) passed")), "Degraded", "DeadlineExceeded: activeDeadlineSeconds (60) passed"},
		{"that was cancelled", aJob(failed(v1alpha1.ReasonCancelled, "spec.cancel was set")), "Degraded", "Cancelled: spec.cancel was set"},
		{"that gave way to a newer revision", aJob(failed(v1alpha1.ReasonSuperseded, "superseded by ScanJob b")), "Healthy", "Superseded: superseded by ScanJob b"},
	})
}

func TestArgoHoldsADeploymentUnlessItsGateIsClean(t *testing.T) {
	// Argo CD goes on at Healthy, waits at Progressing and Suspended, and fails the sync at Degraded.
	checkHealth(t, []healthRow{
		{"a gate that runs", aJob(gate, admitted(v1alpha1.PhaseRunning)), "Progressing", "Running: attempt 1 is recorded"},
		{"a gate that is clean", aJob(gate, complete(v1alpha1.ResultClean)), "Healthy", "Clean: attempt 1 scanned the revision"},
		{"a gate that found something", aJob(gate, found), "Degraded", "Findings: 3 findings (1 critical, 2 high)"},
		{"a gate whose findings have not come", aJob(gate, complete(v1alpha1.ResultFindings)), "Degraded", "Findings: how many is not known here"},
		{"a gate that is done without a result", aJob(gate, complete(v1alpha1.ResultUnknown)), "Degraded", "Unknown: attempt 1 scanned the revision"},
		{"a gate that could not be done", aJob(gate, failed(v1alpha1.ReasonConfiguration, "image not found")), "Degraded", "Configuration: image not found"},
		{"a gate that was cancelled", aJob(gate, failed(v1alpha1.ReasonCancelled, "spec.cancel was set")), "Degraded", "Cancelled: spec.cancel was set"},
		{"a gate that gave way", aJob(gate, failed(v1alpha1.ReasonSuperseded, "superseded by ScanJob b")), "Degraded", "Superseded: superseded by ScanJob b"},
		{"no gate, by the annotation's other value", aJob(found, func(job *v1alpha1.ScanJob) {
			job.Annotations = map[string]string{v1alpha1.AnnotationGate: "false"}
		}), "Healthy", "Findings: 3 findings (1 critical, 2 high)"},
	})
}

func anEnvironment(conditions ...metav1.Condition) *v1alpha1.ScanEnvironment {
	return &v1alpha1.ScanEnvironment{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScanEnvironment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "scans", Name: "default", Generation: 1},
		Status:     v1alpha1.ScanEnvironmentStatus{ObservedGeneration: 1, Conditions: conditions},
	}
}

func ready(status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return condition(v1alpha1.ConditionReady, status, reason, message)
}

func TestArgoShowsHowAnEnvironmentStands(t *testing.T) {
	isReady := ready(metav1.ConditionTrue, v1alpha1.ReasonReady, "every reference can be used")
	unseen, changed, leaving := anEnvironment(), anEnvironment(isReady), anEnvironment(ready(metav1.ConditionFalse, "Deleting", "waits for the tasks of ScanJobs a"))
	unseen.Status = v1alpha1.ScanEnvironmentStatus{}
	changed.Generation = 2
	leaving.DeletionTimestamp, leaving.Finalizers = ptr.To(metav1.Now()), []string{v1alpha1.FinalizerInUse}
	attempts := func(status metav1.ConditionStatus, reason string) metav1.Condition {
		return condition(v1alpha1.ConditionDegraded, status, reason, "of attempts")
	}
	rows := []healthRow{
		{"whose attempts fail", anEnvironment(isReady, attempts(metav1.ConditionTrue, v1alpha1.ReasonAttemptFailed)), "Degraded", "AttemptFailed: of attempts"},
		{"whose attempts failed before it was changed", anEnvironment(isReady, attempts(metav1.ConditionUnknown, v1alpha1.ReasonEnvironmentChanged)), "Healthy", "Ready: every reference can be used"},
		{"whose attempts failed once", anEnvironment(isReady, attempts(metav1.ConditionFalse, v1alpha1.ReasonAttemptRan)), "Healthy", "Ready: every reference can be used"},
		{"whose attempts fail and that is not Ready", anEnvironment(ready(metav1.ConditionFalse, "ClusterNotSynced", "wait"), attempts(metav1.ConditionTrue, v1alpha1.ReasonAttemptFailed)),
			"Progressing", "ClusterNotSynced: wait"},
		{"that nobody has looked at", unseen, "Progressing", "waiting for the operator to look at it"},
		{"whose status is of an older spec", changed, "Progressing", "waiting for the operator to look at it"},
		{"that can be used", anEnvironment(isReady), "Healthy", "Ready: every reference can be used"},
		{"that is being deleted", leaving, "Progressing", "being deleted: waits for the tasks of ScanJobs a"},
		{"that AWS could not be asked about", anEnvironment(ready(metav1.ConditionFalse, v1alpha1.ReasonAWSUnavailable, "timeout")), "Progressing", "AWSUnavailable: timeout"},
		{"whose role cannot be assumed", anEnvironment(ready(metav1.ConditionFalse, v1alpha1.ReasonAssumeRoleFailed, "no")), "Degraded", "AssumeRoleFailed: no"},
		{"whose region nobody knows", anEnvironment(ready(metav1.ConditionFalse, v1alpha1.ReasonRegionUnknown, "no")), "Degraded", "RegionUnknown: no"},
	}
	for suffix, status := range map[string]string{
		v1alpha1.ReasonSuffixNotSynced:        "Progressing",
		v1alpha1.ReasonSuffixNotFound:         "Degraded",
		v1alpha1.ReasonSuffixKindNotInstalled: "Degraded",
		v1alpha1.ReasonSuffixTerminal:         "Degraded",
		v1alpha1.ReasonSuffixInactive:         "Degraded",
		v1alpha1.ReasonSuffixInvalid:          "Degraded",
		v1alpha1.ReasonSuffixAccessDenied:     "Degraded",
	} {
		for _, kind := range []string{"Cluster", "TaskDefinition", "Subnet", "SecurityGroup", "Queue", "Topic", "Bucket"} {
			rows = append(rows, healthRow{"whose reference is " + kind + suffix,
				anEnvironment(ready(metav1.ConditionFalse, kind+suffix, "of "+kind)), status, kind + suffix + ": of " + kind})
		}
	}
	checkHealth(t, rows)
}

func TestArgoShowsHowATriggerStands(t *testing.T) {
	trigger := func(suspend bool, conditions ...metav1.Condition) *v1alpha1.ScanTrigger {
		return &v1alpha1.ScanTrigger{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScanTrigger"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "scans", Name: "pull-requests", Generation: 1},
			Spec:       v1alpha1.ScanTriggerSpec{EnvironmentName: "default", Suspend: suspend},
			Status:     v1alpha1.ScanTriggerStatus{ObservedGeneration: 1, Conditions: conditions},
		}
	}
	listening := ready(metav1.ConditionTrue, v1alpha1.ReasonListening, "Listening to q")
	changed, leaving := trigger(false, listening), trigger(false, listening)
	changed.Generation = 2
	leaving.DeletionTimestamp = ptr.To(metav1.Now())
	checkHealth(t, []healthRow{
		{"that nobody has looked at", trigger(false), "Progressing", "waiting for the operator to look at it"},
		{"whose status is of an older spec", changed, "Progressing", "waiting for the operator to look at it"},
		{"that is being deleted", leaving, "Progressing", "being deleted"},
		{"that listens", trigger(false, listening), "Healthy", "Listening: Listening to q"},
		{"that is suspended", trigger(true, ready(metav1.ConditionTrue, v1alpha1.ReasonListening, "Suspended: events of q are dropped")),
			"Suspended", "Listening: Suspended: events of q are dropped"},
		{"that waits for its environment", trigger(false, ready(metav1.ConditionFalse, v1alpha1.ReasonEnvironmentNotReady, "not yet")), "Progressing", "EnvironmentNotReady: not yet"},
		{"whose environment is not there", trigger(false, ready(metav1.ConditionFalse, v1alpha1.ReasonEnvironmentNotFound, "create it")), "Degraded", "EnvironmentNotFound: create it"},
		{"whose environment has no inbox", trigger(false, ready(metav1.ConditionFalse, v1alpha1.ReasonNoInboxConfigured, "set it")), "Degraded", "NoInboxConfigured: set it"},
		{"with a pattern that cannot be read", trigger(false, ready(metav1.ConditionFalse, v1alpha1.ReasonInvalidPattern, "[")), "Degraded", "InvalidPattern: ["},
		{"with an expression that cannot be read", trigger(false, ready(metav1.ConditionFalse, v1alpha1.ReasonInvalidExpression, "?")), "Degraded", "InvalidExpression: ?"},
	})
}

func TestArgoShowsHowAScheduleStands(t *testing.T) {
	schedule := func(suspend bool, conditions ...metav1.Condition) *v1alpha1.ScanSchedule {
		return &v1alpha1.ScanSchedule{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScanSchedule"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "scans", Name: "weekly", Generation: 1},
			Spec:       v1alpha1.ScanScheduleSpec{EnvironmentName: "default", Suspend: suspend},
			Status:     v1alpha1.ScanScheduleStatus{ObservedGeneration: 1, Conditions: conditions},
		}
	}
	scheduled := ready(metav1.ConditionTrue, v1alpha1.ReasonScheduled, "3 branches")
	changed, leaving := schedule(false, scheduled), schedule(false, scheduled)
	changed.Generation = 2
	leaving.DeletionTimestamp = ptr.To(metav1.Now())
	checkHealth(t, []healthRow{
		{"that nobody has looked at", schedule(false), "Progressing", "waiting for the operator to look at it"},
		{"whose status is of an older spec", changed, "Progressing", "waiting for the operator to look at it"},
		{"that is being deleted", leaving, "Progressing", "being deleted"},
		{"that is followed", schedule(false, scheduled), "Healthy", "Scheduled: 3 branches"},
		{"that is suspended", schedule(true, scheduled), "Suspended", "Scheduled: 3 branches"},
		{"that waits for its environment", schedule(false, ready(metav1.ConditionFalse, v1alpha1.ReasonEnvironmentNotReady, "not yet")), "Progressing", "EnvironmentNotReady: not yet"},
		{"that AWS could not be asked for", schedule(false, ready(metav1.ConditionFalse, v1alpha1.ReasonAWSUnavailable, "timeout")), "Progressing", "AWSUnavailable: timeout"},
		{"that cannot be read", schedule(false, ready(metav1.ConditionFalse, v1alpha1.ReasonInvalidSchedule, "no")), "Degraded", "InvalidSchedule: no"},
		{"that did not scan all", schedule(false, ready(metav1.ConditionFalse, v1alpha1.ReasonTargetsNotScanned, "infra main")), "Degraded", "TargetsNotScanned: infra main"},
		{"that cannot be followed", schedule(false, ready(metav1.ConditionFalse, v1alpha1.ReasonEnvironmentNotFound, "create it")), "Degraded", "EnvironmentNotFound: create it"},
	})
}
