package awslocal

import (
	"context"
	"time"
)

// exitKilled is the exit code of a container that got SIGKILL.
const exitKilled = 137

// closeGrace is how long Close waits for a container that was killed.
const closeGrace = 5 * time.Second

// stopRequest is why a task is to stop, and whether that takes its tags away, as StopTask does.
type stopRequest struct {
	code, reason string
	dropTags     bool
}

// begin publishes the task's first event, starts its life and returns it as RunTask shows it. Both happen in this order
// under the task's lock, so that nothing overtakes the first event.
func (t *task) begin(e *ecsService) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.publish(e)
	e.server.work.Go(func() { e.live(t) })
	return t.documentLocked(apiForm{tags: true})
}

// live takes a task through its states.
func (e *ecsService) live(t *task) {
	timing := e.server.options.Timing
	failure, fails := e.server.faults.startFailure()
	if !e.stay(t, timing.Provisioning) {
		e.end(t)
		return
	}
	if fails && !failure.Pulling {
		e.failToStart(t, failure)
		return
	}
	now := e.server.clock.Now()
	t.change(e, func(s *taskState) {
		s.lastStatus, s.eniStatus, s.connectivityAt, s.pullStarted = statusPending, "ATTACHED", now, now
	})
	c := e.newContainer(t)
	defer e.release(c)
	if !fails {
		failure, fails = e.prepare(c)
	}
	if !e.stay(t, timing.Pending) {
		e.end(t)
		return
	}
	if fails {
		t.pullEnded(e)
		e.failToStart(t, failure)
		return
	}
	t.change(e, func(s *taskState) { s.lastStatus, s.pullStopped = statusActivating, e.server.clock.Now() })
	if !e.stay(t, timing.Activating) {
		e.end(t)
		return
	}
	if e.runContainer(t, c) {
		e.wind(t)
	}
}

// release takes the task's credentials and endpoints away.
func (e *ecsService) release(c Container) {
	e.server.principals.remove(c.principal)
	e.server.tasksByID.Delete(c.id)
}

// prepare finds out whether the container can be started.
func (e *ecsService) prepare(c Container) (StartFailure, bool) {
	if !e.server.logs.prepare(c) {
		return LogGroupMissing(), true
	}
	if err := e.runner().Prepare(c); err != nil {
		return StartFailure{StoppedReason: err.Error(), ContainerReason: err.Error()}, true
	}
	return StartFailure{}, false
}

// stay waits in a state before the container runs; it returns false when the task must stop or the server closes.
func (e *ecsService) stay(t *task, d time.Duration) bool {
	timer := e.server.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-t.stopping:
	case <-e.server.ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.state.stopRequested && e.server.ctx.Err() == nil
}

func (t *task) pullEnded(e *ecsService) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.pullStopped = e.server.clock.Now()
}

// failToStart ends a task whose container never ran.
func (e *ecsService) failToStart(t *task, f StartFailure) {
	code := f.StopCode
	if code == "" {
		code = "TaskFailedToStart"
	}
	t.mu.Lock()
	if !t.state.stopRequested {
		t.state.stopCode, t.state.stoppedReason, t.state.containerReason = code, f.StoppedReason, f.ContainerReason
	}
	t.mu.Unlock()
	e.end(t)
}

// end releases what a task held whose container never ran.
func (e *ecsService) end(t *task) {
	if e.server.ctx.Err() != nil {
		return
	}
	t.change(e, func(s *taskState) {
		s.lastStatus, s.desiredStatus, s.containerStatus = statusDeprovisioning, statusStopped, statusStopped
		if s.stoppingAt.IsZero() {
			s.stoppingAt = e.server.clock.Now()
		}
	})
	e.finish(t)
}

// finish waits for the network interface to go and stops the task.
func (e *ecsService) finish(t *task) {
	if !e.server.sleep(e.server.ctx, e.server.options.Timing.Deprovisioning) {
		return
	}
	e.mu.Lock()
	e.vcpuInUse[t.provider] -= t.request.size.vcpu()
	e.mu.Unlock()
	t.change(e, func(s *taskState) {
		s.lastStatus, s.desiredStatus, s.eniStatus, s.stoppedAt = statusStopped, statusStopped, "DELETED", e.server.clock.Now()
	})
}

