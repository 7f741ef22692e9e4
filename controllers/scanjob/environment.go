package scanjob

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// beingChecked is the end of what ready says of an environment whose spec has just changed.
const beingChecked = " is being checked"

// ready says whether an environment admits jobs; where it does not, reason and message are for condition Admitted.
func ready(environment *scanv1.ScanEnvironment, name string) (ok bool, reason, message string) {
	if environment == nil {
		return false, scanv1.ReasonEnvironmentNotFound, "there is no ScanEnvironment " + name + " in this namespace: create it"
	}
	condition := meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionReady)
	switch {
	case !environment.DeletionTimestamp.IsZero():
		return false, scanv1.ReasonEnvironmentNotReady, "ScanEnvironment " + name + " is being deleted"
	case condition == nil || !environment.Observed():
		return false, scanv1.ReasonEnvironmentNotReady, "ScanEnvironment " + name + beingChecked
	case condition.Status != "True" || environment.Status.Resolved == nil:
		return false, scanv1.ReasonEnvironmentNotReady, "ScanEnvironment " + name + ": " + condition.Reason + ": " + condition.Message
	}
	return true, "", ""
}

// tasksOf returns the client for the account and region that an attempt's task is in.
func (r *Reconciler) tasksOf(s *scope, attempt *scanv1.Attempt) *fargate.Client {
	return r.tasks.For(placeOf(attempt, s.environment))
}

// placeOf says where an attempt's task is and how to get there, and whose account it is. That is on record, but for the external identifier as long as
// the environment has the same role: its owner may have agreed on another one since.
func placeOf(attempt *scanv1.Attempt, environment *scanv1.ScanEnvironment) fargate.Place {
	place := fargate.Place{
		Scope:   awsclient.Scope{Region: regionOf(attempt.ClusterARN), RoleARN: attempt.RoleARN, ExternalID: attempt.ExternalID},
		Account: accountOf(attempt.ClusterARN),
	}
	if environment != nil && environment.Spec.AssumeRoleARN == attempt.RoleARN {
		place.ExternalID = environment.Spec.ExternalID
	}
	return place
}

// regionOf and accountOf return the region and the account in an ARN, empty where there is none.
func regionOf(arn string) string  { return partOf(arn, 3) }
func accountOf(arn string) string { return partOf(arn, 4) }

func partOf(arn string, index int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[index]
}

// dnsSuffix returns the DNS suffix of a region's partition.
func dnsSuffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

func architectureOf(environment *scanv1.ScanEnvironment) scanv1.Architecture {
	if environment == nil || environment.Status.Resolved == nil {
		return scanv1.ArchitectureAMD64
	}
	return environment.Status.Resolved.Architecture
}
