package jobs

import (
	"maps"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// reservedPrefix opens the labels and annotations that a template cannot set.
const reservedPrefix = "scanjob.dev/"

// CheckTemplate says which labels and annotations of a template no job can have.
func CheckTemplate(template v1alpha1.TemplateMetadata) error {
	path := field.NewPath("spec", "template", "metadata")
	var errs field.ErrorList
	// The order of a map would make another message each time.
	for _, name := range slices.Sorted(maps.Keys(template.Labels)) {
		errs = append(errs, metav1validation.ValidateLabels(map[string]string{name: template.Labels[name]}, path.Child("labels"))...)
	}
	for _, name := range slices.Sorted(maps.Keys(template.Annotations)) {
		errs = append(errs, apivalidation.ValidateAnnotations(map[string]string{name: ""}, path.Child("annotations"))...)
	}
	if err := apivalidation.ValidateAnnotationsSize(template.Annotations); err != nil {
		errs = append(errs, field.TooLong(path.Child("annotations"), "", apivalidation.TotalAnnotationSizeLimitB))
	}
	return errs.ToAggregate()
}

// templateLabels returns the labels that a template gives to jobs: all but those that it cannot set and those that no
// object can have, which would keep the job from being made.
func templateLabels(template v1alpha1.TemplateMetadata) map[string]string {
	return kept(template.Labels, func(name, value string) bool {
		return len(metav1validation.ValidateLabels(map[string]string{name: value}, nil)) == 0
	})
}

// templateAnnotations is as templateLabels. Annotations that are too large together are all left out.
func templateAnnotations(template v1alpha1.TemplateMetadata) map[string]string {
	fit := apivalidation.ValidateAnnotationsSize(template.Annotations) == nil
	return kept(template.Annotations, func(name, _ string) bool {
		return fit && len(apivalidation.ValidateAnnotations(map[string]string{name: ""}, nil)) == 0
	})
}

func kept(from map[string]string, valid func(name, value string) bool) map[string]string {
	to := map[string]string{}
	for name, value := range from {
		if !strings.HasPrefix(name, reservedPrefix) && valid(name, value) {
			to[name] = value
		}
	}
	return to
}
