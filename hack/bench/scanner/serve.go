package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// server serves one bare repository over HTTP with git's own http-backend and counts the bytes of its answers.
type server struct {
	url  string
	sent atomic.Int64
	http *http.Server
}

// serve serves the repository; filter says whether clients may leave out objects (partial clones).
func serve(ctx context.Context, repository string, filter bool) (*server, error) {
	folder, err := runOnce(ctx, git("--exec-path"))
	if err != nil {
		return nil, err
	}
	const root = "/v1/repos/bench"
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(folder.Output)), "git-http-backend"),
		Root: root,
		Env: []string{
			"GIT_PROJECT_ROOT=" + repository, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "GIT_CONFIG_COUNT=3",
			"GIT_CONFIG_KEY_0=uploadpack.allowFilter", fmt.Sprintf("GIT_CONFIG_VALUE_0=%t", filter),
			"GIT_CONFIG_KEY_1=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_1=true",
			"GIT_CONFIG_KEY_2=safe.directory", "GIT_CONFIG_VALUE_2=*",
		},
	}
	s := &server{}
	s.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backend.ServeHTTP(&countingWriter{w, &s.sent}, r)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String() + root
	go s.http.Serve(listener) //nolint:errcheck // it ends with an error when it is closed
	return s, nil
}

type countingWriter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.sent.Add(int64(n))
	return n, err
}
