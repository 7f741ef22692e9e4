package aws

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// arn names a resource of the account and region that are in the file.
func arn(service, resource string) string {
	return "arn:aws:" + service + ":us-east-1:111122223333:" + resource
}

// statement is one of a policy, with lists where IAM takes a text or a list.
type statement struct {
	Effect    string
	Principal map[string][]string
	Action    []string
	Resource  []string
	// Condition is by operator and key.
	Condition map[string]map[string][]string
}

// statements parses a policy and refuses what AWS would ignore or refuse.
func statements(t *testing.T, policy string) []statement {
	t.Helper()
	var document struct {
		Version   string
		Statement []struct {
			Sid, Effect      string
			Principal        any
			Action, Resource any
			Condition        map[string]map[string]any
		}
	}
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		t.Fatalf("%v in %s", err, policy)
	}
	if document.Version != "2012-10-17" {
		t.Errorf("version %q", document.Version)
	}
	var parsed []statement
	for _, s := range document.Statement {
		one := statement{Effect: s.Effect, Action: list(t, s.Action), Resource: list(t, s.Resource), Principal: map[string][]string{}, Condition: map[string]map[string][]string{}}
		if everybody, ok := s.Principal.(string); ok {
			one.Principal[everybody] = nil
		} else {
			for kind, who := range s.Principal.(map[string]any) {
				one.Principal[kind] = list(t, who)
			}
		}
		for operator, keys := range s.Condition {
			one.Condition[operator] = map[string][]string{}
			for key, values := range keys {
				one.Condition[operator][key] = list(t, values)
			}
		}
		parsed = append(parsed, one)
	}
	return parsed
}

func list(t *testing.T, value any) []string {
	t.Helper()
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var texts []string
		for _, item := range value {
			texts = append(texts, fmt.Sprint(item))
		}
		return texts
	}
	t.Fatalf("%v is neither a text nor a list", value)
	return nil
}

