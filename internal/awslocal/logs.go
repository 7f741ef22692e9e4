package awslocal

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// logsService is CloudWatch Logs.
type logsService struct {
	server *Server
	mu     sync.Mutex
	groups map[string]map[string]*logStream // by group and stream
}

type logStream struct {
	name    string
	created time.Time
	events  []logEvent
}

type logEvent struct {
	Timestamp     int64  `json:"timestamp"`
	IngestionTime int64  `json:"ingestionTime"`
	Message       string `json:"message"`
}

// LogLine is one line that a task wrote.
type LogLine struct {
	Group, Stream, Message string
	Time                   time.Time
}

func newLogs(s *Server) *logsService {
	return &logsService{server: s, groups: map[string]map[string]*logStream{}}
}

func (l *logsService) operations() map[string]operation {
	return map[string]operation{
		"CreateLogGroup":     jsonOperation(l.createLogGroup),
		"DescribeLogStreams": jsonOperation(l.describeLogStreams),
		"GetLogEvents":       jsonOperation(l.getLogEvents),
	}
}

// awslogsGroup is the group of a container whose lines go to CloudWatch Logs.
func awslogsGroup(c Container) (string, bool) {
	if c.logs == nil || c.logs.LogDriver != "awslogs" {
		return "", false
	}
	return c.logs.Options["awslogs-group"], true
}

