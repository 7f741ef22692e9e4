package fargate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// Target is a task that somebody waits for.
type Target struct {
	TaskARN    string
	ClusterARN string
	// StartedBy is what RunTask was given.
	StartedBy string
	// Client asks about it. Tasks with the same client and cluster share DescribeTasks calls.
	Client *Client
	// Owner is told when there is news.
	Owner types.NamespacedName
}

// Observation is what is known of a task.
type Observation struct {
	// Task is the newest news by version; zero where there is none yet.
	Task Task
	// Missing counts the polls in a row to which ECS answered that it does not know the task.
	Missing int
	// AskedAt is when ECS last told anything about the task; zero where it has not since this process began.
	AskedAt time.Time
	// Refused is why ECS may not be asked about the task; nil where it may, and where it was only away.
	Refused error
}

// Observer learns the state of tasks, by polling all of them in batches and by the events that are offered to it. Both end
// in the same place, ordered by the task's version, so neither loss nor repetition nor order of events matters.
type Observer struct {
	clock    clock.WithTicker
	interval time.Duration
	log      logr.Logger

	mu           sync.Mutex
	watched      map[string]*watched
	byStartedBy  map[string]offered
	notify       func(types.NamespacedName)
	pollRequests chan struct{}
}

type watched struct {
	target      Target
	observation Observation
}

// offered is news of a task whose ARN nobody waits for yet: its RunTask answer may be lost or on its way.
type offered struct {
	task Task
	at   time.Time
}

// offeredFor bounds how long news without a waiting attempt is kept.
const offeredFor = 10 * time.Minute

// describesAtOnce bounds the DescribeTasks calls in flight for one cluster.
const describesAtOnce = 4

// startingPolls is how many times within the interval ECS is asked about tasks that do not run yet. No event tells that a
// container runs: such events would be half of all, and the calls that fetch them more than the calls of these polls.
const startingPolls = 3

// NewObserver returns an observer that asks ECS about each task every interval, and more often until it runs.
func NewObserver(interval time.Duration, clk clock.WithTicker, log logr.Logger) *Observer {
	return &Observer{
		clock: clk, interval: interval, log: log,
		watched:      map[string]*watched{},
		byStartedBy:  map[string]offered{},
		notify:       func(types.NamespacedName) {},
		pollRequests: make(chan struct{}, 1),
	}
}

// OnNews sets what is called when something about an owner's task has changed. It must not block.
func (o *Observer) OnNews(notify func(types.NamespacedName)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notify = notify
}

// Watch makes the observer ask about a task until Forget, and returns what is known of it. Repeating it changes nothing.
func (o *Observer) Watch(target Target) Observation {
	o.mu.Lock()
	defer o.mu.Unlock()
	entry, ok := o.watched[target.TaskARN]
	if !ok {
		entry = &watched{}
		o.watched[target.TaskARN] = entry
		if news, ok := o.byStartedBy[target.StartedBy]; ok && news.task.ARN == target.TaskARN {
			entry.observation.Task, entry.observation.AskedAt = news.task, news.at
			delete(o.byStartedBy, target.StartedBy)
		}
	}
	entry.target = target
	return entry.observation
}

// Watches says whether a task is asked about.
func (o *Observer) Watches(taskARN string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.watched[taskARN]
	return ok
}

// Forget ends Watch.
func (o *Observer) Forget(taskARN string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.watched, taskARN)
}

// ForgetOwner ends Watch for all tasks of an owner that is gone.
func (o *Observer) ForgetOwner(owner types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for arn, entry := range o.watched {
		if entry.target.Owner == owner {
			delete(o.watched, arn)
		}
	}
}

// Offer hands over news of a task from an event. News that is older than what is known is dropped. News of a task that is
// not watched is kept for a while under its startedBy.
func (o *Observer) Offer(task Task, owner types.NamespacedName) {
	o.mu.Lock()
	entry, ok := o.watched[task.ARN]
	if ok {
		changed := entry.observation.accept(task, o.clock.Now())
		notify, waiting := o.notify, entry.target.Owner
		o.mu.Unlock()
		if changed {
			notify(waiting)
		}
		return
	}
	known, ok := o.byStartedBy[task.StartedBy]
	newer := !ok || known.task.Version < task.Version
	if newer {
		o.byStartedBy[task.StartedBy] = offered{task: task, at: o.clock.Now()}
	}
	notify := o.notify
	o.mu.Unlock()
	if newer {
		notify(owner)
	}
}

// StartedBy returns the newest news of a task that is not watched, by its startedBy: how an attempt whose RunTask answer
// was lost can learn its ARN.
func (o *Observer) StartedBy(startedBy string) (Task, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	news, ok := o.byStartedBy[startedBy]
	return news.task, ok
}

