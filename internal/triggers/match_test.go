package triggers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
)

const (
	commitA = "6669fb1fca2bfc7e52b5ffd6805b15554ec601bf"
	commitB = "b63ae6ede087fe187888db24b0dacb4b9ad64c5a"
	commitM = "a7f719bf74e49f78da1a4edfed258b184a7054ff"
	bot     = "arn:aws:sts::111122223333:assumed-role/bot/renovate"
)

var noon = time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC)

// pullRequest is the event that opened pull request 42 of payments, from feature/capture to release/1.2.
func pullRequest() events.PullRequest {
	return events.PullRequest{
		EventKind:    events.PullRequestCreated,
		Repository:   "payments",
		ID:           "42",
		Title:        "Capture twice, charge once",
		AuthorARN:    bot,
		CallerARN:    bot,
		SourceBranch: "feature/capture",
		TargetBranch: "release/1.2",
		SourceCommit: commitA,
		TargetCommit: commitM,
		RevisionID:   "revision-a",
		Account:      "111122223333",
		Region:       "us-east-1",
		Time:         noon,
		EventID:      "event-a",
	}
}

func push() events.Push {
	return events.Push{
		EventKind: events.PushUpdated, Repository: "payments", Branch: "main", Commit: commitB, OldCommit: commitA,
		CallerARN: bot, Account: "111122223333", Region: "us-east-1", Time: noon, EventID: "event-p",
	}
}

func mustChange(t *testing.T, e events.PullRequest) Change {
	t.Helper()
	c, ok := OfPullRequest(e, noon.Add(2*time.Second))
	if !ok {
		t.Fatalf("%+v is no change", e)
	}
	return c
}