// prepare says whether the container's log group exists; it is made where the container's options ask for it.
func (l *logsService) prepare(c Container) bool {
	group, ok := awslogsGroup(c)
	if !ok {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.groups[group]; !ok && c.logs.Options["awslogs-create-group"] == "true" {
		l.groups[group] = map[string]*logStream{}
	}
	_, ok = l.groups[group]
	return ok
}

// write adds a line to the container's stream, which its first line creates.
func (l *logsService) write(c Container, line string) {
	group, ok := awslogsGroup(c)
	if !ok {
		return
	}
	name := c.logs.Options["awslogs-stream-prefix"] + "/" + c.Name + "/" + c.id
	now := l.server.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	streams, ok := l.groups[group]
	if !ok {
		return
	}
	stream, ok := streams[name]
	if !ok {
		stream = &logStream{name: name, created: now}
		streams[name] = stream
	}
	stream.events = append(stream.events, logEvent{Timestamp: now.UnixMilli(), IngestionTime: now.UnixMilli(), Message: line})
}

func (l *logsService) createLogGroup(_ *call, in struct {
	LogGroupName string `json:"logGroupName"`
}) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if in.LogGroupName == "" {
		return nil, refuse("InvalidParameterException", "logGroupName must not be empty")
	}
	if _, ok := l.groups[in.LogGroupName]; ok {
		return nil, refuse("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	l.groups[in.LogGroupName] = map[string]*logStream{}
	return nothing{}, nil
}

// streams finds a group by its name or ARN; the lock is held.
func (l *logsService) streams(name, identifier string) (map[string]*logStream, *Error) {
	if name == "" {
		_, name, _ = strings.Cut(":"+identifier, ":log-group:")
		if name == "" {
			name = identifier
		}
	}
	streams, ok := l.groups[strings.TrimSuffix(name, ":*")]
	if !ok {
		return nil, refuse("ResourceNotFoundException", "The specified log group does not exist.")
	}
	return streams, nil
}

func (l *logsService) describeLogStreams(_ *call, in struct {
	LogGroupName        string `json:"logGroupName"`
	LogGroupIdentifier  string `json:"logGroupIdentifier"`
	LogStreamNamePrefix string `json:"logStreamNamePrefix"`
	OrderBy             string `json:"orderBy"`
	Descending          bool   `json:"descending"`
	Limit               *int   `json:"limit"`
	NextToken           string `json:"nextToken"`
}) (any, error) {
	limit, refused := logLimit(in.Limit, 50, 50)
	if refused != nil {
		return nil, refused
	}
	from, refused := decodePage(in.NextToken)
	if refused != nil {
		return nil, refused
	}
	if in.OrderBy == "LastEventTime" && in.LogStreamNamePrefix != "" {
		return nil, refuse("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	group, refused := l.streams(in.LogGroupName, in.LogGroupIdentifier)
	if refused != nil {
		return nil, refused
	}
	streams := slices.SortedFunc(maps.Values(group), func(a, b *logStream) int {
		order := strings.Compare(a.name, b.name)
		if in.OrderBy == "LastEventTime" {
			order = cmp.Or(cmp.Compare(a.last(), b.last()), order)
		}
		if in.Descending {
			return -order
		}
		return order
	})
	streams = slices.DeleteFunc(streams, func(s *logStream) bool { return !strings.HasPrefix(s.name, in.LogStreamNamePrefix) })
	documents := []any{}
	for i := from; i < min(len(streams), from+limit); i++ {
		s := streams[i]
		documents = append(documents, map[string]any{
			"logStreamName": s.name, "creationTime": s.created.UnixMilli(),
			"firstEventTimestamp": s.events[0].Timestamp, "lastEventTimestamp": s.last(),
		})
	}
	out := map[string]any{"logStreams": documents}
	if from+limit < len(streams) {
		out["nextToken"] = encodePage(from + limit)
	}
	return out, nil
}

func (s *logStream) last() int64 { return s.events[len(s.events)-1].Timestamp }

func logLimit(value *int, standard, highest int) (int, *Error) {
	if value == nil {
		return standard, nil
	}
	if *value < 1 || *value > highest {
		return 0, refuse("InvalidParameterException", "limit must be between 1 and %d.", highest)
	}
	return *value, nil
}

// maxLogEvents is the number of events of one GetLogEvents page.
const maxLogEvents = 10_000

type getLogEventsInput struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
	LogStreamName      string `json:"logStreamName"`
	StartFromHead      bool   `json:"startFromHead"`
	StartTime          *int64 `json:"startTime"`
	EndTime            *int64 `json:"endTime"`
	Limit              *int   `json:"limit"`
	NextToken          string `json:"nextToken"`
}

// getLogEvents pages forward and backward. Tokens are never missing: the end is where the token sent comes back.
func (l *logsService) getLogEvents(_ *call, in getLogEventsInput) (any, error) {
	limit, refused := logLimit(in.Limit, maxLogEvents, maxLogEvents)
	if refused != nil {
		return nil, refused
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	streams, refused := l.streams(in.LogGroupName, in.LogGroupIdentifier)
	if refused != nil {
		return nil, refused
	}
	stream, ok := streams[in.LogStreamName]
	if !ok {
		return nil, refuse("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	from, to, refused := in.window(len(stream.events), limit)
	if refused != nil {
		return nil, refused
	}
	events := slices.DeleteFunc(slices.Clone(stream.events[from:to]), func(e logEvent) bool {
		return in.StartTime != nil && e.Timestamp < *in.StartTime || in.EndTime != nil && e.Timestamp >= *in.EndTime
	})
	return map[string]any{
		"events":            events,
		"nextForwardToken":  logToken("f", to),
		"nextBackwardToken": logToken("b", from),
	}, nil
}

// window is the range of events that a page covers.
func (in getLogEventsInput) window(events, limit int) (from, to int, refused *Error) {
	switch {
	case in.NextToken != "":
		direction, position, ok := parseLogToken(in.NextToken)
		if !ok || position > events {
			return 0, 0, refuse("InvalidParameterException", "The specified nextToken is invalid.")
		}
		if direction == "b" {
			return max(position-limit, 0), position, nil
		}
		return position, min(position+limit, events), nil
	case in.StartFromHead:
		return 0, min(limit, events), nil
	}
	return max(events-limit, 0), events, nil
}

func logToken(direction string, position int) string {
	return direction + "/" + base64.RawURLEncoding.EncodeToString([]byte(decimal(position)))
}

func parseLogToken(token string) (direction string, position int, ok bool) {
	direction, encoded, _ := strings.Cut(token, "/")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || direction != "f" && direction != "b" {
		return "", 0, false
	}
	if _, err := fmt.Sscanf(string(text), "%d", &position); err != nil {
		return "", 0, false
	}
	return direction, position, position >= 0
}

// LogLines are all lines that tasks wrote so far, by group and stream, oldest first within one.
func (s *Server) LogLines() []LogLine {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	var lines []LogLine
	for _, group := range slices.Sorted(maps.Keys(s.logs.groups)) {
		streams := s.logs.groups[group]
		for _, name := range slices.Sorted(maps.Keys(streams)) {
			for _, e := range streams[name].events {
				lines = append(lines, LogLine{Group: group, Stream: name, Message: e.Message, Time: time.UnixMilli(e.Timestamp)})
			}
		}
	}
	return lines
}
