package awslocal

import (
	"golang.org/x/time/rate"
)

// Rate is a token bucket: one token a call.
type Rate struct {
	Burst     int
	PerSecond float64
}

// Quotas are an account's limits. A zero value of any of them means no limit.
type Quotas struct {
	// Modify is shared by RunTask and StopTask, Read by DescribeTasks and ListTasks.
	Modify Rate
	Read   Rate
	// Definitions is for DescribeTaskDefinition and DescribeClusters, Register for task definition changes.
	Definitions Rate
	Register    Rate
	// RunTask is Fargate's further limit on RunTask calls.
	RunTask Rate
	// OnDemandLaunches and SpotLaunches are Fargate's limits on started tasks.
	OnDemandLaunches Rate
	SpotLaunches     Rate
	// OnDemandVCPU and SpotVCPU bound the vCPU of the tasks that have not stopped, per capacity provider.
	OnDemandVCPU float64
	SpotVCPU     float64
}

// DefaultQuotas are those of a large region, as the Amazon ECS and Fargate service quota pages state them; the vCPU
// quotas are those of a new account.
func DefaultQuotas() Quotas {
	return Quotas{
		Modify:           Rate{100, 40},
		Read:             Rate{100, 20},
		Definitions:      Rate{50, 20},
		Register:         Rate{20, 1},
		RunTask:          Rate{20, 20},
		OnDemandLaunches: Rate{100, 20},
		SpotLaunches:     Rate{100, 20},
		OnDemandVCPU:     6,
		SpotVCPU:         6,
	}
}

// quotaState is the fill of the buckets.
type quotaState struct {
	limits Quotas
	calls  map[string][]*rate.Limiter // by operation
	onDmd  *rate.Limiter
	spot   *rate.Limiter
}

func newQuotaState(q Quotas) *quotaState {
	state := &quotaState{limits: q, calls: map[string][]*rate.Limiter{}}
	for _, shared := range []struct {
		bucket     Rate
		operations []string
	}{
		{q.Modify, []string{"RunTask", "StopTask"}},
		{q.RunTask, []string{"RunTask"}},
		{q.Read, []string{"DescribeTasks", "ListTasks"}},
		{q.Definitions, []string{"DescribeTaskDefinition", "DescribeClusters"}},
		{q.Register, []string{"RegisterTaskDefinition", "DeregisterTaskDefinition"}},
	} {
		limiter := newLimiter(shared.bucket)
		for _, operation := range shared.operations {
			state.calls[operation] = append(state.calls[operation], limiter)
		}
	}
	state.onDmd, state.spot = newLimiter(q.OnDemandLaunches), newLimiter(q.SpotLaunches)
	return state
}

func newLimiter(r Rate) *rate.Limiter {
	if r == (Rate{}) {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
}

// EnforceQuotas sets the account's limits anew, with full buckets. Calls above a rate answer ThrottlingException, tasks
// above a vCPU quota the failures[] answer of RunTask. The zero value ends all limits.
func (f *Faults) EnforceQuotas(q Quotas) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.quotas = newQuotaState(q)
}

// admit takes a token for an ECS call from each bucket that it counts against.
func (f *Faults) admit(c *call) bool {
	if c.service != serviceECS {
		return true
	}
	f.mu.Lock()
	limiters := f.quotas.calls[c.operation]
	f.mu.Unlock()
	for _, limiter := range limiters {
		if !limiter.AllowN(c.time, 1) {
			return false
		}
	}
	return true
}

// admitLaunches takes a token for each of the tasks, and says whether the provider's vCPU quota has room for them.
func (f *Faults) admitLaunches(c *call, provider string, tasks int, vcpuInUse, vcpuEach float64) (reason string, refused *Error) {
	f.mu.Lock()
	state := f.quotas
	f.mu.Unlock()
	limiter, quota := state.onDmd, state.limits.OnDemandVCPU
	if provider == providerSpot {
		limiter, quota = state.spot, state.limits.SpotVCPU
	}
	if quota > 0 && vcpuInUse+vcpuEach*float64(tasks) > quota {
		return ReasonVCPULimit, nil
	}
	if !limiter.AllowN(c.time, tasks) {
		return "", Throttled()
	}
	return "", nil
}
