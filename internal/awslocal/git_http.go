package awslocal

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// gitRoot is the path under which CodeCommit serves repositories.
const gitRoot = "/v1/repos"

// serveGit answers a Git client.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, gitRoot+"/"), "/")
	c := &call{ctx: r.Context(), service: serviceCodeCommit, operation: gitOperation(path, r), time: s.clock.Now(), http: r}
	if c.operation == "" {
		http.NotFound(w, r)
		return
	}
	username, password, ok := r.BasicAuth()
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="CodeCommit"`)
		http.Error(w, "authentication required", http.StatusUnauthorized)
		return
	}
	principal, refused := s.authenticateGit(username, password, gitRoot+"/"+name, hostOf(r))
	c.principal = principal
	if refused == nil && s.faults.deniesRepository(name) {
		refused = denied(c)
		refused.Status = http.StatusForbidden
	}
	if refused != nil {
		s.refuseGit(w, c, refused)
		return
	}
	active := s.faults.take(c)
	if !active.before(s, c) {
		return
	}
	if active.failure != nil {
		s.refuseGit(w, c, active.failure)
		return
	}
	refused = s.authorizeGit(c, name)
	if s.faults.denies(c) {
		refused = denied(c)
	}
	if refused != nil {
		s.refuseGit(w, c, &Error{Status: http.StatusForbidden, Code: refused.Code, Message: refused.Message})
		return
	}
	repo, ok := s.repos.repository(name)
	if !ok {
		s.refuseGit(w, c, &Error{Status: http.StatusNotFound, Code: "RepositoryDoesNotExistException", Message: "repository not found"})
		return
	}
	s.runGitBackend(w, r, c, active, repo)
}

// runGitBackend does the work of one request of a Git client.
func (s *Server) runGitBackend(w http.ResponseWriter, r *http.Request, c *call, active activeFaults, repo *repository) {
	target := w
	if active.lose {
		target = discardResponse{header: http.Header{}}
	}
	err := spool(r, filepath.Join(s.dir, "tasks"))
	if err == nil {
		err = errors.Join(s.repos.serveBackend(target, r, c, repo), r.Body.Close())
	}
	lost := active.after(c)
	s.recordCall(c, err, lost)
	if lost {
		panic(http.ErrAbortHandler)
	}
	if err != nil && s.ctx.Err() == nil {
		s.record.fail(fmt.Errorf("serve Git for %s: %w", repo.name, err))
	}
}

func (s *Server) refuseGit(w http.ResponseWriter, c *call, refused *Error) {
	s.recordCall(c, refused, false)
	http.Error(w, refused.Message, refused.Status)
}

// gitOperation is the IAM action of a request; empty for what Git clients do not ask.
func gitOperation(path string, r *http.Request) string {
	service := path
	if path == "info/refs" && r.Method == http.MethodGet {
		service = r.URL.Query().Get("service")
	} else if r.Method != http.MethodPost {
		return ""
	}
	switch service {
	case "git-upload-pack":
		return "GitPull"
	case "git-receive-pack":
		return "GitPush"
	}
	return ""
}

// serveBackend runs git-http-backend. Around a push it compares the references, to move pull requests and tell the bus.
func (cc *codeCommitService) serveBackend(w http.ResponseWriter, r *http.Request, c *call, repo *repository) error {
	handler := &cgi.Handler{
		Path: cc.git.backend, Root: gitRoot, Dir: repo.dir,
		Env: append(cc.git.environment(),
			"GIT_PROJECT_ROOT="+filepath.Dir(repo.dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER="+c.principal.ARN),
		Logger: log.New(io.Discard, "", 0), Stderr: io.Discard, // what the client must know is in the answer
	}
	if r.Method != http.MethodPost || c.operation != "GitPush" {
		handler.ServeHTTP(w, r)
		return nil
	}
	return cc.changeRefs(c, repo, func() error {
		handler.ServeHTTP(w, r)
		return cc.settleHead(repo)
	})
}

// spool reads a body of unknown length into a file, because CGI needs its length.
func spool(r *http.Request, dir string) (err error) {
	if r.ContentLength >= 0 {
		return nil
	}
	file, err := os.CreateTemp(dir, "push-")
	if err != nil {
		return fmt.Errorf("spool the request: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(fmt.Errorf("spool the request: %w", err), file.Close())
	}
	n, err := io.Copy(file, r.Body)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("spool the request: %w", err), file.Close())
	}
	r.Body, r.ContentLength, r.TransferEncoding = file, n, nil
	return nil
}

// discardResponse takes an answer that is not to be sent.
type discardResponse struct{ header http.Header }

func (d discardResponse) Header() http.Header         { return d.header }
func (d discardResponse) Write(p []byte) (int, error) { return len(p), nil }
func (d discardResponse) WriteHeader(int)             {}

func hostOf(r *http.Request) string {
	host := r.Host
	if i := strings.LastIndex(host, ":"); i > strings.LastIndex(host, "]") {
		host = host[:i]
	}
	return host
}

// GitURL is the URL of a repository, as GetRepository returns it.
func (s *Server) GitURL(repository string) string { return s.URL() + gitRoot + "/" + repository }

// GitCredentials are the user name and password with which a Git client reaches a repository for the next 15 minutes.
func (s *Server) GitCredentials(c aws.Credentials, repository string) (username, password string) {
	host, _, _ := strings.Cut(s.listener.Addr().String(), ":")
	stamp := s.clock.Now().UTC().Format(gitTimeFormat)
	return gitUser(c), gitPassword(c.SecretAccessKey, s.options.Region, host, gitRoot+"/"+repository, stamp)
}
