package fargate

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// FromSDK turns DescribeTasks' form of a task into ours.
func FromSDK(task ecstypes.Task) Task {
	out := Task{
		ARN:               aws.ToString(task.TaskArn),
		ClusterARN:        aws.ToString(task.ClusterArn),
		TaskDefinitionARN: aws.ToString(task.TaskDefinitionArn),
		StartedBy:         aws.ToString(task.StartedBy),
		LastStatus:        aws.ToString(task.LastStatus),
		DesiredStatus:     aws.ToString(task.DesiredStatus),
		Version:           task.Version,
		CapacityProvider:  aws.ToString(task.CapacityProviderName),
		CPU:               aws.ToString(task.Cpu),
		Memory:            aws.ToString(task.Memory),
		StopCode:          string(task.StopCode),
		StoppedReason:     aws.ToString(task.StoppedReason),
		CreatedAt:         utc(task.CreatedAt),
		PullStartedAt:     utc(task.PullStartedAt),
		StartedAt:         utc(task.StartedAt),
		StoppedAt:         utc(task.StoppedAt),
	}
	for _, tag := range task.Tags {
		if out.Tags == nil {
			out.Tags = map[string]string{}
		}
		out.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, container := range task.Containers {
		out.Containers = append(out.Containers, Container{
			Name:       aws.ToString(container.Name),
			LastStatus: aws.ToString(container.LastStatus),
			ExitCode:   container.ExitCode,
			Reason:     aws.ToString(container.Reason),
		})
	}
	return out
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
