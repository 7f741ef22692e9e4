package awslocal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// topicTest is a topic with a queue that its policy lets the topic send to.
type topicTest struct {
	*queueTest
	sns *sns.Client
	arn *string
}

func newTopicTest(t *testing.T, subscription map[string]string) *topicTest {
	t.Helper()
	q := newQueueTest(t, nil)
	client := sns.NewFromConfig(q.server.Config())
	topic, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("findings")})
	noError(t, err)
	tt := &topicTest{queueTest: q, sns: client, arn: topic.TopicArn}
	tt.allow("sns.amazonaws.com", aws.ToString(topic.TopicArn))
	if subscription != nil {
		_, err = client.Subscribe(t.Context(), &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:111122223333:inbox"), Attributes: subscription,
		})
		noError(t, err)
	}
	return tt
}

// allow sets the queue's policy.
func (q *queueTest) allow(service, source string) {
	q.t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sqs:SendMessage",
		"Resource":"arn:aws:sqs:us-east-1:111122223333:inbox","Condition":{"ArnEquals":{"aws:SourceArn":%q}}}]}`, service, source)
	_, err := q.client.SetQueueAttributes(q.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q.url, Attributes: map[string]string{"Policy": policy}})
	noError(q.t, err)
}

func (tt *topicTest) publish(in *sns.PublishInput) error {
	tt.t.Helper()
	in.TopicArn = tt.arn
	_, err := tt.sns.Publish(tt.t.Context(), in)
	return err
}

func (tt *topicTest) subscribeEmail(address string) {
	tt.t.Helper()
	out, err := tt.sns.Subscribe(tt.t.Context(), &sns.SubscribeInput{TopicArn: tt.arn, Protocol: aws.String("email"), Endpoint: aws.String(address)})
	noError(tt.t, err)
	if got := aws.ToString(out.SubscriptionArn); got != "pending confirmation" {
		tt.t.Fatalf("subscription %q, want pending confirmation", got)
	}
}

// click follows the newest link that an address got.
func (tt *topicTest) click(address string) int {
	tt.t.Helper()
	mails := tt.server.Mail()
	for i := len(mails) - 1; i >= 0; i-- {
		if mails[i].To == address && mails[i].ConfirmURL != "" {
			response, err := http.Get(mails[i].ConfirmURL)
			noError(tt.t, err)
			noError(tt.t, response.Body.Close())
			return response.StatusCode
		}
	}
	tt.t.Fatalf("no link for %s", address)
	return 0
}

// mails are the mails to an address that are not requests for confirmation.
func (tt *topicTest) mails(address string) []awslocal.Mail {
	return slices.DeleteFunc(tt.server.Mail(), func(m awslocal.Mail) bool { return m.To != address || m.ConfirmURL != "" })
}

func (tt *topicTest) shownARNs() []string {
	tt.t.Helper()
	out, err := tt.sns.ListSubscriptionsByTopic(tt.t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: tt.arn})
	noError(tt.t, err)
	arns := []string{}
	for _, s := range out.Subscriptions {
		arns = append(arns, aws.ToString(s.SubscriptionArn))
	}
	return arns
}

func TestRawDeliveryPutsMessageAndAttributesIntoTheQueue(t *testing.T) {
	tt := newTopicTest(t, map[string]string{"RawMessageDelivery": "true"})
	noError(t, tt.publish(&sns.PublishInput{
		Message: aws.String(`{"default":"for all","sqs":"{\"schema\":1}","email":"for people","other":3}`), MessageStructure: aws.String("json"),
		MessageAttributes: map[string]types.MessageAttributeValue{"result": {DataType: aws.String("String"), StringValue: aws.String("Findings")}},
	}))
	m := tt.one()
	if aws.ToString(m.Body) != `{"schema":1}` || aws.ToString(m.MessageAttributes["result"].StringValue) != "Findings" {
		t.Errorf("body %s, attributes %v", aws.ToString(m.Body), m.MessageAttributes)
	}
	if got := tt.server.Publishes(); len(got) != 1 || got[0].Attributes["result"] != "Findings" || got[0].Structure != "json" {
		t.Errorf("recorded %+v", got)
	}
}

func TestDeliveryThatIsNotRawWrapsTheMessage(t *testing.T) {
	tt := newTopicTest(t, map[string]string{})
	noError(t, tt.publish(&sns.PublishInput{Message: aws.String("text"), Subject: aws.String("subject")}))
	var envelope struct{ Type, Message, Subject, TopicArn string }
	noError(t, json.Unmarshal([]byte(aws.ToString(tt.one().Body)), &envelope))
	if envelope.Type != "Notification" || envelope.Message != "text" || envelope.Subject != "subject" || envelope.TopicArn != aws.ToString(tt.arn) {
		t.Errorf("envelope %+v", envelope)
	}
}

func TestRawDeliveryDiscardsMessagesWithMoreThanTenAttributes(t *testing.T) {
	tt := newTopicTest(t, map[string]string{"RawMessageDelivery": "true"})
	attributes := map[string]types.MessageAttributeValue{}
	for i := range 11 {
		attributes[fmt.Sprint("a", i)] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("b")}
	}
	noError(t, tt.publish(&sns.PublishInput{Message: aws.String("m"), MessageAttributes: attributes}))
	if tt.depth().Total() != 0 || len(tt.server.Undelivered()) != 1 {
		t.Errorf("depth %+v, undelivered %v", tt.depth(), tt.server.Undelivered())
	}
}

func TestQueueWithoutPolicyForTheTopicGetsNothing(t *testing.T) {
	tt := newTopicTest(t, map[string]string{"RawMessageDelivery": "true"})
	tt.allow("sns.amazonaws.com", "arn:aws:sns:us-east-1:111122223333:other")
	noError(t, tt.publish(&sns.PublishInput{Message: aws.String("m")}))
	if tt.depth().Total() != 0 || len(tt.server.Undelivered()) != 1 {
		t.Errorf("depth %+v, undelivered %v", tt.depth(), tt.server.Undelivered())
	}
}

func TestFilterPolicies(t *testing.T) {
	text := func(v string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(v)}
	}
	attributes := map[string]types.MessageAttributeValue{
		"result": text("Findings"), "severity": {DataType: aws.String("String.Array"), StringValue: aws.String(`["high","low"]`)},
		"total": {DataType: aws.String("Number"), StringValue: aws.String("12")},
	}
	for _, row := range []struct {
		name, scope, policy string
		want                bool
	}{
		{"a value that is listed", "", `{"result":["Clean","Findings"]}`, true},
		{"a value that is not listed", "", `{"result":["Clean"]}`, false},
		{"an attribute that the message lacks", "", `{"team":["a"]}`, false},
		{"an attribute that must be missing and is", "", `{"team":[{"exists":false}]}`, true},
		{"any element of a list", "", `{"severity":["critical","high"]}`, true},
		{"a number in a range", "", `{"total":[{"numeric":[">",10,"<=",12]}]}`, true},
		{"a number outside a range", "", `{"total":[{"numeric":["<",12]}]}`, false},
		{"a prefix", "", `{"result":[{"prefix":"Find"}]}`, true},
		{"anything but", "", `{"result":[{"anything-but":["Findings"]}]}`, false},
		{"one of two alternatives", "", `{"$or":[{"result":["Clean"]},{"total":[12]}]}`, true},
		{"the body, with a nested key", "MessageBody", `{"scan":{"mode":["Tree"]}}`, true},
		{"the body, with another value", "MessageBody", `{"scan":{"mode":["History"]}}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			subscription := map[string]string{"RawMessageDelivery": "true", "FilterPolicy": row.policy}
			if row.scope != "" {
				subscription["FilterPolicyScope"] = row.scope
			}
			tt := newTopicTest(t, subscription)
			noError(t, tt.publish(&sns.PublishInput{Message: aws.String(`{"scan":{"mode":"Tree"}}`), MessageAttributes: attributes}))
			if got := tt.depth().Total() == 1; got != row.want {
				t.Errorf("delivered %v, want %v", got, row.want)
			}
		})
	}
}

