package awslocal

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// IdentityProvider is an IAM OpenID Connect provider, as an EKS cluster has one for the tokens of its service accounts.
type IdentityProvider struct {
	// ARN is the provider's: arn:aws:iam::ACCOUNT:oidc-provider/ISSUER, with the issuer's URL without https://.
	ARN string
	// Keys are the issuer's public keys, a JSON Web Key Set.
	Keys []byte
}

type identityProvider struct {
	arn, issuer string
	keys        jose.JSONWebKeySet
}

func newIdentityProvider(options IdentityProvider) (identityProvider, error) {
	_, issuer, ok := strings.Cut(options.ARN, ":oidc-provider/")
	if !ok || issuer == "" {
		return identityProvider{}, fmt.Errorf("identity provider %q: not an ARN such as arn:aws:iam::ACCOUNT:oidc-provider/ISSUER", options.ARN)
	}
	p := identityProvider{arn: options.ARN, issuer: issuer}
	if err := json.Unmarshal(options.Keys, &p.keys); err != nil {
		return identityProvider{}, fmt.Errorf("keys of identity provider %s: %w", options.ARN, err)
	}
	return p, nil
}

// webIdentity is who a token speaks of.
type webIdentity struct {
	provider identityProvider
	subject  string
	audience []string
}

// context are the condition keys of the identity: the issuer and the claim.
func (w webIdentity) context() map[string][]string {
	return map[string][]string{w.provider.issuer + ":sub": {w.subject}, w.provider.issuer + ":aud": w.audience}
}

func (w webIdentity) principal() iampolicy.Principal {
	return iampolicy.Principal{Federated: w.provider.arn}
}

// readToken checks a token's signature, issuer and time.
func (s *Server) readToken(c *call, token string) (webIdentity, *Error) {
	invalid := func(why string) *Error {
		return refuse("InvalidIdentityToken", "%s", why)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return webIdentity{}, invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	var claims jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return webIdentity{}, invalid("The ID Token provided has no readable claims.")
	}
	provider, ok := s.accounts.provider(strings.TrimPrefix(claims.Issuer, "https://"))
	if !ok {
		return webIdentity{}, invalid("No OpenIDConnect provider found in your account for " + claims.Issuer)
	}
	if err := parsed.Claims(provider.keys, &claims); err != nil {
		return webIdentity{}, invalid("Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Time: c.time}, 0); err != nil {
		return webIdentity{}, refuse("ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
	}
	return webIdentity{provider: provider, subject: claims.Subject, audience: claims.Audience}, nil
}

func (a *accounts) provider(issuer string) (identityProvider, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, p := range a.providers {
		if p.issuer == issuer {
			return p, true
		}
	}
	return identityProvider{}, false
}