// runContainer runs the container to its end; it returns false when the server closed meanwhile.
func (e *ecsService) runContainer(t *task, c Container) bool {
	ctx, terminate := context.WithCancel(context.Background())
	defer terminate()
	kill := make(chan struct{})
	c.Killed = kill
	now := e.server.clock.Now()
	t.change(e, func(s *taskState) { s.lastStatus, s.containerStatus, s.startedAt = statusRunning, statusRunning, now })
	exited := make(chan int, 1)
	go func() { exited <- e.runner().Run(ctx, c) }()

	code, reason := 0, ""
	select {
	case code = <-exited:
	case <-t.oom:
		close(kill)
		terminate()
		code, reason = exitKilled, "OutOfMemoryError: Container killed due to memory usage"
	case <-t.stopping:
		terminate()
		code = e.awaitExit(t, exited, kill)
	case <-e.server.ctx.Done():
	}
	if e.server.ctx.Err() != nil {
		e.abandon(exited, kill, terminate)
		return false
	}
	c.flush()
	t.containerEnded(e, code, reason)
	return true
}

// awaitExit gives a container that got SIGTERM its stop timeout, and then SIGKILL.
func (e *ecsService) awaitExit(t *task, exited <-chan int, kill chan struct{}) int {
	timer := e.server.clock.NewTimer(t.stopTimeout(e.server.options.Timing))
	defer timer.Stop()
	select {
	case code := <-exited:
		return code
	case <-timer.C():
	case <-t.oom:
	case <-e.server.ctx.Done():
		return exitKilled
	}
	close(kill)
	return exitKilled
}

// abandon kills a container because the server closes, and waits for it a moment of real time.
func (e *ecsService) abandon(exited <-chan int, kill chan struct{}, terminate context.CancelFunc) {
	select {
	case <-kill:
	default:
		close(kill)
	}
	terminate()
	timer := time.NewTimer(closeGrace)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
	}
}

// containerEnded notes the exit and moves the task on. What asked the task to stop stays the stop code.
func (t *task) containerEnded(e *ecsService, code int, reason string) {
	now := e.server.clock.Now()
	t.change(e, func(s *taskState) {
		s.lastStatus, s.desiredStatus, s.containerStatus = statusDeactivating, statusStopped, statusStopped
		s.exitCode, s.containerReason, s.executionStoppedAt = &code, reason, now
		if s.stoppingAt.IsZero() {
			s.stoppingAt = now
		}
		if s.stopCode == "" {
			s.stopCode, s.stoppedReason = "EssentialContainerExited", "Essential container in task exited"
		}
	})
}

// wind takes a task whose container ended to STOPPED.
func (e *ecsService) wind(t *task) {
	timing := e.server.options.Timing
	for _, step := range []struct {
		wait   time.Duration
		status string
	}{{timing.Deactivating, statusStopping}, {timing.Stopping, statusDeprovisioning}} {
		if !e.server.sleep(e.server.ctx, step.wait) {
			return
		}
		t.change(e, func(s *taskState) { s.lastStatus = step.status })
	}
	e.finish(t)
}

func (t *task) stopTimeout(timing Timing) time.Duration {
	switch {
	case timing.StopTimeout > 0:
		return timing.StopTimeout
	case t.request.definition.container.StopTimeout != nil:
		return time.Duration(*t.request.definition.container.StopTimeout) * time.Second
	}
	return 30 * time.Second
}

// requestStop asks a task to stop, once: the first reason stays, as does a task that has already ended. It returns the
// task as it is at that moment.
func (t *task) requestStop(e *ecsService, r stopRequest) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.dropTags {
		t.state.tags = nil
	}
	if t.state.desiredStatus != statusStopped {
		t.changeLocked(e, func(s *taskState) {
			s.desiredStatus, s.stopRequested = statusStopped, true
			s.stopCode, s.stoppedReason, s.stoppingAt = r.code, r.reason, e.server.clock.Now()
		})
		close(t.stopping)
	}
	return t.documentLocked(apiForm{})
}

func (t *task) killOutOfMemory() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.state.outOfMemoryAsked {
		t.state.outOfMemoryAsked = true
		close(t.oom)
	}
}
