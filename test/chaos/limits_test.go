package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// limits are the limits that the environments have had.
type limits struct {
	mu            sync.Mutex
	byEnvironment map[string][]limit
}

// limit is one of an environment.
type limit struct {
	tasks int
	// since is when the API server got it, seen when a leader told that it goes by the next one; zero while it has not.
	since, seen time.Time
}

// onItsWay is how long an admission may be on its way from a leader's decision to RunTask, whose record does not know
// of a limit that was changed meanwhile.
const onItsWay = 3 * time.Second

// begin notes an environment's first limit.
func (l *limits) begin(environment string, tasks int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byEnvironment == nil {
		l.byEnvironment = map[string][]limit{}
	}
	l.byEnvironment[environment] = []limit{{tasks: int(tasks)}}
}

// allowed is how many tasks an environment may have when one is started whose attempt was recorded before: the most that a
// limit has allowed that a leader could go by since. A limit that was raised counts from when it was asked for.
func (l *limits) allowed(environment string, recorded, started time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := 0
	for _, one := range l.byEnvironment[environment] {
		if !one.since.After(started) && (one.seen.IsZero() || one.seen.Add(onItsWay).After(recorded)) {
			most = max(most, one.tasks)
		}
	}
	return most
}

// changeLimit raises or lowers the limit of an environment, below what runs as well, and waits until a leader goes by it.
func (w *world) changeLimit(ctx context.Context, random *rand.Rand) {
	environment := []string{steady, spot}[random.IntN(2)]
	tasks := int32(1 + random.IntN(5))
	patch := fmt.Sprintf(`{"spec":{"capacity":{"maxConcurrentTasks":%d,"drain":true}}}`, tasks)
	now := time.Now()
	w.limits.mu.Lock()
	w.limits.byEnvironment[environment] = append(w.limits.byEnvironment[environment], limit{tasks: int(tasks), since: now})
	w.limits.mu.Unlock()
	object := w.environments[environment].DeepCopy()
	if err := w.kube.Patch(context.WithoutCancel(ctx), object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		w.violated("the test could not change the limit of %s: %v", environment, err)
		return
	}
	w.note(fmt.Sprintf("the limit of %s is %d", environment, tasks))
	told := fmt.Sprintf(`scanjob_slots_limit{environment=%q,namespace=%q} %d`, environment, w.ns, tasks)
	for ctx.Err() == nil && !w.tells(told) {
		pause(ctx, 50*time.Millisecond)
	}
	if ctx.Err() != nil {
		return // nobody looked whether it was seen, so the ones before it may still count
	}
	w.limits.mu.Lock()
	defer w.limits.mu.Unlock()
	had := w.limits.byEnvironment[environment]
	for i := range had[:len(had)-1] {
		if had[i].seen.IsZero() {
			had[i].seen = time.Now()
		}
	}
}

// tells says whether a manager's metrics have a line.
func (w *world) tells(line string) bool {
	for _, address := range w.herd.metrics() {
		if text, err := w.read(address); err == nil && slices.Contains(strings.Split(text, "\n"), line) {
			return true
		}
	}
	return false
}

// wantLimits looks at every moment at which a task was started in ECS. forced are the jobs that were deleted by force, and
// when: from then on nothing in the cluster tells of their tasks.
func (w *world) wantLimits(all map[types.UID]*scanv1.ScanJob, forced map[types.UID]time.Time) {
	byEnvironment := map[string][]awslocal.Task{}
	for _, task := range w.aws.Tasks() {
		uid, _ := attemptOf(task.StartedBy)
		if job := all[uid]; job != nil { // wantTasks tells of the others
			if at, ok := forced[uid]; ok && (task.StoppedAt.IsZero() || task.StoppedAt.After(at)) {
				task.StoppedAt = at
			}
			byEnvironment[job.Spec.EnvironmentName] = append(byEnvironment[job.Spec.EnvironmentName], task)
		}
	}
	for name, tasks := range byEnvironment {
		for _, at := range tasks {
			// The number can be at its highest only when a task has just been started.
			live := slices.DeleteFunc(slices.Clone(tasks), func(task awslocal.Task) bool {
				return task.CreatedAt.After(at.CreatedAt) || !task.StoppedAt.IsZero() && !task.StoppedAt.After(at.CreatedAt)
			})
			if most := w.limits.allowed(name, recordedAt(at, all), at.CreatedAt); len(live) > most {
				w.violated("environment %s had %d tasks at once, and its limit was %d:\n%s", name, len(live), most, lives(live, all))
			}
		}
	}
}

// recordedAt is when the attempt of a task was recorded; when the task was started, where that is not known.
func recordedAt(task awslocal.Task, all map[types.UID]*scanv1.ScanJob) time.Time {
	uid, number := attemptOf(task.StartedBy)
	for _, attempt := range all[uid].Status.Attempts {
		if fmt.Sprint(attempt.Number) == number {
			return attempt.RecordedAt.Time
		}
	}
	return task.CreatedAt
}