// TestQueuesAdmitTheRulesAndTheTopicAndNobodyElse compares the whole policies, so that a statement more is a difference too.
func TestQueuesAdmitTheRulesAndTheTopicAndNobodyElse(t *testing.T) {
	objects := objectsOf(t, variant{})
	var rules []string
	for _, rule := range objects.of("Rule") {
		rules = append(rules, arn("events", "rule/"+text(t, rule, "spec", "name")))
	}
	slices.Sort(rules)
	topic := arn("sns", text(t, objects.get(t, "Topic", "scan-findings"), "spec", "name"))
	for _, queue := range objects.of("Queue") {
		t.Run(queue.GetName(), func(t *testing.T) {
			self := []string{arn("sqs", text(t, queue, "spec", "queueName"))}
			send := []string{"sqs:SendMessage"}
			from := func(sources ...string) map[string]map[string][]string {
				return map[string]map[string][]string{"ArnEquals": {"aws:SourceArn": sources}}
			}
			want := []statement{
				{"Allow", map[string][]string{"Service": {"sns.amazonaws.com"}}, send, self, from(topic)},
				{"Allow", map[string][]string{"Service": {"events.amazonaws.com"}}, send, self, from(rules...)},
			}
			got := statements(t, text(t, queue, "spec", "policy"))
			for _, s := range got {
				slices.Sort(s.Condition["ArnEquals"]["aws:SourceArn"])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheBucketIsPrivateEncryptedAndForgets(t *testing.T) {
	bucket := objectsOf(t, variant{}).get(t, "Bucket", "scan-reports")
	var spec struct {
		Name              string
		PublicAccessBlock map[string]bool
		OwnershipControls struct {
			Rules []struct{ ObjectOwnership string }
		}
		Encryption struct {
			Rules []struct {
				ApplyServerSideEncryptionByDefault struct{ SSEAlgorithm string }
			}
		}
		Lifecycle struct {
			Rules []struct {
				Status     string
				Filter     struct{ Prefix string }
				Expiration *struct{ Days int }
			}
		}
	}
	decode(t, bucket, &spec)
	closed := map[string]bool{"blockPublicACLs": true, "blockPublicPolicy": true, "ignorePublicACLs": true, "restrictPublicBuckets": true}
	if diff := cmp.Diff(closed, spec.PublicAccessBlock); diff != "" {
		t.Errorf("public access:\n%s", diff)
	}
	if len(spec.OwnershipControls.Rules) != 1 || spec.OwnershipControls.Rules[0].ObjectOwnership != "BucketOwnerEnforced" {
		t.Errorf("access lists are in force: %+v", spec.OwnershipControls)
	}
	if len(spec.Encryption.Rules) != 1 || spec.Encryption.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" {
		t.Errorf("encryption %+v", spec.Encryption)
	}
	environment := objectsOf(t, variant{}).get(t, "ScanEnvironment", "default")
	prefix := text(t, environment, "spec", "reports", "prefix")
	expires := false
	for _, rule := range spec.Lifecycle.Rules {
		expires = expires || rule.Status == "Enabled" && rule.Filter.Prefix == prefix && rule.Expiration != nil && rule.Expiration.Days > 0
	}
	if !expires {
		t.Errorf("reports below %s never expire: %+v", prefix, spec.Lifecycle.Rules)
	}
	want := []statement{{
		"Deny", map[string][]string{"*": nil}, []string{"s3:*"}, []string{"arn:aws:s3:::" + spec.Name, "arn:aws:s3:::" + spec.Name + "/*"},
		map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"false"}}},
	}}
	if diff := cmp.Diff(want, statements(t, text(t, bucket, "spec", "policy"))); diff != "" {
		t.Errorf("policy:\n%s", diff)
	}
}

// TestWhatCannotBeDeliveredGoesToTheDeadLetters follows every way into that queue.
func TestWhatCannotBeDeliveredGoesToTheDeadLetters(t *testing.T) {
	objects := objectsOf(t, variant{})
	inbox, dead := objects.get(t, "Queue", "scan-inbox"), objects.get(t, "Queue", "scan-inbox-dead")
	inboxARN, deadARN := arn("sqs", text(t, inbox, "spec", "queueName")), arn("sqs", text(t, dead, "spec", "queueName"))

	var redrive struct {
		DeadLetterTargetArn string
		MaxReceiveCount     int
	}
	parse(t, text(t, inbox, "spec", "redrivePolicy"), &redrive)
	if redrive.DeadLetterTargetArn != deadARN || redrive.MaxReceiveCount < 10 {
		t.Errorf("the inbox gives up after %d receives and sends to %s", redrive.MaxReceiveCount, redrive.DeadLetterTargetArn)
	}
	var allow struct {
		RedrivePermission string
		SourceQueueArns   []string
	}
	parse(t, text(t, dead, "spec", "redriveAllowPolicy"), &allow)
	if allow.RedrivePermission != "byQueue" || !slices.Equal(allow.SourceQueueArns, []string{inboxARN}) {
		t.Errorf("the dead letters take from %+v", allow)
	}
	for _, rule := range objects.of("Rule") {
		var spec struct {
			EventBusName, State string
			Targets             []struct {
				ID, ARN          string
				DeadLetterConfig struct{ ARN string }
				Input, InputPath string
				InputTransformer any
			}
		}
		decode(t, rule, &spec)
		if spec.State != "ENABLED" || spec.EventBusName != "default" || len(spec.Targets) != 1 {
			t.Errorf("rule %s: %+v", rule.GetName(), spec)
			continue
		}
		target := spec.Targets[0]
		if target.ARN != inboxARN || target.DeadLetterConfig.ARN != deadARN || target.Input != "" || target.InputPath != "" || target.InputTransformer != nil {
			t.Errorf("rule %s sends %+v", rule.GetName(), target)
		}
	}
	var lost struct{ DeadLetterTargetArn string }
	parse(t, text(t, objects.get(t, "Subscription", "scan-findings-inbox"), "spec", "redrivePolicy"), &lost)
	if lost.DeadLetterTargetArn != deadARN {
		t.Errorf("the subscription sends to %s", lost.DeadLetterTargetArn)
	}
	if keep, longer := text(t, inbox, "spec", "messageRetentionPeriod"), text(t, dead, "spec", "messageRetentionPeriod"); len(longer) < len(keep) || longer <= keep && len(longer) == len(keep) {
		t.Errorf("dead letters are kept for %s seconds, messages of the inbox for %s; a dead letter keeps its age", longer, keep)
	}
}

func TestSubscriptions(t *testing.T) {
	objects := objectsOf(t, variant{})
	type subscription struct {
		Protocol, Endpoint, RawMessageDelivery, FilterPolicy, FilterPolicyScope string
	}
	var mail, inbox subscription
	decode(t, objects.get(t, "Subscription", "scan-findings-email"), &mail)
	decode(t, objects.get(t, "Subscription", "scan-findings-inbox"), &inbox)
	if want := (subscription{"email", "security@example.com", "", `{"result":["Findings"]}`, "MessageAttributes"}); mail != want {
		t.Errorf("mail %+v, want %+v", mail, want)
	}
	if want := (subscription{"sqs", arn("sqs", "scan-inbox"), "true", "", ""}); inbox != want {
		t.Errorf("inbox %+v, want %+v", inbox, want)
	}
}

// TestTextsThatAreJSONCanBeParsed also wants those of queues without blanks: ACK compares them letter by letter with what
// SQS answers.
func TestTextsThatAreJSONCanBeParsed(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name(), func(t *testing.T) {
			seen := 0
			for _, object := range objectsOf(t, v) {
				for _, document := range documents(object.Object["spec"]) {
					seen++
					var parsed map[string]any
					parse(t, document, &parsed)
					compact, err := json.Marshal(json.RawMessage(document))
					if err != nil {
						t.Fatal(err)
					}
					if object.GetKind() == "Queue" && string(compact) != document {
						t.Errorf("%s has blanks in %s", key(object), document)
					}
				}
			}
			// Two of the inbox and two of the dead letters, three patterns, two of subscriptions, one of the bucket.
			if seen < 10 {
				t.Errorf("%d documents were found", seen)
			}
		})
	}
}

// documents are the texts below a value that open like JSON.
func documents(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, below := range value {
			found = append(found, documents(below)...)
		}
	case []any:
		for _, below := range value {
			found = append(found, documents(below)...)
		}
	case string:
		if strings.HasPrefix(strings.TrimSpace(value), "{") {
			found = append(found, value)
		}
	}
	return found
}

func parse(t *testing.T, document string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(document), into); err != nil {
		t.Fatalf("%v in %s", err, document)
	}
}
