package fargate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// DescribeBatch is the most tasks that one DescribeTasks call takes
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html).
const DescribeBatch = 100

// Client calls ECS within the account's budget.
type Client struct {
	ecs     *ecs.Client
	budget  *Budget
	circuit *circuit
	timeout time.Duration
}

// NewClient returns a client of one region and role. All callers with that region and role share it, and all clients of an
// account and region share its budget.
func NewClient(client *ecs.Client, budget *Budget) *Client {
	return &Client{ecs: client, budget: budget, circuit: newCircuit(silentFor), timeout: callTimeout}
}

// runTaskTries is 1: a repetition inside the SDK could be refused after the first try has started a task whose answer was
// lost, and nobody would know. The caller repeats the call, knowing that it is a repetition.
const runTaskTries = 1

// Start calls RunTask, for which the caller has spent what the budget asks for, and returns the ARN of the attempt's one task: started now, or earlier with the same token. The error
// is a *Rejection where ECS said definitely that this call started no task; after any other error a task may exist, and
// Start must be repeated with the same input.
func (c *Client) Start(ctx context.Context, input *ecs.RunTaskInput) (string, error) {
	if err := c.budget.pace(ctx, launchOf(input)); err != nil {
		return "", fmt.Errorf("wait for AWS's rate: %w", err)
	}
	var output *ecs.RunTaskOutput
	err := c.call(ctx, func(ctx context.Context) (err error) {
		output, err = c.ecs.RunTask(ctx, input, func(o *ecs.Options) { o.RetryMaxAttempts = runTaskTries })
		return err
	})
	if awsclient.Throttled(err) {
		c.budget.throttled(launchOf(input), time.Now())
	}
	if err != nil {
		var conflict *ecstypes.ConflictException
		if errors.As(err, &conflict) {
			if len(conflict.ResourceIds) > 0 {
				return conflict.ResourceIds[0], nil
			}
			return "", &Rejection{Class: scanv1.ClassInfrastructure, Code: conflict.ErrorCode(), TokenUsed: true,
				Message: withAdvice(conflict.ErrorMessage(), "another request was made with this token, and ECS does not say which task it started")}
		}
		if rejection := rejectionOfError(err); rejection != nil {
			return "", rejection
		}
		return "", fmt.Errorf("RunTask: %w", err)
	}
	if len(output.Tasks) > 0 {
		return aws.ToString(output.Tasks[0].TaskArn), nil
	}
	if len(output.Failures) > 0 {
		return "", rejectionOfFailure(aws.ToString(output.Failures[0].Reason), aws.ToString(output.Failures[0].Detail))
	}
	return "", errors.New("RunTask answered with neither a task nor a failure")
}

// Stop asks ECS to stop a task and returns before it has. A task that ECS does not know any more is no error, nor is a
// cluster: ECS deletes none that has tasks.
func (c *Client) Stop(ctx context.Context, cluster, taskARN, reason string) error {
	err := c.within(ctx, c.budget.modify, func(ctx context.Context) error {
		_, err := c.ecs.StopTask(ctx, &ecs.StopTaskInput{
			Cluster: aws.String(cluster), Task: aws.String(taskARN), Reason: aws.String(truncate(reason, maxStopReason)),
		}, once)
		return err
	})
	if err == nil || isTaskNotFound(err) || isClusterNotFound(err) {
		return nil
	}
	return fmt.Errorf("StopTask %s: %w", TaskID(taskARN), err)
}

// maxStopReason is the historically documented bound of StopTask's reason.
const maxStopReason = 255

// Describe returns what ECS knows of up to DescribeBatch tasks of a cluster; the others are in missing. All are where the
// cluster is gone.
func (c *Client) Describe(ctx context.Context, cluster string, taskARNs []string) (tasks []Task, missing []string, err error) {
	return c.describe(ctx, cluster, taskARNs)
}

// DescribeTagged is Describe with the tasks' tags.
func (c *Client) DescribeTagged(ctx context.Context, cluster string, taskARNs []string) (tasks []Task, missing []string, err error) {
	return c.describe(ctx, cluster, taskARNs, ecstypes.TaskFieldTags)
}

