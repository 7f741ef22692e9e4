package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ackControllers stand in for ACK's controllers: they make in the local AWS what an object's spec says, and write the
// status that ACK's controllers were seen to write. What the local AWS does not have (ECR, EC2) gets a status alone.
type ackControllers struct {
	t         *testing.T
	kube      client.Client
	namespace string
	aws       aws.Config
	account   string
	// synced are the ARNs of the resources that exist, by their objects as KIND NAME.
	synced map[string]string
	// statuses are what identifies them.
	statuses map[string]map[string]any
	// refused are the objects that AWS refuses for good: ACK does not try them again while they stay as they are.
	refused map[string]bool
}

func newACKControllers(t *testing.T, kube client.Client, namespace string, config aws.Config) *ackControllers {
	return &ackControllers{
		t: t, kube: kube, namespace: namespace, aws: config, account: "111122223333",
		synced: map[string]string{}, statuses: map[string]map[string]any{}, refused: map[string]bool{},
	}
}

// errRefused is an answer of AWS that ACK's controllers take for the last word.
var errRefused = errors.New("InvalidParameterValue")

// reconcile makes the resource of an object and reports it. It is false where the object waits for another one, or is
// refused, which is reported too.
func (a *ackControllers) reconcile(object *unstructured.Unstructured) bool {
	a.t.Helper()
	if a.refused[key(object)] {
		return false
	}
	for _, reference := range references(object) {
		if _, ok := a.synced[reference]; !ok {
			a.report(object, nil, condition{"ACK.ReferencesResolved", "Unknown", "", "resource reference wrapper or ID required: " + reference})
			return false
		}
	}
	arn, status, err := a.make(object)
	if errors.Is(err, errRefused) {
		a.refused[key(object)] = true
		a.report(object, nil, terminal(err.Error())...)
		return false
	}
	if err != nil {
		a.t.Fatalf("make what %s %s says: %v", object.GetKind(), object.GetName(), err)
	}
	if arn != "" {
		status["ackResourceMetadata"] = map[string]any{"arn": arn, "ownerAccountID": a.account, "region": a.aws.Region}
	}
	a.synced[key(object)], a.statuses[key(object)] = arn, status
	a.recover(object)
	return true
}

// recover reports a resource that exists as good.
func (a *ackControllers) recover(object *unstructured.Unstructured) {
	a.t.Helper()
	a.report(object, a.statuses[key(object)], condition{"ACK.ResourceSynced", "True", "Resource synced successfully", ""})
}

func key(object *unstructured.Unstructured) string { return object.GetKind() + " " + object.GetName() }

// condition is one of ACK's, which have no observedGeneration.
type condition struct{ kind, status, message, reason string }

// recoverable and terminal are what ACK's controllers report of a call that failed: to be tried again, and not.
func recoverable(message string) []condition {
	return []condition{{"ACK.Recoverable", "True", message, ""}, {"ACK.ResourceSynced", "Unknown", "Unable to determine if desired resource state matches latest observed state", message}}
}

func terminal(message string) []condition {
	return []condition{{"ACK.Terminal", "True", message, ""}, {"ACK.ResourceSynced", "False", "Resource not synced", ""}}
}

// report replaces an object's conditions, and its other status where that is given.
func (a *ackControllers) report(object *unstructured.Unstructured, status map[string]any, conditions ...condition) {
	a.t.Helper()
	reported := &unstructured.Unstructured{}
	reported.SetGroupVersionKind(object.GroupVersionKind())
	reported.SetNamespace(a.namespace)
	reported.SetName(object.GetName())
	before := reported.DeepCopy()
	var items []any
	for _, c := range conditions {
		item := map[string]any{"type": c.kind, "status": c.status}
		for name, value := range map[string]string{"message": c.message, "reason": c.reason} {
			if value != "" {
				item[name] = value
			}
		}
		items = append(items, item)
	}
	whole := map[string]any{"conditions": items}
	maps.Copy(whole, status)
	reported.Object["status"] = whole
	if err := a.kube.Status().Patch(a.t.Context(), reported, client.MergeFrom(before)); err != nil {
		a.t.Fatalf("report the status of %s: %v", key(object), err)
	}
}

