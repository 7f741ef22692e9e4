package api

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// constraints lists everything that the generated schema of a kind refuses, as "path keyword" or, for a CEL rule, as
// "path: message". Conditions are left out: their schema is Kubernetes' own.
func constraints(t *testing.T, plural string) []string {
	t.Helper()
	schema := schemaOf(t, plural)
	var found []string
	for _, name := range schema.Required {
		found = append(found, name+" required")
	}
	for _, rule := range schema.XValidations {
		found = append(found, "object: "+rule.Message)
	}
	for _, part := range []string{"spec", "status"} {
		walk(schema.Properties[part], part, func(path, constraint string) {
			if !strings.HasPrefix(path, "status.conditions") {
				found = append(found, path+constraint)
			}
		})
	}
	slices.Sort(found)
	return found
}

// schemaOf reads the generated schema of a kind.
func schemaOf(t *testing.T, plural string) *apiextensionsv1.JSONSchemaProps {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "config", "crd", "bases", "scanjob.dev_"+plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		t.Fatal(err)
	}
	return definition.Spec.Versions[0].Schema.OpenAPIV3Schema
}

func walk(schema apiextensionsv1.JSONSchemaProps, path string, emit func(path, constraint string)) {
	for keyword, present := range map[string]bool{
		" enum":          len(schema.Enum) > 0,
		" pattern":       schema.Pattern != "",
		" minimum":       schema.Minimum != nil,
		" maximum":       schema.Maximum != nil,
		" minLength":     schema.MinLength != nil,
		" maxLength":     schema.MaxLength != nil,
		" minItems":      schema.MinItems != nil,
		" maxItems":      schema.MaxItems != nil,
		" maxProperties": schema.MaxProperties != nil,
		" minProperties": schema.MinProperties != nil,
		" multipleOf":    schema.MultipleOf != nil,
		" exclusive":     schema.ExclusiveMinimum || schema.ExclusiveMaximum,
		" uniqueItems":   schema.UniqueItems,
		" unique":        schema.XListType != nil && *schema.XListType != "atomic",
	} {
		if present {
			emit(path, keyword)
		}
	}
	for _, rule := range schema.XValidations {
		emit(path, ": "+rule.Message)
	}
	for _, name := range schema.Required {
		emit(path+"."+name, " required")
	}
	for name, property := range schema.Properties {
		walk(property, path+"."+name, emit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(*schema.Items.Schema, path+"[]", emit)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		walk(*schema.AdditionalProperties.Schema, path+"{}", emit)
	}
}
