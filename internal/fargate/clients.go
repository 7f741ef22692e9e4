package fargate

import (
	"sync"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// Clients holds one Client per region and role, so that all jobs with them share its rate.
type Clients struct {
	aws *awsclient.Factory

	mu      sync.Mutex
	byScope map[awsclient.Scope]*Client
}

// NewClients returns clients that are made by the factory when they are first asked for.
func NewClients(aws *awsclient.Factory) *Clients {
	return &Clients{aws: aws, byScope: map[awsclient.Scope]*Client{}}
}

// For returns the client of a scope.
func (c *Clients) For(scope awsclient.Scope) *Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.byScope[scope]
	if !ok {
		client = NewClient(c.aws.For(scope).ECS)
		c.byScope[scope] = client
	}
	return client
}
