package scanjob

import (
	"testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

func TestWhereTheTaskOfAnAttemptIs(t *testing.T) {
	const role, other = "arn:aws:iam::444455556666:role/scanjob-environment", "arn:aws:iam::444455556666:role/other"
	environment := func(role, externalID string) *scanv1.ScanEnvironment {
		return &scanv1.ScanEnvironment{Spec: scanv1.ScanEnvironmentSpec{AssumeRoleARN: role, ExternalID: externalID}}
	}
	for _, row := range []struct {
		name        string
		attempt     scanv1.Attempt
		environment *scanv1.ScanEnvironment
		want        awsclient.Scope
	}{
		{"with the manager's own identity", scanv1.Attempt{}, environment("", ""), awsclient.Scope{}},
		{"with the role and identifier on record", scanv1.Attempt{RoleARN: role, ExternalID: "one"}, environment(role, "one"), awsclient.Scope{RoleARN: role, ExternalID: "one"}},
		{"with the identifier that was agreed on since", scanv1.Attempt{RoleARN: role, ExternalID: "one"}, environment(role, "two"), awsclient.Scope{RoleARN: role, ExternalID: "two"}},
		{"with none, where it was given up since", scanv1.Attempt{RoleARN: role, ExternalID: "one"}, environment(role, ""), awsclient.Scope{RoleARN: role}},
		{"with what is on record, where the environment has another role", scanv1.Attempt{RoleARN: role, ExternalID: "one"}, environment(other, "two"), awsclient.Scope{RoleARN: role, ExternalID: "one"}},
		{"with what is on record, where the environment is gone", scanv1.Attempt{RoleARN: role, ExternalID: "one"}, nil, awsclient.Scope{RoleARN: role, ExternalID: "one"}},
		{"without a role though the environment has one by now", scanv1.Attempt{}, environment(role, "one"), awsclient.Scope{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.attempt.ClusterARN, row.want.Region = testCluster, "us-east-1"
			if got := placeOf(&row.attempt, row.environment); got.Scope != row.want || got.Account != "111122223333" {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
