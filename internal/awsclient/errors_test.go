package awsclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// answer is what each service says on the wire.
type answer struct {
	status int
	body   string
	header http.Header
}

func TestClassOfWhatTheServicesAnswer(t *testing.T) {
	ecsError := func(status int, code string) answer {
		return answer{status: status, body: fmt.Sprintf(`{"__type":%q,"message":"text"}`, code)}
	}
	describe := func(c *awsclient.Clients, t *testing.T) error {
		_, err := c.ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
		return err
	}
	queue := func(c *awsclient.Clients, t *testing.T) error {
		_, err := c.SQS.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("inbox")})
		return err
	}
	receive := func(c *awsclient.Clients, t *testing.T) error {
		_, err := c.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("https://sqs.us-east-1.amazonaws.com/111122223333/inbox")})
		return err
	}
	// kms is how SQS tells of the key of an encrypted queue.
	kms := func(code, old string) answer {
		return answer{
			status: 400, body: fmt.Sprintf(`{"__type":"com.amazonaws.sqs#%s","message":"text"}`, code),
			header: http.Header{"X-Amzn-Query-Error": {old + ";Sender"}},
		}
	}
	topic := func(c *awsclient.Clients, t *testing.T) error {
		_, err := c.SNS.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: aws.String("arn:aws:sns:us-east-1:111122223333:findings")})
		return err
	}
	bucket := func(c *awsclient.Clients, t *testing.T) error {
		_, err := c.S3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("scan-reports")})
		return err
	}
	snsError := func(status int, code string) answer {
		return answer{status: status, body: fmt.Sprintf(`<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>text</Message></Error></ErrorResponse>`, code)}
	}
	tests := []struct {
		name   string
		answer answer
		call   func(*awsclient.Clients, *testing.T) error
		want   awsclient.Class
	}{
		{"ECS throttles with status 400", ecsError(400, "ThrottlingException"), describe, awsclient.ClassUnavailable},
		{"ECS fails itself", ecsError(500, "ServerException"), describe, awsclient.ClassUnavailable},
		{"a load balancer answers without a body", answer{status: 502}, describe, awsclient.ClassUnavailable},
		{"ECS denies with status 400", ecsError(400, "AccessDeniedException"), describe, awsclient.ClassAccessDenied},
		{"ECS has no such cluster", ecsError(400, "ClusterNotFoundException"), describe, awsclient.ClassNotFound},
		{"ECS refuses the parameters", ecsError(400, "InvalidParameterException"), describe, awsclient.ClassInvalid},
		{"a session token has expired, which a rotation mends", ecsError(400, "ExpiredTokenException"), describe, awsclient.ClassUnavailable},
		{"the access key is not known", ecsError(400, "UnrecognizedClientException"), describe, awsclient.ClassUnavailable},
		{
			"SQS has no such queue, by its code of old", answer{
				status: 400, body: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"text"}`,
				header: http.Header{"X-Amzn-Query-Error": {"AWS.SimpleQueueService.NonExistentQueue;Sender"}},
			}, queue, awsclient.ClassNotFound,
		},
		{"SQS has no such queue", answer{status: 400, body: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"text"}`}, queue, awsclient.ClassNotFound},
		{"SQS denies", answer{status: 403, body: `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"text"}`}, queue, awsclient.ClassAccessDenied},
		{"SQS may not use the queue's key", kms("KmsAccessDenied", "KMS.AccessDeniedException"), receive, awsclient.ClassAccessDenied},
		{"SQS does not find the queue's key", kms("KmsNotFound", "KMS.NotFoundException"), receive, awsclient.ClassInvalid},
		{"SQS is throttled by the queue's key", kms("KmsThrottled", "KMS.ThrottlingException"), receive, awsclient.ClassUnavailable},
		{"SNS has no such topic", snsError(404, "NotFound"), topic, awsclient.ClassNotFound},
		{"SNS denies", snsError(403, "AuthorizationError"), topic, awsclient.ClassAccessDenied},
		{"SNS refuses the parameters", snsError(400, "InvalidParameter"), topic, awsclient.ClassInvalid},
		{"S3 has no such bucket and no body either", answer{status: 404}, bucket, awsclient.ClassNotFound},
		{"S3 denies without a body", answer{status: 403}, bucket, awsclient.ClassAccessDenied},
		{"S3 has the bucket elsewhere", answer{status: 301, header: http.Header{"X-Amz-Bucket-Region": {"eu-west-1"}}}, bucket, awsclient.ClassInvalid},
		{"S3 answers 400 without a body, as for expired credentials", answer{status: 400}, bucket, awsclient.ClassUnavailable},
		{"S3 asks to slow down", answer{status: 503}, bucket, awsclient.ClassUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := configFor(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range test.answer.header {
					w.Header()[name] = values
				}
				w.WriteHeader(test.answer.status)
				writeBody(t, w, test.answer.body)
			})
			cfg.RetryMaxAttempts = 1
			err := test.call(awsclient.NewFactory(cfg).For(awsclient.Scope{}), t)
			if got := awsclient.ClassOf(err); err == nil || got != test.want {
				t.Errorf("got %s for %v", got, err)
			}
			if strings.Contains(awsclient.Short(err), "operation error") {
				t.Errorf("not short: %s", awsclient.Short(err))
			}
		})
	}
}

func TestAServerThatIsGoneIsUnavailableInTheSameWordsEachTime(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(managerKey, "secret", ""),
	}
	address := server.Listener.Addr().String()
	server.Close()
	clients := awsclient.NewFactory(cfg).For(awsclient.Scope{})
	var words []string
	for range 2 {
		_, err := clients.ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
		if awsclient.ClassOf(err) != awsclient.ClassUnavailable {
			t.Errorf("class %s of %v", awsclient.ClassOf(err), err)
		}
		words = append(words, awsclient.Short(err))
	}
	if words[0] != words[1] || !strings.HasPrefix(words[0], "dial "+address+": ") {
		t.Errorf("words %q", words)
	}
}

func TestAConnectionThatBreaksSaysNothingOfItsLocalPort(t *testing.T) {
	cfg := configFor(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	cfg.RetryMaxAttempts = 1
	_, err := awsclient.NewFactory(cfg).For(awsclient.Scope{}).ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
	if err == nil || strings.Contains(awsclient.Short(err), "->") {
		t.Errorf("words %q", awsclient.Short(err))
	}
}

func TestAnErrorOfAnythingElseIsUnavailable(t *testing.T) {
	if got := awsclient.ClassOf(errors.New("no credentials")); got != awsclient.ClassUnavailable {
		t.Errorf("class %s", got)
	}
}
