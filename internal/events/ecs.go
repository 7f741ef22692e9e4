package events

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// taskDetail is the part of a task event's detail that matters here. Its times are RFC 3339 strings, unlike those of
// DescribeTasks.
type taskDetail struct {
	TaskARN              string            `json:"taskArn"`
	ClusterARN           string            `json:"clusterArn"`
	TaskDefinitionARN    string            `json:"taskDefinitionArn"`
	StartedBy            string            `json:"startedBy"`
	LastStatus           string            `json:"lastStatus"`
	DesiredStatus        string            `json:"desiredStatus"`
	Version              int64             `json:"version"`
	CapacityProviderName string            `json:"capacityProviderName"`
	CPU                  string            `json:"cpu"`
	Memory               string            `json:"memory"`
	StopCode             string            `json:"stopCode"`
	StoppedReason        string            `json:"stoppedReason"`
	CreatedAt            moment            `json:"createdAt"`
	PullStartedAt        moment            `json:"pullStartedAt"`
	StartedAt            moment            `json:"startedAt"`
	StoppedAt            moment            `json:"stoppedAt"`
	Containers           []containerDetail `json:"containers"`
}

// ofEnvelope refuses an ARN of another account or region than the event's, which are what the event is judged by: whoever
// may write into the queue of one account must not tell of the tasks of another.
func ofEnvelope(e envelope, field, name string) error {
	is, err := arn.Parse(name)
	if err != nil || is.Service != "ecs" || is.AccountID != e.Account || is.Region != e.Region {
		return undecodable("field %q of the task event is not an ARN of ECS in the event's account and region", field)
	}
	return nil
}

// moment is a time, zero where the event has an empty text for it.
type moment struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
	if string(text) == `""` {
		return nil
	}
	return m.Time.UnmarshalJSON(text)
}

type containerDetail struct {
	Name       string `json:"name"`
	LastStatus string `json:"lastStatus"`
	ExitCode   *int32 `json:"exitCode"`
	Reason     string `json:"reason"`
}

func decodeTask(e envelope) (Event, error) {
	var d taskDetail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, badJSON("the task event's detail", err)
	}
	if d.TaskARN == "" || d.ClusterARN == "" || d.LastStatus == "" {
		return nil, undecodable("the task event lacks one of \"taskArn\", \"clusterArn\" and \"lastStatus\"")
	}
	if d.Version <= 0 {
		return nil, undecodable("field \"version\" of the task event is not above 0")
	}
	for field, name := range map[string]string{"taskArn": d.TaskARN, "clusterArn": d.ClusterARN} {
		if err := ofEnvelope(e, field, name); err != nil {
			return nil, err
		}
	}
	task := fargate.Task{
		ARN:               d.TaskARN,
		ClusterARN:        d.ClusterARN,
		TaskDefinitionARN: d.TaskDefinitionARN,
		StartedBy:         d.StartedBy,
		LastStatus:        d.LastStatus,
		DesiredStatus:     d.DesiredStatus,
		Version:           d.Version,
		CapacityProvider:  d.CapacityProviderName,
		CPU:               d.CPU,
		Memory:            d.Memory,
		StopCode:          d.StopCode,
		StoppedReason:     d.StoppedReason,
		CreatedAt:         d.CreatedAt.Time,
		PullStartedAt:     d.PullStartedAt.Time,
		StartedAt:         d.StartedAt.Time,
		StoppedAt:         d.StoppedAt.Time,
	}
	for _, container := range d.Containers {
		task.Containers = append(task.Containers, fargate.Container(container))
	}
	return TaskState{Task: task, Account: e.Account, Region: e.Region, Time: e.happened, EventID: e.ID}, nil
}
