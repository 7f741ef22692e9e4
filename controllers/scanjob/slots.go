package scanjob

import (
	"maps"
	"time"

	"github.com/sony/gobreaker/v2"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// verdict is the admission loop's word on one job.
type verdict struct {
	// admitted says that attempt may be recorded now.
	admitted bool
	// attempt is the number that the verdict is for.
	attempt int32
	// onDemand is why the attempt is to ask for FARGATE in place of the environment's strategy; empty where it is not.
	onDemand string
	// place says why the job waits, and where in the queue.
	place place
	// since is when it began to.
	since time.Time
	// told is what its condition is to say of it, and toldAt since when. It follows place with delay: each change is a write.
	told   place
	toldAt time.Time
}

// capacity is what there is of one kind of capacity.
type capacity struct {
	// tasks is how many may be started now within AWS's rates.
	tasks int
	// state is the capacity circuit's.
	state gobreaker.State
	// misses counts the starts in a row that failed for want of capacity.
	misses int32
	// bound is how many starts may be unanswered at a time; 0 where there is no bound.
	bound int
}

// situation is what a decision depends on beside the jobs.
type situation struct {
	// limit is how many slots there are.
	limit int32
	// closed says that the environment is not Ready: the slots that are taken count, and no job is admitted. What a job is
	// told then is not the queue's to say.
	closed bool
	// strategy is the capacity that the environment's strategy leads to, onDemand that of FARGATE where a job falls back.
	strategy, onDemand capacity
	// fallback says that jobs whose strategy has no capacity may fall back.
	fallback bool
	// served is when each repository last had a turn, in Unix nanoseconds or later numbers in their order.
	served map[string]int64
	now    time.Time
}

// decision is what follows.
type decision struct {
	verdicts map[types.UID]verdict
	// strategy and onDemand are the numbers of jobs that were admitted now, by the capacity that they ask for.
	strategy, onDemand int
	// inUse and waiting count slots and jobs.
	inUse, waiting int32
	// untold says that a job is to be told of its waiting soon.
	untold bool
}

// decide returns the verdict on every job of an environment that wants a slot. jobs are the unfinished ones as observed;
// earlier holds the verdicts that may not be visible in them yet. A job holds a slot from its admission until its task was
// seen STOPPED, so the limit holds whatever is on its way. The situation's served is brought up to date.
func decide(jobs []*candidate, earlier map[types.UID]verdict, now situation) decision {
	d := decision{verdicts: make(map[types.UID]verdict, len(jobs))}
	var waiting []*candidate
	probes := map[bool]int{} // starts that ECS is still to answer, by whether they fall back
	for _, job := range jobs {
		before := earlier[job.uid]
		switch {
		case job.holds:
			d.inUse++
			if job.answers {
				probes[job.onDemand != ""]++
			}
			now.served[job.repository] = max(now.served[job.repository], job.recorded)
		case !job.wants:
		case before.admitted && before.attempt == job.attempt:
			d.inUse++
			probes[before.onDemand != ""]++
			d.verdicts[job.uid] = before
		default:
			waiting = append(waiting, job)
		}
	}
	if now.closed {
		for _, job := range waiting {
			d.waiting++
			if before, ok := earlier[job.uid]; ok && before.attempt == job.attempt {
				d.verdicts[job.uid] = before // what it was told and when
			}
		}
		return d
	}
	inOrder(waiting, now.served)
	forgetServed(now.served, waiting)
	for _, job := range waiting {
		word := verdict{attempt: job.attempt, onDemand: reasonToFallBack(job, now, probes[false])}
		from := &now.strategy
		if word.onDemand != "" {
			from = &now.onDemand
		}
		word.place.reason = obstacle(*from, d.inUse < now.limit, probes[word.onDemand != ""])
		if word.place.reason == "" {
			word.admitted = true
			d.inUse++
			from.tasks--
			probes[word.onDemand != ""]++
			d.serve(job, word.onDemand != "", now)
		} else {
			d.waiting++
			word.place.position = int(d.waiting)
			word.tell(job, earlier[job.uid], now.now)
			d.untold = d.untold || word.told.reason == ""
		}
		d.verdicts[job.uid] = word
	}
	return d
}

// takeBack drops the admissions to a capacity whose circuit has opened since: each would cost its job an attempt. Those that
// were claimed stay, since their records may be on their way.
func takeBack(verdicts map[types.UID]verdict, claimed map[types.UID]int32, now situation) {
	if now.strategy.state != gobreaker.StateOpen && now.onDemand.state != gobreaker.StateOpen {
		return
	}
	maps.DeleteFunc(verdicts, func(job types.UID, word verdict) bool {
		from := now.strategy
		if word.onDemand != "" {
			from = now.onDemand
		}
		return word.admitted && from.state == gobreaker.StateOpen && claimed[job] != word.attempt
	})
}

// forgetClaims drops the claims of admissions that stand no more: their attempts are recorded, or not wanted any more.
func forgetClaims(claimed map[types.UID]int32, verdicts map[types.UID]verdict) {
	maps.DeleteFunc(claimed, func(job types.UID, attempt int32) bool {
		word := verdicts[job]
		return !word.admitted || word.attempt != attempt
	})
}

// serve counts an admission.
func (d *decision) serve(job *candidate, onDemand bool, now situation) {
	if onDemand {
		d.onDemand++
	} else {
		d.strategy++
	}
	last := now.now.UnixNano()
	for _, at := range now.served {
		last = max(last, at+1)
	}
	now.served[job.repository] = last
}

// obstacle returns the reason for which no task can be started now; empty where one can. unanswered counts the starts of
// this capacity that ECS is still to answer: while the circuit is half-open there is one at a time,
// and a few after that.
func obstacle(from capacity, slots bool, unanswered int) string {
	switch {
	case !slots:
		return scanv1.ReasonConcurrencyLimit
	case from.state == gobreaker.StateOpen, from.state == gobreaker.StateHalfOpen && unanswered > 0, from.bound > 0 && unanswered >= from.bound:
		return scanv1.ReasonCapacityUnavailable
	case from.tasks < 1:
		return scanv1.ReasonRateLimited
	}
	return ""
}

// The pace at which jobs are told of their waiting.
const (
	// tellAfter is how long a job waits before it is told: most are admitted earlier.
	tellAfter = time.Second
	// tellReasonAfter is the least time between two reasons, tellPositionAfter between two positions, the second of which is
	// at most half the first or more than twice it.
	tellReasonAfter   = 15 * time.Second
	tellPositionAfter = time.Minute
)

// tell decides what the job's condition is to say.
func (w *verdict) tell(job *candidate, before verdict, now time.Time) {
	w.since, w.told, w.toldAt = now, job.told, now
	if before.attempt == job.attempt && !before.admitted && !before.since.IsZero() {
		w.since, w.told, w.toldAt = before.since, before.told, before.toldAt
	}
	silent, position := now.Sub(w.toldAt), w.place.position
	switch {
	case w.told.reason == "" && now.Sub(w.since) >= tellAfter,
		w.told.reason != "" && w.told.reason != w.place.reason && silent >= tellReasonAfter,
		w.told.reason != "" && (2*position <= w.told.position || position > 2*w.told.position) && silent >= tellPositionAfter:
		w.told, w.toldAt = w.place, now
	}
}
