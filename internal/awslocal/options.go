package awslocal

import (
	"time"

	"k8s.io/utils/clock"
)

// Options says what kind of AWS to start. The zero value is a complete one, but for a container to run.
type Options struct {
	// Address is where to listen, host:port. Default: a free port of 127.0.0.1. The server trusts whoever reaches it, so
	// it refuses an address that is not loopback.
	Address string
	// Region and Account are those of everything in it. Default: us-east-1 and 111122223333.
	Region  string
	Account string
	// Dir keeps the Git repositories and the tasks' working folders. Default: a temporary folder that Close removes.
	Dir string
	// Clock is the time of everything: task states, visibility, expiry of credentials and client tokens. Default: real
	// time. A fake clock should start near the real time where real SDK clients look at expiries.
	Clock clock.Clock
	// Timing is how long tasks stay in each state. Default: FastTiming.
	Timing Timing
	// Container runs the containers of tasks. Default: Processes, with Scanner and Images.
	Container Runner
	// Scanner is the path of the binary that runs for every image that Images does not name.
	Scanner string
	// Images maps a task definition's image to the path of the binary that runs for it.
	Images map[string]string
	// Users are the IAM users to create, each with an access key. Default: developer.
	Users []string
	// Roles are the IAM roles that can be assumed, and whose policies bind their sessions. A role that is not listed cannot be
	// assumed with STS; as the role of a task or of the manager it may do everything.
	Roles []Role
	// IdentityProviders are the OpenID Connect providers whose tokens AssumeRoleWithWebIdentity takes.
	IdentityProviders []IdentityProvider
	// Beside is a server of another account that shares its endpoint with this one: credentials of either are known to both,
	// roles of either can be assumed, and each answers the calls of its own account's principals, wherever they arrive.
	Beside *Server
	// Quotas are the account's rate limits and quotas. Default: none.
	Quotas Quotas
	// GitPartialClone lets Git clients fetch with a filter. CodeCommit does not offer it, so the default is false.
	GitPartialClone bool
	// RepositoryPage is how many repositories one ListRepositories returns. Default: AWS's 1,000.
	RepositoryPage int
	// PullRequestPage is how many items one ListPullRequests, DescribePullRequestEvents or GetDifferences returns at most.
	// Default: 100.
	PullRequestPage int
}

// Timing is how long a task stays in each state before the next.
type Timing struct {
	Provisioning   time.Duration
	Pending        time.Duration
	Activating     time.Duration
	Deactivating   time.Duration
	Stopping       time.Duration
	Deprovisioning time.Duration
	// StopTimeout is the time between SIGTERM and SIGKILL. Default: the container definition's stopTimeout, 30 s where
	// it has none.
	StopTimeout time.Duration
}

// FastTiming is for tests: about a tenth of a second from RunTask to STOPPED for a container that does nothing.
func FastTiming() Timing { return evenTiming(15 * time.Millisecond) }

// DemoTiming is for people: slow enough to watch the states go by.
func DemoTiming() Timing { return evenTiming(500 * time.Millisecond) }

func evenTiming(each time.Duration) Timing {
	return Timing{
		Provisioning: each, Pending: each, Activating: each,
		Deactivating: each, Stopping: each, Deprovisioning: each,
	}
}

func (o Options) withDefaults() Options {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "111122223333"
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Timing == (Timing{}) {
		o.Timing = FastTiming()
	}
	if o.Container == nil {
		o.Container = Processes(o.Scanner, o.Images)
	}
	if o.RepositoryPage == 0 {
		o.RepositoryPage = defaultRepositoryPage
	}
	if o.PullRequestPage == 0 {
		o.PullRequestPage = defaultPullRequestPage
	}
	if o.Users == nil {
		o.Users = []string{"developer"}
	}
	return o
}
