package devstack

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Environment returns a ScanEnvironment that names this AWS's resources by their plain identifiers.
func (s *Stack) Environment(namespace, name string) *scanv1.ScanEnvironment {
	made := s.Resources
	environment := &scanv1.ScanEnvironment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: scanv1.ScanEnvironmentSpec{
			Region:         s.AWS.Region(),
			Cluster:        scanv1.AWSReference{ID: made.ClusterARN},
			TaskDefinition: scanv1.AWSReference{ID: made.TaskDefinitionARN},
			ContainerName:  made.ContainerName,
			Inbox:          &scanv1.InboxConfiguration{Queue: scanv1.AWSReference{ID: made.QueueURL}},
			Notifications:  &scanv1.NotificationsConfiguration{Topic: scanv1.AWSReference{ID: made.TopicARN}},
			Reports:        &scanv1.ReportsConfiguration{Bucket: scanv1.AWSReference{ID: made.Bucket}, Prefix: "sarif/"},
		},
	}
	for _, subnet := range made.Subnets {
		environment.Spec.Network.Subnets = append(environment.Spec.Network.Subnets, scanv1.AWSReference{ID: subnet})
	}
	for _, group := range made.SecurityGroups {
		environment.Spec.Network.SecurityGroups = append(environment.Spec.Network.SecurityGroups, scanv1.AWSReference{ID: group})
	}
	return environment
}

// Trigger returns a ScanTrigger that scans, without delay, every pull request into main that the environment's inbox
// tells of.
func (s *Stack) Trigger(namespace, name, environment string) *scanv1.ScanTrigger {
	return &scanv1.ScanTrigger{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: scanv1.ScanTriggerSpec{
			EnvironmentName: environment,
			TargetBranches:  []string{mainBranch},
			DebounceSeconds: ptr.To[int32](0),
		},
	}
}
