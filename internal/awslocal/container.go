package awslocal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Runner runs the containers of tasks.
type Runner interface {
	// Prepare is called while the task is PENDING, when ECS would pull the image. An error ends the task with
	// TaskFailedToStart and the error's text as the reason, which should begin with ECS's name for it, such as
	// CannotPullContainerError.
	Prepare(c Container) error
	// Run runs the container and returns its exit code. The context ends at SIGTERM; Container.Killed is closed at
	// SIGKILL, after which the task goes on without Run, with exit code 137.
	Run(ctx context.Context, c Container) int
}

// RunnerFunc is a container scripted in Go: a function that does in the test's process what the container would do.
type RunnerFunc func(ctx context.Context, c Container) int

// Prepare accepts every image.
func (RunnerFunc) Prepare(Container) error { return nil }

// Run calls the function.
func (f RunnerFunc) Run(ctx context.Context, c Container) int { return f(ctx, c) }

// ExitWith is a container that exits at once with a code.
func ExitWith(code int) Runner {
	return RunnerFunc(func(context.Context, Container) int { return code })
}

// UntilStopped is a container that runs until SIGTERM and then exits with 143, as programs do that do not handle it.
func UntilStopped() Runner {
	return RunnerFunc(func(ctx context.Context, _ Container) int {
		<-ctx.Done()
		return 143
	})
}

// UntilKilled is a container that ignores SIGTERM.
func UntilKilled() Runner {
	return RunnerFunc(func(_ context.Context, c Container) int {
		<-c.Killed
		return exitKilled
	})
}

// RunContainersWith replaces what runs the containers of tasks that start from now on.
func (s *Server) RunContainersWith(r Runner) {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	s.tasks.container = r
}

func (e *ecsService) runner() Runner {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.container
}

// Container is one container of a task, as its runner sees it.
type Container struct {
	TaskARN          string
	Name             string
	Image            string
	StartedBy        string
	CapacityProvider string
	Command          []string
	// Environment is complete: the task definition's, the overrides', and what ECS adds.
	Environment map[string]string
	// Dir is a folder of the container's own, for the runner to make and remove.
	Dir string
	// Stdout and Stderr go to the log group of the task definition.
	Stdout, Stderr io.Writer
	// Killed is closed at SIGKILL.
	Killed <-chan struct{}

	id        string
	url       string
	region    string
	principal Principal
	logs      *logConfiguration
	lines     []*lineWriter
	endpoints *taskEndpoint
}

// Env is one variable of the environment.
func (c Container) Env(name string) string { return c.Environment[name] }

// Config is for SDK clients that act as the task role. It has no credentials if the task has no role.
func (c Container) Config() aws.Config {
	if c.principal.ARN == "" {
		return aws.Config{Region: c.region, BaseEndpoint: aws.String(c.url), Credentials: aws.AnonymousCredentials{}}
	}
	return endpointConfig(c.url, c.region, c.principal.Credentials)
}

// Environ is the environment as NAME=value, sorted.
func (c Container) Environ() []string {
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		environ = append(environ, name+"="+c.Environment[name])
	}
	return environ
}

// newContainer makes the container of a task with what ECS adds to its environment.
func (e *ecsService) newContainer(t *task) Container {
	definition := t.request.definition.container
	c := Container{
		TaskARN: t.arn, Name: definition.Name, Image: definition.Image,
		StartedBy: t.request.in.StartedBy, CapacityProvider: t.provider,
		Command: t.request.command(), Environment: t.request.environment(),
		Dir: filepath.Join(e.server.dir, "tasks", t.id),
		id:  t.id, url: e.server.URL(), region: e.server.options.Region, logs: definition.LogConfiguration,
	}
	for _, stream := range []*io.Writer{&c.Stdout, &c.Stderr} {
		w := &lineWriter{line: func(text string) { e.server.logs.write(c, text) }}
		c.lines, *stream = append(c.lines, w), w
	}
	token := ""
	if role := t.request.taskRole(); role != "" {
		c.principal = e.server.principals.newSession(role, t.id, e.server.clock.Now().Add(6*time.Hour))
		token = randomSecret(24)
	}
	c.endpoints = &taskEndpoint{task: t, principal: c.principal, token: token, container: c.Name}
	e.server.tasksByID.Store(t.id, c.endpoints)
	maps.Copy(c.Environment, map[string]string{
		"AWS_REGION": c.region, "AWS_DEFAULT_REGION": c.region, "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
		"AWS_ENDPOINT_URL":              c.url,
		"ECS_CONTAINER_METADATA_URI_V4": c.url + metadataRoot + t.id,
		"HOME":                          c.Dir, "TMPDIR": c.Dir,
	})
	if token != "" {
		c.Environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = c.url + credentialsRoot + t.id
		c.Environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token
	}
	return c
}

// flush writes what is left of unfinished lines to the log.
func (c Container) flush() {
	for _, w := range c.lines {
		w.flush()
	}
}

// lineWriter cuts a stream into lines.
type lineWriter struct {
	mu      sync.Mutex
	partial bytes.Buffer
	line    func(string)
}

// maxLogLine is where the awslogs driver splits a line, in bytes.
const maxLogLine = 16 << 10

// Write passes on every complete line.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.partial.Write(rest)
			for w.partial.Len() > maxLogLine {
				w.line(string(w.partial.Next(maxLogLine)))
			}
			break
		}
		w.partial.Write(rest[:end])
		w.line(strings.TrimSuffix(w.partial.String(), "\r"))
		w.partial.Reset()
		rest = rest[end+1:]
	}
	return len(p), nil
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.partial.Len() > 0 {
		w.line(w.partial.String())
		w.partial.Reset()
	}
}

// cannotPull is the reason of a task whose image cannot be had.
func cannotPull(image, why string) error {
	return fmt.Errorf("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref %s: %s", image, why)
}
