package chaos

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// attemptOf is what startedBy says.
func attemptOf(startedBy string) (uid types.UID, number string) {
	parts := strings.Split(startedBy, "/")
	if len(parts) != 3 {
		return "", ""
	}
	return types.UID(parts[1]), parts[2]
}

// wantTasks compares the tasks in ECS with the attempts of the jobs, in both directions.
func (w *world) wantTasks(all map[types.UID]*scanv1.ScanJob, unseen map[types.UID]bool, forced map[types.UID]time.Time) {
	tasks := map[string]awslocal.Task{}
	for _, task := range w.aws.Tasks() {
		if twin, ok := tasks[task.StartedBy]; ok {
			w.violated("%s was started twice: %s and %s", task.StartedBy, twin.ARN, task.ARN)
		}
		tasks[task.StartedBy] = task
		uid, number := attemptOf(task.StartedBy)
		if want := fmt.Sprintf("%x", sha256.Sum256([]byte(string(uid)+"|"+number))); task.ClientToken != want {
			w.violated("%s was started with the token %q, want %q", task.StartedBy, task.ClientToken, want)
		}
		if all[uid] == nil {
			w.violated("task %s was started for %s, and there was no such job", task.ARN, task.StartedBy)
		}
		if task.StoppedAt.IsZero() {
			w.violated("task %s of %s still runs", task.ARN, task.StartedBy)
		}
		if _, ok := forced[uid]; ok && task.StopCode == "UserInitiated" && !strings.Contains(task.StoppedReason, "its ScanJob is gone") {
			w.violated("task %s of a job that was deleted by force was stopped for %q", task.ARN, task.StoppedReason)
		}
	}
	for uid, job := range all {
		for i := range job.Status.Attempts {
			if _, ok := forced[uid]; ok || unseen[uid] {
				break // nobody knows what its attempts came to
			}
			attempt := &job.Status.Attempts[i]
			startedBy := fmt.Sprintf("%s%s/%d", contract.StartedByPrefix, uid, attempt.Number)
			task, ok := tasks[startedBy]
			delete(tasks, startedBy)
			if problem := mismatch(attempt, task, ok); problem != "" {
				w.violated("%s, attempt %d: %s\n%+v\n%+v", job.Name, attempt.Number, problem, *attempt, task)
			}
		}
	}
	for startedBy := range tasks {
		uid, _ := attemptOf(startedBy)
		if _, ok := forced[uid]; ok || unseen[uid] {
			continue
		}
		w.violated("no attempt knows of task %s", startedBy)
	}
}

// mismatch says what is wrong with the record of an attempt that is over, in view of its task.
func mismatch(attempt *scanv1.Attempt, task awslocal.Task, started bool) string {
	switch {
	case attempt.StoppedAt == nil:
		return "it is open"
	case !started && attempt.TaskARN != "":
		return "its task does not exist"
	case !started && attempt.ExitCode != nil:
		return "it has an exit code without a task"
	case !started && (attempt.Class == "" || attempt.Class == scanv1.ClassScan || attempt.Class == scanv1.ClassConfiguration):
		return "without a task it has class " + string(attempt.Class)
	case !started:
		return ""
	case attempt.TaskARN != task.ARN:
		return "it has another task"
	case (attempt.ExitCode == nil) != (task.ExitCode == nil) || attempt.ExitCode != nil && int(*attempt.ExitCode) != *task.ExitCode:
		return "it has another exit code"
	case attempt.StopCode != task.StopCode:
		return "it has another stop code"
	}
	if want := classOf(attempt, task); attempt.Class != want {
		return fmt.Sprintf("it has class %q, want %q", attempt.Class, want)
	}
	return ""
}

// classOf is the class of an attempt whose task stopped, as far as tasks of this test stop.
func classOf(attempt *scanv1.Attempt, task awslocal.Task) scanv1.FailureClass {
	code := -1
	if task.ExitCode != nil {
		code = *task.ExitCode
	}
	switch {
	case code == contract.ExitClean || code == contract.ExitFindings:
		return ""
	case attempt.StopRequestedFor != "":
		return attempt.StopRequestedFor
	case task.StopCode == "SpotInterruption" || task.StopCode == "TaskFailedToStart":
		return scanv1.ClassInfrastructure
	case code == contract.ExitRequest:
		return scanv1.ClassConfiguration
	case task.StopCode == "UserInitiated":
		return "nobody may stop a task that is wanted"
	}
	return scanv1.ClassScan
}

