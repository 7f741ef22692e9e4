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
	// defaultCallsPerSecond is how often one operation is called at most. AWS does not publish CodeCommit's rates, so this is
	// what a careful client keeps to.
	defaultCallsPerSecond = 5
	// backgroundShare is the part of the rate that work in the background takes at most.
	backgroundShare = 0.6
)

// Options tune the clients. The zero value is complete.
type Options struct {
	// CallsPerSecond is how often one operation is called at most in one account and region. So many can also go out at
	// once. Default: 5.
	CallsPerSecond float64
}

// Client calls CodeCommit as one identity. It is safe for concurrent use.
type Client struct {
	api    *codecommit.Client
	limits *limits
	// background keeps to a part of the rate.
	background bool
}

// InBackground returns the client for work that many calls belong to and nobody waits for. It leaves a part of the rate to
// others.
func (c *Client) InBackground() *Client {
	return &Client{api: c.api, limits: c.limits, background: true}
}

// wait returns when an operation may be called again. The name is the operation's.
func (c *Client) wait(ctx context.Context, operation string) error {
	if c.background {
		if err := c.limits.of(operation, backgroundShare).Wait(ctx); err != nil {
			return err
		}
	}
	return c.limits.of(operation, 1).Wait(ctx)
}

// Clients holds the clients of all accounts and regions that the operator works in. It is safe for concurrent use.
type Clients struct {
	aws     *awsclient.Factory
	options Options

	mu     sync.Mutex
	limits map[place]*limits
}

// place is what AWS counts calls for.
type place struct {
	region, account string
}

// NewClients returns clients that the factory makes when they are first asked for.
func NewClients(aws *awsclient.Factory, options Options) *Clients {
	if options.CallsPerSecond == 0 {
		options.CallsPerSecond = defaultCallsPerSecond
	}
	return &Clients{aws: aws, options: options, limits: map[place]*limits{}}
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
		shared = &limits{perSecond: c.options.CallsPerSecond, byOperation: map[operationShare]*rate.Limiter{}}
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

// limits are the token buckets of one account and region, one an operation and share of its rate.
type limits struct {
	perSecond float64

	mu          sync.Mutex
	byOperation map[operationShare]*rate.Limiter
}

type operationShare struct {
	operation string
	share     float64
}

func (l *limits) of(operation string, share float64) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := operationShare{operation, share}
	limiter, ok := l.byOperation[key]
	if !ok {
		// What can go out at once is what a second has, so that the few calls of a single pull request wait for nothing.
		perSecond := l.perSecond * share
		limiter = rate.NewLimiter(rate.Limit(perSecond), max(int(perSecond), 1))
		l.byOperation[key] = limiter
	}
	return limiter
}
