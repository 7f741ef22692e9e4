package awslocal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Where a task finds its credentials and its metadata.
const (
	credentialsRoot = "/v2/credentials/"
	metadataRoot    = "/v4/"
)

// taskEndpoint is what a task can ask about itself.
type taskEndpoint struct {
	task      *task
	principal Principal
	token     string
	container string
}

func (s *Server) endpointOf(id string) (*taskEndpoint, bool) {
	value, ok := s.tasksByID.Load(id)
	if !ok {
		return nil, false
	}
	endpoint, ok := value.(*taskEndpoint)
	return endpoint, ok
}

func (s *Server) serveTaskCredentials(w http.ResponseWriter, r *http.Request) {
	endpoint, ok := s.endpointOf(strings.TrimPrefix(r.URL.Path, credentialsRoot))
	if !ok || endpoint.token == "" || r.Header.Get("Authorization") != endpoint.token {
		http.Error(w, `{"code":"AccessDenied","message":"invalid authorization token"}`, http.StatusForbidden)
		return
	}
	c := endpoint.principal.Credentials
	s.writeJSON(w, map[string]any{
		"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
		"Expiration": c.Expires.UTC().Format(time.RFC3339), "RoleArn": endpoint.task.request.taskRole(),
	})
}

func (s *Server) serveTaskMetadata(w http.ResponseWriter, r *http.Request) {
	id, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, metadataRoot), "/")
	endpoint, ok := s.endpointOf(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	t := endpoint.task
	container := map[string]any{
		"Name": endpoint.container, "Image": t.request.definition.container.Image, "ImageID": t.digest,
		"KnownStatus": t.status(), "Type": "NORMAL", "ContainerARN": t.container, "DockerId": t.id + "-0527074092",
	}
	switch what {
	case "":
		s.writeJSON(w, container)
	case "task", "taskWithTags":
		s.writeJSON(w, map[string]any{
			"Cluster": t.cluster.arn, "TaskARN": t.arn, "Family": t.request.definition.family,
			"Revision": fmt.Sprint(t.request.definition.revision), "DesiredStatus": statusRunning, "KnownStatus": t.status(),
			"AvailabilityZone": t.az, "LaunchType": providerOnDemand,
			"Limits":     map[string]any{"CPU": t.request.size.vcpu(), "Memory": t.request.size.memoryMiB},
			"Containers": []any{container},
		})
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		s.record.fail(fmt.Errorf("encode an answer: %w", err))
	}
}
