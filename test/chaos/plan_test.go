package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// hangs as an exit code is a container that runs until it is stopped.
const hangs = -1

// plan is what the containers of one job do.
type plan struct {
	// exits are their exit codes, one after the other; the last one goes on.
	exits []int
	// takes is how long each runs.
	takes time.Duration
}

// handPrefix opens the names of jobs that were created by hand. Only these hang, since somebody cancels them.
const handPrefix = "job-"

// planOf returns the plan of a job, which follows from the seed and the name of what is scanned.
func planOf(seed uint64, name string) plan {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // a hash takes everything
	random := rand.New(rand.NewPCG(seed, hash.Sum64()))
	p := plan{takes: time.Duration(random.IntN(120)) * time.Millisecond}
	switch dice := random.IntN(100); {
	case dice < 60:
		p.exits = []int{contract.ExitClean}
	case dice < 75:
		p.exits = []int{contract.ExitFindings}
	case dice < 82:
		p.exits = []int{1, contract.ExitClean}
	case dice < 88:
		p.exits = []int{contract.ExitTemporary, contract.ExitFindings}
	case dice < 92:
		p.exits = []int{contract.ExitRequest}
	case dice < 94:
		p.exits = []int{1}
	case strings.HasPrefix(name, handPrefix):
		p.exits = []int{hangs}
	default:
		p.exits = []int{contract.ExitClean}
	}
	return p
}

// containers carry out the plans, and notice what no container should see.
type containers struct {
	world *world

	mu   sync.Mutex
	runs map[string]int // by the job's UID
}

// Prepare looks whether the attempt is on record: it must have been before RunTask was called.
func (c *containers) Prepare(container awslocal.Container) error {
	key := client.ObjectKey{Namespace: container.Env(contract.EnvNamespace), Name: container.Env(contract.EnvName)}
	job := &scanv1.ScanJob{}
	if err := c.world.kube.Get(context.Background(), key, job); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("CannotPullContainerError: the test cannot read %s: i/o timeout: %w", key, err)
	}
	if string(job.UID) != container.Env(contract.EnvUID) {
		return nil // deleted with its finalizer taken off
	}
	for i := range job.Status.Attempts {
		if strconv.Itoa(int(job.Status.Attempts[i].Number)) == container.Env(contract.EnvAttempt) {
			return nil
		}
	}
	c.world.violated("%s: a task runs for attempt %s, which is not on record", key.Name, container.Env(contract.EnvAttempt))
	return nil
}

// Run does what the plan says.
func (c *containers) Run(ctx context.Context, container awslocal.Container) int {
	fmt.Fprintln(container.Stdout, "found", c.world.canary)
	p := planOf(c.world.seed, scanned(container.Env(contract.EnvName), container.Env(contract.EnvRepository), container.Env(contract.EnvPullRequestID)))
	c.mu.Lock()
	run := c.runs[container.Env(contract.EnvUID)]
	c.mu.Unlock()
	exit := p.exits[min(run, len(p.exits)-1)]
	takes := time.NewTimer(p.takes)
	defer takes.Stop()
	stopped := takes.C
	if exit == hangs {
		stopped = nil
	}
	select {
	case <-ctx.Done():
		return 143
	case <-stopped:
	}
	if exit == contract.ExitFindings {
		if err := publish(container); err != nil {
			return contract.ExitTemporary
		}
	}
	c.mu.Lock()
	c.runs[container.Env(contract.EnvUID)]++
	c.mu.Unlock()
	return exit
}

// scanned names what a job scans: the pull request, or the job itself.
func scanned(job, repository, pullRequest string) string {
	if pullRequest == "" {
		return job
	}
	return repository + " " + pullRequest
}

// publish tells the topic of a finding, as a scanner does.
func publish(container awslocal.Container) error {
	attempt, err := strconv.Atoi(container.Env(contract.EnvAttempt))
	if err != nil {
		return err
	}
	document, err := json.Marshal(contract.Result{
		Schema: contract.Schema,
		ScanJob: contract.JobReference{
			Namespace: container.Env(contract.EnvNamespace), Name: container.Env(contract.EnvName), UID: container.Env(contract.EnvUID), Attempt: attempt,
		},
		Source: contract.Source{
			Repository: container.Env(contract.EnvRepository), Revision: container.Env(contract.EnvRevision), Mode: container.Env(contract.EnvMode),
		},
		Total: 1, New: 1, BySeverity: map[contract.Severity]int{contract.SeverityHigh: 1},
		Findings: []contract.Finding{{Rule: "test-rule", Severity: contract.SeverityHigh, Path: "a.txt", Line: 1, Preview: "AKIA********", Fingerprint: "f"}},
	})
	if err != nil {
		return err
	}
	message, err := json.Marshal(map[string]string{"default": string(document), "email": "one finding"})
	if err != nil {
		return err
	}
	_, err = sns.NewFromConfig(container.Config()).Publish(context.Background(), &sns.PublishInput{
		TopicArn: aws.String(container.Env(contract.EnvTopic)), Message: aws.String(string(message)), MessageStructure: aws.String("json"), Subject: aws.String("findings"),
	})
	return err
}