// make returns the ARN and the rest of the status that identifies the resource.
func (a *ackControllers) make(object *unstructured.Unstructured) (arn string, status map[string]any, err error) {
	ctx := a.t.Context()
	switch object.GetKind() {
	case "Cluster":
		return a.cluster(ctx, object)
	case "TaskDefinition":
		return a.taskDefinition(ctx, object)
	case "Queue":
		return a.queue(ctx, object)
	case "Topic":
		return a.topic(ctx, object)
	case "Subscription":
		return a.subscription(ctx, object)
	case "Rule":
		return a.rule(ctx, object)
	case "Bucket":
		return a.bucket(ctx, object)
	case "LogGroup":
		return a.logGroup(ctx, object)
	}
	return a.elsewhere(object)
}

// elsewhere are the resources that the local AWS does not have.
func (a *ackControllers) elsewhere(object *unstructured.Unstructured) (string, map[string]any, error) {
	number := fmt.Sprintf("%017x", len(a.synced)+1)
	place := "arn:aws:ec2:" + a.aws.Region + ":" + a.account + ":"
	switch object.GetKind() {
	case "Repository":
		uri := a.account + ".dkr.ecr." + a.aws.Region + ".amazonaws.com/" + object.GetName()
		return "arn:aws:ecr:" + a.aws.Region + ":" + a.account + ":repository/" + object.GetName(), map[string]any{"repositoryURI": uri}, nil
	case "VPC":
		// The only kind without an ARN.
		return "", map[string]any{"vpcID": "vpc-" + number, "state": "available"}, nil
	case "Subnet":
		return place + "subnet/subnet-" + number, map[string]any{"subnetID": "subnet-" + number, "state": "available"}, nil
	case "SecurityGroup":
		return place + "security-group/sg-" + number, map[string]any{"id": "sg-" + number}, nil
	case "RouteTable":
		return place + "route-table/rtb-" + number, map[string]any{"routeTableID": "rtb-" + number}, nil
	case "InternetGateway":
		return place + "internet-gateway/igw-" + number, map[string]any{"internetGatewayID": "igw-" + number}, nil
	case "ElasticIPAddress":
		return place + "elastic-ip/eipalloc-" + number, map[string]any{"allocationID": "eipalloc-" + number, "publicIP": "198.51.100.7"}, nil
	case "NATGateway":
		return place + "natgateway/nat-" + number, map[string]any{"natGatewayID": "nat-" + number, "state": "available"}, nil
	case "VPCEndpoint":
		return place + "vpc-endpoint/vpce-" + number, map[string]any{"vpcEndpointID": "vpce-" + number, "state": "available"}, nil
	case "Role":
		name, _, err := unstructured.NestedString(object.Object, "spec", "name")
		return "arn:aws:iam::" + a.account + ":role/" + name, map[string]any{"roleID": "AROAEXAMPLE" + strings.ToUpper(number[9:])}, err
	}
	return "", nil, fmt.Errorf("nobody makes a %s", object.GetKind())
}

func (a *ackControllers) cluster(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	var in ecs.CreateClusterInput
	if err := decodeSpec(object, &in); err != nil {
		return "", nil, err
	}
	in.ClusterName = a.name(object, "name")
	out, err := ecs.NewFromConfig(a.aws).CreateCluster(ctx, &in)
	if err != nil {
		return "", nil, err
	}
	return aws.ToString(out.Cluster.ClusterArn), map[string]any{"status": "ACTIVE"}, nil
}

// taskDefinition registers a revision at every call, as ACK does for every change of the spec.
func (a *ackControllers) taskDefinition(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	var in ecs.RegisterTaskDefinitionInput
	if err := decodeSpec(object, &in); err != nil {
		return "", nil, err
	}
	out, err := ecs.NewFromConfig(a.aws).RegisterTaskDefinition(ctx, &in)
	if err != nil {
		return "", nil, err
	}
	return aws.ToString(out.TaskDefinition.TaskDefinitionArn), map[string]any{"revision": int64(out.TaskDefinition.Revision), "status": "ACTIVE"}, nil
}

