package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestLimitThatIsChangedCountsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(environment *scanv1.ScanEnvironment) { environment.Spec.Capacity.MaxConcurrentTasks = 2 })
	w.aws.RunContainersWith(awslocal.UntilStopped())
	w.manage(managerOptions{})
	for i := range 7 {
		w.submit(fmt.Sprintf("scan-%d", i))
	}
	w.wantRunning(2)
	places := slices.Sorted(maps.Values(w.wantWaiting(5, scanv1.ReasonConcurrencyLimit)))
	for i, message := range places {
		if want := fmt.Sprintf("number %d in the queue", i+1); !strings.HasPrefix(message, want) {
			t.Errorf("a job that waits says %q, want %q", message, want)
		}
	}

	w.changeEnvironment(func(environment *scanv1.ScanEnvironment) { environment.Spec.Capacity.MaxConcurrentTasks = 4 })
	w.wantRunning(4)

	w.changeEnvironment(func(environment *scanv1.ScanEnvironment) {
		environment.Spec.Capacity.MaxConcurrentTasks, environment.Spec.Capacity.Drain = 1, true
	})
	lowered := len(w.aws.Tasks())
	if lowered != 4 {
		t.Fatalf("%d tasks were started within a limit of 4", lowered)
	}
	for done := map[string]bool{}; len(done) < 7; {
		for _, name := range w.running() {
			w.change(name, func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
			w.finished(name)
			done[name] = true
		}
	}
	tasks := w.aws.Tasks()
	for _, task := range tasks[lowered:] {
		if live := liveAt(tasks, task.CreatedAt); live > 1 {
			t.Errorf("a task was started beside %d others after the limit was lowered to 1", live-1)
		}
	}
}

// liveAt returns how many tasks were between RunTask and STOPPED at a moment.
func liveAt(tasks []awslocal.Task, at time.Time) int {
	live := 0
	for _, task := range tasks {
		if !task.CreatedAt.After(at) && (task.StoppedAt.IsZero() || task.StoppedAt.After(at)) {
			live++
		}
	}
	return live
}

func TestWantOfCapacityIsFoundOutByOneJobAtATime(t *testing.T) {
	t.Parallel()
	const probeAfter = 500 * time.Millisecond
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	shortage := w.aws.Faults().NoCapacity(awslocal.Any, awslocal.Forever)
	options := quick()
	options.CapacityProbeAfter = probeAfter
	w.manage(managerOptions{jobs: options})
	patient := func(job *scanv1.ScanJob) { limit := int32(20); job.Spec.InfrastructureBackoffLimit = &limit }
	w.submit("first", patient)
	w.wait("first", "met the shortage", func(job *scanv1.ScanJob) bool {
		return len(job.Status.Attempts) > 0 && job.Status.Attempts[0].CapacityMissed
	})
	for i := range 5 {
		w.submit(fmt.Sprintf("scan-%d", i), patient)
	}
	w.wantWaiting(5, scanv1.ReasonCapacityUnavailable)
	shortage.Clear()
	for i := range 5 {
		wantReason(t, w.finished(fmt.Sprintf("scan-%d", i)), scanv1.ConditionComplete, scanv1.ReasonScanned)
	}

	var calls []awslocal.Call
	for _, call := range w.aws.Calls() {
		if call.Operation == "RunTask" {
			calls = append(calls, call)
		}
	}
	for i := range shortage.Used() {
		if apart := calls[i+1].Time.Sub(calls[i].Time); apart < probeAfter {
			t.Errorf("RunTask was called %s after call %d had met a shortage, want %s at least", apart, i+1, probeAfter)
		}
	}
	// Each shortage was one job's attempt, and no attempt but those was in vain.
	if tasks := len(w.aws.Tasks()); tasks != 6 || len(calls) != tasks+shortage.Used() {
		t.Errorf("%d calls of RunTask, of which %d met a shortage, started %d tasks, want 6", len(calls), shortage.Used(), tasks)
	}
}

func TestTasksAreStartedWithinTheAccountsRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().EnforceQuotas(awslocal.Quotas{RunTask: awslocal.Rate{Burst: 20, PerSecond: 20}})
	w.manage(managerOptions{})
	w.wantEveryJobScannedOnce(60)
	if throttled := w.throttled("RunTask"); throttled > 0 {
		t.Errorf("%d calls of RunTask were throttled", throttled)
	}
}

func TestThrottledStartsAreRepeatedMoreSlowlyAndCostNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().Fail("ecs", "RunTask", 5, awslocal.Throttled())
	w.manage(managerOptions{})
	w.wantEveryJobScannedOnce(20)
}

// wantEveryJobScannedOnce submits so many jobs and fails the test unless each ends Complete with one attempt and one task.
func (w *world) wantEveryJobScannedOnce(jobs int) {
	w.t.Helper()
	for i := range jobs {
		w.submit(fmt.Sprintf("scan-%d", i))
	}
	for i := range jobs {
		job := w.finished(fmt.Sprintf("scan-%d", i))
		wantReason(w.t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
		if len(job.Status.Attempts) != 1 {
			w.t.Errorf("%d attempts of %s, want 1", len(job.Status.Attempts), job.Name)
		}
	}
	if tasks := len(w.aws.Tasks()); tasks != jobs {
		w.t.Errorf("%d tasks for %d jobs", tasks, jobs)
	}
}

// throttled counts the calls of an operation that were answered with a throttle.
func (w *world) throttled(operation string) int {
	count := 0
	for _, call := range w.aws.Calls() {
		if call.Operation == operation && strings.Contains(call.Err, "Throttling") {
			count++
		}
	}
	return count
}

func TestSubnetWithoutFreeAddressesIsLeftOutByTheNextAttempt(t *testing.T) {
	t.Parallel()
	const free = "subnet-0fedcba9876543210"
	w := newWorld(t, func(environment *scanv1.ScanEnvironment) {
		environment.Spec.Network.Subnets = append(environment.Spec.Network.Subnets, scanv1.AWSReference{ID: free})
	})
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().FailStart(1, awslocal.SubnetFull())
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	attempts := job.Status.Attempts
	if len(attempts) != 2 || len(attempts[0].Subnets) != 0 || !slices.Equal(attempts[1].Subnets, []string{free}) {
		t.Errorf("the attempts are %+v", attempts)
	}
}

// jobs returns the world's jobs that fulfil a condition.
func (w *world) jobs(which func(*scanv1.ScanJob) bool) (names []string) {
	w.t.Helper()
	jobs := &scanv1.ScanJobList{}
	if err := w.kube.List(w.t.Context(), jobs, client.InNamespace(w.ns)); err != nil {
		w.t.Fatal(err)
	}
	for i := range jobs.Items {
		if which(&jobs.Items[i]) {
			names = append(names, jobs.Items[i].Name)
		}
	}
	return names
}

func (w *world) running() []string {
	w.t.Helper()
	return w.jobs(func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
}

// wantRunning waits until so many jobs run.
func (w *world) wantRunning(count int) {
	w.t.Helper()
	poll(w.t, func() bool { return len(w.running()) == count }, func() string { return fmt.Sprintf("%d scans never ran at once", count) })
}

// wantWaiting waits until so many jobs have said, at some time, that they wait for this reason, and returns what they said
// first.
func (w *world) wantWaiting(count int, reason string) map[string]string {
	w.t.Helper()
	said := map[string]string{}
	poll(w.t, func() bool {
		w.jobs(func(job *scanv1.ScanJob) bool {
			admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)
			waits := admitted != nil && admitted.Status == metav1.ConditionFalse && admitted.Reason == reason
			if waits && said[job.Name] == "" {
				said[job.Name] = admitted.Message
			}
			return waits
		})
		return len(said) == count
	}, func() string { return fmt.Sprintf("%d jobs never waited for %s; these did: %v", count, reason, said) })
	return said
}