func TestEmailIsSentOnlyAfterConfirmation(t *testing.T) {
	tt := newTopicTest(t, nil)
	tt.subscribeEmail("a@example.com")
	noError(t, tt.publish(&sns.PublishInput{Message: aws.String("before")}))
	if got := tt.shownARNs(); !slices.Equal(got, []string{"PendingConfirmation"}) {
		t.Errorf("subscriptions %v", got)
	}
	if status := tt.click("a@example.com"); status != http.StatusOK {
		t.Fatalf("the link answers with %d", status)
	}
	noError(t, tt.publish(&sns.PublishInput{Subject: aws.String("3 findings"), Message: aws.String(`{"default":"document","email":"text for people"}`), MessageStructure: aws.String("json")}))
	mails := tt.mails("a@example.com")
	if len(mails) != 1 || mails[0].Subject != "3 findings" || mails[0].Body != "text for people" {
		t.Errorf("mails %+v", mails)
	}
	arn := tt.shownARNs()[0]
	if !strings.HasPrefix(arn, aws.ToString(tt.arn)+":") {
		t.Errorf("subscription %s", arn)
	}
	_, err := tt.sns.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: aws.String(arn)})
	noError(t, err)
	if got := tt.shownARNs(); len(got) != 0 {
		t.Errorf("subscriptions after Unsubscribe %v", got)
	}
}

