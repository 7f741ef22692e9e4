package awslocal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventstypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Names are those of the resources that Provision makes.
type Names struct {
	Cluster, TaskFamily, Container, Image string
	TaskRole, ExecutionRole               string
	Queue, DeadLetterQueue                string
	Topic                                 string
	// Email is the address that gets the findings; empty for none.
	Email string
	// Bucket opens the bucket's name; the account and the region follow, as names of buckets are unique in all of AWS.
	Bucket    string
	LogGroup  string
	LogPrefix string
	// PullRequestRule, PushRule and TaskRule are the EventBridge rules; TaskStartedBy is the prefix of startedBy that TaskRule takes.
	PullRequestRule, PushRule, TaskRule, TaskStartedBy string
	// Subnet and SecurityGroup are not made, as there is no EC2: any well-formed id will do.
	Subnet, SecurityGroup string
}

// DefaultNames are the names that the project's documentation uses.
func DefaultNames() Names {
	return Names{
		Cluster: "scanjob", TaskFamily: "scanner", Container: "scanner", Image: "scanner:latest",
		TaskRole: "scanjob-task", ExecutionRole: "scanjob-execution",
		Queue: "scan-inbox", DeadLetterQueue: "scan-inbox-dead", Topic: "scan-findings", Email: "security@example.com",
		Bucket: "scan-reports", LogGroup: "/scanjob/scanner", LogPrefix: "scan",
		PullRequestRule: "scanjob-pull-requests", PushRule: "scanjob-pushes", TaskRule: "scanjob-tasks", TaskStartedBy: "scanjob/",
		Subnet: "subnet-0a1b2c3d4e5f60718", SecurityGroup: "sg-0a1b2c3d4e5f60718",
	}
}

// Resources are what Provision made.
type Resources struct {
	ClusterName, ClusterARN string
	TaskDefinitionARN       string
	ContainerName           string
	QueueURL, QueueARN      string
	DeadLetterQueueURL      string
	DeadLetterQueueARN      string
	TopicARN                string
	Bucket                  string
	LogGroup                string
	Subnets, SecurityGroups []string
}

// provisioner makes one thing after the other with SDK clients.
type provisioner struct {
	cfg     aws.Config
	names   Names
	account string
	made    Resources
}

// Provision makes what the project's AWS manifests would, with SDK clients: the cluster and task definition, the inbox
// with its dead-letter queue and policy, the topic with the e-mail subscription (confirmed, as a reader who clicks the
// link would) and the inbox's, the event rules, the report bucket and the log group. It can be repeated.
func Provision(ctx context.Context, cfg aws.Config, names Names) (Resources, error) {
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Resources{}, fmt.Errorf("provision: ask for the account: %w", err)
	}
	p := &provisioner{cfg: cfg, names: names, account: aws.ToString(identity.Account)}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"log group", p.logGroup}, {"cluster", p.cluster}, {"task definition", p.taskDefinition},
		{"topic", p.topic}, {"queues", p.queues}, {"subscriptions", p.subscriptions}, {"event rules", p.rules}, {"bucket", p.bucket},
	} {
		if err := step.do(ctx); err != nil {
			return Resources{}, fmt.Errorf("provision: %s: %w", step.what, err)
		}
	}
	p.made.ContainerName = names.Container
	p.made.Subnets, p.made.SecurityGroups = []string{names.Subnet}, []string{names.SecurityGroup}
	return p.made, nil
}

func (p *provisioner) role(name string) *string {
	return aws.String(fmt.Sprintf("arn:aws:iam::%s:role/%s", p.account, name))
}

func (p *provisioner) logGroup(ctx context.Context) error {
	_, err := cloudwatchlogs.NewFromConfig(p.cfg).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &p.names.LogGroup})
	p.made.LogGroup = p.names.LogGroup
	return unlessCode(err, "ResourceAlreadyExistsException")
}

func (p *provisioner) cluster(ctx context.Context) error {
	out, err := ecs.NewFromConfig(p.cfg).CreateCluster(ctx, &ecs.CreateClusterInput{
		ClusterName: &p.names.Cluster, CapacityProviders: []string{providerOnDemand, providerSpot},
	})
	if err != nil {
		return err
	}
	p.made.ClusterName, p.made.ClusterARN = p.names.Cluster, aws.ToString(out.Cluster.ClusterArn)
	return nil
}

// spotStopTimeout is the stopTimeout in seconds that gives a task on Spot its whole warning time.
const spotStopTimeout = 120

func (p *provisioner) taskDefinition(ctx context.Context) error {
	out, err := ecs.NewFromConfig(p.cfg).RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: &p.names.TaskFamily, NetworkMode: ecstypes.NetworkModeAwsvpc,
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		Cpu:                     aws.String("1024"), Memory: aws.String("2048"),
		TaskRoleArn: p.role(p.names.TaskRole), ExecutionRoleArn: p.role(p.names.ExecutionRole),
		RuntimePlatform: &ecstypes.RuntimePlatform{CpuArchitecture: ecstypes.CPUArchitectureX8664, OperatingSystemFamily: ecstypes.OSFamilyLinux},
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: &p.names.Container, Image: &p.names.Image, Essential: aws.Bool(true),
			ReadonlyRootFilesystem: aws.Bool(true), StopTimeout: aws.Int32(spotStopTimeout),
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": p.names.LogGroup, "awslogs-region": p.cfg.Region, "awslogs-stream-prefix": p.names.LogPrefix, "mode": "blocking",
			}},
		}},
	})
	if err != nil {
		return err
	}
	p.made.TaskDefinitionARN = aws.ToString(out.TaskDefinition.TaskDefinitionArn)
	return nil
}

