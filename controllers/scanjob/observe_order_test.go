package scanjob

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// life returns the versions of a task whose container ran, or failed to start, and then ended as end says.
func life(ran bool, end func(*fargate.Task)) []fargate.Task {
	statuses := []string{"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"}
	if !ran {
		statuses = []string{"PROVISIONING", "PENDING", "DEPROVISIONING", "STOPPED"}
	}
	var versions []fargate.Task
	for i, status := range statuses {
		versions = append(versions, task(int64(i+1), status, func(t *fargate.Task) {
			t.StartedBy, t.CapacityProvider, t.CreatedAt = fargate.StartedBy(testUID, 1), "FARGATE_SPOT", noon()
			if i >= 1 {
				t.PullStartedAt = noon().Add(20 * time.Second)
			}
			if ran && i >= 3 {
				t.StartedAt = noon().Add(40 * time.Second)
			}
			if i >= len(statuses)-2 {
				end(t)
				t.StoppedAt = time.Time{}
			}
			if i == len(statuses)-1 {
				t.StoppedAt = noon().Add(3 * time.Minute)
			}
		}))
	}
	return versions
}

// lifetimes are the ways in which tasks end.
func lifetimes() map[string][]fargate.Task {
	ended := func(stopCode, reason string, exitCode *int32) func(*fargate.Task) {
		return func(t *fargate.Task) {
			t.StopCode, t.StoppedReason = stopCode, reason
			t.Containers = []fargate.Container{{Name: "scanner", LastStatus: "STOPPED", ExitCode: exitCode}}
		}
	}
	killed := int32(137)
	return map[string][]fargate.Task{
		"clean":            life(true, exited(0)),
		"with findings":    life(true, exited(10)),
		"with a crash":     life(true, exited(2)),
		"Spot reclaimed":   life(true, ended("SpotInterruption", "Your Spot Task was interrupted.", &killed)),
		"stopped by us":    life(true, ended("UserInitiated", "ScanJob scans/payments-42: spec.cancel was set", &killed)),
		"never started":    life(false, ended("TaskFailedToStart", "CannotPullContainerError: i/o timeout", nil)),
		"image not found":  life(false, ended("TaskFailedToStart", "CannotPullContainerError: failed to resolve ref: not found", nil)),
		"without a reason": life(false, ended("", "", nil)),
	}
}

// hearing is a job that hears of its task through an observer, and may be restarted.
type hearing struct {
	job      *scanv1.ScanJob
	observer *fargate.Observer
}

func newHearing(stopFor scanv1.FailureClass) *hearing {
	h := &hearing{job: newJob(admittedAt(0), withAttempts(running(func(a *scanv1.Attempt) { a.StopRequestedFor = stopFor })))}
	h.restart()
	return h
}

func (h *hearing) restart() {
	h.observer = fargate.NewObserver(time.Minute, clocktesting.NewFakeClock(noon()), logr.Discard())
}

func (h *hearing) hears(news fargate.Task) {
	h.observer.Offer(news, types.NamespacedName{Namespace: h.job.Namespace, Name: h.job.Name})
}

// reconciles takes over what is known, as observe does.
func (h *hearing) reconciles(missing int, now time.Time) {
	attempt := openAttempt(h.job)
	if attempt == nil {
		return
	}
	seen := h.observer.Watch(fargate.Target{TaskARN: testTask, ClusterARN: testCluster, StartedBy: fargate.StartedBy(testUID, 1)})
	seen.Missing = missing
	fold(h.job, attempt, seen, now)
	if attempt.StoppedAt != nil {
		chargeTask(h.job, seen.Task, scanv1.ArchitectureARM64)
	}
}

// Invariant 4: events are hints. Whatever is lost, repeated or out of order, and whenever the manager restarts or a poll
// misses the task, the status is the same once the last version has been heard.
func TestNewsInAnyOrderWithAnyLossOrRepetitionEndsInTheSameStatus(t *testing.T) {
	for name, versions := range lifetimes() {
		for _, stopFor := range []scanv1.FailureClass{"", scanv1.ClassCancelled} {
			t.Run(fmt.Sprintf("%s, stop requested for %q", name, stopFor), func(t *testing.T) {
				straight := newHearing(stopFor)
				for _, version := range versions {
					straight.hears(version)
					straight.reconciles(0, noon().Add(4*time.Minute))
				}
				if openAttempt(straight.job) != nil || straight.job.Status.Cost == nil {
					t.Fatalf("the straight story does not end: %+v", straight.job.Status)
				}
				for seed := range uint64(300) {
					random := rand.New(rand.NewPCG(seed, 7))
					crooked := newHearing(stopFor)
					told := tellCrookedly(random, crooked, versions)
					if diff := cmp.Diff(straight.job.Status, crooked.job.Status); diff != "" {
						t.Fatalf("seed %d, after %v the status differs (-in order +not):\n%s", seed, told, diff)
					}
				}
			})
		}
	}
}

// tellCrookedly loses, repeats and shuffles versions, but for the last one, which the next poll finds in any case.
func tellCrookedly(random *rand.Rand, h *hearing, versions []fargate.Task) (told []string) {
	var news []fargate.Task
	for _, version := range versions {
		for range random.IntN(4) {
			news = append(news, version)
		}
	}
	random.Shuffle(len(news), func(i, j int) { news[i], news[j] = news[j], news[i] })
	news = append(news, versions[len(versions)-1])
	for _, version := range news {
		if random.IntN(6) == 0 {
			h.restart()
			told = append(told, "restart")
		}
		h.hears(version)
		told = append(told, fmt.Sprint(version.Version))
		if random.IntN(3) > 0 {
			missing := random.IntN(missingPolls)
			h.reconciles(missing, noon().Add(time.Duration(random.IntN(280))*time.Second))
			told = append(told, fmt.Sprintf("reconcile (missed %d times)", missing))
		}
	}
	h.hears(versions[len(versions)-1])
	h.reconciles(0, noon().Add(4*time.Minute))
	return told
}
