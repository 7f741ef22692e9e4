package awslocal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Event is an event on the default bus.
type Event struct {
	ID         string
	DetailType string
	Source     string
	Time       time.Time
	Resources  []string
	// Detail is whatever the source says, as it goes into JSON.
	Detail any
}

// eventBus is EventBridge's default bus.
type eventBus struct {
	server *Server
	mu     sync.RWMutex
	rules  map[string]*rule
}

type rule struct {
	name, arn string
	text      string
	pattern   pattern
	enabled   bool
	targets   []target
}

type target struct {
	ID               string `json:"Id"`
	ARN              string `json:"Arn"`
	DeadLetterConfig *struct {
		ARN string `json:"Arn"`
	} `json:"DeadLetterConfig"`
	Input            *string         `json:"Input"`
	InputPath        *string         `json:"InputPath"`
	InputTransformer json.RawMessage `json:"InputTransformer"`
}

func newEventBus(s *Server) *eventBus { return &eventBus{server: s, rules: map[string]*rule{}} }

func (b *eventBus) operations() map[string]operation {
	return map[string]operation{
		"PutRule":          jsonOperation(b.putRule),
		"DescribeRule":     jsonOperation(b.describeRule),
		"DeleteRule":       jsonOperation(b.deleteRule),
		"PutTargets":       jsonOperation(b.putTargets),
		"RemoveTargets":    jsonOperation(b.removeTargets),
		"PutEvents":        jsonOperation(b.putEvents),
		"TestEventPattern": jsonOperation(b.testEventPattern),
	}
}

