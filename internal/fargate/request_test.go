package fargate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// fullRequest makes its maps anew in a random order of insertion, as Go's maps have none.
func fullRequest() fargate.Request {
	request := fargate.Request{
		UID: uid, Attempt: 2, ClusterARN: cluster,
		TaskDefinitionARN: "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7",
		ContainerName:     "scanner",
		Subnets:           []string{"subnet-b", "subnet-a"},
		SecurityGroups:    []string{"sg-1"},
		Strategy: []scanv1.CapacityProviderStrategyItem{
			{CapacityProvider: scanv1.CapacityProviderFargateSpot, Weight: 3},
			{CapacityProvider: scanv1.CapacityProviderFargate, Weight: 1, Base: 1},
		},
		CPU: "1024", Memory: "2048", EphemeralStorageGiB: 40,
		Command:     []string{"scan", "--all"},
		Environment: map[string]string{}, Tags: map[string]string{},
	}
	for _, name := range []string{"ZETA", "SCAN_MODE", "ALPHA", "SNS_TOPIC", "MIDDLE"} {
		request.Environment[name] = "value of " + name
	}
	for _, name := range []string{"scanjob.dev/uid", "scanjob.dev/name", "scanjob.dev/namespace"} {
		request.Tags[name] = "value-of-" + name
	}
	return request
}

// sent returns the bytes that a request puts on the wire.
func sent(t *testing.T, request fargate.Request) string {
	t.Helper()
	input, err := request.Input()
	if err != nil {
		t.Fatal(err)
	}
	client, bodies := answering(t, 200, accepted)
	arn, err := client.Start(t.Context(), input)
	if err != nil || arn != taskARN {
		t.Fatalf("Start returned %q, %v", arn, err)
	}
	if len(*bodies) != 1 {
		t.Fatalf("%d calls were made, want 1", len(*bodies))
	}
	return (*bodies)[0]
}

func TestEqualRequestsGiveEqualBytesOnTheWire(t *testing.T) {
	first := sent(t, fullRequest())
	for range 20 {
		if again := sent(t, fullRequest()); again != first {
			t.Fatalf("ECS would refuse the repetition:\n%s\n%s", first, again)
		}
	}
}

func TestListsThatAreEmptyAndAbsentAreTheSameRequest(t *testing.T) {
	absent, empty := fullRequest(), fullRequest()
	absent.SecurityGroups, absent.Command, absent.Environment, absent.Tags = nil, nil, nil, nil
	empty.SecurityGroups, empty.Command, empty.Environment, empty.Tags = []string{}, []string{}, map[string]string{}, map[string]string{}
	if one, other := sent(t, absent), sent(t, empty); one != other {
		t.Errorf("the bytes differ:\n%s\n%s", one, other)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	onDemand := fullRequest()
	onDemand.Strategy = nil
	onDemand.AssignPublicIP = true
	onDemand.CPU, onDemand.Memory, onDemand.EphemeralStorageGiB, onDemand.Command = "", "", 0, nil

	container := map[string]any{"name": "scanner", "command": []any{"scan", "--all"}, "environment": []any{
		pair("name", "ALPHA", "value of ALPHA"), pair("name", "MIDDLE", "value of MIDDLE"), pair("name", "SCAN_MODE", "value of SCAN_MODE"),
		pair("name", "SNS_TOPIC", "value of SNS_TOPIC"), pair("name", "ZETA", "value of ZETA"),
	}}
	plainContainer := map[string]any{"name": "scanner", "environment": container["environment"]}
	common := func(more map[string]any) map[string]any {
		document := map[string]any{
			"clientToken":    fargate.ClientToken(uid, 2),
			"startedBy":      "scanjob/" + uid + "/2",
			"cluster":        cluster,
			"taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7",
			"count":          1.0,
			"tags": []any{
				pair("key", "scanjob.dev/name", "value-of-scanjob.dev/name"), pair("key", "scanjob.dev/namespace", "value-of-scanjob.dev/namespace"),
				pair("key", "scanjob.dev/uid", "value-of-scanjob.dev/uid"),
			},
		}
		for name, value := range more {
			document[name] = value
		}
		return document
	}
	network := func(public string) map[string]any {
		return map[string]any{"awsvpcConfiguration": map[string]any{
			"subnets": []any{"subnet-b", "subnet-a"}, "securityGroups": []any{"sg-1"}, "assignPublicIp": public,
		}}
	}

	for _, row := range []struct {
		name    string
		request fargate.Request
		want    map[string]any
	}{
		{"a strategy is sent in its order and without a launch type", fullRequest(), common(map[string]any{
			"capacityProviderStrategy": []any{
				map[string]any{"capacityProvider": "FARGATE_SPOT", "weight": 3.0},
				map[string]any{"capacityProvider": "FARGATE", "weight": 1.0, "base": 1.0},
			},
			"networkConfiguration": network("DISABLED"),
			"overrides": map[string]any{
				"cpu": "1024", "memory": "2048", "ephemeralStorage": map[string]any{"sizeInGiB": 40.0}, "containerOverrides": []any{container},
			},
		})},
		{"without a strategy the launch type is FARGATE, and what is not asked for is the task definition's", onDemand, common(map[string]any{
			"launchType":           "FARGATE",
			"networkConfiguration": network("ENABLED"),
			"overrides":            map[string]any{"containerOverrides": []any{plainContainer}},
		})},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got map[string]any
			if err := json.Unmarshal([]byte(sent(t, row.request)), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("the request differs (-want +got):\n%s", diff)
			}
		})
	}
}

