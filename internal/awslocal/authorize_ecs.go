package awslocal

import (
	"encoding/json"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// ecsTasksPrincipal is the service that uses the roles of tasks.
const ecsTasksPrincipal = "ecs-tasks.amazonaws.com"

// needs lists what a call of ECS needs. A task's cluster is a condition key of nearly all of them.
func (e *ecsService) needs(c *call, about subject) (needs []iampolicy.Request, passes []passedRole) {
	cluster := nameOf(about.Cluster)
	if cluster == "" {
		cluster = "default"
	}
	context := map[string][]string{"ecs:cluster": {e.server.arn(serviceECS, "cluster/"+cluster)}}
	on := func(resource string) {
		needs = append(needs, iampolicy.Request{Action: c.action(), Resource: e.server.arn(serviceECS, resource), Context: context})
	}
	switch c.operation {
	case "RunTask":
		return e.needsOfRun(c, cluster, context)
	case "StopTask":
		on("task/" + cluster + "/" + nameOf(about.Task))
	case "DescribeTasks":
		for _, task := range about.Tasks {
			on("task/" + cluster + "/" + nameOf(task))
		}
	case "ListTasks":
		on("container-instance/" + cluster + "/*")
	case "DescribeClusters":
		for _, name := range about.Clusters {
			needs = append(needs, need(c.action(), e.server.arn(serviceECS, "cluster/"+nameOf(name))))
		}
	default:
		needs = append(needs, need(c.action(), anyResource))
	}
	return needs, nil
}

// needsOfRun: RunTask is authorised on the task definition, tags on the task that is to be, and both roles are passed.
func (e *ecsService) needsOfRun(c *call, cluster string, context map[string][]string) (needs []iampolicy.Request, passes []passedRole) {
	var in runTaskInput
	if err := json.Unmarshal(c.body, &in); err != nil {
		return []iampolicy.Request{need(c.action(), anyResource)}, nil // the operation will refuse it
	}
	definition := e.server.arn(serviceECS, "task-definition/"+nameOf(in.TaskDefinition))
	if found, refused := e.findDefinition(in.TaskDefinition); refused == nil {
		definition = found.arn
		var overrides struct {
			taskOverrides
			ExecutionRoleARN string `json:"executionRoleArn"`
		}
		if len(in.Overrides) > 0 {
			if err := json.Unmarshal(in.Overrides, &overrides); err != nil {
				return []iampolicy.Request{need(c.action(), definition)}, nil // the operation will refuse it
			}
		}
		for _, roles := range [][2]string{
			{found.input.TaskRoleARN, overrides.TaskRoleARN}, {found.input.ExecutionRoleARN, overrides.ExecutionRoleARN},
		} {
			if arn := last(roles[0], roles[1]); arn != "" {
				passes = append(passes, passedRole{arn: arn, service: ecsTasksPrincipal, source: e.server.arn(serviceECS, "task/"+cluster)})
			}
		}
	}
	needs = append(needs, iampolicy.Request{Action: c.action(), Resource: definition, Context: context})
	if len(in.Tags) > 0 {
		tags := map[string]string{}
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
		tagging := tagContext(tags)
		tagging["ecs:CreateAction"] = []string{c.operation}
		needs = append(needs, iampolicy.Request{
			Action: "ecs:TagResource", Resource: e.server.arn(serviceECS, "task/"+cluster+"/*"), Context: tagging,
		})
	}
	return needs, passes
}

// last is the second text, or the first where there is no second.
func last(first, second string) string {
	if second != "" {
		return second
	}
	return first
}

// passedRole is a role that a call hands to a service, to be used by it.
type passedRole struct{ arn, service, source string }

func (p passedRole) need() iampolicy.Request {
	return iampolicy.Request{Action: "iam:PassRole", Resource: p.arn, Context: map[string][]string{"iam:PassedToService": {p.service}}}
}

// acceptPassed lets the service assume the role, as it will have to; a role that nobody listed is assumed by everybody.
func (s *Server) acceptPassed(p passedRole) *Error {
	r, ok := s.accounts.role(p.arn)
	if !ok || r.trusts(iampolicy.Principal{Service: p.service}, "sts:AssumeRole", map[string][]string{
		"aws:SourceAccount": {s.options.Account}, "aws:SourceArn": {p.source},
	}) {
		return nil
	}
	return refuse("ClientException", "ECS was unable to assume the role '%s' that was provided for this task. Please verify that the role being "+
		"passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.", p.arn)
}