func mustExpressions(t *testing.T) *Expressions {
	t.Helper()
	x, err := NewExpressions()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestMatch(t *testing.T) {
	pr := mustChange(t, pullRequest())
	pushed, ok := OfPush(push(), noon)
	if !ok {
		t.Fatal("a push is no change")
	}
	created := []v1alpha1.TriggerEvent{v1alpha1.EventPullRequestCreated}
	any3 := []v1alpha1.TriggerEvent{v1alpha1.EventPullRequestCreated, v1alpha1.EventPullRequestUpdated, v1alpha1.EventPush}
	tests := map[string]struct {
		spec v1alpha1.ScanTriggerSpec
		c    Change
		want Answer
	}{
		"a trigger without patterns wants every repository and branch": {v1alpha1.ScanTriggerSpec{Events: created}, pr, AnswerWanted},
		"an event that is not listed is not wanted":                    {v1alpha1.ScanTriggerSpec{Events: []v1alpha1.TriggerEvent{v1alpha1.EventPullRequestUpdated}}, pr, AnswerEvent},
		"a push is wanted where pushes are listed":                     {v1alpha1.ScanTriggerSpec{Events: any3}, pushed, AnswerWanted},
		"a push is not a pull request":                                 {v1alpha1.ScanTriggerSpec{Events: created}, pushed, AnswerEvent},
		"a suspended trigger wants nothing":                            {v1alpha1.ScanTriggerSpec{Events: created, Suspend: true}, pr, AnswerSuspended},
		"a repository's name matches itself":                           {v1alpha1.ScanTriggerSpec{Events: created, Repositories: []string{"infra", "payments"}}, pr, AnswerWanted},
		"a repository's name does not match a longer one":              {v1alpha1.ScanTriggerSpec{Events: created, Repositories: []string{"pay"}}, pr, AnswerRepository},
		"a star stands for the rest of a name":                         {v1alpha1.ScanTriggerSpec{Events: created, Repositories: []string{"pay*"}}, pr, AnswerWanted},
		"a question mark stands for one character":                     {v1alpha1.ScanTriggerSpec{Events: created, Repositories: []string{"payment?"}}, pr, AnswerWanted},
		"braces are alternatives":                                      {v1alpha1.ScanTriggerSpec{Events: created, Repositories: []string{"{infra,payments}"}}, pr, AnswerWanted},
		"a star does not cross a slash of a branch":                    {v1alpha1.ScanTriggerSpec{Events: created, TargetBranches: []string{"*"}}, pr, AnswerBranch},
		"a star stands for a part of a branch":                         {v1alpha1.ScanTriggerSpec{Events: created, TargetBranches: []string{"release/*"}}, pr, AnswerWanted},
		"two stars cross slashes":                                      {v1alpha1.ScanTriggerSpec{Events: created, TargetBranches: []string{"**"}}, pr, AnswerWanted},
		"a branch may be written in full":                              {v1alpha1.ScanTriggerSpec{Events: created, TargetBranches: []string{"refs/heads/release/1.2"}}, pr, AnswerWanted},
		"the source branch is not the target branch":                   {v1alpha1.ScanTriggerSpec{Events: created, TargetBranches: []string{"feature/*"}}, pr, AnswerBranch},
		"the branch that was pushed to is the target branch":           {v1alpha1.ScanTriggerSpec{Events: any3, TargetBranches: []string{"main"}}, pushed, AnswerWanted},
		"a true expression wants the event":                            {v1alpha1.ScanTriggerSpec{Events: created, Expression: `event.actor.endsWith("/renovate")`}, pr, AnswerWanted},
		"a false expression does not":                                  {v1alpha1.ScanTriggerSpec{Events: created, Expression: `!event.author.contains("role/bot/")`}, pr, AnswerExpression},
		"an expression sees a push":                                    {v1alpha1.ScanTriggerSpec{Events: any3, Expression: `event.type == "Push" && event.pullRequestId == ""`}, pushed, AnswerWanted},
		"an expression can calculate with the time":                    {v1alpha1.ScanTriggerSpec{Events: created, Expression: `timestamp(event.time).getHours() == 12`}, pr, AnswerWanted},
	}
	x := mustExpressions(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Match(t.Context(), &test.spec, test.c, x)
			if err != nil || got != test.want {
				t.Errorf("match = %s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestMatchScansAsIfThePartThatCannotBeFollowedWereNotThere(t *testing.T) {
	tests := map[string]struct {
		spec v1alpha1.ScanTriggerSpec
		want Answer
		kind error
		says string
	}{
		"a bracket that stays open in a repository": {
			v1alpha1.ScanTriggerSpec{Repositories: []string{"infra", "pay[ments"}}, AnswerWanted, ErrInvalidPattern, `spec.repositories[1] is "pay[ments"`,
		},
		"a brace that stays open in a branch": {
			v1alpha1.ScanTriggerSpec{TargetBranches: []string{"{main,release"}}, AnswerWanted, ErrInvalidPattern, `spec.targetBranches[0] is "{main,release"`,
		},
		"a bracket that stays open in a path": {
			v1alpha1.ScanTriggerSpec{Paths: []string{"src/[a"}}, AnswerWanted, ErrInvalidPattern, `spec.paths[0] is "src/[a"`,
		},
		"a brace that stays open in an ignored path": {
			v1alpha1.ScanTriggerSpec{PathsIgnore: []string{"docs/**", "{a"}}, AnswerWanted, ErrInvalidPattern, `spec.pathsIgnore[1] is "{a"`,
		},
		"braces that stand for too much": {
			v1alpha1.ScanTriggerSpec{TargetBranches: []string{strings.Repeat("{a*,*a}", 20)}}, AnswerWanted, ErrInvalidPattern, "more than 64 patterns",
		},
		"a pattern that cannot be read in a trigger that does not want the branch": {
			v1alpha1.ScanTriggerSpec{Repositories: []string{"pay[ments"}, TargetBranches: []string{"main"}}, AnswerBranch, nil, "",
		},
		"an expression that does not compile": {
			v1alpha1.ScanTriggerSpec{Expression: `event.title ==`}, AnswerWanted, ErrInvalidExpression, "does not compile",
		},
		"an expression that does not compile in a trigger that does not want the repository": {
			v1alpha1.ScanTriggerSpec{Expression: `event.title ==`, Repositories: []string{"infra-*"}}, AnswerRepository, nil, "",
		},
		"a pattern that cannot be read and a false expression": {
			v1alpha1.ScanTriggerSpec{Expression: `event.title == ""`, Repositories: []string{"pay[ments"}}, AnswerExpression, nil, "",
		},
		"a suspended trigger": {
			v1alpha1.ScanTriggerSpec{Expression: `event.title ==`, Suspend: true}, AnswerSuspended, nil, "",
		},
		"a trigger for other kinds of event": {
			v1alpha1.ScanTriggerSpec{Expression: `event.title ==`, Events: []v1alpha1.TriggerEvent{v1alpha1.EventPush}}, AnswerEvent, nil, "",
		},
		"an expression that fails for this event": {
			v1alpha1.ScanTriggerSpec{Expression: `int(event.title) > 3`}, AnswerWanted, ErrExpressionFailed, "spec.expression failed",
		},
	}
	x := mustExpressions(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.spec.Events == nil {
				test.spec.Events = []v1alpha1.TriggerEvent{v1alpha1.EventPullRequestCreated}
			}
			got, err := Match(t.Context(), &test.spec, mustChange(t, pullRequest()), x)
			if got != test.want || !errors.Is(err, test.kind) {
				t.Fatalf("match = %s, %v; want %s, %v", got, err, test.want, test.kind)
			}
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %q does not say %q", err, test.says)
			}
		})
	}
}

func TestExpressionCheck(t *testing.T) {
	// Each level goes over ten items, so that eight of them make 10^8 steps of a short text.
	costly := "true"
	for i := range 8 {
		costly = fmt.Sprintf("[0,1,2,3,4,5,6,7,8,9].all(v%d, %s)", i, costly)
	}
	tests := map[string]struct{ text, want string }{
		"none at all":                              {"", ""},
		"a comparison":                             {`event.targetBranch == "main"`, ""},
		"a regular expression":                     {`event.title.matches("^(fix|feat): .{1,80}$")`, ""},
		"functions for texts":                      {`event.title.lowerAscii().trim().replace("a", "b").startsWith("wip") || "release" in event.targetBranch.split("/")`, ""},
		"a regular expression that cannot be read": {`event.title.matches("fix(")`, "invalid matches argument"},
		"a text that would grow without bound":     {`event.title.replace("", event.title).replace("", event.title).replace("", event.title) == ""`, "it may cost too much"},
		"an index in place of a field":             {`event["title"] != ""`, ""},
		"all fields":                               {"event." + strings.Join(ExpressionFields(), ` != "x" && event.`) + ` != "x"`, ""},
		"a text":                                   {`event.title`, "it is a string; it must be a boolean"},
		"an unknown variable":                      {`pullRequest.title == ""`, "does not compile"},
		"a misspelt field":                         {`event.actr == "x" || event.titel == "y"`, "event has no field actr, titel; it has type, id, time"},
		"a comparison of unlike types":             {`event.title == 3`, "does not compile"},
		"nested loops over long lists":             {costly, "it may cost too much"},
		"a nested regular expression":              {`[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, event.title.matches(event.author))))`, "it may cost too much"},
	}
	x := mustExpressions(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := x.Check(test.text)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("check = %v, want %q", err, test.want)
			}
			if again := x.Check(test.text); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("from the cache: %v, first: %v", again, err)
			}
		})
	}
}

