package awslocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"k8s.io/utils/clock"
)

// Server is a running local AWS.
type Server struct {
	options  Options
	clock    clock.Clock
	listener net.Listener
	http     *http.Server
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup // requests, tasks and late events
	gate     sync.Mutex
	closed   bool
	dir      string
	ownDir   bool

	principals *principals
	accounts   *accounts
	manager    Principal
	users      map[string]Principal

	faults *Faults
	record *record

	bus        *eventBus
	queues     *sqsService
	topics     *snsService
	tasks      *ecsService
	tasksByID  sync.Map // task id to *taskEndpoint
	logs       *logsService
	buckets    *s3Service
	repos      *codeCommitService
	operations map[string]map[string]operation
}

// Start starts a server. It is ready when Start returns; Close stops it.
func Start(options Options) (*Server, error) {
	options = options.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	git, err := findGit(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	listener, err := listenLoopback(ctx, options.Address)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &Server{ctx: ctx, cancel: cancel, options: options, clock: options.Clock, listener: listener, users: map[string]Principal{}}
	if err := errors.Join(s.makeDir(), s.joinAccounts()); err != nil {
		cancel()
		return nil, errors.Join(err, listener.Close())
	}
	s.manager = s.principals.newSession(s.roleARN("scanjob-manager"), "manager", time.Time{})
	for _, user := range options.Users {
		s.users[user] = s.principals.newUser(options.Account, user)
	}
	s.record = newRecord()
	s.faults = newFaults(s)
	s.faults.EnforceQuotas(options.Quotas)
	s.bus = newEventBus(s)
	s.queues = newSQS(s)
	s.topics = newSNS(s)
	s.logs = newLogs(s)
	s.buckets = newS3(s)
	s.repos = newCodeCommit(s, git)
	s.tasks = newECS(s)
	s.operations = map[string]map[string]operation{
		serviceECS:        s.tasks.operations(),
		serviceSQS:        s.queues.operations(),
		serviceSNS:        s.topics.operations(),
		serviceEvents:     s.bus.operations(),
		serviceCodeCommit: s.repos.operations(),
		serviceLogs:       s.logs.operations(),
		serviceSTS:        s.stsOperations(),
	}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
	}
	s.work.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.record.fail(fmt.Errorf("serve %s: %w", listener.Addr(), err))
		}
	})
	return s, nil
}

// enter counts a request in, unless the server closes.
func (s *Server) enter() bool {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q must be host:port: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("address %q is not a loopback address; use 127.0.0.1: the local AWS must not be reachable from outside", address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another port", address, err)
	}
	return listener, nil
}

func (s *Server) makeDir() error {
	s.dir = s.options.Dir
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "awslocal-")
		if err != nil {
			return fmt.Errorf("make the working folder: %w", err)
		}
		s.dir, s.ownDir = dir, true
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return fmt.Errorf("resolve the working folder %s: %w", s.dir, err)
	}
	s.dir = dir
	for _, sub := range []string{"repositories", "tasks"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o755); err != nil {
			return fmt.Errorf("make the working folder: %w", err)
		}
	}
	return nil
}

// Close stops the tasks' processes, ends every open request and removes the folder that the server made for itself.
func (s *Server) Close() error {
	s.cancel()
	s.gate.Lock()
	s.closed = true
	s.gate.Unlock()
	errs := []error{s.http.Close()}
	s.work.Wait()
	errs = append(errs, s.record.failures())
	if s.ownDir {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// URL is the endpoint of all services: the value for AWS_ENDPOINT_URL.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Region is the region of everything in the server.
func (s *Server) Region() string { return s.options.Region }

// Account is the account of everything in the server.
func (s *Server) Account() string { return s.options.Account }

// Credentials are those of the operator's manager, a session of the role scanjob-manager. They last as long as the server.
func (s *Server) Credentials() aws.Credentials { return s.manager.Credentials }

// Config is for SDK clients of the operator's manager.
func (s *Server) Config() aws.Config { return s.configFor(s.manager) }

// User is one of the users of the options.
func (s *Server) User(name string) (Principal, error) {
	user, ok := s.users[name]
	if !ok {
		return Principal{}, fmt.Errorf("no IAM user %q; name it in Options.Users", name)
	}
	return user, nil
}

// UserConfig is for SDK clients of one of the users of the options.
func (s *Server) UserConfig(name string) (aws.Config, error) {
	user, err := s.User(name)
	if err != nil {
		return aws.Config{}, err
	}
	return s.configFor(user), nil
}

func (s *Server) configFor(p Principal) aws.Config {
	return endpointConfig(s.URL(), s.options.Region, p.Credentials)
}

func endpointConfig(url, region string, c aws.Credentials) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	}
}

// Faults are the switches that make the server misbehave.
func (s *Server) Faults() *Faults { return s.faults }

func (s *Server) roleARN(name string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", s.options.Account, name)
}

// arn builds the ARN of a resource of this account and region.
func (s *Server) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, s.options.Region, s.options.Account, resource)
}

// sleep waits on the server's clock; it returns false when the context ended first.
func (s *Server) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := s.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}
