package awslocal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestAssumeRole(t *testing.T) {
	const arn = "arn:aws:iam::444455556666:role/scans"
	clock := fakeClock()
	server := start(t, awslocal.Options{Clock: clock, Roles: []awslocal.Role{{ARN: arn, TrustPolicy: `{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/scanjob-manager"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"sts:ExternalId":"secret-handshake"}}}]}`}}})
	client := sts.NewFromConfig(server.Config())
	assume := func(role, external string) (*sts.AssumeRoleOutput, error) {
		return client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("manager"), ExternalId: aws.String(external)})
	}
	_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(arn), RoleSessionName: aws.String("manager")})
	wantCode(t, err, "AccessDenied")
	_, err = assume(arn, "wrong")
	wantCode(t, err, "AccessDenied")
	for _, invalid := range []string{"x", "with a space", strings.Repeat("x", 1225)} {
		_, err = assume(arn, invalid)
		wantCode(t, err, "ValidationError")
	}
	_, err = assume("arn:aws:iam::444455556666:role/none", "secret-handshake")
	wantCode(t, err, "AccessDenied")
	out, err := assume(arn, "secret-handshake")
	noError(t, err)

	cfg := server.Config()
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	assumed := sts.NewFromConfig(cfg)
	identity, err := assumed.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	noError(t, err)
	if got := aws.ToString(identity.Arn); got != "arn:aws:sts::444455556666:assumed-role/scans/manager" || aws.ToString(identity.Account) != "444455556666" {
		t.Errorf("identity %s of account %s", got, aws.ToString(identity.Account))
	}
	clock.Step(time.Hour + time.Second)
	_, err = assumed.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "ExpiredTokenException")
}

func TestWrongSecretIsRefused(t *testing.T) {
	server := start(t, awslocal.Options{})
	c := server.Credentials()
	cfg := server.Config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey+"x", c.SessionToken)
	_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidSignatureException")
	cfg.Credentials = aws.AnonymousCredentials{}
	_, err = ecs.NewFromConfig(cfg).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
	wantCode(t, err, "MissingAuthenticationTokenException")
}
