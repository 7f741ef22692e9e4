package fargate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

const observedCluster = "arn:aws:ecs:us-east-1:111122223333:cluster/scans"

// describer answers DescribeTasks over real HTTP from what a test says of each task.
type describer struct {
	mu sync.Mutex
	// versions are the tasks that are known; refused are those whose whole batch is refused.
	versions map[string]int64
	stopped  map[string]bool
	starting map[string]bool
	refused  map[string]bool
	batches  [][]string
	clusters []string
}

func newDescriber(t *testing.T) (*describer, *Client) {
	t.Helper()
	d := &describer{versions: map[string]int64{}, stopped: map[string]bool{}, starting: map[string]bool{}, refused: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Cluster string   `json:"cluster"`
			Tasks   []string `json:"tasks"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Errorf("decode the request: %v", err)
		}
		status, answer := d.answer(in.Cluster, in.Tasks)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Errorf("encode the answer: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	return d, NewClient(ecs.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIA"+"IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"+"+bPxRfiCYEXAMPLEKEY", ""),
	}, func(o *ecs.Options) { o.RetryMaxAttempts = 1 }), NewBudget(DefaultQuotas()))
}

func (d *describer) answer(cluster string, arns []string) (int, any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches = append(d.batches, arns)
	d.clusters = append(d.clusters, cluster)
	if slices.ContainsFunc(arns, func(arn string) bool { return d.refused[arn] }) {
		return http.StatusInternalServerError, map[string]any{"__type": "ServerException", "message": "Service Unavailable"}
	}
	tasks, failures := []any{}, []any{}
	for _, arn := range arns {
		version, known := d.versions[arn]
		switch {
		case !known:
			failures = append(failures, map[string]any{"arn": arn, "reason": "MISSING"})
		case d.stopped[arn]:
			tasks = append(tasks, map[string]any{"taskArn": arn, "clusterArn": cluster, "version": version, "lastStatus": "STOPPED"})
		case d.starting[arn]:
			tasks = append(tasks, map[string]any{"taskArn": arn, "clusterArn": cluster, "version": version, "lastStatus": "PENDING"})
		default:
			tasks = append(tasks, map[string]any{"taskArn": arn, "clusterArn": cluster, "version": version, "lastStatus": "RUNNING"})
		}
	}
	return http.StatusOK, map[string]any{"tasks": tasks, "failures": failures}
}

func (d *describer) set(arn string, version int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.versions[arn] = version
}

func (d *describer) calls() [][]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.batches)
}

// audience counts who was told.
type audience struct {
	mu   sync.Mutex
	told map[types.NamespacedName]int
}

func (a *audience) notify(owner types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told[owner]++
}

func (a *audience) count(owner types.NamespacedName) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told[owner]
}

type observed struct {
	*Observer
	heard     *audience
	describer *describer
	client    *Client
	clock     *clocktesting.FakeClock
}

func newObserved(t *testing.T) *observed {
	t.Helper()
	d, client := newDescriber(t)
	clk := clocktesting.NewFakeClock(time.Date(2026, 11, 9, 10, 0, 0, 0, time.UTC))
	log := funcr.New(func(prefix, args string) { t.Log(prefix, args) }, funcr.Options{})
	o := &observed{Observer: NewObserver(15*time.Second, clk, log), heard: &audience{told: map[types.NamespacedName]int{}}, describer: d, client: client, clock: clk}
	o.OnNews(o.heard.notify)
	return o
}

func (o *observed) target(i int) Target {
	name := fmt.Sprintf("job-%d", i)
	return Target{
		TaskARN:    fmt.Sprintf("arn:aws:ecs:us-east-1:111122223333:task/scans/%032x", i),
		ClusterARN: observedCluster, StartedBy: StartedBy(name, 1), Client: o.client,
		Owner: types.NamespacedName{Namespace: "scans", Name: name},
	}
}

func taskOf(target Target, version int64, status string) Task {
	return Task{ARN: target.TaskARN, ClusterARN: target.ClusterARN, StartedBy: target.StartedBy, Version: version, LastStatus: status}
}
