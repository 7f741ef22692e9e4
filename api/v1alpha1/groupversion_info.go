// Package v1alpha1 holds the kinds of the scanjob.dev API group.
// +kubebuilder:object:generate=true
// +groupName=scanjob.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of the kinds in this package.
var GroupVersion = schema.GroupVersion{Group: "scanjob.dev", Version: "v1alpha1"}

// AddToScheme adds the kinds of this package to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&ScanEnvironment{}, &ScanEnvironmentList{},
		&ScanJob{}, &ScanJobList{},
		&ScanTrigger{}, &ScanTriggerList{},
		&ScanSchedule{}, &ScanScheduleList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
