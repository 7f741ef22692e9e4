package awslocal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

const issuer = "oidc.example.com/id/1"

// signer makes tokens with a key of its own.
type signer struct {
	t   *testing.T
	key *ecdsa.PrivateKey
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	return &signer{t: t, key: key}
}

// keys is the signer's JSON Web Key Set.
func (s *signer) keys() []byte {
	s.t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	noError(s.t, err)
	return text
}

func (s *signer) token(claims jwt.Claims) string {
	s.t.Helper()
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.key, KeyID: "1"}}, nil)
	noError(s.t, err)
	text, err := jwt.Signed(made).Claims(claims).Serialize()
	noError(s.t, err)
	return text
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	const arn = "arn:aws:iam::111122223333:role/scanjob-manager"
	own, stranger := newSigner(t), newSigner(t)
	clock := fakeClock()
	server := start(t, awslocal.Options{
		Clock: clock,
		Roles: []awslocal.Role{{ARN: arn, TrustPolicy: policy(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + issuer + `"},
			"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + issuer + `:aud":"sts.amazonaws.com","` + issuer + `:sub":"system:serviceaccount:a:b"}}}`)}},
		IdentityProviders: []awslocal.IdentityProvider{{ARN: "arn:aws:iam::111122223333:oidc-provider/" + issuer, Keys: own.keys()}},
	})
	good := jwt.Claims{
		Issuer: "https://" + issuer, Subject: "system:serviceaccount:a:b", Audience: jwt.Audience{"sts.amazonaws.com"},
		Expiry: jwt.NewNumericDate(clock.Now().Add(time.Hour)),
	}
	but := func(change func(*jwt.Claims)) jwt.Claims {
		claims := good
		change(&claims)
		return claims
	}
	anonymous := server.Config()
	anonymous.Credentials = aws.AnonymousCredentials{}
	client := sts.NewFromConfig(anonymous, func(o *sts.Options) { o.RetryMaxAttempts = 1 })
	for _, row := range []struct{ name, role, token, code string }{
		{"the service account's token", arn, own.token(good), ""},
		{"another service account's", arn, own.token(but(func(c *jwt.Claims) { c.Subject = "system:serviceaccount:a:c" })), "AccessDenied"},
		{"a token for somebody else", arn, own.token(but(func(c *jwt.Claims) { c.Audience = jwt.Audience{"vault"} })), "AccessDenied"},
		{"a role that does not exist", arn + "-none", own.token(good), "AccessDenied"},
		{"a token that has expired", arn, own.token(but(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(clock.Now().Add(-time.Minute)) })), "ExpiredTokenException"},
		{"a token of an unknown issuer", arn, own.token(but(func(c *jwt.Claims) { c.Issuer = "https://oidc.example.com/id/2" })), "InvalidIdentityToken"},
		{"a token that somebody else has signed", arn, stranger.token(good), "InvalidIdentityToken"},
		{"no token at all", arn, "token", "InvalidIdentityToken"},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: &row.role, RoleSessionName: aws.String("pod"), WebIdentityToken: &row.token,
			})
			wantCode(t, err, row.code)
			if err == nil && aws.ToString(out.AssumedRoleUser.Arn) != "arn:aws:sts::111122223333:assumed-role/scanjob-manager/pod" {
				t.Errorf("the session is %s", aws.ToString(out.AssumedRoleUser.Arn))
			}
		})
	}
}

func TestAnIdentityProviderThatCannotBeReadStopsTheStart(t *testing.T) {
	for _, provider := range []awslocal.IdentityProvider{
		{ARN: "https://" + issuer, Keys: []byte(`{"keys":[]}`)},
		{ARN: "arn:aws:iam::111122223333:oidc-provider/" + issuer, Keys: []byte(`keys`)},
	} {
		server, err := awslocal.Start(awslocal.Options{IdentityProviders: []awslocal.IdentityProvider{provider}})
		if err == nil {
			noError(t, server.Close())
			t.Errorf("%+v was accepted", provider)
		}
	}
}