// queue gives SQS the attributes under its own names for them.
func (a *ackControllers) queue(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	spec, _, err := unstructured.NestedStringMap(object.Object, "spec")
	if err != nil {
		return "", nil, err
	}
	attributes := map[string]string{}
	for field, value := range spec {
		switch field {
		case "queueName":
		case "sqsManagedSSEEnabled":
			attributes["SqsManagedSseEnabled"] = value
		default:
			attributes[strings.ToUpper(field[:1])+field[1:]] = value
		}
	}
	if _, ok := a.synced["Queue scan-inbox-dead"]; attributes["RedrivePolicy"] != "" && !ok {
		return "", nil, fmt.Errorf("%w: Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", errRefused, attributes["RedrivePolicy"])
	}
	client := sqs.NewFromConfig(a.aws)
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(spec["queueName"]), Attributes: attributes})
	if err != nil {
		return "", nil, err
	}
	arn := "arn:aws:sqs:" + a.aws.Region + ":" + a.account + ":" + spec["queueName"]
	return arn, map[string]any{"queueURL": aws.ToString(out.QueueUrl), "queueARN": arn}, nil
}

func (a *ackControllers) topic(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	out, err := sns.NewFromConfig(a.aws).CreateTopic(ctx, &sns.CreateTopicInput{Name: a.name(object, "name")})
	if err != nil {
		return "", nil, err
	}
	arn := aws.ToString(out.TopicArn)
	return arn, map[string]any{"topicARN": arn}, nil
}

func (a *ackControllers) subscription(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	topic := a.synced[references(object)[0]]
	attributes := map[string]string{}
	for field, attribute := range map[string]string{
		"rawMessageDelivery": "RawMessageDelivery", "filterPolicy": "FilterPolicy", "filterPolicyScope": "FilterPolicyScope", "redrivePolicy": "RedrivePolicy",
	} {
		if value := aws.ToString(a.name(object, field)); value != "" {
			attributes[attribute] = value
		}
	}
	out, err := sns.NewFromConfig(a.aws).Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &topic, Protocol: a.name(object, "protocol"), Endpoint: a.name(object, "endpoint"), Attributes: attributes, ReturnSubscriptionArn: true,
	})
	if err != nil {
		return "", nil, err
	}
	return aws.ToString(out.SubscriptionArn), map[string]any{}, nil
}

func (a *ackControllers) rule(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	var in eventbridge.PutRuleInput
	var targets struct{ Targets []eventtypes.Target }
	if err := errors.Join(decodeSpec(object, &in), decodeSpec(object, &targets)); err != nil {
		return "", nil, err
	}
	client := eventbridge.NewFromConfig(a.aws)
	out, err := client.PutRule(ctx, &in)
	if err != nil {
		return "", nil, err
	}
	_, err = client.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: in.Name, Targets: targets.Targets})
	return aws.ToString(out.RuleArn), map[string]any{}, err
}

func (a *ackControllers) bucket(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	name := a.name(object, "name")
	_, err := s3.NewFromConfig(a.aws, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	return "arn:aws:s3:::" + aws.ToString(name), map[string]any{"location": "/" + aws.ToString(name)}, err
}

func (a *ackControllers) logGroup(ctx context.Context, object *unstructured.Unstructured) (string, map[string]any, error) {
	name := a.name(object, "name")
	_, err := cloudwatchlogs.NewFromConfig(a.aws).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name})
	return "arn:aws:logs:" + a.aws.Region + ":" + a.account + ":log-group:" + aws.ToString(name), map[string]any{}, err
}

// name returns a text of the spec, nil where there is none.
func (a *ackControllers) name(object *unstructured.Unstructured, field string) *string {
	a.t.Helper()
	value, found, err := unstructured.NestedString(object.Object, "spec", field)
	if err != nil {
		a.t.Fatal(err)
	}
	if !found {
		return nil
	}
	return &value
}

// settle makes the objects of one wave, in whatever order they can be made in.
func (a *ackControllers) settle(objects inventory) {
	a.t.Helper()
	waiting := slices.DeleteFunc(slices.Clone(objects), func(object *unstructured.Unstructured) bool { return !isACK(object) })
	for len(waiting) > 0 {
		before := len(waiting)
		waiting = slices.DeleteFunc(waiting, a.reconcile)
		if len(waiting) == before {
			a.t.Fatalf("these are refused, or wait for each other: %v", waiting.names())
		}
	}
}
