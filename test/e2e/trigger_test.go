package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// awaitTrigger polls a trigger until a condition holds. what ends the sentence "the trigger never …".
func (w *world) awaitTrigger(trigger *scanv1.ScanTrigger, what string, condition func(scanv1.ScanTriggerStatus) bool) {
	w.t.Helper()
	poll(w.t, func() bool {
		if err := w.kube.Get(w.t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
			w.t.Fatal(err)
		}
		return condition(trigger.Status)
	}, func() string {
		text, err := yaml.Marshal(trigger.Status)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("the trigger never %s; its status:\n%s", what, text)
	})
}

// sweep asks a trigger for a sweep, as kubectl annotate would, and waits for it.
func (w *world) sweep(trigger *scanv1.ScanTrigger) *scanv1.SweepStatus {
	w.t.Helper()
	request := fmt.Sprint("request-", time.Now().UnixNano())
	if err := w.kube.Get(w.t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
		w.t.Fatal(err)
	}
	before := trigger.DeepCopy()
	metav1.SetMetaDataAnnotation(&trigger.ObjectMeta, scanv1.AnnotationSweep, request)
	if err := w.kube.Patch(w.t.Context(), trigger, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
	w.awaitTrigger(trigger, "swept", func(status scanv1.ScanTriggerStatus) bool { return status.LastHandledSweep == request })
	return trigger.Status.Sweep
}

// allJobs returns the ScanJobs of the world.
func (w *world) allJobs() []scanv1.ScanJob {
	w.t.Helper()
	list := &scanv1.ScanJobList{}
	if err := w.kube.List(w.t.Context(), list, client.InNamespace(w.ns)); err != nil {
		w.t.Fatal(err)
	}
	return list.Items
}

// allSettled waits until there are jobs, at least so many, and all are at their end.
func (w *world) allSettled(least int) []scanv1.ScanJob {
	w.t.Helper()
	var jobs []scanv1.ScanJob
	open := 0
	pollWhileItMoves(w.t, func() bool {
		jobs, open = w.allJobs(), 0
		for i := range jobs {
			if !isSettled(&jobs[i]) {
				open++
			}
		}
		return len(jobs) >= least && open == 0
	}, func() string {
		return fmt.Sprintf("of %d jobs, %d are not at their end; want at least %d", len(jobs), open, least)
	})
	return jobs
}

func TestTenPushesInFiveSecondsMakeOneTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.manage(managerOptions{})
	w.listening(func(trigger *scanv1.ScanTrigger) { trigger.Spec.DebounceSeconds = ptr.To[int32](5) })
	begin := time.Now()
	repo, _ := w.openPullRequest("payments", "feature", map[string]string{"0.txt": "x"})
	head := ""
	// A push is not a wait for a condition: the pace is what this is about.
	pace := time.NewTicker(500 * time.Millisecond)
	defer pace.Stop()
	for i := range 9 {
		<-pace.C
		var err error
		if head, err = repo.Commit(t.Context(), "feature", "More", map[string]string{fmt.Sprint(i+1, ".txt"): "x"}); err != nil {
			t.Fatal(err)
		}
	}
	pushed := time.Since(begin)
	poll(t, func() bool {
		for _, job := range w.allJobs() {
			if job.Spec.Source.Revision == head {
				return true
			}
		}
		return false
	}, func() string { return "the head never had a job" })
	all := w.allSettled(1)
	tasks := len(w.aws.Tasks())
	// Where the machine is so busy that the pushes take longer, the debounce passes between some of them.
	if most := 2 + int(pushed/(5*time.Second)); tasks < 1 || tasks > most {
		t.Errorf("%d tasks for ten pushes in %v, want 1 to %d", tasks, pushed, most)
	}
	for i := range all {
		job := &all[i]
		if job.Spec.Source.Revision == head || pushed > 5*time.Second && jobs.Complete(job) {
			wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
			continue
		}
		failed := wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonSuperseded)
		if successor := job.Annotations[scanv1.AnnotationSupersededBy]; successor == "" || !strings.Contains(failed.Message, successor) {
			t.Errorf("%s is superseded by %q, and says %q", job.Name, successor, failed.Message)
		}
	}
	t.Logf("%d jobs and %d tasks for ten pushes", len(all), tasks)
}