// Live returns the ARNs of all tasks of a cluster that are to run, other people's as well. There are none where the cluster
// is gone.
func (c *Client) Live(ctx context.Context, cluster string) ([]string, error) {
	arns, err := c.list(ctx, &ecs.ListTasksInput{Cluster: aws.String(cluster)})
	if isClusterNotFound(err) {
		return nil, nil
	}
	return arns, err
}

func (c *Client) describe(ctx context.Context, cluster string, taskARNs []string, include ...ecstypes.TaskField) (tasks []Task, missing []string, err error) {
	var output *ecs.DescribeTasksOutput
	err = c.within(ctx, c.budget.read, func(ctx context.Context) (err error) {
		output, err = c.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(cluster), Tasks: taskARNs, Include: include}, once)
		return err
	})
	if isClusterNotFound(err) {
		return nil, taskARNs, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("DescribeTasks: %w", err)
	}
	for _, task := range output.Tasks {
		tasks = append(tasks, FromSDK(task))
	}
	for _, failure := range output.Failures {
		if strings.EqualFold(aws.ToString(failure.Reason), "MISSING") {
			missing = append(missing, aws.ToString(failure.Arn))
		}
	}
	return tasks, missing, nil
}

// Find looks for the task of an attempt whose ARN is not known, among the live tasks and among those that stopped within
// the last hour, and returns nil where there is none yet: a task that was started a moment ago may not be listed. It
// returns nil also where the cluster is gone.
func (c *Client) Find(ctx context.Context, cluster, taskDefinitionARN, startedBy string) (*Task, error) {
	// startedBy is documented as the only filter that may be given.
	live, err := c.list(ctx, &ecs.ListTasksInput{Cluster: aws.String(cluster), StartedBy: aws.String(startedBy)})
	if isClusterNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if task, err := c.firstStartedBy(ctx, cluster, live, startedBy); task != nil || err != nil {
		return task, err
	}
	if len(live) > 0 {
		// The two calls are answered from different places. Taking this for "there is none" would let a task be forgotten.
		return nil, fmt.Errorf("ListTasks names task %s for %s and DescribeTasks does not know it yet: ask again", TaskID(live[0]), startedBy)
	}
	stopped, err := c.list(ctx, &ecs.ListTasksInput{
		Cluster: aws.String(cluster), Family: aws.String(family(taskDefinitionARN)), DesiredStatus: ecstypes.DesiredStatusStopped,
	})
	if err != nil {
		return nil, err
	}
	return c.firstStartedBy(ctx, cluster, stopped, startedBy)
}

func (c *Client) list(ctx context.Context, input *ecs.ListTasksInput) ([]string, error) {
	var arns []string
	pages := ecs.NewListTasksPaginator(c.ecs, input)
	for pages.HasMorePages() {
		var page *ecs.ListTasksOutput
		err := c.within(ctx, c.budget.read, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx, once)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("ListTasks: %w", err)
		}
		arns = append(arns, page.TaskArns...)
	}
	return arns, nil
}

func (c *Client) firstStartedBy(ctx context.Context, cluster string, arns []string, startedBy string) (*Task, error) {
	for len(arns) > 0 {
		batch := arns[:min(len(arns), DescribeBatch)]
		arns = arns[len(batch):]
		tasks, _, err := c.Describe(ctx, cluster, batch)
		if err != nil {
			return nil, err
		}
		for i := range tasks {
			if tasks[i].StartedBy == startedBy {
				return &tasks[i], nil
			}
		}
	}
	return nil, nil
}

// family returns the family of a task definition's ARN or of family:revision.
func family(taskDefinition string) string {
	name := taskDefinition[strings.LastIndexByte(taskDefinition, '/')+1:]
	name, _, _ = strings.Cut(name, ":")
	return name
}

func isClusterNotFound(err error) bool {
	var gone *ecstypes.ClusterNotFoundException
	return errors.As(err, &gone)
}

func isTaskNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "InvalidParameterException" &&
		strings.Contains(strings.ToLower(api.ErrorMessage()), "not found")
}

// truncate cuts text to at most bytes bytes, between characters.
func truncate(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && text[bytes]&0xC0 == 0x80 {
		bytes--
	}
	return text[:bytes]
}
