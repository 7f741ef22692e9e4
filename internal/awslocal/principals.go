package awslocal

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Principal is who made a call: an IAM user, or a session of an IAM role.
type Principal struct {
	// ARN is what GetCallerIdentity reports.
	ARN string
	// UserID is the unique id that goes with it.
	UserID string
	// Account owns it.
	Account string
	// Role is the ARN of the role that a session is of; empty for a user.
	Role string
	// Tags are the tags of a role's session that go along into every role that it assumes.
	Tags map[string]string
	// Credentials are its access key; with a session token for a role.
	Credentials aws.Credentials
}

// principals knows every access key that was handed out.
type principals struct {
	mu    sync.RWMutex
	byKey map[string]Principal
}

func newPrincipals() *principals { return &principals{byKey: map[string]Principal{}} }

func (p *principals) add(principal Principal) Principal {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byKey[principal.Credentials.AccessKeyID] = principal
	return principal
}

func (p *principals) remove(principal Principal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byKey, principal.Credentials.AccessKeyID)
}

func (p *principals) find(accessKeyID string) (Principal, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	principal, ok := p.byKey[accessKeyID]
	return principal, ok
}

// newUser makes an IAM user with a long-lived access key.
func (p *principals) newUser(account, name string) Principal {
	return p.add(Principal{
		ARN:     fmt.Sprintf("arn:aws:iam::%s:user/%s", account, name),
		UserID:  "AIDA" + randomID(17),
		Account: account,
		Credentials: aws.Credentials{
			AccessKeyID:     "AKIA" + randomID(16),
			SecretAccessKey: randomSecret(30),
			Source:          "awslocal user " + name,
		},
	})
}

// newSession makes temporary credentials of a role. A zero expiry means that they last as long as the server.
func (p *principals) newSession(roleARN, session string, expires time.Time) Principal {
	return p.newTaggedSession(roleARN, session, expires, nil)
}

func (p *principals) newTaggedSession(roleARN, session string, expires time.Time, tags map[string]string) Principal {
	account, role := splitRoleARN(roleARN)
	return p.add(Principal{
		Tags:    tags,
		ARN:     fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role, session),
		UserID:  "AROA" + randomID(17) + ":" + session,
		Account: account,
		Role:    roleARN,
		Credentials: aws.Credentials{
			AccessKeyID:     "ASIA" + randomID(16),
			SecretAccessKey: randomSecret(30),
			SessionToken:    randomSecret(120),
			Source:          "awslocal role " + role,
			CanExpire:       !expires.IsZero(),
			Expires:         expires,
		},
	})
}

// splitRoleARN returns the account and the role's name without its path.
func splitRoleARN(arn string) (account, role string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "", arn
	}
	return parts[4], parts[5][strings.LastIndex(parts[5], "/")+1:]
}

// authenticate finds who holds the access key, and refuses keys, tokens and times that are not good any more.
func (p *principals) authenticate(accessKeyID, sessionToken string, now time.Time) (Principal, *Error) {
	principal, ok := p.find(accessKeyID)
	if !ok || principal.Credentials.SessionToken != sessionToken {
		return Principal{}, &Error{Status: 403, Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	}
	if principal.Credentials.CanExpire && !now.Before(principal.Credentials.Expires) {
		return Principal{}, &Error{Status: 403, Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	}
	return principal, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(fmt.Errorf("read random bytes: %w", err)) // crypto/rand never fails on supported systems
	}
	return b
}

// randomID is n characters of the alphabet of AWS's unique ids.
func randomID(n int) string {
	return base32.StdEncoding.EncodeToString(randomBytes(n))[:n]
}

func randomSecret(bytes int) string { return base64.StdEncoding.EncodeToString(randomBytes(bytes)) }

func randomHex(bytes int) string { return fmt.Sprintf("%x", randomBytes(bytes)) }

// randomUUID is a version 4 UUID.
func randomUUID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
