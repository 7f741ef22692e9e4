package api

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// What kubectl explain prints is all that many users read: it says of each field what holds if it is left out, and what
// the API server refuses.
func TestEveryFieldSaysItsDefaultAndBounds(t *testing.T) {
	for _, plural := range []string{"scanenvironments", "scanjobs", "scanschedules", "scantriggers"} {
		t.Run(plural, func(t *testing.T) {
			spec := schemaOf(t, plural).Properties["spec"]
			describe(spec, "spec", func(path, description, fact string) {
				if !regexp.MustCompile(`(^|[^0-9.])` + regexp.QuoteMeta(fact) + `($|[^0-9])`).MatchString(description) {
					t.Errorf("%s does not say %q: %s", path, fact, description)
				}
			})
		})
	}
}

// describe visits the facts about each field that its description has to name.
func describe(schema apiextensionsv1.JSONSchemaProps, path string, visit func(path, description, fact string)) {
	for name, field := range schema.Properties {
		path := path + "." + name
		for _, fact := range factsOf(field) {
			visit(path, field.Description, fact)
		}
		item := field
		if field.Items != nil && field.Items.Schema != nil {
			item = *field.Items.Schema
			for _, fact := range factsOf(item) {
				visit(path, field.Description, fact)
			}
		}
		describe(item, path, visit)
	}
}

func factsOf(field apiextensionsv1.JSONSchemaProps) []string {
	var facts []string
	number := func(n float64) { facts = append(facts, fmt.Sprint(int64(n))) }
	if field.Minimum != nil {
		number(*field.Minimum)
	}
	if field.Maximum != nil {
		number(*field.Maximum)
	}
	for _, limit := range []*int64{field.MaxLength, field.MaxItems, field.MaxProperties} {
		if limit != nil {
			number(float64(*limit))
		}
	}
	if field.Default != nil {
		if value := strings.Trim(string(field.Default.Raw), `"`); !strings.ContainsAny(value, "{[") {
			facts = append(facts, value)
		}
	}
	return facts
}
