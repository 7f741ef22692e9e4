package source

import (
	"net"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// validate refuses what can never be fetched, before anything is sent anywhere.
func (r Request) validate() error {
	address, err := url.Parse(r.URL)
	if err != nil {
		// The parser's text repeats the address, which may hold a password.
		return failure.Request(nil, "%s is no URL: give an address such as https://host/path", contract.EnvSourceURL)
	}
	switch address.Scheme {
	case "https", "http", "git", "file":
	default:
		return failure.Request(nil, "the scheme %q of %s is not supported: use https", address.Scheme, contract.EnvSourceURL)
	}
	if address.User != nil {
		return failure.Request(nil, "%s must not hold credentials: it is readable in ECS, its events and CloudTrail; remove them from "+
			"the URL and change them", contract.EnvSourceURL)
	}
	if r.Auth == contract.AuthCodeCommit && address.Scheme != "https" && (address.Scheme != "http" || !isLoopback(address.Hostname())) {
		return failure.Request(nil, "%s is %s, but %s is not https: the signature would travel in the clear",
			contract.EnvSourceAuth, contract.AuthCodeCommit, contract.EnvSourceURL)
	}
	if err := validateRevision(contract.EnvRevision, r.Revision); err != nil {
		return err
	}
	if r.BaseRevision == "" {
		return nil
	}
	return validateRevision(contract.EnvBaseRevision, r.BaseRevision)
}

func validateRevision(name, revision string) error {
	const sha256Digits = 64
	if len(revision) == sha256Digits && strings.Trim(revision, "0123456789abcdefABCDEF") == "" {
		return failure.Request(nil, "%s has 64 digits: repositories with SHA-256 object ids cannot be read", name)
	}
	if !plumbing.IsHash(revision) {
		return failure.Request(nil, "%s must be a full commit id of 40 hexadecimal digits", name)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
