package awslocal

import (
	"encoding/base64"
	"slices"
	"sort"
	"strconv"
)

// describeLimit is how many tasks one DescribeTasks takes, and how many ListTasks returns at most.
const describeLimit = 100

func (e *ecsService) describeTasks(c *call, in struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Include []string `json:"include"`
}) (any, error) {
	switch {
	case len(in.Tasks) == 0:
		return nil, refuse("InvalidParameterException", "Tasks cannot be empty.")
	case len(in.Tasks) > describeLimit:
		return nil, refuse("InvalidParameterException", "Tasks can have at most %d items.", describeLimit)
	}
	e.mu.Lock()
	cluster, refused := e.findCluster(in.Cluster)
	e.mu.Unlock()
	if refused != nil {
		return nil, refused
	}
	out := runTaskOutput{Tasks: []map[string]any{}, Failures: []failureItem{}}
	for _, id := range in.Tasks {
		arn := e.taskARN(cluster, id)
		t, ok := e.task(arn)
		if !ok || t.cluster != cluster || t.gone(c.time) || e.server.faults.isMissing(arn) {
			out.Failures = append(out.Failures, failureItem{ARN: arn, Reason: "MISSING"})
			continue
		}
		t.described(c.time)
		out.Tasks = append(out.Tasks, t.document(apiForm{tags: slices.Contains(in.Include, "TAGS")}))
	}
	return out, nil
}

func (e *ecsService) taskARN(c *cluster, id string) string {
	return e.server.arn(serviceECS, "task/"+c.name+"/"+nameOf(id))
}

type listTasksInput struct {
	Cluster           string `json:"cluster"`
	Family            string `json:"family"`
	ServiceName       string `json:"serviceName"`
	LaunchType        string `json:"launchType"`
	ContainerInstance string `json:"containerInstance"`
	DesiredStatus     string `json:"desiredStatus"`
	StartedBy         string `json:"startedBy"`
	NextToken         string `json:"nextToken"`
	MaxResults        *int   `json:"maxResults"`
}

// listTasks keeps to the documentation's word that startedBy must be the only filter, desiredStatus included.
func (e *ecsService) listTasks(c *call, in listTasksInput) (any, error) {
	const code = "InvalidParameterException"
	if in.StartedBy != "" && (in.Family+in.ServiceName+in.LaunchType+in.ContainerInstance+in.DesiredStatus) != "" {
		return nil, refuse(code, "cannot specify startedBy with other arguments")
	}
	limit := describeLimit
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > describeLimit {
		return nil, refuse(code, "maxResults must be between 1 and 100.")
	}
	switch in.DesiredStatus {
	case "", statusRunning, statusPending, statusStopped:
	default:
		return nil, refuse(code, "desiredStatus must be RUNNING, PENDING or STOPPED.")
	}
	after, refused := decodePage(in.NextToken)
	if refused != nil {
		return nil, refused
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cluster, refused := e.findCluster(in.Cluster)
	if refused != nil {
		return nil, refused
	}
	e.prune(c.time)
	arns, next := []string{}, ""
	from := sort.Search(len(e.visible), func(i int) bool { return e.visible[i].sequence >= after })
	for _, t := range e.visible[from:] {
		if t.cluster != cluster || !in.matches(t) || e.server.faults.isUnlisted(t.arn) {
			continue
		}
		if len(arns) == limit {
			next = encodePage(t.sequence)
			break
		}
		arns = append(arns, t.arn)
	}
	out := map[string]any{"taskArns": arns}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}

// matches applies the filters. Desired is RUNNING unless asked otherwise; PENDING is never a desired status.
func (in listTasksInput) matches(t *task) bool {
	desired := in.DesiredStatus
	if desired == "" {
		desired = statusRunning
	}
	t.mu.Lock()
	is := t.state.desiredStatus
	t.mu.Unlock()
	return is == desired &&
		(in.StartedBy == "" || in.StartedBy == t.request.in.StartedBy) &&
		(in.Family == "" || in.Family == t.request.definition.family) &&
		(in.LaunchType == "" || in.LaunchType == providerOnDemand) &&
		in.ServiceName == "" && in.ContainerInstance == ""
}

// encodePage and decodePage make the opaque tokens of paged lists from the position of the next item.
func encodePage(position int) string {
	return base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(position)))
}

func decodePage(token string) (int, *Error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, refuse("InvalidParameterException", "Invalid token.")
	}
	position, err := strconv.Atoi(string(text))
	if err != nil || position < 0 {
		return 0, refuse("InvalidParameterException", "Invalid token.")
	}
	return position, nil
}

func (e *ecsService) stopTask(c *call, in struct {
	Cluster string `json:"cluster"`
	Task    string `json:"task"`
	Reason  string `json:"reason"`
}) (any, error) {
	if len(in.Reason) > 255 {
		return nil, refuse("InvalidParameterException", "reason must be at most 255 characters.")
	}
	e.mu.Lock()
	cluster, refused := e.findCluster(in.Cluster)
	e.mu.Unlock()
	if refused != nil {
		return nil, refused
	}
	t, ok := e.task(e.taskARN(cluster, in.Task))
	if !ok || t.gone(c.time) {
		return nil, refuse("InvalidParameterException", "The referenced task was not found.")
	}
	reason := in.Reason
	if reason == "" {
		reason = "Task stopped by user"
	}
	return map[string]any{"task": t.requestStop(e, stopRequest{code: "UserInitiated", reason: reason, dropTags: true})}, nil
}
