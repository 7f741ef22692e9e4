package awsclient_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const roleARN = "arn:aws:iam::111122223333:role/scans"

// managerKey and roleKey are AWS's documented examples, in parts.
var (
	managerKey = "AKIA" + "IOSFODNN7EXAMPLE"
	roleKey    = "ASIA" + "IOSFODNN7EXAMPLE"
)

func configFor(t *testing.T, handler http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(server.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(managerKey, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
	}
}

func TestForReturnsOneSetOfClientsPerScope(t *testing.T) {
	factory := awsclient.NewFactory(aws.Config{Region: "us-east-1"})
	first := factory.For(awsclient.Scope{})
	if factory.For(awsclient.Scope{Region: "us-east-1"}) != first {
		t.Error("the default region, named and not, are two scopes")
	}
	if factory.For(awsclient.Scope{Region: "eu-west-1"}) == first || factory.For(awsclient.Scope{RoleARN: roleARN}) == first {
		t.Error("another region or role got the same clients")
	}
	if got := factory.For(awsclient.Scope{Region: "eu-west-1"}).ECS.Options().Region; got != "eu-west-1" {
		t.Errorf("region %q", got)
	}
	if factory.DefaultRegion() != "us-east-1" {
		t.Errorf("default region %q", factory.DefaultRegion())
	}
}

func TestForIsSafeForConcurrentUse(t *testing.T) {
	factory := awsclient.NewFactory(aws.Config{Region: "us-east-1"})
	var group sync.WaitGroup
	got := make([]*awsclient.Clients, 32)
	for i := range got {
		group.Go(func() { got[i] = factory.For(awsclient.Scope{RoleARN: roleARN}) })
	}
	group.Wait()
	for _, clients := range got {
		if clients == nil || clients != got[0] {
			t.Fatal("two callers got different clients for one scope")
		}
	}
}

func TestClientsShareOneHTTPClientThatOutlastsALongPoll(t *testing.T) {
	factory := awsclient.NewFactory(aws.Config{Region: "us-east-1"})
	one, other := factory.For(awsclient.Scope{}), factory.For(awsclient.Scope{Region: "eu-west-1"})
	own, _ := one.SQS.Options().HTTPClient.(awsclient.OwnBodies)
	client, ok := own.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		t.Fatalf("HTTP client %T", one.SQS.Options().HTTPClient)
	}
	if client.GetTimeout() < 25*time.Second {
		t.Errorf("timeout %s: a long poll takes 20 s", client.GetTimeout())
	}
	if one.ECS.Options().HTTPClient != one.SQS.Options().HTTPClient || other.SNS.Options().HTTPClient != one.SQS.Options().HTTPClient {
		t.Error("the clients have HTTP clients of their own")
	}
}

func TestAnHTTPClientThatWasChosenOnPurposeIsKept(t *testing.T) {
	chosen := &http.Client{}
	factory := awsclient.NewFactory(aws.Config{Region: "us-east-1", HTTPClient: chosen})
	if got := factory.For(awsclient.Scope{}).ECS.Options().HTTPClient; got != chosen {
		t.Errorf("got %T", got)
	}
}

func TestACallIsTriedFiveTimesAndTheErrorIsUnavailable(t *testing.T) {
	var calls atomic.Int32
	cfg := configFor(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	})
	_, err := awsclient.NewFactory(cfg).For(awsclient.Scope{}).ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
	if calls.Load() != 5 {
		t.Errorf("%d calls", calls.Load())
	}
	if awsclient.ClassOf(err) != awsclient.ClassUnavailable {
		t.Errorf("class %s of %v", awsclient.ClassOf(err), err)
	}
}

func TestACustomEndpointAddressesBucketsByPath(t *testing.T) {
	var path string
	cfg := configFor(t, func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path })
	_, err := awsclient.NewFactory(cfg).For(awsclient.Scope{}).S3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("scan-reports")})
	if err != nil || path != "/scan-reports" {
		t.Errorf("path %q, error %v", path, err)
	}
	if awsclient.NewFactory(aws.Config{Region: "us-east-1"}).For(awsclient.Scope{}).S3.Options().UsePathStyle {
		t.Error("AWS's own endpoint is addressed by path")
	}
}

func TestARoleIsAssumedUnderAStableSessionName(t *testing.T) {
	var assumed, describedBy string
	cfg := configFor(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "Action=AssumeRole") {
			assumed = string(body)
			w.Header().Set("Content-Type", "text/xml")
			writeBody(t, w, fmt.Sprintf(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
				<AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
				<Expiration>2199-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, roleKey))
			return
		}
		describedBy = r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		writeBody(t, w, `{"clusters":[]}`)
	})
	clients := awsclient.NewFactory(cfg).For(awsclient.Scope{Region: "eu-west-1", RoleARN: roleARN})
	if _, err := clients.ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(assumed, "RoleSessionName="+awsclient.SessionName) || !strings.Contains(assumed, "role%2Fscans") {
		t.Errorf("AssumeRole was asked with %q", assumed)
	}
	if !strings.Contains(describedBy, roleKey) || !strings.Contains(describedBy, "/eu-west-1/ecs/") {
		t.Errorf("DescribeClusters was signed as %q", describedBy)
	}
}

func TestARefusedRoleIsToldFromARefusedCall(t *testing.T) {
	const stsDenied = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`
	tests := []struct {
		name        string
		role        string
		status      int
		body        string
		wantClass   awsclient.Class
		wantRefused bool
	}{
		{"the trust policy does not let the manager in", roleARN, http.StatusForbidden, stsDenied, awsclient.ClassAccessDenied, true},
		{"STS is down, which says nothing of the role", roleARN, http.StatusServiceUnavailable, "", awsclient.ClassUnavailable, false},
		{"the call itself is refused", "", http.StatusBadRequest, `{"__type":"AccessDeniedException","message":"no"}`, awsclient.ClassAccessDenied, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := configFor(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				writeBody(t, w, test.body)
			})
			cfg.RetryMaxAttempts = 1
			clients := awsclient.NewFactory(cfg).For(awsclient.Scope{RoleARN: test.role})
			_, err := clients.ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
			if awsclient.ClassOf(err) != test.wantClass || awsclient.RoleRefused(err) != test.wantRefused {
				t.Errorf("class %s, refused %t: %v", awsclient.ClassOf(err), awsclient.RoleRefused(err), err)
			}
		})
	}
}

func TestLoadReadsTheEnvironment(t *testing.T) {
	for _, name := range []string{"AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_REGION", "eu-central-1")
	cfg, err := awsclient.Load(t.Context())
	if err != nil || cfg.Region != "eu-central-1" {
		t.Errorf("region %q, error %v", cfg.Region, err)
	}
	t.Setenv("AWS_CA_BUNDLE", t.TempDir()+"/none")
	if _, err := awsclient.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "load the AWS configuration") {
		t.Errorf("error %v", err)
	}
}

func writeBody(t *testing.T, w io.Writer, body string) {
	t.Helper()
	if _, err := io.WriteString(w, body); err != nil {
		t.Error(err)
	}
}
