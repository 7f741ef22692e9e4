package awslocal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// gitTimeFormat is how CodeCommit's Git signature writes a time: without the Z that other signatures have.
const gitTimeFormat = "20060102T150405"

// gitSignatureLife is how old a signature may be, and how far ahead the client's clock.
const gitSignatureLife = 15 * time.Minute

// gitPassword is the password of Git over HTTPS: the time and a signature over method GIT, path and host. Unlike those of
// the API it has no hash of the body, and the session token is not signed.
func gitPassword(secret, region, host, path, stamp string) string {
	canonical := "GIT\n" + path + "\n\nhost:" + host + "\n\nhost\n"
	hash := sha256.Sum256([]byte(canonical))
	date := stamp[:8]
	scope := date + "/" + region + "/codecommit/aws4_request"
	toSign := signingAlgorithm + "\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(hash[:])
	key := signingKey(secret, date, region, serviceCodeCommit)
	return stamp + "Z" + hex.EncodeToString(hmacSHA256(key, toSign))
}

// gitAccessKey is the access key in a Git client's user name.
func gitAccessKey(username string) string {
	key, _, _ := strings.Cut(username, "%")
	return key
}

// authenticateGit checks the user name and password of a Git client.
func (s *Server) authenticateGit(username, password, path, host string) (Principal, *Error) {
	_, token, _ := strings.Cut(username, "%")
	key := gitAccessKey(username)
	now := s.clock.Now()
	principal, refused := s.principals.authenticate(key, token, now)
	if refused != nil {
		return Principal{}, refused
	}
	stamp, _, ok := strings.Cut(password, "Z")
	at, err := time.Parse(gitTimeFormat, stamp)
	if !ok || err != nil || now.Sub(at) > gitSignatureLife || at.Sub(now) > gitSignatureLife {
		return principal, &Error{Status: http.StatusForbidden, Code: "RequestExpired", Message: "the signature is too old or has no valid time"}
	}
	want := gitPassword(principal.Credentials.SecretAccessKey, s.options.Region, host, path, stamp)
	if !hmac.Equal([]byte(want), []byte(password)) {
		return principal, &Error{Status: http.StatusForbidden, Code: "InvalidSignatureException", Message: "the signature does not match"}
	}
	return principal, nil
}
