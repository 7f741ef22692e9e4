package awslocal

import (
	"strings"
	"sync"
	"time"
)

// The capacity providers of Fargate.
const (
	providerOnDemand = "FARGATE"
	providerSpot     = "FARGATE_SPOT"
)

// ecsService is ECS with Fargate as its only capacity.
type ecsService struct {
	server *Server

	mu          sync.Mutex
	clusters    map[string]*cluster
	definitions map[string]*definitionFamily
	tasks       map[string]*task // by ARN, all that were ever started
	started     []*task          // in the order of their start
	visible     []*task          // those that ListTasks may still show, in the order of their start
	vcpuInUse   map[string]float64
	container   Runner
}

type cluster struct {
	name, arn       string
	providers       []string
	defaultStrategy []strategyItem
	tokens          map[string]*tokenRecord
	turns           map[string]*strategyTurns
}

func newECS(s *Server) *ecsService {
	return &ecsService{
		server:      s,
		clusters:    map[string]*cluster{},
		definitions: map[string]*definitionFamily{},
		tasks:       map[string]*task{},
		vcpuInUse:   map[string]float64{},
		container:   s.options.Container,
	}
}

func (e *ecsService) operations() map[string]operation {
	return map[string]operation{
		"CreateCluster":            jsonOperation(e.createCluster),
		"DescribeClusters":         jsonOperation(e.describeClusters),
		"RegisterTaskDefinition":   jsonOperation(e.registerTaskDefinition),
		"DeregisterTaskDefinition": jsonOperation(e.deregisterTaskDefinition),
		"DescribeTaskDefinition":   jsonOperation(e.describeTaskDefinition),
		"RunTask":                  jsonOperation(e.runTask),
		"DescribeTasks":            jsonOperation(e.describeTasks),
		"ListTasks":                jsonOperation(e.listTasks),
		"StopTask":                 jsonOperation(e.stopTask),
	}
}

// failureItem is one item of failures[].
type failureItem struct {
	ARN    string `json:"arn,omitempty"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

type createClusterInput struct {
	ClusterName       string         `json:"clusterName"`
	CapacityProviders []string       `json:"capacityProviders"`
	DefaultStrategy   []strategyItem `json:"defaultCapacityProviderStrategy"`
}

func (e *ecsService) createCluster(_ *call, in createClusterInput) (any, error) {
	name := in.ClusterName
	if name == "" {
		name = "default"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c, ok := e.clusters[name]
	if !ok {
		c = &cluster{
			name: name, arn: e.server.arn(serviceECS, "cluster/"+name),
			providers: in.CapacityProviders, defaultStrategy: in.DefaultStrategy,
			tokens: map[string]*tokenRecord{}, turns: map[string]*strategyTurns{},
		}
		for _, provider := range c.providers {
			if provider != providerOnDemand && provider != providerSpot {
				return nil, refuse("InvalidParameterException", "The specified capacity provider '%s' was not found.", provider)
			}
		}
		e.clusters[name] = c
	}
	return map[string]any{"cluster": e.clusterDocument(c)}, nil
}

func (e *ecsService) describeClusters(_ *call, in struct {
	Clusters []string `json:"clusters"`
}) (any, error) {
	if len(in.Clusters) == 0 {
		in.Clusters = []string{"default"}
	}
	clusters, failures := []any{}, []failureItem{}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range in.Clusters {
		if refused := e.refuseForeign(id); refused != nil {
			return nil, refused
		}
		if c, ok := e.clusters[nameOf(id)]; ok {
			clusters = append(clusters, e.clusterDocument(c))
			continue
		}
		failures = append(failures, failureItem{ARN: e.server.arn(serviceECS, "cluster/"+nameOf(id)), Reason: "MISSING"})
	}
	return map[string]any{"clusters": clusters, "failures": failures}, nil
}

// clusterDocument is the cluster as the API shows it; the lock is held.
func (e *ecsService) clusterDocument(c *cluster) map[string]any {
	running, pending := 0, 0
	for _, t := range e.visible {
		if t.cluster != c {
			continue
		}
		switch t.status() {
		case statusRunning:
			running++
		case statusProvisioning, statusPending, statusActivating:
			pending++
		}
	}
	return map[string]any{
		"clusterArn": c.arn, "clusterName": c.name, "status": "ACTIVE",
		"capacityProviders": nonNil(c.providers), "defaultCapacityProviderStrategy": nonNil(c.defaultStrategy),
		"runningTasksCount": running, "pendingTasksCount": pending,
		"activeServicesCount": 0, "registeredContainerInstancesCount": 0,
	}
}

// findCluster looks a cluster up by name or ARN; the lock is held.
func (e *ecsService) findCluster(id string) (*cluster, *Error) {
	if id == "" {
		id = "default"
	}
	if refused := e.refuseForeign(id); refused != nil {
		return nil, refused
	}
	c, ok := e.clusters[nameOf(id)]
	if !ok {
		return nil, refuse("ClusterNotFoundException", "Cluster not found.")
	}
	return c, nil
}

func (e *ecsService) task(arn string) (*task, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.tasks[arn]
	return t, ok
}

// prune forgets the tasks that stopped more than an hour ago from what ListTasks shows; the lock is held. DescribeTasks
// asks each task itself.
func (e *ecsService) prune(now time.Time) {
	kept := e.visible[:0]
	for _, t := range e.visible {
		if !t.gone(now) {
			kept = append(kept, t)
		}
	}
	clear(e.visible[len(kept):])
	e.visible = kept
}

// nameOf is the last part of an ARN, or the name itself.
func nameOf(id string) string { return id[strings.LastIndex(id, "/")+1:] }

func nonNil[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