func TestSupersededScanKeepsItsSlotUntilItsTaskHasStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks = 1 })
	first := ""
	w.aws.RunContainersWith(awslocal.RunnerFunc(func(ctx context.Context, c awslocal.Container) int {
		if c.Env(contract.EnvRevision) == first {
			return awslocal.UntilStopped().Run(ctx, c)
		}
		return 0
	}))
	w.manage(managerOptions{})
	w.listening()
	repo, err := w.stack.CreateRepository(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	for _, branch := range []string{"main", "feature"} {
		if first, err = repo.Commit(t.Context(), branch, "Begin", map[string]string{branch + ".txt": "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := repo.OpenPullRequest(t.Context(), "feature", "A change"); err != nil {
		t.Fatal(err)
	}
	running := w.onlyJob()
	w.wait(running, "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	// ECS takes its time: the task stops when the test lets it.
	hold := make(chan struct{})
	w.aws.Faults().Before("ecs", "StopTask", awslocal.Forever, func(awslocal.Call) { <-hold })
	second, err := repo.Commit(t.Context(), "feature", "More", map[string]string{"more.txt": "x"})
	if err != nil {
		t.Fatal(err)
	}
	w.wait(running, "was superseded", func(job *scanv1.ScanJob) bool { return job.Spec.Cancel })
	successor := ""
	for _, job := range w.allJobs() {
		if job.Spec.Source.Revision == second {
			successor = job.Name
		}
	}
	w.wait(successor, "waited for the slot", func(job *scanv1.ScanJob) bool {
		admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)
		return admitted != nil && admitted.Reason == scanv1.ReasonConcurrencyLimit
	})
	if tasks := len(w.aws.Tasks()); tasks != 1 {
		t.Errorf("%d tasks while the first has not stopped", tasks)
	}
	close(hold)
	old, next := w.finished(running), w.finished(successor)
	failed := wantReason(t, old, scanv1.ConditionFailed, scanv1.ReasonSuperseded)
	if !strings.Contains(failed.Message, successor) {
		t.Errorf("%q does not name %s", failed.Message, successor)
	}
	wantReason(t, next, scanv1.ConditionComplete, scanv1.ReasonScanned)
	tasks := w.aws.Tasks()
	if len(tasks) != 2 || tasks[1].CreatedAt.Before(tasks[0].StoppedAt) {
		t.Errorf("the second of %d tasks began at %v, the first stopped at %v", len(tasks), tasks[1].CreatedAt, tasks[0].StoppedAt)
	}
}

func TestOneSweepMakesGoodAnHourWithoutAManagerAndAPurgedQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	clock := newSkewedClock()
	m := w.manage(managerOptions{triggers: clock})
	trigger := w.listening()
	w.awaitTrigger(trigger, "swept at first", func(status scanv1.ScanTriggerStatus) bool { return status.LastSweepTime != nil })
	repo, moved := w.openPullRequest("payments", "moved", map[string]string{"a.txt": "x"})
	w.finished(w.onlyJob())
	m.stop()

	head, err := repo.Commit(t.Context(), "moved", "More", map[string]string{"b.txt": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Commit(t.Context(), "opened", "Change", map[string]string{"c.txt": "x"}); err != nil {
		t.Fatal(err)
	}
	opened, err := repo.OpenPullRequest(t.Context(), "opened", "Another change")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqs.NewFromConfig(w.stack.Admin).PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(w.stack.Resources.QueueURL)}); err != nil {
		t.Fatal(err)
	}
	clock.skip(time.Hour)

	w.manage(managerOptions{triggers: clock})
	jobs := w.allSettled(3)
	scanned := map[string]string{}
	for _, job := range jobs {
		wantReason(t, &job, scanv1.ConditionComplete, scanv1.ReasonScanned)
		scanned[job.Spec.Source.CodeCommit.PullRequestID] += job.Spec.Source.Revision + " "
	}
	if len(jobs) != 3 || !strings.Contains(scanned[moved], head) || scanned[opened] == "" {
		t.Errorf("scanned %v; want the new head %s of %s, and %s", scanned, head, moved, opened)
	}
	w.awaitTrigger(trigger, "told of what was missed", func(status scanv1.ScanTriggerStatus) bool { return status.MissedHeads == 2 })
}

func TestDeadLettersAreCountedAndComeBackByRedrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	clock := newSkewedClock()
	w.manage(managerOptions{triggers: clock})
	trigger := w.listening(func(trigger *scanv1.ScanTrigger) {
		trigger.Spec.Paths = []string{"src/**"}
		trigger.Spec.SweepIntervalSeconds = ptr.To[int32](0)
	})
	queue := sqs.NewFromConfig(w.stack.Admin)
	// One receive is enough, so that the test need not wait through the backoff.
	_, err := queue.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: aws.String(w.stack.Resources.QueueURL), Attributes: map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":1}`, w.stack.Resources.DeadLetterQueueARN),
	}})
	if err != nil {
		t.Fatal(err)
	}
	fault := w.aws.Faults().Fail("codecommit", "GetDifferences", awslocal.Forever, awslocal.Throttled())
	w.openPullRequest("infra-network", "feature", map[string]string{"src/a.go": "x"})
	dead := func() int {
		depth, err := w.aws.Queue(awslocal.DefaultNames().DeadLetterQueue)
		if err != nil {
			t.Fatal(err)
		}
		return depth.Total()
	}
	poll(t, func() bool { return dead() > 0 }, func() string { return "the message never became a dead letter" })
	clock.skip(2 * time.Minute)
	touch := trigger.DeepCopy()
	metav1.SetMetaDataAnnotation(&touch.ObjectMeta, "note", "look again")
	if err := w.kube.Patch(t.Context(), touch, client.MergeFrom(trigger)); err != nil {
		t.Fatal(err)
	}
	w.awaitTrigger(trigger, "counted the dead letter", func(status scanv1.ScanTriggerStatus) bool {
		return status.DeadLetters != nil && ptr.Deref(status.DeadLetters.Messages, 0) == 1
	})
	if jobs := w.allJobs(); len(jobs) != 0 {
		t.Fatalf("%d jobs", len(jobs))
	}

	fault.Clear()
	redrive := func() {
		if _, err := queue.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(w.stack.Resources.DeadLetterQueueARN)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		// Whoever is not sure that the first went well does it again.
		redrive()
	}
	job := w.finished(w.onlyJob())
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	if dead() != 0 {
		t.Errorf("%d dead letters are left", dead())
	}
}

func TestSourceBranchThatIsDeletedWhileItsEventIsQueuedHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manage(managerOptions{})
	w.listening()
	w.aws.Faults().HoldEvents()
	repo, gone := w.openPullRequest("payments", "gone", map[string]string{"gone.txt": "x"})
	if _, err := repo.Git(t.Context(), "push", "--quiet", "origin", "--delete", "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Commit(t.Context(), "there", "Change", map[string]string{"there.txt": "x"}); err != nil {
		t.Fatal(err)
	}
	there, err := repo.OpenPullRequest(t.Context(), "there", "Another change")
	if err != nil {
		t.Fatal(err)
	}
	w.aws.Faults().ReleaseEvents(func(held []awslocal.Event) []awslocal.Event { return held })
	// The commit outlives its branch for a while, and is asked for by its own name.
	scanned := map[string]bool{}
	for _, job := range w.allSettled(2) {
		wantReason(t, &job, scanv1.ConditionComplete, scanv1.ReasonScanned)
		scanned[job.Spec.Source.CodeCommit.PullRequestID] = true
	}
	if !scanned[gone] || !scanned[there] {
		t.Errorf("scanned %v, want %s and %s", scanned, gone, there)
	}
}
