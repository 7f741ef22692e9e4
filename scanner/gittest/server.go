package gittest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Server serves a repository at /v1/repos/NAME with git's own http-backend.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	requests []*http.Request
	bytes    int64
}

// Gate decides about a request before git sees it: a status other than 0 is the answer.
type Gate func(*http.Request) (status int, body string)

// Serve serves the repository under the name; gate may be nil.
func Serve(t testing.TB, r *Repository, name string, gate Gate) *Server {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(folder)), "git-http-backend"),
		Root: "/v1/repos/" + name,
		Env:  append(environment(), "GIT_PROJECT_ROOT="+filepath.Join(r.Dir, ".git"), "GIT_HTTP_EXPORT_ALL=1"),
	}
	s := &Server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, request.Clone(request.Context()))
		s.mu.Unlock()
		if gate != nil {
			if status, body := gate(request); status != 0 {
				http.Error(w, body, status)
				return
			}
		}
		if !strings.HasPrefix(request.URL.Path, backend.Root+"/") {
			http.NotFound(w, request)
			return
		}
		backend.ServeHTTP(counting{w, s}, request)
	}))
	t.Cleanup(s.Close)
	return s
}

// Requests returns the requests so far.
func (s *Server) Requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.requests...)
}

// Bytes returns how many bytes git answered so far, without the heads of the answers.
func (s *Server) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

type counting struct {
	http.ResponseWriter
	server *Server
}

func (c counting) Write(p []byte) (int, error) {
	c.server.mu.Lock()
	c.server.bytes += int64(len(p))
	c.server.mu.Unlock()
	return c.ResponseWriter.Write(p)
}
