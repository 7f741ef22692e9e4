package fargate

import (
	"sync"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// Clients holds one Client per region, role and account, and one Budget per region and account.
type Clients struct {
	aws    *awsclient.Factory
	quotas Quotas

	mu       sync.Mutex
	byPlace  map[Place]*Client
	byBudget map[budgetKey]*Budget
}

// Place is where tasks are and how to get there.
type Place struct {
	awsclient.Scope
	// Account is the number of the account that the cluster is in.
	Account string
}

type budgetKey struct{ account, region string }

// NewClients returns clients that are made by the factory when they are first asked for. Each account has these quotas in
// each region.
func NewClients(aws *awsclient.Factory, quotas Quotas) *Clients {
	return &Clients{aws: aws, quotas: quotas, byPlace: map[Place]*Client{}, byBudget: map[budgetKey]*Budget{}}
}

// For returns the client of a place.
func (c *Clients) For(place Place) *Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.byPlace[place]
	if !ok {
		client = NewClient(c.aws.For(place.Scope).ECS, c.budget(budgetKey{place.Account, place.Region}))
		c.byPlace[place] = client
	}
	return client
}

// Budget returns what may be asked of an account in a region, whatever the role.
func (c *Clients) Budget(account, region string) *Budget {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.budget(budgetKey{account, region})
}

func (c *Clients) budget(key budgetKey) *Budget {
	budget, ok := c.byBudget[key]
	if !ok {
		budget = NewBudget(c.quotas)
		c.byBudget[key] = budget
	}
	return budget
}
