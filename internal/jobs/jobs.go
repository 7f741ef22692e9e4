// Package jobs is what the makers of ScanJobs, triggers and schedules, have in common: how a job is named and built from a
// template, and what of its status they look at.
package jobs

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// New returns a ScanJob of a template, which it does not share anything with, in the owner's namespace. Labels and
// annotations under scanjob.dev/ and those that no object can have are left out of it; the former are the caller's to set,
// and neither map is nil.
func New(owner client.Object, kind, name, environment string, template v1alpha1.ScanJobTemplate, source v1alpha1.ScanSource) *v1alpha1.ScanJob {
	template = *template.DeepCopy()
	return &v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   owner.GetNamespace(),
			Name:        name,
			Labels:      templateLabels(template.Metadata),
			Annotations: templateAnnotations(template.Metadata),
			// The controller of ScanJobs puts it on jobs that have none; here it costs no write.
			Finalizers: []string{v1alpha1.FinalizerStopTask},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion:         v1alpha1.GroupVersion.String(),
				Kind:               kind,
				Name:               owner.GetName(),
				UID:                owner.GetUID(),
				Controller:         ptr.To(true),
				BlockOwnerDeletion: ptr.To(false),
			}},
		},
		Spec: v1alpha1.ScanJobSpec{
			EnvironmentName: environment,
			Source:          source,
			ScanJobOptions:  template.Spec,
		},
	}
}

// Complete says whether a job's scan was done.
func Complete(job *v1alpha1.ScanJob) bool {
	return meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionComplete)
}

// Finished says whether a job is Complete or Failed.
func Finished(job *v1alpha1.ScanJob) bool {
	return Complete(job) || meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionFailed)
}

// Settled says whether a job is finished and nothing more will come into its status.
func Settled(job *v1alpha1.ScanJob) bool {
	reported := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionReported)
	return Finished(job) && (reported == nil || reported.Reason != v1alpha1.ReasonAwaitingFindings)
}
