package awslocal_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

const ruleARN = "arn:aws:events:us-east-1:111122223333:rule/all"

// busTest is a rule for the source "test" with a queue as its target.
type busTest struct {
	*queueTest
	bus *eventbridge.Client
}

func newBusTest(t *testing.T) *busTest {
	t.Helper()
	q := newQueueTest(t, nil)
	b := &busTest{queueTest: q, bus: eventbridge.NewFromConfig(q.server.Config())}
	q.allow("events.amazonaws.com", ruleARN)
	_, err := b.bus.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("all"), EventPattern: aws.String(`{"source":["test"]}`)})
	noError(t, err)
	b.target("arn:aws:sqs:us-east-1:111122223333:inbox", "")
	return b
}

func (b *busTest) target(arn, dead string) {
	b.t.Helper()
	target := types.Target{Id: aws.String("inbox"), Arn: aws.String(arn)}
	if dead != "" {
		target.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String(dead)}
	}
	_, err := b.bus.PutTargets(b.t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("all"), Targets: []types.Target{target}})
	noError(b.t, err)
}

func (b *busTest) put(details ...string) {
	b.t.Helper()
	for _, detail := range details {
		out, err := b.bus.PutEvents(b.t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			Source: aws.String("test"), DetailType: aws.String("Test"), Detail: aws.String(detail),
		}}})
		noError(b.t, err)
		if out.FailedEntryCount != 0 {
			b.t.Fatalf("entries %+v", out.Entries)
		}
	}
}

// details are the details of the events in the queue, sorted, as a standard queue has no order.
func (b *busTest) details() []string {
	b.t.Helper()
	details := b.inOrder()
	slices.Sort(details)
	return details
}

func (b *busTest) inOrder() []string {
	b.t.Helper()
	details := []string{}
	for _, m := range b.receive() {
		var event struct {
			Version, ID, Source, Account, Region string
			Detail                               json.RawMessage
			Time                                 time.Time
		}
		noError(b.t, json.Unmarshal([]byte(aws.ToString(m.Body)), &event))
		if event.Version != "0" || event.ID == "" || event.Source != "test" || event.Account != "111122223333" || event.Region != "us-east-1" || event.Time.IsZero() {
			b.t.Errorf("envelope %+v", event)
		}
		details = append(details, string(event.Detail))
	}
	return details
}

func TestEventReachesTheQueueAsItIs(t *testing.T) {
	b := newBusTest(t)
	b.put(`{"n":1}`)
	if got := b.details(); !slices.Equal(got, []string{`{"n":1}`}) {
		t.Errorf("details %v", got)
	}
}

func TestEventFaults(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault func(b *busTest)
		after func(b *busTest)
		want  []string
	}{
		{"drop the next two", func(b *busTest) { b.server.Faults().DropEvents("test", 2) }, nil, []string{`{"n":3}`}},
		{"drop only other sources", func(b *busTest) { b.server.Faults().DropEvents("aws.ecs", 2) }, nil, []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}},
		{"drop all", func(b *busTest) { b.server.Faults().DropFraction(1) }, nil, []string{}},
		{"deliver each twice", func(b *busTest) { b.server.Faults().DuplicateEvents(1) }, nil, []string{`{"n":1}`, `{"n":1}`, `{"n":2}`, `{"n":2}`, `{"n":3}`, `{"n":3}`}},
		{"hold and release in reverse", func(b *busTest) { b.server.Faults().HoldEvents() }, func(b *busTest) {
			if b.depth().Total() != 0 || len(b.server.Faults().HeldEvents()) != 3 {
				b.t.Errorf("depth %+v while events are held", b.depth())
			}
			b.server.Faults().ReleaseEvents(awslocal.Reversed)
		}, []string{`{"n":3}`, `{"n":2}`, `{"n":1}`}},
		{"deliver a minute later", func(b *busTest) { b.server.Faults().DelayEvents(time.Minute) }, func(b *busTest) {
			if b.depth().Total() != 0 {
				b.t.Errorf("depth %+v before the time", b.depth())
			}
			eventually(b.t, "late events", func() bool { b.clock.Step(time.Second); return b.depth().Total() == 3 })
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBusTest(t)
			row.fault(b)
			b.put(`{"n":1}`, `{"n":2}`, `{"n":3}`)
			if row.after != nil {
				row.after(b)
			}
			if got := b.inOrder(); row.want != nil && !slices.Equal(got, row.want) {
				t.Errorf("details %v, want %v", got, row.want)
			}
			if n := len(b.server.Events()); n != 3 {
				t.Errorf("%d events are recorded", n)
			}
		})
	}
}

