// Package codecommit asks CodeCommit's API what the operator wants to know of repositories, within the account's rate.
package codecommit

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"golang.org/x/time/rate"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const (
	// callsPerSecond is how often one operation is called at most. AWS does not publish CodeCommit's rates, so this is what
	// a careful client keeps to.
	callsPerSecond = 5
	// burst lets the few calls of a small schedule or a single pull request go out at once.
	burst = 5
)

// Client calls CodeCommit as one identity. It is safe for concurrent use.
type Client struct {
	api    *codecommit.Client
	limits *limits
}

// wait returns when an operation may be called again. The name is the operation's.
func (c *Client) wait(ctx context.Context, operation string) error {
	return c.limits.of(operation).Wait(ctx)
}

// Clients holds the clients of all accounts and regions that the operator works in. It is safe for concurrent use.
type Clients struct {
	aws *awsclient.Factory

	mu     sync.Mutex
	limits map[place]*limits
}

// place is what AWS counts calls for.
type place struct {
	region, account string
}

// NewClients returns clients that the factory makes when they are first asked for.
func NewClients(aws *awsclient.Factory) *Clients {
	return &Clients{aws: aws, limits: map[place]*limits{}}
}

// DefaultRegion returns the region of scopes that name none, empty where there is none.
func (c *Clients) DefaultRegion() string { return c.aws.DefaultRegion() }

// For returns the client of a scope. All clients of one account and region share its rate; the account is that of the
// scope's role, and without one the operator's own.
func (c *Clients) For(scope awsclient.Scope) *Client {
	if scope.Region == "" {
		scope.Region = c.aws.DefaultRegion()
	}
	where := place{region: scope.Region, account: accountOf(scope.RoleARN)}
	c.mu.Lock()
	defer c.mu.Unlock()
	shared, ok := c.limits[where]
	if !ok {
		shared = &limits{byOperation: map[string]*rate.Limiter{}}
		c.limits[where] = shared
	}
	return &Client{api: c.aws.For(scope).CodeCommit, limits: shared}
}

// accountOf returns the account in an ARN, empty where there is none.
func accountOf(arn string) string {
	const account = 4
	parts := strings.SplitN(arn, ":", account+2)
	if len(parts) <= account {
		return ""
	}
	return parts[account]
}

// limits are the token buckets of one account and region, one an operation.
type limits struct {
	mu          sync.Mutex
	byOperation map[string]*rate.Limiter
}

func (l *limits) of(operation string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.byOperation[operation]
	if !ok {
		limiter = rate.NewLimiter(callsPerSecond, burst)
		l.byOperation[operation] = limiter
	}
	return limiter
}
