package inbox

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// lastingFault is how long a call must have failed before it is told. What is over sooner, such as a policy that is
	// being replaced, concerns nobody.
	lastingFault = time.Minute
	// forgottenFault is how long after its last failure a fault is told: a queue without messages has nothing to delete, and
	// so nothing that would show that deleting works again.
	forgottenFault = 10 * time.Minute
)

// The actions of SQS that a consumer needs, as IAM names them.
const (
	actionReceive = "sqs:ReceiveMessage"
	actionDelete  = "sqs:DeleteMessage"
	actionHide    = "sqs:ChangeMessageVisibility"
)

// vital says whether nothing can be done without an action. A message that is not hidden comes back all the same.
func vital(action string) bool { return action != actionHide }

// Health is how the consumption of a queue goes.
type Health struct {
	// QueueURL is the queue, empty where the environment uses none.
	QueueURL string
	// Err is the newest error of the action that has been failing for longest, at least a minute; nil where all is well.
	Err error
	// Action is what fails, as IAM names it, and Since when it began. Both are set with Err alone.
	Action string
	Since  time.Time
}

// faults remembers which actions fail.
type faults struct {
	mu   sync.Mutex
	open map[string]*fault
}

type fault struct {
	since, last time.Time
	err         error
	told        bool
}

// failed notes a failure, and says whether it has just become one that is told.
func (f *faults) failed(action string, err error, now time.Time) (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[string]*fault{}
	}
	is, ok := f.open[action]
	if !ok || now.Sub(is.last) > forgottenFault {
		is = &fault{since: now}
		f.open[action] = is
	}
	is.err, is.last = err, now
	news = !is.told && now.Sub(is.since) >= lastingFault
	is.told = is.told || news
	return news
}

// worked notes a success, and says whether that ends a failure that was told.
func (f *faults) worked(action string) (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	is, ok := f.open[action]
	delete(f.open, action)
	return ok && is.told
}

// health returns what is told of a queue.
func (f *faults) health(url string, now time.Time) Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := Health{QueueURL: url}
	for _, action := range []string{actionReceive, actionDelete} {
		is := f.open[action]
		if is != nil && is.told && now.Sub(is.last) <= forgottenFault && (h.Err == nil || is.since.Before(h.Since)) {
			h.Err, h.Action, h.Since = is.err, action, is.since
		}
	}
	return h
}

// Health returns how the consumption of an environment's queue goes. Environments that share a queue share that: as long
// as one of them may use it, nothing is wrong.
func (c *Consumers) Health(environment types.NamespacedName) Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.queues {
		if q.usedBy(environment) {
			return q.faults.health(q.url, c.options.Clock.Now())
		}
	}
	return Health{}
}

// OnHealth sets what is called for each environment whose Health has changed. It must not block.
func (c *Consumers) OnHealth(notify func(types.NamespacedName)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notify = notify
}

func (c *Consumers) healthChanged(environments []types.NamespacedName) {
	c.mu.Lock()
	notify := c.notify
	c.mu.Unlock()
	if notify == nil {
		return
	}
	for _, environment := range environments {
		notify(environment)
	}
}

// failed and worked keep the health of a queue and tell of its changes.
func (c *consumer) failed(action string, err error) {
	if vital(action) && c.faults.failed(action, err, c.options.Clock.Now()) {
		c.healthChanged(c.environments())
	}
}

func (c *consumer) worked(action string) {
	if c.faults.worked(action) {
		c.healthChanged(c.environments())
	}
}
