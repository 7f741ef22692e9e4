package scanenvironment

import (
	ackv1alpha1 "github.com/aws-controllers-k8s/runtime/apis/core/v1alpha1"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// fromObject refers to an ACK object.
func fromObject(name string) v1alpha1.AWSReference {
	return v1alpha1.AWSReference{From: &ackv1alpha1.AWSResourceReference{Name: &name}}
}

// plain refers to an identifier.
func plain(id string) v1alpha1.AWSReference { return v1alpha1.AWSReference{ID: id} }
