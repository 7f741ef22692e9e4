package events_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

const (
	firstCommit  = "6669fb1fca2bfc7e52b5ffd6805b15554ec601bf"
	secondCommit = "b63ae6ede087fe187888db24b0dacb4b9ad64c5a"
	targetCommit = "a7f719bf74e49f78da1a4edfed258b184a7054ff"
	alice        = "arn:aws:sts::111122223333:assumed-role/Developer/alice"
	bob          = "arn:aws:sts::111122223333:assumed-role/Developer/bob"
)

func TestDecodePullRequest(t *testing.T) {
	created := events.PullRequest{
		EventKind:       events.PullRequestCreated,
		Repository:      "payments",
		ID:              "42",
		Title:           "Capture twice, charge once",
		AuthorARN:       alice,
		CallerARN:       alice,
		SourceReference: "refs/heads/feature/capture",
		SourceBranch:    "feature/capture",
		TargetReference: "refs/heads/main",
		TargetBranch:    "main",
		SourceCommit:    firstCommit,
		TargetCommit:    targetCommit,
		RevisionID:      "386706bf1f6ba515d60d6a3e5ab8e610177f518a162849c959431cd8535ec1df",
		Account:         "111122223333",
		Region:          "us-east-1",
		Time:            time.Date(2026, 11, 9, 10, 15, 3, 0, time.UTC),
		EventID:         "03f687c8-6bc8-cff0-f321-3e2710900b97",
	}
	updated := created
	updated.EventKind = events.PullRequestUpdated
	updated.SourceCommit = secondCommit
	updated.RevisionID = "5e3cf12147cca0b3d28c67be8bd1c482d2a84c03096cebbb57c83963cef60f46"
	updated.Time = time.Date(2026, 11, 9, 10, 41, 27, 0, time.UTC)
	updated.EventID = "1fca482e-4a36-ce0d-756e-c491198a750d"
	closed := updated
	closed.EventKind = events.PullRequestClosed
	closed.SourceCommit = updated.SourceCommit
	closed.Time = time.Date(2026, 11, 9, 11, 2, 10, 0, time.UTC)
	closed.EventID = "1bf133af-2f9f-f524-fc34-32dea7fe3e68"
	merged := closed
	merged.EventKind = events.PullRequestMerged
	merged.CallerARN = bob
	merged.Time = time.Date(2026, 11, 9, 11, 30, 44, 0, time.UTC)
	merged.EventID = "3f7abf7a-45da-7a1e-5c55-ddb6c7caf037"

	for file, want := range map[string]events.PullRequest{
		"codecommit-pullRequestCreated.json":             created,
		"codecommit-pullRequestSourceBranchUpdated.json": updated,
		"codecommit-pullRequestStatusChanged.json":       closed,
		"codecommit-pullRequestMergeStatusUpdated.json":  merged,
	} {
		t.Run(file, func(t *testing.T) {
			equal(t, decode(t, sample(t, file)), want)
		})
	}
}

func TestDecodePush(t *testing.T) {
	push := events.Push{
		EventKind:  events.PushUpdated,
		Repository: "payments",
		Reference:  "refs/heads/feature/capture",
		Branch:     "feature/capture",
		Commit:     secondCommit,
		OldCommit:  firstCommit,
		CallerARN:  alice,
		Account:    "111122223333",
		Region:     "us-east-1",
		Time:       time.Date(2026, 11, 9, 10, 41, 26, 0, time.UTC),
		EventID:    "80265232-507d-24b3-6c37-138d2c05fb10",
	}
	created := push
	created.EventKind = events.PushCreated
	created.Commit, created.OldCommit = firstCommit, ""
	created.Time = time.Date(2026, 11, 9, 9, 58, 12, 0, time.UTC)
	created.EventID = "4297ca19-da2a-f087-d27c-86250b7f4e51"
	deleted := push
	deleted.EventKind = events.PushDeleted
	deleted.Commit, deleted.OldCommit = "", secondCommit
	deleted.Time = time.Date(2026, 11, 9, 11, 35, 0, 0, time.UTC)
	deleted.EventID = "6a6ae2a1-f195-b0c7-fac1-5a5ddb400ce3"
	merge := push
	merge.Reference, merge.Branch = "refs/heads/main", "main"
	merge.Commit, merge.OldCommit = "14091a9f2461267ee7e02525b4f1f2923f1c9849", targetCommit
	merge.CallerARN = bob
	merge.Time = time.Date(2026, 11, 9, 11, 30, 43, 0, time.UTC)
	merge.EventID = "b9bfe68b-8c39-9f9a-489c-7a0866a7685f"

	for file, want := range map[string]events.Push{
		"codecommit-referenceUpdated-push.json":  push,
		"codecommit-referenceCreated.json":       created,
		"codecommit-referenceDeleted.json":       deleted,
		"codecommit-referenceUpdated-merge.json": merge,
	} {
		t.Run(file, func(t *testing.T) {
			equal(t, decode(t, sample(t, file)), want)
		})
	}
}

