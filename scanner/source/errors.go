package source

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"syscall"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// refused tells whether the server does not give out a commit by its id, so that asking for branches may help.
func refused(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, git.ErrExactSHA1NotSupported) || errors.Is(err, git.NoMatchingRefSpecError{}) {
		return true
	}
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return true
	}
	// The library gives the server's refusal no type of its own.
	text := err.Error()
	return strings.Contains(text, "not our ref") || strings.Contains(text, "decoding upload-pack response")
}

// explain gives an error of go-git its class and a text that says what to do. The text of the server is left out: it may
// repeat the request.
func (r *Repository) explain(doing string, err error) error {
	var classified *failure.Error
	if errors.As(err, &classified) {
		return err
	}
	name := r.request.Name
	var program *exec.Error
	var certificate *tls.CertificateVerificationError
	status := statusOf(err)
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return failure.Request(err, "repository %s is empty: push a commit before scanning it", name)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return failure.Request(err, "repository %s does not exist: check its name and %s", name, contract.EnvSourceURL)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return failure.Request(err, "no permission to read repository %s: %s", name, r.permissionAdvice())
	case errors.Is(err, syscall.ENOSPC):
		return failure.Request(err, "the work folder is full while trying to %s: raise spec.resources.ephemeralStorage", doing)
	case errors.As(err, &program):
		return failure.Request(err, "git is not installed, which the scheme file needs: give https in %s", contract.EnvSourceURL)
	case errors.As(err, &certificate):
		return failure.Request(err, "the certificate of the server of repository %s is not trusted", name)
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return failure.Temporary(err, "could not %s %s: the server answered %d %s", doing, name, status, http.StatusText(status))
	case status != 0:
		return failure.Request(err, "could not %s %s: the server answered %d %s; check %s", doing, name, status, http.StatusText(status),
			contract.EnvSourceURL)
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return failure.Temporary(err, "could not %s %s: %s failed: %v; check that the subnets and security groups of the task reach it",
			doing, name, connection(network), network.Err)
	}
	var request *url.Error
	if errors.As(err, &request) {
		return failure.Temporary(err, "could not %s %s: the connection failed", doing, name)
	}
	return failure.Temporary(err, "could not %s %s: the transfer broke off or was damaged", doing, name)
}

// connection names the step of a connection that failed. Before a name is resolved there is no address.
func connection(failed *net.OpError) string {
	if failed.Addr == nil {
		return failed.Op
	}
	return failed.Op + " to " + failed.Addr.String()
}

func (r *Repository) permissionAdvice() string {
	if r.request.Auth == contract.AuthCodeCommit {
		return "allow codecommit:GitPull on it in the task role"
	}
	return "only public repositories and CodeCommit are supported"
}

// statusOf returns the HTTP status in an error of go-git, or 0.
func statusOf(err error) int {
	// Its UnexpectedError does not unwrap.
	var unexpected *plumbing.UnexpectedError
	if errors.As(err, &unexpected) {
		err = unexpected.Err
	}
	var answer *githttp.Err
	if errors.As(err, &answer) {
		return answer.StatusCode()
	}
	return 0
}
