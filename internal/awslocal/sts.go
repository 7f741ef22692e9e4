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
		"GetCallerIdentity": s.getCallerIdentity,
		"AssumeRole":        s.assumeRole,
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

// assumeRole knows only the roles of the options. As in IAM, a role that does not exist looks like one that is forbidden.
func (s *Server) assumeRole(c *call) (any, error) {
	arn, session := c.form.Get("RoleArn"), c.form.Get("RoleSessionName")
	invalid := func(format string, args ...any) *Error { return refuse("ValidationError", format, args...) }
	if !regexp.MustCompile(`^[\w+=,.@-]{2,64}$`).MatchString(session) {
		return nil, invalid("RoleSessionName %q must be 2 to 64 letters, digits and characters of _+=,.@-", session)
	}
	seconds := 3600
	if text := c.form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 900 || n > 43200 {
			return nil, invalid("DurationSeconds must be between 900 and 43200, not %s.", text)
		}
		seconds = n
	}
	role, ok := s.role(arn)
	if !ok || role.ExternalID != "" && role.ExternalID != c.form.Get("ExternalId") {
		return nil, &Error{
			Status: http.StatusForbidden, Code: "AccessDenied",
			Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.principal.ARN, arn),
		}
	}
	principal := s.principals.newSession(arn, session, c.time.Add(time.Duration(seconds)*time.Second))
	return assumeRoleResult{
		AccessKeyID: principal.Credentials.AccessKeyID, SecretAccessKey: principal.Credentials.SecretAccessKey,
		SessionToken: principal.Credentials.SessionToken, Expiration: principal.Credentials.Expires.UTC().Format(time.RFC3339),
		ARN: principal.ARN, RoleID: principal.UserID,
	}, nil
}

func (s *Server) role(arn string) (Role, bool) {
	for _, role := range s.options.Roles {
		if role.ARN == arn {
			return role, true
		}
	}
	return Role{}, false
}
