package api

import (
	"context"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

const operatorAccount = "system:serviceaccount:scanjob-system:scanjob-controller-manager"

func checkAccess(t *testing.T) {
	client, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name       string
		attributes authorizationv1.ResourceAttributes
		want       bool
	}{
		{"it watches ScanJobs everywhere", in("", "watch", "scanjob.dev", "scanjobs", ""), true},
		{"it creates ScanJobs for triggers", in("team", "create", "scanjob.dev", "scanjobs", ""), true},
		{"it writes the status of ScanJobs", in("team", "update", "scanjob.dev", "scanjobs", "status"), true},
		{"it adds finalizers to ScanJobs", in("team", "patch", "scanjob.dev", "scanjobs", ""), true},
		{"it deletes ScanJobs whose time is over", in("team", "delete", "scanjob.dev", "scanjobs", ""), true},
		{"it writes the status of ScanEnvironments", in("team", "patch", "scanjob.dev", "scanenvironments", "status"), true},
		{"it adds finalizers to ScanEnvironments", in("team", "patch", "scanjob.dev", "scanenvironments", ""), true},
		{"it writes the status of ScanTriggers", in("team", "patch", "scanjob.dev", "scantriggers", "status"), true},
		{"it writes the status of ScanSchedules", in("team", "patch", "scanjob.dev", "scanschedules", "status"), true},
		{"it watches ScanSchedules everywhere", in("", "watch", "scanjob.dev", "scanschedules", ""), true},
		{"it reads ACK's clusters", in("team", "watch", "ecs.services.k8s.aws", "clusters", ""), true},
		{"it reads ACK's task definitions", in("team", "watch", "ecs.services.k8s.aws", "taskdefinitions", ""), true},
		{"it reads ACK's subnets", in("team", "watch", "ec2.services.k8s.aws", "subnets", ""), true},
		{"it reads ACK's security groups", in("team", "watch", "ec2.services.k8s.aws", "securitygroups", ""), true},
		{"it reads ACK's queues", in("team", "watch", "sqs.services.k8s.aws", "queues", ""), true},
		{"it reads ACK's topics", in("team", "watch", "sns.services.k8s.aws", "topics", ""), true},
		{"it reads ACK's buckets", in("team", "watch", "s3.services.k8s.aws", "buckets", ""), true},
		{"it records events", in("team", "create", "events.k8s.io", "events", ""), true},
		{"it asks who reads its metrics", in("", "create", "authentication.k8s.io", "tokenreviews", ""), true},
		{"it holds a Lease of its own namespace", in(operatorNamespace, "create", "coordination.k8s.io", "leases", ""), true},
		{"it does not touch Leases of others", in("team", "update", "coordination.k8s.io", "leases", ""), false},
		{"it does not change ACK's objects", in("team", "update", "ecs.services.k8s.aws", "clusters", ""), false},
		{"it does not change ScanSchedules", in("team", "update", "scanjob.dev", "scanschedules", ""), false},
		{"it does not delete ScanEnvironments", in("team", "delete", "scanjob.dev", "scanenvironments", ""), false},
		{"it does not read Secrets", in("team", "get", "", "secrets", ""), false},
		{"it starts no pods", in("team", "create", "", "pods", ""), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               operatorAccount,
				Groups:             []string{"system:authenticated", "system:serviceaccounts"},
				ResourceAttributes: &row.attributes,
			}}
			// The API server learns of new roles by watching. What is not allowed comes last, when it knows them all.
			err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
				answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
				if err != nil {
					return false, err
				}
				return answer.Status.Allowed == row.want, nil
			})
			if err != nil {
				t.Errorf("allowed = %t, want %t: %v", !row.want, row.want, err)
			}
		})
	}
}

func in(namespace, verb, group, resource, subresource string) authorizationv1.ResourceAttributes {
	return authorizationv1.ResourceAttributes{
		Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource,
	}
}