func pair(key, name, value string) map[string]any { return map[string]any{key: name, "value": value} }

func TestTagsAndVariablesAreSorted(t *testing.T) {
	input, err := fullRequest().Input()
	if err != nil {
		t.Fatal(err)
	}
	var tags, variables []string
	for _, tag := range input.Tags {
		tags = append(tags, *tag.Key)
	}
	for _, variable := range input.Overrides.ContainerOverrides[0].Environment {
		variables = append(variables, *variable.Name)
	}
	if len(tags) != 3 || !slices.IsSorted(tags) || len(variables) != 5 || !slices.IsSorted(variables) {
		t.Errorf("tags %v, variables %v", tags, variables)
	}
}

// wireOverrides counts the characters of the overrides as they were sent.
func wireOverrides(t *testing.T, request fargate.Request) int {
	t.Helper()
	var document struct {
		Overrides json.RawMessage `json:"overrides"`
	}
	if err := json.Unmarshal([]byte(sent(t, request)), &document); err != nil {
		t.Fatal(err)
	}
	return utf8.RuneCount(document.Overrides)
}

// padded returns a request whose one variable is filled with a character up to so many characters of overrides; width is
// how many characters of JSON the character is.
func padded(t *testing.T, character string, width, characters int) fargate.Request {
	t.Helper()
	request := fullRequest()
	request.Environment = map[string]string{"P": ""}
	room := characters - wireOverrides(t, request)
	request.Environment["P"] = strings.Repeat(character, room/width) + strings.Repeat("a", room%width)
	return request
}

func TestOverridesMayHaveExactly8192Characters(t *testing.T) {
	for _, row := range []struct {
		name      string
		character string
		width     int
	}{
		{"of ASCII", "a", 1},
		{"of two bytes each", "é", 1},
		{"of three bytes each", "漢", 1},
		{"of four bytes each", "😀", 1},
		{"that JSON writes with a backslash", `"`, 2},
		{"that are the end of a line", "\n", 2},
		{"that JSON for web pages would write longer", "&", 1},
		{"that open a tag", "<", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			fits := padded(t, row.character, row.width, 8192)
			if got := wireOverrides(t, fits); got != 8192 {
				t.Errorf("%d characters were sent, want 8192", got)
			}
			_, err := padded(t, row.character, row.width, 8193).Input()
			var tooLarge *fargate.OverridesTooLargeError
			if !errors.As(err, &tooLarge) || tooLarge.Characters != 8193 {
				t.Fatalf("8,193 characters gave %v", err)
			}
			for _, part := range []string{"8193", "8192", "container.command", "container.env", "task definition"} {
				contains(t, err.Error(), part)
			}
		})
	}
}

func TestEveryPartOfTheOverridesCounts(t *testing.T) {
	long := strings.Repeat("x", 8192)
	for name, change := range map[string]func(*fargate.Request){
		"a variable's value":  func(r *fargate.Request) { r.Environment["A"] = long },
		"a variable's name":   func(r *fargate.Request) { r.Environment[long] = "" },
		"the command":         func(r *fargate.Request) { r.Command = []string{long} },
		"the container name":  func(r *fargate.Request) { r.ContainerName = long },
		"the size":            func(r *fargate.Request) { r.CPU = long },
		"the memory":          func(r *fargate.Request) { r.Memory = long },
		"many small ones too": func(r *fargate.Request) { r.Command = slices.Repeat([]string{""}, 3000) },
	} {
		t.Run(name, func(t *testing.T) {
			request := fullRequest()
			change(&request)
			var tooLarge *fargate.OverridesTooLargeError
			if _, err := request.Input(); !errors.As(err, &tooLarge) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAttemptsHaveTheirOwnTokenAndAreOtherwiseTheSameRequest(t *testing.T) {
	first, second := fullRequest(), fullRequest()
	first.Attempt, second.Attempt = 1, 2
	one, other := sent(t, first), sent(t, second)
	for _, identity := range []func(string, int32) string{fargate.ClientToken, fargate.StartedBy} {
		if !strings.Contains(one, fmt.Sprintf("%q", identity(uid, 1))) || !strings.Contains(other, fmt.Sprintf("%q", identity(uid, 2))) {
			t.Errorf("the identity of an attempt is missing in\n%s\n%s", one, other)
		}
		one = strings.ReplaceAll(one, identity(uid, 1), "")
		other = strings.ReplaceAll(other, identity(uid, 2), "")
	}
	if one != other {
		t.Errorf("the attempts differ in more than their identity:\n%s\n%s", one, other)
	}
}
