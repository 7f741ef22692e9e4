package aws

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// ofTheSamples is the variant that the sample events are of.
func ofTheSamples() variant {
	return variant{values: map[string]string{"ACCOUNT": "111122223333", "REGION": "us-east-1", "CLUSTER": "scans"}}
}

// eventPatterns are those of the rules, by the rules' names.
func eventPatterns(t *testing.T) map[string]string {
	t.Helper()
	patterns := map[string]string{}
	for _, rule := range objectsOf(t, ofTheSamples()).of("Rule") {
		patterns[rule.GetName()] = text(t, rule, "spec", "eventPattern")
	}
	return patterns
}

// sample is an event and the rule that takes it, empty for none.
type sample struct {
	name  string
	event map[string]any
	rule  string
}

// samples are AWS's events of internal/events/testdata, and some that differ from them in what a rule must look at.
func samples(t *testing.T) []sample {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "internal", "events", "testdata")
	files, err := filepath.Glob(filepath.Join(folder, "*-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	taken := map[string]int{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		event := read(t, file)
		if _, ok := event["detail-type"]; !ok {
			continue // not an event of EventBridge
		}
		rule := ruleOf(name)
		taken[rule]++
		all = append(all, sample{name, event, rule})
	}
	for rule, least := range map[string]int{"scanjob-pull-requests": 4, "scanjob-pushes": 3, "scanjob-tasks": 8, "": 14} {
		if taken[rule] < least {
			t.Fatalf("%d samples for rule %q in %s, want %d", taken[rule], rule, folder, least)
		}
	}
	return append(all, altered(t, folder)...)
}

// ruleOf says which rule takes a sample.
func ruleOf(name string) string {
	switch name {
	case "codecommit-pullRequestCreated", "codecommit-pullRequestSourceBranchUpdated", "codecommit-pullRequestStatusChanged", "codecommit-pullRequestMergeStatusUpdated":
		return "scanjob-pull-requests"
	case "codecommit-referenceCreated", "codecommit-referenceUpdated-push", "codecommit-referenceUpdated-merge":
		return "scanjob-pushes"
	}
	if strings.HasPrefix(name, "ecs-task-5-stopped-") || strings.HasPrefix(name, "ecs-task-failed-") || name == "ecs-task-spot-stopped" {
		return "scanjob-tasks"
	}
	return ""
}

// altered are samples with a change that no rule may overlook.
func altered(t *testing.T, folder string) []sample {
	t.Helper()
	var all []sample
	for _, change := range []struct {
		name, of, field string
		value           any
	}{
		{"a task of another cluster", "ecs-task-5-stopped-exit0", "clusterArn", arn("ecs", "cluster/others")},
		{"a task of a cluster whose name goes on", "ecs-task-5-stopped-exit0", "clusterArn", arn("ecs", "cluster/scans-2")},
		{"a task of a cluster of that name in another region", "ecs-task-5-stopped-exit0", "clusterArn", "arn:aws:ecs:eu-west-1:111122223333:cluster/scans"},
		{"a task of a cluster of that name in another account", "ecs-task-5-stopped-exit0", "clusterArn", "arn:aws:ecs:us-east-1:444455556666:cluster/scans"},
		{"a task that a service has started", "ecs-task-5-stopped-exit0", "startedBy", "ecs-svc/1234567890123456789"},
		{"a task that somebody has started", "ecs-task-5-stopped-exit0", "startedBy", nil},
		{"a tag that was pushed", "codecommit-referenceCreated", "referenceType", "tag"},
	} {
		event := read(t, filepath.Join(folder, change.of+".json"))
		detail := event["detail"].(map[string]any)
		if change.value == nil {
			delete(detail, change.field)
		} else {
			detail[change.field] = change.value
		}
		all = append(all, sample{name: change.name, event: event})
	}
	elsewhere := read(t, filepath.Join(folder, "codecommit-pullRequestCreated.json"))
	elsewhere["source"] = "com.example"
	return append(all, sample{name: "a pull request of another source", event: elsewhere})
}

func read(t *testing.T, file string) map[string]any {
	t.Helper()
	encoded, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	event := map[string]any{}
	if err := json.Unmarshal(encoded, &event); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return event
}

// TestRulesTakeTheEventsThatTheyAreFor asks EventBridge's TestEventPattern, of the local AWS. A matcher as a library would be
// the better judge, but quamina, which is the one for Go, is not served as a module; TestMotoAgrees asks another
// implementation where there is one.
func TestRulesTakeTheEventsThatTheyAreFor(t *testing.T) {
	server := startAWS(t)
	bus := eventbridge.NewFromConfig(server.Config())
	for rule, pattern := range eventPatterns(t) {
		t.Run(rule, func(t *testing.T) {
			for _, s := range samples(t) {
				event, err := json.Marshal(s.event)
				if err != nil {
					t.Fatal(err)
				}
				answer, err := bus.TestEventPattern(t.Context(), &eventbridge.TestEventPatternInput{EventPattern: aws.String(pattern), Event: aws.String(string(event))})
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				if want := s.rule == rule; answer.Result != want {
					t.Errorf("%s is taken: %v, want %v", s.name, answer.Result, want)
				}
			}
		})
	}
}

// TestTheDemosRulesAreThese compares with what the local AWS is provisioned with.
func TestTheDemosRulesAreThese(t *testing.T) {
	server := startAWS(t)
	if _, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames()); err != nil {
		t.Fatal(err)
	}
	bus := eventbridge.NewFromConfig(server.Config())
	for _, rule := range objectsOf(t, variant{}).of("Rule") {
		theirs, err := bus.DescribeRule(t.Context(), &eventbridge.DescribeRuleInput{Name: aws.String(text(t, rule, "spec", "name"))})
		if err != nil {
			t.Fatal(err)
		}
		var ours, provisioned any
		parse(t, text(t, rule, "spec", "eventPattern"), &ours)
		parse(t, aws.ToString(theirs.EventPattern), &provisioned)
		if !equalJSON(t, ours, provisioned) {
			t.Errorf("rule %s: %v here, %v in the demo", rule.GetName(), ours, provisioned)
		}
	}
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	one, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	other, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(one) == string(other)
}

// startAWS starts an empty local AWS.
func startAWS(t *testing.T) *awslocal.Server {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("the local AWS met errors: %v", err)
		}
	})
	return server
}