// accept takes over news and says whether it was any.
func (o *Observation) accept(task Task, now time.Time) bool {
	if o.Task.ARN != "" && task.Version <= o.Task.Version {
		return false
	}
	o.Task = task
	o.Missing = 0
	o.AskedAt = now
	return true
}

// Start polls until ctx ends. It is a controller-runtime Runnable.
func (o *Observer) Start(ctx context.Context) error {
	ticker := o.clock.NewTicker(o.interval / startingPolls)
	defer ticker.Stop()
	o.poll(ctx, everyTask)
	for tick := 1; ; {
		which := everyTask
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			if tick%startingPolls != 0 {
				which = startingTask
			}
			tick++
		case <-o.pollRequests:
		}
		o.poll(ctx, which)
	}
}

// everyTask and startingTask say which tasks a poll asks about.
func everyTask(Task) bool { return true }

func startingTask(task Task) bool {
	switch task.LastStatus {
	case "", "PROVISIONING", "PENDING", "ACTIVATING":
		return true
	}
	return false
}

// PollSoon makes Start poll without waiting for the interval.
func (o *Observer) PollSoon() {
	select {
	case o.pollRequests <- struct{}{}:
	default:
	}
}

// NeedLeaderElection is true: only the leader has attempts to observe.
func (o *Observer) NeedLeaderElection() bool { return true }

type group struct {
	client  *Client
	cluster string
}

// poll asks about the watched tasks of which that is wanted, once each, DescribeBatch at a time. A cluster that does not
// answer takes no more than one call's time from the others: its circuit opens.
func (o *Observer) poll(ctx context.Context, wanted func(Task) bool) {
	var groups sync.WaitGroup
	for key, arns := range o.groups(wanted) {
		groups.Go(func() { o.pollGroup(ctx, key, arns) })
	}
	groups.Wait()
}

func (o *Observer) pollGroup(ctx context.Context, key group, arns []string) {
	var calls errgroup.Group
	calls.SetLimit(describesAtOnce)
	for batch := range slices.Chunk(arns, DescribeBatch) {
		calls.Go(func() error {
			tasks, missing, err := key.client.Describe(ctx, key.cluster, batch)
			if err != nil {
				if ctx.Err() == nil {
					o.log.Error(err, "cannot observe tasks; trying again at the next poll", "cluster", key.cluster, "tasks", len(batch))
				}
				o.refused(batch, err)
				return nil
			}
			o.described(tasks, missing)
			return nil
		})
	}
	// The functions return no error: one batch that fails must not keep the others from being asked.
	_ = calls.Wait()
}

func (o *Observer) groups(wanted func(Task) bool) map[group][]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for startedBy, news := range o.byStartedBy {
		if o.clock.Since(news.at) > offeredFor {
			delete(o.byStartedBy, startedBy)
		}
	}
	groups := map[group][]string{}
	for arn, entry := range o.watched {
		if entry.observation.Task.Stopped() || !wanted(entry.observation.Task) {
			continue
		}
		key := group{client: entry.target.Client, cluster: entry.target.ClusterARN}
		groups[key] = append(groups[key], arn)
	}
	return groups
}

// refused notes that ECS does not let us ask. What passes by itself is not told: of an outage thousands of jobs would be.
func (o *Observer) refused(arns []string, err error) {
	if awsclient.ClassOf(err) != awsclient.ClassAccessDenied {
		return
	}
	o.mu.Lock()
	var owners []types.NamespacedName
	for _, arn := range arns {
		entry, ok := o.watched[arn]
		if !ok {
			continue
		}
		if entry.observation.Refused == nil {
			owners = append(owners, entry.target.Owner)
		}
		entry.observation.Refused = err
	}
	notify := o.notify
	o.mu.Unlock()
	for _, owner := range owners {
		notify(owner)
	}
}

func (o *Observer) described(tasks []Task, missing []string) {
	o.mu.Lock()
	now := o.clock.Now()
	var owners []types.NamespacedName
	for _, task := range tasks {
		entry, ok := o.watched[task.ARN]
		if !ok {
			continue
		}
		allowed := entry.observation.Refused != nil
		entry.observation.Missing, entry.observation.Refused = 0, nil
		entry.observation.AskedAt = now
		if entry.observation.accept(task, now) || allowed {
			owners = append(owners, entry.target.Owner)
		}
	}
	for _, arn := range missing {
		if entry, ok := o.watched[arn]; ok {
			entry.observation.Missing++
			entry.observation.AskedAt, entry.observation.Refused = now, nil
			owners = append(owners, entry.target.Owner)
		}
	}
	notify := o.notify
	o.mu.Unlock()
	for _, owner := range owners {
		notify(owner)
	}
}