func TestPodIdentityAgent(t *testing.T) {
	const trusted = `{"StringEquals":{"aws:RequestTag/eks-cluster-name":"platform","aws:RequestTag/kubernetes-namespace":"a","aws:RequestTag/kubernetes-service-account":"b"}}`
	trust := func(actions string) string {
		return policy(`{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":` + actions + `,"Condition":` + trusted + `}`)
	}
	pod := awslocal.PodIdentity{Cluster: "platform", Namespace: "a", ServiceAccount: "b", Pod: "b-0", RoleARN: managerRole}
	elsewhere := pod
	elsewhere.Namespace = "c"
	const both = `["sts:AssumeRole","sts:TagSession"]`
	for _, row := range []struct {
		name, trust, token string
		pod                awslocal.PodIdentity
		status             int
	}{
		{"the pod's token", trust(both), "token", pod, http.StatusOK},
		{"another token", trust(both), "other", pod, http.StatusUnauthorized},
		{"a pod of another namespace", trust(both), "token", elsewhere, http.StatusForbidden},
		{"a role that may not be given tags", trust(`"sts:AssumeRole"`), "token", pod, http.StatusForbidden},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := start(t, awslocal.Options{Roles: []awslocal.Role{{ARN: managerRole, TrustPolicy: row.trust}}})
			agent := httptest.NewServer(server.PodIdentityAgent(row.pod, func() string { return "token" }))
			defer agent.Close()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, agent.URL+"/v1/credentials", nil)
			noError(t, err)
			request.Header.Set("Authorization", row.token)
			response, err := http.DefaultClient.Do(request)
			noError(t, err)
			body, err := io.ReadAll(response.Body)
			noError(t, err)
			noError(t, response.Body.Close())
			if response.StatusCode != row.status {
				t.Fatalf("status %d: %s", response.StatusCode, body)
			}
			if row.status != http.StatusOK {
				return
			}
			var given struct{ AccessKeyID, SecretAccessKey, Token string }
			noError(t, json.Unmarshal(body, &given))
			cfg := server.Config()
			cfg.Credentials = credentials.NewStaticCredentialsProvider(given.AccessKeyID, given.SecretAccessKey, given.Token)
			identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			noError(t, err)
			if !strings.HasPrefix(aws.ToString(identity.Arn), "arn:aws:sts::111122223333:assumed-role/scanjob-manager/eks-platform-b-0") {
				t.Errorf("the session is %s", aws.ToString(identity.Arn))
			}
		})
	}
}

// The tags of a session come along into the next role, which takes a permission on both sides.
func TestTheTagsOfAPodsSessionComeAlong(t *testing.T) {
	const next = "arn:aws:iam::111122223333:role/next"
	trustNext := func(actions string) string {
		return policy(`{"Effect":"Allow","Principal":{"AWS":"` + managerRole + `"},"Action":` + actions + `}`)
	}
	const both = `["sts:AssumeRole","sts:TagSession"]`
	for _, row := range []struct {
		name, own, trust, code string
	}{
		{"both sides allow it", both, both, ""},
		{"the role's own policy does not", `"sts:AssumeRole"`, both, "AccessDenied"},
		{"the trust policy of the next does not", both, `"sts:AssumeRole"`, "AccessDenied"},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := start(t, awslocal.Options{Roles: []awslocal.Role{
				{ARN: managerRole, Policies: map[string]string{"assume": policy(`{"Effect":"Allow","Action":` + row.own + `,"Resource":"` + next + `"}`)}},
				{ARN: next, TrustPolicy: trustNext(row.trust)},
			}})
			agent := httptest.NewServer(server.PodIdentityAgent(awslocal.PodIdentity{Cluster: "platform", RoleARN: managerRole}, func() string { return "" }))
			defer agent.Close()
			response, err := http.Get(agent.URL + "/v1/credentials")
			noError(t, err)
			var given struct{ AccessKeyID, SecretAccessKey, Token string }
			noError(t, json.NewDecoder(response.Body).Decode(&given))
			noError(t, response.Body.Close())
			cfg := server.Config()
			cfg.Credentials = credentials.NewStaticCredentialsProvider(given.AccessKeyID, given.SecretAccessKey, given.Token)
			_, err = sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(next), RoleSessionName: aws.String("chained")})
			wantCode(t, err, row.code)
		})
	}
}

func TestTwoAccountsShareAnEndpoint(t *testing.T) {
	const environment = "arn:aws:iam::444455556666:role/scanjob-environment"
	own := start(t, awslocal.Options{})
	other := start(t, awslocal.Options{Account: "444455556666", Beside: own, Roles: []awslocal.Role{{ARN: environment}}})
	made, err := awslocal.Provision(t.Context(), other.Config(), awslocal.DefaultNames())
	noError(t, err)

	out, err := sts.NewFromConfig(own.Config()).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(environment), RoleSessionName: aws.String("manager")})
	noError(t, err)
	cfg := own.Config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(
		aws.ToString(out.Credentials.AccessKeyId), aws.ToString(out.Credentials.SecretAccessKey), aws.ToString(out.Credentials.SessionToken))
	clusters, err := ecs.NewFromConfig(cfg).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"scanjob"}})
	noError(t, err)
	if len(clusters.Clusters) != 1 || aws.ToString(clusters.Clusters[0].ClusterArn) != "arn:aws:ecs:us-east-1:444455556666:cluster/scanjob" {
		t.Errorf("the clusters are %+v", clusters.Clusters)
	}
	_, err = sqs.NewFromConfig(cfg).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &made.QueueURL})
	noError(t, err)
	if own.CallCount("ecs", "DescribeClusters") != 0 || other.CallCount("ecs", "DescribeClusters") != 1 {
		t.Error("the call was not answered by the other account")
	}
	first := ecs.NewFromConfig(own.Config())
	mine, err := first.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"scanjob"}})
	noError(t, err)
	if len(mine.Clusters) != 0 {
		t.Errorf("the first account has clusters %+v", mine.Clusters)
	}
	if server, err := awslocal.Start(awslocal.Options{Account: "444455556666", Beside: own}); err == nil {
		noError(t, server.Close())
		t.Error("an account has two servers")
	}
}