func TestDecodeTaskState(t *testing.T) {
	t.Run("a task that ran to its end has all of its times and its exit code", func(t *testing.T) {
		zero := int32(0)
		want := events.TaskState{
			Task: fargate.Task{
				ARN:               "arn:aws:ecs:us-east-1:111122223333:task/scans/c13b4cb40f1f4fe4a2971f76ae5a47ad",
				ClusterARN:        "arn:aws:ecs:us-east-1:111122223333:cluster/scans",
				TaskDefinitionARN: "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7",
				StartedBy:         contract.StartedByPrefix + "6b1f0c2e-5b7d-4d3c-9f55-2f6d1e0a9c11/1",
				LastStatus:        fargate.StatusStopped,
				DesiredStatus:     "STOPPED",
				Version:           5,
				CapacityProvider:  "FARGATE",
				CPU:               "1024",
				Memory:            "2048",
				StopCode:          "EssentialContainerExited",
				StoppedReason:     "Essential container in task exited",
				CreatedAt:         time.Date(2026, 11, 9, 10, 15, 10, 402e6, time.UTC),
				PullStartedAt:     time.Date(2026, 11, 9, 10, 15, 30, 103e6, time.UTC),
				StartedAt:         time.Date(2026, 11, 9, 10, 15, 43, 20e6, time.UTC),
				StoppedAt:         time.Date(2026, 11, 9, 10, 18, 17, 640e6, time.UTC),
				Containers:        []fargate.Container{{Name: "scanner", LastStatus: "STOPPED", ExitCode: &zero}},
			},
			Account: "111122223333",
			Region:  "us-east-1",
			Time:    time.Date(2026, 11, 9, 10, 18, 17, 0, time.UTC),
		}
		got := taskState(t, "ecs-task-5-stopped-exit0.json")
		want.EventID = got.EventID
		equal(t, got, want)
		if got.EventID == "" {
			t.Error("the event has no id")
		}
	})
	t.Run("a container that never started has no exit code, and the reason stays", func(t *testing.T) {
		got := taskState(t, "ecs-task-failed-image-pull.json").Task
		container := got.Container("scanner")
		if container == nil || container.ExitCode != nil || !strings.HasPrefix(container.Reason, "CannotPullContainerError") {
			t.Errorf("container = %+v", container)
		}
		if got.StopCode != "TaskFailedToStart" || !got.StartedAt.IsZero() {
			t.Errorf("stop code %q, started at %v", got.StopCode, got.StartedAt)
		}
	})
	t.Run("a time that is an empty text is none", func(t *testing.T) {
		body := strings.Replace(sample(t, "ecs-task-3-running.json"), `"startedAt": "2026-11-09T10:15:43.020Z"`, `"startedAt": "", "stoppedAt": null`, 1)
		got, ok := decode(t, body).(events.TaskState)
		if !ok || !got.Task.StartedAt.IsZero() || !got.Task.StoppedAt.IsZero() || got.Task.CreatedAt.IsZero() {
			t.Errorf("started %v, stopped %v, created %v", got.Task.StartedAt, got.Task.StoppedAt, got.Task.CreatedAt)
		}
	})
	t.Run("a Spot warning is a running task that is to stop", func(t *testing.T) {
		got := taskState(t, "ecs-task-spot-warning.json").Task
		if got.LastStatus != fargate.StatusRunning || got.DesiredStatus != "STOPPED" || got.CapacityProvider != "FARGATE_SPOT" || got.StopCode != "SpotInterruption" {
			t.Errorf("task = %+v", got)
		}
	})
}