func TestUnconfirmedSubscriptionIsRemovedAfterTwoDays(t *testing.T) {
	tt := newTopicTest(t, nil)
	tt.subscribeEmail("a@example.com")
	tt.clock.Step(48*time.Hour + time.Second)
	if status := tt.click("a@example.com"); status != http.StatusBadRequest {
		t.Errorf("an expired link answers with %d", status)
	}
	if got := tt.shownARNs(); len(got) != 0 {
		t.Errorf("subscriptions %v", got)
	}
}

func TestMoreThanTenMailsInASecondSuspendTheSubscription(t *testing.T) {
	tt := newTopicTest(t, nil)
	tt.subscribeEmail("a@example.com")
	tt.click("a@example.com")
	for range 12 {
		noError(t, tt.publish(&sns.PublishInput{Message: aws.String("m")}))
	}
	if n := len(tt.mails("a@example.com")); n != 10 {
		t.Errorf("%d mails were sent, want 10", n)
	}
	if got := tt.shownARNs(); !slices.Equal(got, []string{"PendingConfirmation"}) {
		t.Errorf("subscriptions %v", got)
	}
}

func TestPublishRefusals(t *testing.T) {
	tt := newTopicTest(t, nil)
	json := aws.String("json")
	for _, row := range []struct {
		name string
		in   sns.PublishInput
		code string
	}{
		{"a subject of 100 characters", sns.PublishInput{Message: aws.String("m"), Subject: aws.String(strings.Repeat("s", 100))}, "InvalidParameter"},
		{"a subject with a newline", sns.PublishInput{Message: aws.String("m"), Subject: aws.String("a\nb")}, "InvalidParameter"},
		{"a subject that is not ASCII", sns.PublishInput{Message: aws.String("m"), Subject: aws.String("fünf")}, "InvalidParameter"},
		{"an empty message", sns.PublishInput{Message: aws.String("")}, "InvalidParameter"},
		{"a message of more than 256 KiB", sns.PublishInput{Message: aws.String(strings.Repeat("a", 256<<10+1))}, "InvalidParameter"},
		{"a message per protocol without default", sns.PublishInput{Message: aws.String(`{"email":"a"}`), MessageStructure: json}, "InvalidParameter"},
		{"a message per protocol whose default is no text", sns.PublishInput{Message: aws.String(`{"default":1}`), MessageStructure: json}, "InvalidParameter"},
		{"a message per protocol with a key twice", sns.PublishInput{Message: aws.String(`{"default":"a","sqs":"b","sqs":"c"}`), MessageStructure: json}, "InvalidParameter"},
		{"a message per protocol that is no JSON", sns.PublishInput{Message: aws.String(`nope`), MessageStructure: json}, "InvalidParameter"},
		{"an attribute of an unknown type", sns.PublishInput{Message: aws.String("m"), MessageAttributes: map[string]types.MessageAttributeValue{
			"a": {DataType: aws.String("Text"), StringValue: aws.String("b")},
		}}, "ParameterValueInvalid"},
		{"a subject of 99 characters is accepted", sns.PublishInput{Message: aws.String("m"), Subject: aws.String(strings.Repeat("s", 99))}, ""},
	} {
		t.Run(row.name, func(t *testing.T) { wantCode(t, tt.publish(&row.in), row.code) })
	}
	_, err := tt.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:us-east-1:111122223333:none"), Message: aws.String("m")})
	wantCode(t, err, "NotFound")
	if n := len(tt.server.Publishes()); n != 1 {
		t.Errorf("%d publishes are recorded, want the one that was accepted", n)
	}
}

func TestTopicAttributesCountSubscriptions(t *testing.T) {
	tt := newTopicTest(t, map[string]string{"RawMessageDelivery": "true"})
	tt.subscribeEmail("a@example.com")
	out, err := tt.sns.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: tt.arn})
	noError(t, err)
	if out.Attributes["SubscriptionsConfirmed"] != "1" || out.Attributes["SubscriptionsPending"] != "1" || out.Attributes["TopicArn"] != aws.ToString(tt.arn) {
		t.Errorf("attributes %v", out.Attributes)
	}
}
