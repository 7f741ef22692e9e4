package awslocal

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// accounts are the servers that share an endpoint, one an account, with the roles and identity providers of all.
type accounts struct {
	mu        sync.RWMutex
	servers   map[string]*Server
	roles     map[string]*role
	providers []identityProvider
}

// joinAccounts makes the server known to those beside it, or begins a list of its own.
func (s *Server) joinAccounts() error {
	s.accounts, s.principals = &accounts{servers: map[string]*Server{}, roles: map[string]*role{}}, newPrincipals()
	if beside := s.options.Beside; beside != nil {
		s.accounts, s.principals = beside.accounts, beside.principals
	}
	a := s.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.servers[s.options.Account]; taken {
		return fmt.Errorf("account %s has a server already; give each its own in Options.Account", s.options.Account)
	}
	for _, options := range s.options.Roles {
		r, err := newRole(options)
		if err != nil {
			return err
		}
		a.roles[options.ARN] = r
	}
	for _, options := range s.options.IdentityProviders {
		p, err := newIdentityProvider(options)
		if err != nil {
			return err
		}
		a.providers = append(a.providers, p)
	}
	a.servers[s.options.Account] = s
	return nil
}

func (a *accounts) role(arn string) (*role, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	r, ok := a.roles[arn]
	return r, ok
}

// serverOfCaller is the server of the account that the caller's credentials belong to; this one, where there is none.
func (s *Server) serverOfCaller(r *http.Request) *Server {
	key := ""
	if sig, ok := parseSignature(r); ok {
		key = sig.accessKeyID
	} else if user, _, ok := r.BasicAuth(); ok {
		key = gitAccessKey(user)
	}
	principal, ok := s.principals.find(key)
	if !ok {
		return s
	}
	s.accounts.mu.RLock()
	defer s.accounts.mu.RUnlock()
	if other, ok := s.accounts.servers[principal.Account]; ok {
		return other
	}
	return s
}

// accountOf is the account in an ARN; empty where there is none.
func accountOf(text string) string {
	parsed, err := arn.Parse(text)
	if err != nil {
		return ""
	}
	return parsed.AccountID
}
