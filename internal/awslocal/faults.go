package awslocal

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Forever as the number of times keeps a fault until it is cleared.
const Forever = -1

// Any matches every service, operation, provider, principal or source that a fault asks for.
const Any = "*"

// Faults are the switches that make a server misbehave. All are safe for concurrent use and act from the next call on.
type Faults struct {
	server *Server
	mu     sync.Mutex

	calls      []*callFault
	denials    []*denial
	placements []*placementFault
	starts     []*startFault
	missing    []*hiding
	unlisted   []*hiding
	git        []*gitFault
	drops      []*eventDrop
	otherVPC   map[string]bool

	dropFraction float64
	random       *rand.Rand
	copies       int
	eventDelay   time.Duration
	holding      bool
	held         []Event
	repeats      int

	quotas *quotaState
}

func newFaults(s *Server) *Faults {
	return &Faults{server: s, otherVPC: map[string]bool{}, random: rand.New(rand.NewPCG(1, 2)), quotas: newQuotaState(Quotas{})}
}

// Fault is one switch that was set.
type Fault struct {
	mu   *sync.Mutex
	left int
	used int
}

// Clear ends the fault.
func (f *Fault) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = 0
}

// Used is how many times the fault has struck.
func (f *Fault) Used() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// use takes one of the times that are left; the lock is held.
func (f *Fault) use() bool {
	if f.left == 0 {
		return false
	}
	if f.left > 0 {
		f.left--
	}
	f.used++
	return true
}

func (f *Faults) newFault(times int) Fault { return Fault{mu: &f.mu, left: times} }

// callFault strikes calls of one operation.
type callFault struct {
	Fault
	service, operation string
	failure            *Error
	delay              time.Duration
	lose               bool
	before, after      func(Call)
}

func (f *Faults) addCall(service, operation string, times int, c callFault) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.Fault, c.service, c.operation = f.newFault(times), service, operation
	f.calls = append(f.calls, &c)
	return &f.calls[len(f.calls)-1].Fault
}

// Fail answers the next calls of an operation with an error, without doing the work.
func (f *Faults) Fail(service, operation string, times int, answer *Error) *Fault {
	return f.addCall(service, operation, times, callFault{failure: answer})
}

// LoseAnswer does the work of the next calls and then drops the connection, so that the client does not know.
func (f *Faults) LoseAnswer(service, operation string, times int) *Fault {
	return f.addCall(service, operation, times, callFault{lose: true})
}

// Delay waits before the work of the next calls, on the server's clock.
func (f *Faults) Delay(service, operation string, times int, d time.Duration) *Fault {
	return f.addCall(service, operation, times, callFault{delay: d})
}

// Before calls a function before the work of the next calls; the call waits for it.
func (f *Faults) Before(service, operation string, times int, hook func(Call)) *Fault {
	return f.addCall(service, operation, times, callFault{before: hook})
}

// After calls a function after the work of the next calls and before their answer, which waits for it.
func (f *Faults) After(service, operation string, times int, hook func(Call)) *Fault {
	return f.addCall(service, operation, times, callFault{after: hook})
}

// Clear ends all faults; held events are delivered in order. Quotas stay.
func (f *Faults) Clear() {
	f.mu.Lock()
	f.calls, f.denials, f.placements, f.starts, f.git, f.drops = nil, nil, nil, nil, nil, nil
	f.missing, f.unlisted = nil, nil
	f.dropFraction, f.copies, f.eventDelay, f.repeats = 0, 0, 0, 0
	f.mu.Unlock()
	f.ReleaseEvents(InOrder)
}

// activeFaults are those that strike one call.
type activeFaults struct {
	failure *Error
	delay   time.Duration
	lose    bool
	befores []func(Call)
	afters  []func(Call)
}

// take collects and uses up the faults that strike a call.
func (f *Faults) take(c *call) activeFaults {
	f.mu.Lock()
	defer f.mu.Unlock()
	var active activeFaults
	for _, fault := range f.calls {
		if !matches(fault.service, c.service) || !matches(fault.operation, c.operation) {
			continue
		}
		if fault.failure != nil && active.failure != nil || !fault.use() {
			continue
		}
		if fault.failure != nil {
			active.failure = fault.failure
		}
		active.delay += fault.delay
		active.lose = active.lose || fault.lose
		if fault.before != nil {
			active.befores = append(active.befores, fault.before)
		}
		if fault.after != nil {
			active.afters = append(active.afters, fault.after)
		}
	}
	return active
}

func matches(pattern, name string) bool { return pattern == Any || pattern == name }

// before runs the hooks and the delay; false means that the client went away meanwhile.
func (a activeFaults) before(s *Server, c *call) bool {
	for _, hook := range a.befores {
		hook(c.summary())
	}
	return a.delay == 0 || s.sleep(c.ctx, a.delay)
}

// after runs the hooks and says whether the answer is lost.
func (a activeFaults) after(c *call) (lost bool) {
	for _, hook := range a.afters {
		hook(c.summary())
	}
	return a.lose
}

// denial refuses a principal an action.
type denial struct {
	Fault
	principal, action, resource string
}

// Deny answers AccessDenied to a principal's calls of an action until it is cleared. Both may hold * for any text: the
// principal is matched with the caller's ARN, the action is written as in IAM policies, such as ecs:RunTask.
func (f *Faults) Deny(principal, action string) *Fault {
	return f.DenyResource(principal, action, Any)
}

// DenyResource is Deny for the calls that name one resource, by its ARN, which may hold * too. Only CodeCommit's
// repositories are told apart; all other calls are about the resource *.
func (f *Faults) DenyResource(principal, action, resource string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &denial{Fault: f.newFault(Forever), principal: principal, action: action, resource: resource}
	f.denials = append(f.denials, d)
	return &d.Fault
}

func (f *Faults) denies(c *call) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.denials {
		if wildcardMatch(d.principal, c.principal.ARN) && wildcardMatch(d.action, c.action()) &&
			wildcardMatch(d.resource, f.server.resourceOf(c)) && d.use() {
			return true
		}
	}
	return false
}

// gitFault refuses Git access to a repository.
type gitFault struct {
	Fault
	repository string
}

// DenyRepository answers 403 to all Git access to a repository until it is cleared.
func (f *Faults) DenyRepository(name string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := &gitFault{Fault: f.newFault(Forever), repository: name}
	f.git = append(f.git, g)
	return &g.Fault
}

func (f *Faults) deniesRepository(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.git {
		if matches(g.repository, name) && g.use() {
			return true
		}
	}
	return false
}

// RepeatMessages lets SQS deliver each message again that many times after it was deleted, as standard queues may. Zero
// ends it.
func (f *Faults) RepeatMessages(times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.repeats = times
}

func (f *Faults) messageRepeats() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.repeats
}
