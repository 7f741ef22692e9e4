// Package awsclient builds the AWS clients that the operator shares: one set per region and role, over one pool of
// connections.
package awsclient

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

const (
	// maxAttempts counts the first call too. It rides out the throttling of a start-up, when all environments are
	// checked at once.
	maxAttempts = 5

	// requestTimeout bounds one HTTP exchange. SQS answers a long poll after at most 20 s
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html), so it must stay
	// well above that.
	requestTimeout = 40 * time.Second

	// idleConnectionsPerHost keeps a connection for each of the calls that run at once to one service.
	idleConnectionsPerHost = 64
	idleConnections        = 256
)

// Scope is what a set of clients is good for.
type Scope struct {
	// Region is the AWS region; empty is the region of the base configuration.
	Region string
	// RoleARN is the role to assume; empty is the identity of the base configuration.
	RoleARN string
	// ExternalID is what the role's trust policy asks for as sts:ExternalId; empty where it does not.
	ExternalID string
}

// ScopeOf returns what an environment is asked about with.
func ScopeOf(environment v1alpha1.ScanEnvironmentSpec) Scope {
	return Scope{Region: environment.Region, RoleARN: environment.AssumeRoleARN, ExternalID: environment.ExternalID}
}

// Clients are the AWS clients of one scope. They are safe for concurrent use.
type Clients struct {
	// ECS starts, reads and stops tasks.
	ECS *ecs.Client
	// SQS reads the inbox. Its HTTP timeout leaves room for long polls of 20 s.
	SQS *sqs.Client
	// SNS is the topic of the findings.
	SNS *sns.Client
	// S3 is the bucket of the reports. It addresses buckets by path where a custom endpoint is configured.
	S3 *s3.Client
	// CodeCommit reads and comments on pull requests.
	CodeCommit *codecommit.Client
	// STS tells who the caller is.
	STS *sts.Client
}

// Load reads the AWS configuration of the process: environment variables, shared files, web identity (IRSA) or container
// credentials (EKS Pod Identity). Temporary credentials are renewed at least a minute before they expire. A configuration
// without a region is no error; see Factory.DefaultRegion.
func Load(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = max(o.ExpiryWindow, baseExpiryWindow)
	}))
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	cfg.Credentials = ownIdentity{cfg.Credentials}
	return cfg, nil
}

// ownIdentity marks the errors of the process's own credentials.
type ownIdentity struct{ provider aws.CredentialsProvider }

// Retrieve returns an error that has a *NoIdentityError in its chain.
func (o ownIdentity) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, err := o.provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &NoIdentityError{err: err}
	}
	return credentials, nil
}

// Factory hands out clients. It is safe for concurrent use.
type Factory struct {
	base aws.Config

	mu      sync.Mutex
	clients map[Scope]*Clients
}

// NewFactory returns a factory whose clients derive from base. Calls are repeated up to 5 times in the SDK's standard
// mode, unless base says otherwise. All clients share one HTTP client: base's own, with a larger pool of connections and
// a timeout where base has the SDK's default one.
func NewFactory(base aws.Config) *Factory {
	base = base.Copy()
	if base.RetryMode == "" {
		base.RetryMode = aws.RetryModeStandard
	}
	if base.RetryMaxAttempts == 0 {
		base.RetryMaxAttempts = maxAttempts
	}
	base.HTTPClient = pooled(base.HTTPClient)
	return &Factory{base: base, clients: map[Scope]*Clients{}}
}

// DefaultRegion returns the region of the base configuration, empty where it has none.
func (f *Factory) DefaultRegion() string { return f.base.Region }

// For returns the clients of a scope, the same ones each time. It calls nothing: a role that cannot be assumed shows in
// the first call; see ErrAssumeRole.
func (f *Factory) For(scope Scope) *Clients {
	if scope.Region == "" {
		scope.Region = f.base.Region
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if clients, ok := f.clients[scope]; ok {
		return clients
	}
	clients := newClients(f.config(scope))
	f.clients[scope] = clients
	return clients
}

func (f *Factory) config(scope Scope) aws.Config {
	cfg := f.base.Copy()
	cfg.Region = scope.Region
	if scope.RoleARN == "" {
		return cfg
	}
	cfg.Credentials = aws.NewCredentialsCache(newAssumedRole(sts.NewFromConfig(cfg), scope))
	return cfg
}

func newClients(cfg aws.Config) *Clients {
	return &Clients{
		ECS: ecs.NewFromConfig(cfg),
		SQS: sqs.NewFromConfig(cfg),
		SNS: sns.NewFromConfig(cfg),
		S3: s3.NewFromConfig(cfg, func(o *s3.Options) {
			// Endpoints other than AWS's own rarely resolve bucket names as host names.
			o.UsePathStyle = o.UsePathStyle || o.BaseEndpoint != nil
		}),
		CodeCommit: codecommit.NewFromConfig(cfg),
		STS:        sts.NewFromConfig(cfg),
	}
}

// pooled keeps a client that somebody chose on purpose.
func pooled(client aws.HTTPClient) aws.HTTPClient {
	if client == nil {
		client = awshttp.NewBuildableClient()
	}
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return client
	}
	if buildable.GetTimeout() == 0 {
		buildable = buildable.WithTimeout(requestTimeout)
	}
	return OwnBodies{buildable.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = idleConnections
		t.MaxIdleConnsPerHost = idleConnectionsPerHost
	})}
}