func TestExpressionStopsAtTheCostLimitWhateverTheEstimateSaid(t *testing.T) {
	x := mustExpressions(t)
	// The estimate takes a title for 2048 characters at most; this one has a million, and the loop goes over it 100 times.
	text := `[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, event.title.contains("z") == false))`
	if err := x.Check(text); err != nil {
		t.Fatal(err)
	}
	e := pullRequest()
	e.Title = strings.Repeat("a", 1_000_000)
	_, err := x.Evaluate(t.Context(), text, mustChange(t, e).Fields)
	if err == nil || !strings.Contains(err.Error(), "cost limit exceeded") {
		t.Errorf("error = %v, want the cost limit", err)
	}
}

func TestChange(t *testing.T) {
	t.Run("every field of expressions is there for both kinds of event", func(t *testing.T) {
		pushed, _ := OfPush(push(), noon)
		for _, c := range []Change{mustChange(t, pullRequest()), pushed} {
			if len(c.Fields) != len(ExpressionFields()) {
				t.Errorf("%d fields, want %d", len(c.Fields), len(ExpressionFields()))
			}
			for _, field := range ExpressionFields() {
				if _, ok := c.Fields[field]; !ok {
					t.Errorf("no field %s in a %s event", field, c.Event)
				}
			}
		}
	})
	t.Run("events that bring no commits are none", func(t *testing.T) {
		for _, kind := range []events.PullRequestKind{events.PullRequestClosed, events.PullRequestMerged, events.PullRequestOther} {
			e := pullRequest()
			e.EventKind = kind
			if _, ok := OfPullRequest(e, noon); ok {
				t.Errorf("%s is a change", kind)
			}
		}
		e := push()
		e.EventKind = events.PushDeleted
		if _, ok := OfPush(e, noon); ok {
			t.Error("a deleted branch is a change")
		}
	})
	t.Run("a push to a new branch has no base", func(t *testing.T) {
		for _, old := range []string{"", strings.Repeat("0", 40)} {
			e := push()
			e.OldCommit = old
			if c, _ := OfPush(e, noon); c.Base != "" {
				t.Errorf("old commit %q gives base %q", old, c.Base)
			}
		}
	})
}

func TestRepositoryNames(t *testing.T) {
	for name, test := range map[string]struct {
		patterns []string
		literal  bool
	}{
		"names":                 {[]string{"payments", "infra-dns", "a.b_c"}, true},
		"a star among them":     {[]string{"payments", "infra-*"}, false},
		"a question mark":       {[]string{"payment?"}, false},
		"a class":               {[]string{"payment[sz]"}, false},
		"alternatives":          {[]string{"{a,b}"}, false},
		"an escaped character":  {[]string{`a\*`}, false},
		"none, which means all": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			names, literal := RepositoryNames(test.patterns)
			if literal != test.literal || literal && strings.Join(names, ",") != strings.Join(test.patterns, ",") {
				t.Errorf("%v, %v", names, literal)
			}
		})
	}
}
