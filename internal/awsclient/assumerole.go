package awsclient

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
)

// SessionName is the role session name of every assumed role, so that CloudTrail shows the operator as one caller, trust
// policies can name it in sts:RoleSessionName, and what was written under it can be changed after a restart.
const SessionName = "scanjob-manager"

const (
	// sessionDuration is the most that a role assumed by another role's session may last, and no role allows less
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html#iam-term-role-chaining).
	sessionDuration = time.Hour

	// refreshWindow is how long before their end an assumed role's credentials are renewed. It is time to ride out an STS that
	// does not answer.
	refreshWindow = 5 * time.Minute

	// refreshRetry is how long credentials that could not be renewed are used before that is tried again.
	refreshRetry = 30 * time.Second

	// baseExpiryWindow keeps the manager's own credentials from expiring between the signature and AWS's look at it.
	baseExpiryWindow = time.Minute
)

// assumedRole is the provider of a role's credentials, to be wrapped by the SDK's cache, which calls it one at a time. Its
// errors are marked with ErrAssumeRole, as they otherwise look like errors of the call that needed the credentials.
type assumedRole struct {
	arn      string
	provider aws.CredentialsProvider
	// expires is when the credentials that were got last really expire.
	expires time.Time
}

func newAssumedRole(client stscreds.AssumeRoleAPIClient, scope Scope) *assumedRole {
	provider := stscreds.NewAssumeRoleProvider(client, scope.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = SessionName
		o.Duration = sessionDuration
		if scope.ExternalID != "" {
			o.ExternalID = aws.String(scope.ExternalID)
		}
	})
	return &assumedRole{arn: scope.RoleARN, provider: provider}
}

// Retrieve assumes the role. The credentials say that they expire somewhat earlier than they do, so that the cache renews
// them in time.
func (r *assumedRole) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, err := r.provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%w: %s: %w", ErrAssumeRole, r.arn, err)
	}
	r.expires = credentials.Expires
	if credentials.CanExpire {
		credentials.Expires = renewAt(time.Now(), credentials.Expires)
	}
	return credentials, nil
}

// renewAt is when credentials are to be renewed: refreshWindow before they expire, or at half of a short life.
func renewAt(now, expires time.Time) time.Time {
	return expires.Add(-min(refreshWindow, expires.Sub(now)/2))
}

// HandleFailToRefresh keeps credentials in use that are still good when STS could not be asked. It is called by the SDK's
// cache. A definite refusal is not put off.
func (r *assumedRole) HandleFailToRefresh(_ context.Context, previous aws.Credentials, err error) (aws.Credentials, error) {
	now := time.Now()
	if !previous.HasKeys() || RoleRefused(err) || !now.Before(r.expires) {
		return aws.Credentials{}, err
	}
	previous.Expires = now.Add(min(refreshRetry, r.expires.Sub(now)))
	return previous, nil
}
