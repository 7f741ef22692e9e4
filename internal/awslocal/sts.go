package awslocal

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

func (s *Server) stsOperations() map[string]operation {
	return map[string]operation{
		"GetCallerIdentity":         s.getCallerIdentity,
		"AssumeRole":                s.assumeRole,
		"AssumeRoleWithWebIdentity": s.assumeRoleWithWebIdentity,
	}
}

type callerIdentityResult struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

func (s *Server) getCallerIdentity(c *call) (any, error) {
	return callerIdentityResult{ARN: c.principal.ARN, UserID: c.principal.UserID, Account: c.principal.Account}, nil
}

type assumeRoleResult struct {
	AccessKeyID     string `xml:"Credentials>AccessKeyId"`
	SecretAccessKey string `xml:"Credentials>SecretAccessKey"`
	SessionToken    string `xml:"Credentials>SessionToken"`
	Expiration      string `xml:"Credentials>Expiration"`
	ARN             string `xml:"AssumedRoleUser>Arn"`
	RoleID          string `xml:"AssumedRoleUser>AssumedRoleId"`
}

// assumption is a request for a session of a role.
type assumption struct {
	role, session, externalID string
	life                      time.Duration
}

// Bounds of AssumeRole's parameters (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const (
	defaultSessionSeconds = 3600
	minSessionSeconds     = 900
	maxSessionSeconds     = 43200
)

func readAssumption(c *call) (assumption, *Error) {
	a := assumption{role: c.form.Get("RoleArn"), session: c.form.Get("RoleSessionName"), externalID: c.form.Get("ExternalId")}
	invalid := func(format string, args ...any) *Error { return refuse("ValidationError", format, args...) }
	if !regexp.MustCompile(`^[\w+=,.@-]{2,64}$`).MatchString(a.session) {
		return a, invalid("RoleSessionName %q must be 2 to 64 letters, digits and characters of _+=,.@-", a.session)
	}
	if c.form.Has("ExternalId") && (len(a.externalID) > 1224 || !regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`).MatchString(a.externalID)) {
		return a, invalid("ExternalId must be 2 to 1224 letters, digits and characters of _+=,.@:/-")
	}
	seconds := defaultSessionSeconds
	if text := c.form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < minSessionSeconds || n > maxSessionSeconds {
			return a, invalid("DurationSeconds must be between %d and %d, not %s.", minSessionSeconds, maxSessionSeconds, text)
		}
		seconds = n
	}
	a.life = time.Duration(seconds) * time.Second
	return a, nil
}

// assumeRole knows only the roles of the options. As in IAM, a role that does not exist looks like one that is forbidden.
// The caller's own policies must allow it too, also in the same account, where AWS may do without.
func (s *Server) assumeRole(c *call) (any, error) {
	a, refused := readAssumption(c)
	if refused != nil {
		return nil, refused
	}
	context := map[string][]string{"sts:RoleSessionName": {a.session}}
	if a.externalID != "" {
		context["sts:ExternalId"] = []string{a.externalID}
	}
	r, ok := s.accounts.role(a.role)
	if !ok || !r.admits(c.principal.policyPrincipal(), context, c.principal.Tags) {
		return nil, &Error{
			Status: http.StatusForbidden, Code: "AccessDenied",
			Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.principal.ARN, a.role),
		}
	}
	return s.newSession(c, r, a, c.principal.Tags), nil
}

// assumeRoleWithWebIdentity gives a session to whoever shows a token that the role's trust policy speaks of.
func (s *Server) assumeRoleWithWebIdentity(c *call) (any, error) {
	a, refused := readAssumption(c)
	if refused != nil {
		return nil, refused
	}
	identity, refused := s.readToken(c, c.form.Get("WebIdentityToken"))
	if refused != nil {
		return nil, refused
	}
	r, ok := s.accounts.role(a.role)
	if !ok || !r.trusts(identity.principal(), "sts:AssumeRoleWithWebIdentity", identity.context()) {
		return nil, &Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	}
	return s.newSession(c, r, a, nil), nil
}

func (s *Server) newSession(c *call, r *role, a assumption, tags map[string]string) assumeRoleResult {
	principal := s.principals.newTaggedSession(a.role, a.session, c.time.Add(min(a.life, r.longest)), tags)
	return assumeRoleResult{
		AccessKeyID: principal.Credentials.AccessKeyID, SecretAccessKey: principal.Credentials.SecretAccessKey,
		SessionToken: principal.Credentials.SessionToken, Expiration: principal.Credentials.Expires.UTC().Format(time.RFC3339),
		ARN: principal.ARN, RoleID: principal.UserID,
	}
}
