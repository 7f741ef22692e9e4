package awslocal

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxRequestBytes bounds a request's body; the largest that the project sends are S3 reports.
const maxRequestBytes = 64 << 20

// answer is a complete HTTP response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// protocol turns an operation's outcome into HTTP.
type protocol interface {
	success(c *call, result any) (answer, error)
	failure(c *call, err *Error) answer
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "the server closes", http.StatusServiceUnavailable)
		return
	}
	defer s.work.Done()
	if other := s.serverOfCaller(r); other != s {
		other.serve(w, r)
		return
	}
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, gitRoot+"/"):
		s.serveGit(w, r)
	case strings.HasPrefix(path, inspectRoot):
		s.serveInspection(w, r)
	case strings.HasPrefix(path, credentialsRoot):
		s.serveTaskCredentials(w, r)
	case strings.HasPrefix(path, metadataRoot):
		s.serveTaskMetadata(w, r)
	default:
		s.serveAPI(w, r)
	}
}

// roundTrip is what a call takes at least, however fast the work is done. No AWS is nearer, and the SDK counts on it: it
// closes a request's body when the answer begins, and where Go's transport has not seen the body's end by then, it drops
// the connection in the middle of the answer.
const roundTrip = 2 * time.Millisecond

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	c := &call{ctx: r.Context(), time: s.clock.Now(), http: r}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		}
		return // the client went away
	}
	c.body = body
	time.Sleep(roundTrip)
	wire, do := s.route(c)
	sig, signed := parseSignature(r)
	if signed {
		if refused := s.authenticate(c, sig); refused != nil {
			s.finish(w, c, wire, nil, refused)
			return
		}
	} else if !anonymous(c) {
		s.finish(w, c, wire, nil, &Error{Status: http.StatusForbidden, Code: "MissingAuthenticationTokenException", Message: "Request is missing Authentication Token"})
		return
	}
	s.perform(w, c, wire, do)
}

// anonymous says which operations need no signature: the link in a subscription's confirmation mail has none, and who shows
// a token has no credentials yet.
func anonymous(c *call) bool {
	switch c.service {
	case serviceSNS:
		return c.operation == "ConfirmSubscription" || c.operation == "Unsubscribe"
	case serviceSTS:
		return c.operation == "AssumeRoleWithWebIdentity"
	}
	return false
}

func (s *Server) authenticate(c *call, sig signature) *Error {
	principal, refused := s.principals.authenticate(sig.accessKeyID, c.http.Header.Get("X-Amz-Security-Token"), c.time)
	if refused != nil {
		return refused
	}
	c.principal = principal
	if refused := sig.wellScoped(c, s.Region()); refused != nil {
		return refused
	}
	if !sig.verify(c.http, c.body, principal.Credentials.SecretAccessKey) {
		return &Error{Status: http.StatusForbidden, Code: "InvalidSignatureException", Message: "The request signature we calculated does not match the signature you provided."}
	}
	return nil
}

// route tells the service and operation: by X-Amz-Target, by the form's Action, else it is S3.
func (s *Server) route(c *call) (protocol, operation) {
	if target := c.http.Header.Get("X-Amz-Target"); target != "" {
		prefix, name, _ := strings.Cut(target, ".")
		c.service, c.operation = jsonService(prefix), name
		return jsonProtocol{contentType: c.http.Header.Get("Content-Type")}, s.find(c)
	}
	if form, ok := queryForm(c); ok {
		c.form, c.operation = form, form.Get("Action")
		c.service = queryService(form.Get("Version"))
		return queryProtocol{}, s.find(c)
	}
	c.service = serviceS3
	return s.buckets.route(c)
}

func (s *Server) find(c *call) operation {
	if do, ok := s.operations[c.service][c.operation]; ok {
		return do
	}
	return func(c *call) (any, error) {
		return nil, refuse("UnknownOperationException", "The operation %s of service %q is not known to the local AWS.", c.operation, c.service)
	}
}

// perform does the work between the faults that are set for the call, and answers.
func (s *Server) perform(w http.ResponseWriter, c *call, wire protocol, do operation) {
	active := s.faults.take(c)
	if !active.before(s, c) {
		return // the client went away while it was delayed
	}
	result, err := s.attempt(c, active, do)
	lost := active.after(c)
	if lost {
		s.recordCall(c, err, true)
		panic(http.ErrAbortHandler)
	}
	s.finish(w, c, wire, result, err)
}

func (s *Server) attempt(c *call, active activeFaults, do operation) (any, error) {
	if active.failure != nil {
		return nil, active.failure
	}
	if s.faults.denies(c) {
		return nil, denied(c)
	}
	if refused := s.authorize(c); refused != nil {
		return nil, refused
	}
	if !s.faults.admit(c) {
		return nil, Throttled()
	}
	return do(c)
}

func (s *Server) finish(w http.ResponseWriter, c *call, wire protocol, result any, err error) {
	s.recordCall(c, err, false)
	var a answer
	if err == nil {
		a, err = wire.success(c, result)
	}
	if err != nil {
		a = wire.failure(c, asError(err))
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Amzn-Requestid", randomUUID())
	w.WriteHeader(a.status)
	if c.http.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client may be gone; there is nobody left to tell
	}
}

func (s *Server) recordCall(c *call, err error, lost bool) {
	summary := c.summary()
	summary.Lost = lost
	if err != nil {
		summary.Err = asError(err).Code
	}
	s.record.call(summary)
}

// asError is the answer for any error of an operation; one that is not an *Error is the server's own failure.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
}