func TestDecodeFindings(t *testing.T) {
	var want contract.Result
	if err := json.Unmarshal([]byte(sample(t, "findings.json")), &want); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"delivered raw":        "findings.json",
		"in the SNS envelope":  "sns-envelope.json",
		"with a trailing line": "findings.json",
	} {
		t.Run(name, func(t *testing.T) {
			body := sample(t, file)
			if name == "with a trailing line" {
				body += "\n"
			}
			equal(t, decode(t, body), events.Findings{Result: want})
		})
	}
	if want.Total != 2 || len(want.Findings) != 2 {
		t.Errorf("the sample holds %d of %d findings, so this test shows nothing", len(want.Findings), want.Total)
	}
}

func TestDecodeAnEventBridgeEventInTheSNSEnvelope(t *testing.T) {
	body := sample(t, "codecommit-pullRequestCreated.json")
	equal(t, decode(t, envelope(t, body)), decode(t, body))
}

func TestDecodeIgnores(t *testing.T) {
	files, err := filepath.Glob("testdata/codecommit-*Approval*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 7 {
		t.Fatalf("found %d samples of approvals, want 7", len(files))
	}
	for _, file := range append(files, "testdata/codecommit-commentOnPullRequestCreated.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ignored(t, sample(t, filepath.Base(file)))
		})
	}
	t.Run("a tag that moves", func(t *testing.T) {
		ignored(t, strings.Replace(sample(t, "codecommit-referenceUpdated-push.json"), `"branch"`, `"tag"`, 1))
	})
	t.Run("another kind of event from ECS", func(t *testing.T) {
		ignored(t, `{"source":"aws.ecs","detail-type":"ECS Service Action","detail":{}}`)
	})
}

