package jobs

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestCheckTemplate(t *testing.T) {
	tests := map[string]struct {
		template v1alpha1.TemplateMetadata
		says     []string
		// left is how many labels and annotations jobs get.
		left int
	}{
		"none": {v1alpha1.TemplateMetadata{}, nil, 0},
		"labels and annotations that objects can have": {
			v1alpha1.TemplateMetadata{Labels: map[string]string{"example.com/team": "payments"}, Annotations: map[string]string{"Note": "any text\nat all"}}, nil, 2,
		},
		"a label's value with a space": {
			v1alpha1.TemplateMetadata{Labels: map[string]string{"team": "not a label", "tier": "gold"}}, []string{"spec.template.metadata.labels", "not a label"}, 1,
		},
		"a label's name that is too long": {
			v1alpha1.TemplateMetadata{Labels: map[string]string{strings.Repeat("a", 64): "x"}}, []string{"spec.template.metadata.labels", "63"}, 0,
		},
		"an annotation's name with a space": {
			v1alpha1.TemplateMetadata{Annotations: map[string]string{"not a name": "x", "note": "hello"}}, []string{"spec.template.metadata.annotations", "not a name"}, 1,
		},
		"annotations that are too large": {
			v1alpha1.TemplateMetadata{Annotations: map[string]string{"note": strings.Repeat("x", 256<<10)}}, []string{"spec.template.metadata.annotations", "262144"}, 0,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := CheckTemplate(test.template)
			if (err != nil) != (test.says != nil) {
				t.Fatalf("error = %v", err)
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if got := len(templateLabels(test.template)) + len(templateAnnotations(test.template)); got != test.left {
				t.Errorf("%d labels and annotations are left, want %d", got, test.left)
			}
		})
	}
}