func (b *eventBus) putRule(_ *call, in struct {
	Name         string `json:"Name"`
	EventPattern string `json:"EventPattern"`
	State        string `json:"State"`
	EventBusName string `json:"EventBusName"`
}) (any, error) {
	switch {
	case !regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`).MatchString(in.Name):
		return nil, refuse("ValidationException", "Rule name %q must be 1 to 64 letters, digits, dots, hyphens and underscores.", in.Name)
	case in.EventBusName != "" && nameOf(in.EventBusName) != "default":
		return nil, refuse("ResourceNotFoundException", "Event bus %s does not exist.", in.EventBusName)
	}
	compiled, refused := compileEventPattern(in.EventPattern)
	if refused != nil {
		return nil, refused
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.rules[in.Name]
	if !ok {
		r = &rule{name: in.Name, arn: b.server.arn(serviceEvents, "rule/"+in.Name)}
		b.rules[in.Name] = r
	}
	r.text, r.pattern, r.enabled = in.EventPattern, compiled, in.State != "DISABLED"
	return map[string]any{"RuleArn": r.arn}, nil
}

func compileEventPattern(text string) (pattern, *Error) {
	if len(text) > 4096 {
		return pattern{}, refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: it has more than 4096 characters.")
	}
	compiled, err := compilePattern([]byte(text))
	if err != nil {
		return pattern{}, refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	return compiled, nil
}

// testEventPattern matches one event, which must have all fields of the envelope, as a rule would.
func (b *eventBus) testEventPattern(_ *call, in struct {
	Event        string `json:"Event"`
	EventPattern string `json:"EventPattern"`
}) (any, error) {
	compiled, refused := compileEventPattern(in.EventPattern)
	if refused != nil {
		return nil, refused
	}
	var event map[string]any
	if err := json.Unmarshal([]byte(in.Event), &event); err != nil {
		return nil, refuse("ValidationException", "Parameter Event is not valid. Reason: %v", err)
	}
	for _, field := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, ok := event[field]; !ok {
			return nil, refuse("ValidationException", "Parameter Event is not valid. Reason: field %s is missing.", field)
		}
	}
	return map[string]any{"Result": compiled.match(event)}, nil
}

func (b *eventBus) describeRule(_ *call, in struct {
	Name string `json:"Name"`
}) (any, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	r, refused := b.rule(in.Name)
	if refused != nil {
		return nil, refused
	}
	state := "ENABLED"
	if !r.enabled {
		state = "DISABLED"
	}
	return map[string]any{"Name": r.name, "Arn": r.arn, "EventPattern": r.text, "State": state, "EventBusName": "default"}, nil
}

// rule finds a rule; the lock is held.
func (b *eventBus) rule(name string) (*rule, *Error) {
	r, ok := b.rules[name]
	if !ok {
		return nil, refuse("ResourceNotFoundException", "Rule %s does not exist on EventBus default.", name)
	}
	return r, nil
}

func (b *eventBus) deleteRule(_ *call, in struct {
	Name string `json:"Name"`
}) (any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.rules[in.Name]; ok && len(r.targets) > 0 {
		return nil, refuse("ValidationException", "Rule can't be deleted since it has targets.")
	}
	delete(b.rules, in.Name)
	return nothing{}, nil
}

func (b *eventBus) putTargets(_ *call, in struct {
	Rule    string   `json:"Rule"`
	Targets []target `json:"Targets"`
}) (any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, refused := b.rule(in.Rule)
	if refused != nil {
		return nil, refused
	}
	if len(in.Targets) == 0 || len(in.Targets) > 10 {
		return nil, refuse("ValidationException", "1 to 10 targets can be put at once, not %d.", len(in.Targets))
	}
	targets := slices.Clone(r.targets)
	for _, t := range in.Targets {
		if t.Input != nil || t.InputPath != nil || t.InputTransformer != nil {
			return nil, refuse("ValidationException", "The local AWS delivers whole events: target %s must have no input, input path or transformer.", t.ID)
		}
		targets = slices.DeleteFunc(targets, func(have target) bool { return have.ID == t.ID })
		targets = append(targets, t)
	}
	if len(targets) > 5 {
		return nil, refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	r.targets = targets
	return map[string]any{"FailedEntryCount": 0, "FailedEntries": []any{}}, nil
}

func (b *eventBus) removeTargets(_ *call, in struct {
	Rule string   `json:"Rule"`
	IDs  []string `json:"Ids"`
}) (any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, refused := b.rule(in.Rule)
	if refused != nil {
		return nil, refused
	}
	r.targets = slices.DeleteFunc(slices.Clone(r.targets), func(t target) bool { return slices.Contains(in.IDs, t.ID) })
	return map[string]any{"FailedEntryCount": 0, "FailedEntries": []any{}}, nil
}

type putEventsEntry struct {
	Detail       string   `json:"Detail"`
	DetailType   string   `json:"DetailType"`
	Source       string   `json:"Source"`
	Time         *float64 `json:"Time"`
	Resources    []string `json:"Resources"`
	EventBusName string   `json:"EventBusName"`
}

// maxPutEventsBytes bounds the entries of one PutEvents.
const maxPutEventsBytes = 1 << 20

func (b *eventBus) putEvents(c *call, in struct {
	Entries []putEventsEntry `json:"Entries"`
}) (any, error) {
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, refuse("ValidationException", "1 to 10 entries can be put at once, not %d.", len(in.Entries))
	}
	if len(c.body) >= maxPutEventsBytes {
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLargeException", Message: "Total size of the entries in the request is over the limit."}
	}
	entries, failed := []any{}, 0
	for _, entry := range in.Entries {
		id, refused := b.accept(c, entry)
		if refused != nil {
			failed++
			entries = append(entries, map[string]any{"ErrorCode": refused.Code, "ErrorMessage": refused.Message})
			continue
		}
		entries = append(entries, map[string]any{"EventId": id})
	}
	return map[string]any{"FailedEntryCount": failed, "Entries": entries}, nil
}

// accept puts one entry on the bus. Services alone may use sources that begin with aws.
func (b *eventBus) accept(c *call, entry putEventsEntry) (string, *Error) {
	var detail map[string]any
	switch {
	case entry.Source == "" || entry.DetailType == "":
		return "", refuse("InvalidArgument", "Parameter Source and DetailType are required.")
	case regexp.MustCompile(`^aws\.`).MatchString(entry.Source):
		return "", refuse("NotAuthorizedForSourceException", "Not authorized for the source.")
	case json.Unmarshal([]byte(entry.Detail), &detail) != nil:
		return "", refuse("MalformedDetail", "Detail is malformed.")
	}
	at := c.time
	if entry.Time != nil {
		at = time.UnixMilli(int64(*entry.Time * 1000))
	}
	return b.emit(Event{DetailType: entry.DetailType, Source: entry.Source, Time: at, Resources: entry.Resources, Detail: detail}), nil
}

// emit gives an event its id and hands it to the rules, as far as the faults let it through.
func (b *eventBus) emit(e Event) string {
	e.ID = randomUUID()
	b.server.record.event(e)
	fate := b.server.faults.fate(e)
	for range fate.copies {
		if fate.delay == 0 {
			b.deliver(e)
			continue
		}
		b.server.work.Go(func() {
			if b.server.sleep(b.server.ctx, fate.delay) {
				b.deliver(e)
			}
		})
	}
	return e.ID
}

// eventJSON is the event as targets get it.
func (s *Server) eventJSON(e Event) ([]byte, error) {
	body, err := json.Marshal(map[string]any{
		"version": "0", "id": e.ID, "detail-type": e.DetailType, "source": e.Source, "account": s.options.Account,
		"time": e.Time.UTC().Format(time.RFC3339), "region": s.options.Region, "resources": nonNil(e.Resources), "detail": e.Detail,
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return body, nil
}

// deliver gives an event to the targets of all rules that match it.
func (b *eventBus) deliver(e Event) {
	body, err := b.server.eventJSON(e)
	if err != nil {
		b.server.record.fail(err)
		return
	}
	var document map[string]any
	if err := json.Unmarshal(body, &document); err != nil {
		b.server.record.fail(fmt.Errorf("decode event %s: %w", e.ID, err))
		return
	}
	type delivery struct {
		rule   string
		target target
	}
	var deliveries []delivery
	b.mu.RLock()
	for _, r := range b.rules {
		if !r.enabled || !r.pattern.match(document) {
			continue
		}
		for _, t := range r.targets {
			deliveries = append(deliveries, delivery{r.arn, t})
		}
	}
	b.mu.RUnlock()
	for _, d := range deliveries {
		b.deliverTo(d.rule, d.target, string(body))
	}
}