func TestDecodeTolerates(t *testing.T) {
	created := sample(t, "codecommit-pullRequestCreated.json")
	tests := map[string]struct {
		body string
		want events.PullRequestKind
	}{
		"unknown fields on both levels": {
			body: strings.Replace(strings.Replace(created, `"version"`, `"replay-name": "monday", "version"`, 1), `"event"`, `"stacked": {"on": [41]}, "event"`, 1),
			want: events.PullRequestCreated,
		},
		"an event that CodeCommit added later": {
			body: strings.Replace(created, `"pullRequestCreated"`, `"pullRequestRenamed"`, 1),
			want: events.PullRequestOther,
		},
		"an event that CodeCommit added later, which is of no commit and no repository": {
			body: strings.NewReplacer(`"pullRequestCreated"`, `"pullRequestLabelled"`, `"sourceCommit"`, `"label"`, `"repositoryNames"`, `"names"`).Replace(created),
			want: events.PullRequestOther,
		},
		"an event that CodeCommit added later, whose fields have another form": {
			body: strings.NewReplacer(`"pullRequestCreated"`, `"pullRequestStacked"`, `"`+firstCommit+`"`, `["`+firstCommit+`"]`).Replace(created),
			want: events.PullRequestOther,
		},
		"the end of a pull request that tells no commit": {
			body: strings.Replace(sample(t, "codecommit-pullRequestStatusChanged.json"), `"sourceCommit"`, `"commit"`, 1),
			want: events.PullRequestClosed,
		},
		"a merge that is told by the event for a closed pull request": {
			body: strings.Replace(sample(t, "codecommit-pullRequestStatusChanged.json"), `"False"`, `"True"`, 1),
			want: events.PullRequestMerged,
		},
		"an update of a pull request that is closed meanwhile": {
			body: strings.Replace(sample(t, "codecommit-pullRequestSourceBranchUpdated.json"), `"Open"`, `"Closed"`, 1),
			want: events.PullRequestClosed,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := decode(t, test.body).(events.PullRequest)
			if !ok || got.EventKind != test.want {
				t.Errorf("kind = %v, want %v", got.EventKind, test.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	created := sample(t, "codecommit-pullRequestCreated.json")
	pushed := sample(t, "codecommit-referenceUpdated-push.json")
	task := sample(t, "ecs-task-3-running.json")
	findings := sample(t, "findings.json")
	// The value stands for what must not come back in an error, which is logged.
	const private = "correct-horse-battery-staple"
	tests := map[string]struct{ body, reason string }{
		"an empty body":                     {"", "not JSON"},
		"text":                              {private, "not JSON: the error is at byte 1"},
		"one MiB of garbage":                {strings.Repeat("\x00\xff{[", 1<<18), "not JSON"},
		"one MiB of opening brackets":       {strings.Repeat("[", 1<<20), "not JSON"},
		"a list":                            {"[1]", "is a array"},
		"null":                              {"null", "neither an EventBridge event"},
		"an object of somebody else":        {`{"secret":"` + private + `"}`, "neither an EventBridge event"},
		"JSON with something after it":      {created + private, "not JSON"},
		"another source":                    {strings.Replace(created, "aws.codecommit", "aws.s3", 1), `source "aws.s3"`},
		"a source as long as a book":        {strings.Replace(created, "aws.codecommit", strings.Repeat("é", 9000), 1), "…"},
		"an event without an account":       {strings.Replace(created, `"account"`, `"acount"`, 1), "account of 12 digits"},
		"an account that is a word":         {strings.Replace(created, "111122223333", private, 1), "account of 12 digits"},
		"an account as long as a book":      {strings.Replace(created, "111122223333", strings.Repeat("1", 9000), 1), "account of 12 digits"},
		"a region as long as a book":        {strings.Replace(created, "us-east-1", strings.Repeat("r", 9000), 1), "name of a region"},
		"a region with a space":             {strings.Replace(created, "us-east-1", "us east", 1), "name of a region"},
		"an event without an id":            {strings.Replace(created, `"id"`, `"di"`, 1), "printable"},
		"an id as long as a book":           {strings.Replace(created, "03f687c8", strings.Repeat("0", 9000), 1), "printable"},
		"an id with a line break":           {strings.Replace(created, "03f687c8", `\n`, 1), "printable"},
		"an event without a region":         {strings.Replace(created, `"region": "us`, `"rgion": "us`, 1), "name of a region"},
		"an event whose time is a word":     {strings.Replace(created, "2026-11-09T10:15:03Z", private, 1), "RFC 3339"},
		"an event without detail":           {strings.Replace(created, `"detail":`, `"details":`, 1), "detail is not JSON"},
		"a detail that is a text":           {`{"source":"aws.codecommit","detail-type":"CodeCommit Pull Request State Change","id":"e","account":"111122223333","region":"us-east-1","time":"2026-11-09T10:15:03Z","detail":"` + private + `"}`, "is a string"},
		"no repository":                     {strings.Replace(created, "repositoryNames", "names", 1), "no repository"},
		"a repository that is a path":       {strings.Replace(created, "    \"payments\"", "    \"../payments\"", 1), "repository's name"},
		"a pull request that is a word":     {strings.Replace(created, `"42"`, `"`+private+`"`, 1), "pullRequestId"},
		"a pull request number as a number": {strings.Replace(created, `"42"`, `42`, 1), `field "pullRequestId" of the pull request event's detail is a number, where a string is expected`},
		"a source commit that is a branch":  {strings.Replace(created, firstCommit, private, 1), "sourceCommit"},
		"a target commit that is a branch":  {strings.Replace(created, targetCommit, private, 1), "destinationCommit"},
		"a push without a commit":           {strings.Replace(pushed, secondCommit, "", 1), "commitId"},
		"a push from nowhere":               {strings.Replace(pushed, firstCommit, private, 1), "oldCommitId"},
		"a push to a repository with a slash": {
			strings.Replace(pushed, `"repositoryName": "payments"`, `"repositoryName": "a/b"`, 1), "repository's name",
		},
		"a push to no branch": {
			strings.NewReplacer(`"feature/capture"`, `""`, `"refs/heads/feature/capture"`, `""`).Replace(pushed), "no branch",
		},
		"a task without an ARN":               {strings.ReplaceAll(task, `"taskArn"`, `"arn"`), `"taskArn"`},
		"a task that started on a word":       {strings.Replace(task, `"startedAt": "2026-11-09T10:15:43.020Z"`, `"startedAt": "`+private+`"`, 1), "not of its form"},
		"a task whose version is a text":      {strings.Replace(task, `"version": 3`, `"version": "`+private+`"`, 1), "is a string"},
		"a task without a version":            {strings.Replace(task, `"version": 3`, `"version": 0`, 1), "above 0"},
		"a task of another account":           {strings.ReplaceAll(task, `"taskArn": "arn:aws:ecs:us-east-1:111122223333:task`, `"taskArn": "arn:aws:ecs:us-east-1:444455556666:task`), `"taskArn"`},
		"a task of another region":            {strings.ReplaceAll(task, `"taskArn": "arn:aws:ecs:us-east-1`, `"taskArn": "arn:aws:ecs:eu-west-1`), `"taskArn"`},
		"a task of another account's cluster": {strings.Replace(task, "111122223333:cluster/", "444455556666:cluster/", 1), `"clusterArn"`},
		"a task whose cluster is a name":      {strings.Replace(task, "arn:aws:ecs:us-east-1:111122223333:cluster/", "", 1), `"clusterArn"`},
		"findings of a later schema":          {strings.Replace(findings, "result/v1", "result/v2", 1), "scanjob.dev/result/v2"},
		"findings whose schema is a number":   {strings.Replace(findings, `"scanjob.dev/result/v1"`, "1", 1), "is a number"},
		"findings without a job":              {strings.Replace(findings, `"uid"`, `"id"`, 1), "name the ScanJob"},
		"findings that count in words":        {strings.Replace(findings, `"total": 2`, `"total": "two"`, 1), "is a string"},
		"an envelope within an envelope":      {envelope(t, envelope(t, findings)), "neither"},
		"an envelope around text":             {envelope(t, private), "in the SNS envelope is not JSON"},
		"an envelope around nothing":          {`{"Type":"Notification","MessageId":"m","TopicArn":"t"}`, "missing or not a string"},
		"an unconfirmed subscription":         {`{"Type":"SubscriptionConfirmation","MessageId":"m","TopicArn":"t","Message":"m"}`, "confirm"},
		"an envelope of a numbered kind":      {`{"Type":1,"MessageId":"m","TopicArn":"t","Message":"m"}`, "is a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			event, err := events.Decode(test.body)
			if !errors.Is(err, events.ErrUndecodable) {
				t.Fatalf("Decode = %v, %v; want ErrUndecodable", event, err)
			}
			var typed *events.UndecodableError
			if !errors.As(err, &typed) || !strings.Contains(typed.Reason, test.reason) {
				t.Errorf("error = %v, want it to tell %q", err, test.reason)
			}
			if strings.Contains(err.Error(), private) {
				t.Errorf("the error repeats what the message says: %v", err)
			}
			if len(err.Error()) > 300 {
				t.Errorf("the error is %d characters long", len(err.Error()))
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		f.Add(sample(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, body string) {
		event, err := events.Decode(body)
		if (event == nil) == (err == nil) {
			t.Fatalf("Decode = %v, %v; want exactly one of them", event, err)
		}
		if err != nil {
			if !errors.Is(err, events.ErrUndecodable) {
				t.Fatalf("error %v is not ErrUndecodable", err)
			}
			return
		}
		again, err := events.Decode(body)
		if err != nil || !cmp.Equal(event, again) {
			t.Fatalf("the second time Decode says %v, %v", again, err)
		}
		if e, ok := event.(events.PullRequest); ok && (e.Account == "" || e.EventKind != events.PullRequestOther && e.Repository == "" || e.Time.Location() != time.UTC) {
			t.Fatalf("incomplete: %+v", e)
		}
	})
}

func sample(t testing.TB, file string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func envelope(t *testing.T, message string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": message})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func decode(t *testing.T, body string) events.Event {
	t.Helper()
	event, err := events.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func taskState(t *testing.T, file string) events.TaskState {
	t.Helper()
	state, ok := decode(t, sample(t, file)).(events.TaskState)
	if !ok {
		t.Fatalf("%s is not a task state", file)
	}
	return state
}

func ignored(t *testing.T, body string) {
	t.Helper()
	event, ok := decode(t, body).(events.Ignored)
	if !ok || event.Description == "" {
		t.Errorf("Decode = %#v, want Ignored with a description", event)
	}
}

func equal(t *testing.T, got, want events.Event) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
