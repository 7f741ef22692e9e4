package awslocal

import (
	"net/http"
	"strings"
)

// inspectRoot is where people and other processes can look at what happened: no AWS service has such paths.
const inspectRoot = "/_awslocal/"

// serveInspection answers with what the methods of Server return, as JSON.
func (s *Server) serveInspection(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, inspectRoot) {
	case "mail":
		s.writeJSON(w, nonNil(s.Mail()))
	case "publishes":
		s.writeJSON(w, nonNil(s.Publishes()))
	case "tasks":
		s.writeJSON(w, s.Tasks())
	case "calls":
		s.writeJSON(w, nonNil(s.Calls()))
	case "events":
		s.writeJSON(w, nonNil(s.Events()))
	case "logs":
		s.writeJSON(w, nonNil(s.LogLines()))
	case "undelivered":
		s.writeJSON(w, nonNil(s.Undelivered()))
	default:
		http.NotFound(w, r)
	}
}