// lives tells when tasks and the records of their attempts began and ended.
func lives(tasks []awslocal.Task, all map[types.UID]*scanv1.ScanJob) string {
	const clock = "15:04:05.000"
	var text strings.Builder
	for _, task := range tasks {
		uid, number := attemptOf(task.StartedBy)
		fmt.Fprintf(&text, "%s, attempt %s: task from %s to %s", all[uid].Name, number, task.CreatedAt.UTC().Format(clock), task.StoppedAt.UTC().Format(clock))
		for _, attempt := range all[uid].Status.Attempts {
			if fmt.Sprint(attempt.Number) == number {
				fmt.Fprintf(&text, ", recorded at %s, stopped at %s", attempt.RecordedAt.UTC().Format(clock), attempt.StoppedAt.UTC().Format(clock))
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}

// wantEnd looks at a job when all is over.
func (w *world) wantEnd(job *scanv1.ScanJob) {
	violated := func(format string, values ...any) {
		w.violated("%s: %s\n%s", job.Name, fmt.Sprintf(format, values...), asJSON(job.Status))
	}
	if !isSettled(job) {
		violated("it is not at its end")
		return
	}
	classes := map[scanv1.FailureClass]int32{}
	fallbacks := int32(0)
	var last scanv1.Attempt
	for _, last = range job.Status.Attempts {
		classes[last.Class]++
		if last.OnDemandFallback {
			fallbacks++
		}
	}
	if most := *job.Spec.InfrastructureBackoffLimit + 1 + fallbacks; classes[scanv1.ClassInfrastructure] > most {
		violated("%d attempts were spoiled by the infrastructure, at most %d are allowed", classes[scanv1.ClassInfrastructure], most)
	}
	if fallbacks > 0 && job.Spec.EnvironmentName != spot {
		violated("it fell back from an environment that does not use Spot")
	}
	reason, result := "", scanv1.ResultUnknown
	for _, kind := range []string{scanv1.ConditionComplete, scanv1.ConditionFailed} {
		if c := meta.FindStatusCondition(job.Status.Conditions, kind); c != nil {
			reason = c.Reason
		}
	}
	ok := false
	switch reason {
	case scanv1.ReasonScanned:
		ok = len(job.Status.Attempts) > 0 && last.Class == "" && last.ExitCode != nil
		result = scanv1.ResultClean
		if ok && *last.ExitCode == contract.ExitFindings {
			result = scanv1.ResultFindings
		}
	case scanv1.ReasonConfiguration:
		ok = last.Class == scanv1.ClassConfiguration
	case scanv1.ReasonBackoffLimitExceeded:
		ok = last.Class == scanv1.ClassScan && classes[scanv1.ClassScan] == *job.Spec.BackoffLimit+1
	case scanv1.ReasonInfrastructureBackoffLimitExceeded:
		ok = last.Class == scanv1.ClassInfrastructure && classes[scanv1.ClassInfrastructure] > *job.Spec.InfrastructureBackoffLimit
	case scanv1.ReasonCancelled:
		ok = job.Spec.Cancel && last.Class != ""
	}
	if len(job.Status.Attempts) == 0 && reason == scanv1.ReasonCancelled {
		ok = true
	}
	if !ok {
		violated("its attempts do not lead to %s", reason)
	}
	if job.Status.Result != result {
		violated("its result is %s, want %s", job.Status.Result, result)
	}
	w.wantReported(job, result, violated)
}

// wantReported looks at what was told of a job: findings once, and nothing else.
func (w *world) wantReported(job *scanv1.ScanJob, result scanv1.ScanResult, violated func(string, ...any)) {
	told := 0
	for _, publication := range w.aws.Publishes() {
		var byProtocol map[string]string
		var document contract.Result
		if err := json.Unmarshal([]byte(publication.Message), &byProtocol); err != nil {
			violated("a publication cannot be read: %v", err)
			continue
		}
		if err := json.Unmarshal([]byte(byProtocol["default"]), &document); err != nil {
			violated("a publication cannot be read: %v", err)
			continue
		}
		if document.ScanJob.UID == string(job.UID) {
			told++
		}
	}
	reported := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionReported)
	switch {
	case result == scanv1.ResultFindings && (told != 1 || reported.Reason != scanv1.ReasonFindingsReceived || job.Status.Findings == nil || job.Status.Findings.Total != 1):
		violated("its findings were published %d times, want once; Reported is %s", told, reported.Reason)
	case result != scanv1.ResultFindings && (told != 0 || reported.Reason != scanv1.ReasonNothingToReport || job.Status.Findings != nil && job.Status.Findings.Total != 0):
		violated("there are no findings, and %d were published; Reported is %s", told, reported.Reason)
	}
}

// secretIn says whether a text holds what must not leave a task or a manager.
func (w *world) secretIn(text string) bool {
	credentials := w.aws.Credentials()
	return strings.Contains(text, w.canary) || strings.Contains(text, credentials.SecretAccessKey) || strings.Contains(text, credentials.SessionToken)
}

// wantQuiet looks at all that the managers have said.
func (w *world) wantQuiet() {
	for _, log := range w.herd.log() {
		if w.secretIn(log) {
			w.violated("a manager's log holds a secret")
		}
		for _, bad := range []string{"panic:", "Observed a panic", "DATA RACE", "fatal error:"} {
			if _, after, found := strings.Cut(log, bad); found {
				w.violated("a manager's log has %q%s", bad, after[:min(2000, len(after))])
			}
		}
	}
	events := &corev1.EventList{}
	must(w.t, w.kube.List(w.t.Context(), events, client.InNamespace(w.ns)))
	for i := range events.Items {
		if text := asJSON(events.Items[i]); w.secretIn(text) {
			w.violated("an event holds a secret: %s", text)
		}
	}
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