func (p *provisioner) topic(ctx context.Context) error {
	out, err := sns.NewFromConfig(p.cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: &p.names.Topic})
	if err != nil {
		return err
	}
	p.made.TopicARN = aws.ToString(out.TopicArn)
	return nil
}

// maxReceives is how often the inbox hands a message out before it goes to the dead-letter queue.
const maxReceives = 10

func (p *provisioner) queues(ctx context.Context) error {
	client := sqs.NewFromConfig(p.cfg)
	dead, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: &p.names.DeadLetterQueue, Attributes: map[string]string{"MessageRetentionPeriod": "1209600"},
	})
	if err != nil {
		return err
	}
	p.made.DeadLetterQueueURL = aws.ToString(dead.QueueUrl)
	p.made.DeadLetterQueueARN = p.arn(serviceSQS, p.names.DeadLetterQueue)
	p.made.QueueARN = p.arn(serviceSQS, p.names.Queue)
	policy, err := p.queuePolicy()
	if err != nil {
		return err
	}
	redrive, err := jsonText(map[string]any{"deadLetterTargetArn": p.made.DeadLetterQueueARN, "maxReceiveCount": maxReceives})
	if err != nil {
		return err
	}
	inbox, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &p.names.Queue, Attributes: map[string]string{
		"VisibilityTimeout": "60", "RedrivePolicy": redrive, "Policy": policy,
	}})
	if err != nil {
		return err
	}
	p.made.QueueURL = aws.ToString(inbox.QueueUrl)
	return nil
}

func (p *provisioner) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, p.cfg.Region, p.account, resource)
}

// queuePolicy lets the rules and the topic send to the inbox.
func (p *provisioner) queuePolicy() (string, error) {
	allow := func(service string, sources ...string) map[string]any {
		return map[string]any{
			"Effect": "Allow", "Principal": map[string]string{"Service": service}, "Action": "sqs:SendMessage", "Resource": p.made.QueueARN,
			"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": sources}},
		}
	}
	return jsonText(map[string]any{"Version": "2012-10-17", "Statement": []any{
		allow(eventsPrincipal, p.arn(serviceEvents, "rule/"+p.names.PullRequestRule),
			p.arn(serviceEvents, "rule/"+p.names.PushRule), p.arn(serviceEvents, "rule/"+p.names.TaskRule)),
		allow(snsPrincipal, p.made.TopicARN),
	}})
}

func (p *provisioner) subscriptions(ctx context.Context) error {
	client := sns.NewFromConfig(p.cfg)
	_, err := client.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &p.made.TopicARN, Protocol: aws.String("sqs"), Endpoint: &p.made.QueueARN,
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	if err != nil || p.names.Email == "" {
		return err
	}
	_, err = client.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &p.made.TopicARN, Protocol: aws.String("email"), Endpoint: &p.names.Email,
		Attributes: map[string]string{"FilterPolicy": `{"result":["Findings"]}`},
	})
	if err != nil {
		return err
	}
	return p.clickLink(ctx)
}

// clickLink follows the newest link that the address got for the topic, if its subscription waits for it.
func (p *provisioner) clickLink(ctx context.Context) error {
	var mails []Mail
	if err := getJSON(ctx, aws.ToString(p.cfg.BaseEndpoint)+inspectRoot+"mail", &mails); err != nil {
		return err
	}
	for i := len(mails) - 1; i >= 0; i-- {
		m := mails[i]
		if m.To == p.names.Email && m.TopicARN == p.made.TopicARN && m.ConfirmURL != "" {
			return getJSON(ctx, m.ConfirmURL, nil)
		}
	}
	return nil
}

// getJSON fetches a URL and decodes the answer unless into is nil.
func getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, response.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	return nil
}

func (p *provisioner) rules(ctx context.Context) error {
	client := eventbridge.NewFromConfig(p.cfg)
	for _, r := range []struct {
		name    string
		pattern map[string]any
	}{
		{p.names.PullRequestRule, map[string]any{
			"source": []string{"aws.codecommit"}, "detail-type": []string{"CodeCommit Pull Request State Change"},
			"detail": map[string]any{"event": []string{
				"pullRequestCreated", "pullRequestSourceBranchUpdated", "pullRequestStatusChanged", "pullRequestMergeStatusUpdated",
			}},
		}},
		{p.names.PushRule, map[string]any{
			"source": []string{"aws.codecommit"}, "detail-type": []string{"CodeCommit Repository State Change"},
			"detail": map[string]any{"event": []string{"referenceCreated", "referenceUpdated"}, "referenceType": []string{"branch"}},
		}},
		{p.names.TaskRule, map[string]any{
			"source": []string{"aws.ecs"}, "detail-type": []string{"ECS Task State Change"},
			"detail": map[string]any{
				"clusterArn": []string{p.made.ClusterARN},
				"startedBy":  []any{map[string]string{"prefix": p.names.TaskStartedBy}},
				"lastStatus": []string{"STOPPED"},
			},
		}},
	} {
		pattern, err := jsonText(r.pattern)
		if err != nil {
			return err
		}
		if _, err := client.PutRule(ctx, &eventbridge.PutRuleInput{Name: &r.name, EventPattern: &pattern}); err != nil {
			return err
		}
		_, err = client.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &r.name, Targets: []eventstypes.Target{{
			Id: aws.String("inbox"), Arn: &p.made.QueueARN,
		}}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *provisioner) bucket(ctx context.Context) error {
	p.made.Bucket = p.names.Bucket + "-" + p.account + "-" + p.cfg.Region
	_, err := s3.NewFromConfig(p.cfg).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &p.made.Bucket})
	return unlessCode(err, "BucketAlreadyOwnedByYou")
}