func TestTargetThatMayNotBeSentToGoesToTheDeadLetterQueue(t *testing.T) {
	b := newBusTest(t)
	b.create("target", nil) // no policy
	b.target("arn:aws:sqs:us-east-1:111122223333:target", "arn:aws:sqs:us-east-1:111122223333:inbox")
	b.put(`{"n":1}`)
	m := b.one()
	if got := aws.ToString(m.MessageAttributes["RULE_ARN"].StringValue); got != ruleARN {
		t.Errorf("RULE_ARN %q", got)
	}
	if got := aws.ToString(m.MessageAttributes["ERROR_CODE"].StringValue); got == "" {
		t.Error("no ERROR_CODE")
	}
	b.target("arn:aws:sqs:us-east-1:111122223333:none", "")
	b.put(`{"n":2}`)
	if n := len(b.server.Undelivered()); n != 2 {
		t.Errorf("%d undelivered events are recorded", n)
	}
}

func TestDisabledRuleAndRemovedTargetDeliverNothing(t *testing.T) {
	b := newBusTest(t)
	rule := &eventbridge.PutRuleInput{Name: aws.String("all"), EventPattern: aws.String(`{"source":["test"]}`), State: types.RuleStateDisabled}
	_, err := b.bus.PutRule(t.Context(), rule)
	noError(t, err)
	b.put(`{"n":1}`)
	rule.State = types.RuleStateEnabled
	_, err = b.bus.PutRule(t.Context(), rule)
	noError(t, err)
	b.put(`{"n":2}`)
	_, err = b.bus.RemoveTargets(t.Context(), &eventbridge.RemoveTargetsInput{Rule: aws.String("all"), Ids: []string{"inbox"}})
	noError(t, err)
	b.put(`{"n":3}`)
	if got := b.details(); !slices.Equal(got, []string{`{"n":2}`}) {
		t.Errorf("details %v", got)
	}
}

func TestBusRefusals(t *testing.T) {
	b := newBusTest(t)
	for _, row := range []struct {
		name, pattern, code string
	}{
		{"a pattern that is no object", `[]`, "InvalidEventPatternException"},
		{"a value that is not in a list", `{"source":"test"}`, "InvalidEventPatternException"},
		{"an operator that does not exist", `{"source":[{"like":"a"}]}`, "InvalidEventPatternException"},
		{"an empty list", `{"source":[]}`, "InvalidEventPatternException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := b.bus.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("bad"), EventPattern: aws.String(row.pattern)})
			wantCode(t, err, row.code)
		})
	}
	out, err := b.bus.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("aws.ecs"), DetailType: aws.String("a"), Detail: aws.String("{}")},
		{Source: aws.String("test"), DetailType: aws.String("a"), Detail: aws.String("nope")},
		{Source: aws.String("test"), DetailType: aws.String("a"), Detail: aws.String("{}")},
	}})
	noError(t, err)
	if out.FailedEntryCount != 2 || aws.ToString(out.Entries[0].ErrorCode) != "NotAuthorizedForSourceException" || out.Entries[2].EventId == nil {
		t.Errorf("entries %+v", out.Entries)
	}
}

func TestAPatternIsTriedOnAnEventWithoutARule(t *testing.T) {
	b := newBusTest(t)
	const event = `{"id":"1","account":"111122223333","source":"test","time":"2026-01-01T00:00:00Z","region":"us-east-1",
		"resources":[],"detail-type":"Test","detail":{"n":1}}`
	try := func(pattern, event string) (*eventbridge.TestEventPatternOutput, error) {
		return b.bus.TestEventPattern(t.Context(), &eventbridge.TestEventPatternInput{EventPattern: aws.String(pattern), Event: aws.String(event)})
	}
	for pattern, want := range map[string]bool{`{"detail":{"n":[1]}}`: true, `{"detail":{"n":[2]}}`: false} {
		out, err := try(pattern, event)
		noError(t, err)
		if out.Result != want {
			t.Errorf("%s matches: %v", pattern, out.Result)
		}
	}
	_, err := try(`{"source":"test"}`, event)
	wantCode(t, err, "InvalidEventPatternException")
	_, err = try(`{"source":["test"]}`, `{"source":"test"}`)
	wantCode(t, err, "ValidationException")
	if depth, err := b.server.Queue("inbox"); err != nil || depth.Total() != 0 {
		t.Errorf("%d events were delivered, error %v", depth.Total(), err)
	}
}

func TestTaskRuleTakesOnlyTheProjectsTasks(t *testing.T) {
	server, r := provisioned(t, optionsExit0())
	theirs := runInput(r, withToken("theirs"))
	theirs.StartedBy = aws.String("somebody/else")
	ours := run(t, server, runInput(r))
	other := run(t, server, theirs)
	waitStatus(t, server, ours, "STOPPED")
	waitStatus(t, server, other, "STOPPED")
	depth, err := server.Queue("scan-inbox")
	noError(t, err)
	if depth.Total() != 1 {
		t.Errorf("%d events in the inbox, want one task's end", depth.Total())
	}
}
