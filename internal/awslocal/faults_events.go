package awslocal

import (
	"slices"
	"time"
)

// eventDrop swallows events of one source.
type eventDrop struct {
	Fault
	source string
}

// DropEvents swallows the next events of a source (aws.ecs, aws.codecommit or Any) before any rule sees them.
func (f *Faults) DropEvents(source string, times int) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &eventDrop{Fault: f.newFault(times), source: source}
	f.drops = append(f.drops, d)
	return &d.Fault
}

// DropFraction swallows that share of all events, between 0 and 1, in a pattern that is the same in each run.
func (f *Faults) DropFraction(share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropFraction = share
}

// DuplicateEvents delivers each event that many times more than once. Zero ends it.
func (f *Faults) DuplicateEvents(copies int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copies = copies
}

// DelayEvents delivers each event that much later, on the server's clock.
func (f *Faults) DelayEvents(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eventDelay = d
}

// HoldEvents keeps all events back until ReleaseEvents.
func (f *Faults) HoldEvents() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holding = true
}

// HeldEvents are the events kept back so far, oldest first.
func (f *Faults) HeldEvents() []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.held)
}

// ReleaseEvents ends holding and delivers the events in the order that the function chooses; it may also leave some out
// or repeat them.
func (f *Faults) ReleaseEvents(order func([]Event) []Event) {
	f.mu.Lock()
	held := f.held
	f.held, f.holding = nil, false
	f.mu.Unlock()
	for _, event := range order(held) {
		f.server.bus.deliver(event)
	}
}

// InOrder releases held events as they came.
func InOrder(events []Event) []Event { return events }

// Reversed releases held events newest first.
func Reversed(events []Event) []Event {
	events = slices.Clone(events)
	slices.Reverse(events)
	return events
}

// eventFate is what the faults make of one event.
type eventFate struct {
	copies int
	delay  time.Duration
}

// fate decides over an event; a held event is kept for ReleaseEvents.
func (f *Faults) fate(e Event) eventFate {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.drops {
		if matches(d.source, e.Source) && d.use() {
			return eventFate{}
		}
	}
	if f.dropFraction > 0 && f.random.Float64() < f.dropFraction {
		return eventFate{}
	}
	if f.holding {
		for range 1 + f.copies {
			f.held = append(f.held, e)
		}
		return eventFate{}
	}
	return eventFate{copies: 1 + f.copies, delay: f.eventDelay}
}
