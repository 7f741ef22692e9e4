package testplane

import (
	"fmt"
	"os"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// EnvACKDefinitions names a folder with the CustomResourceDefinitions of ACK's controllers, as their Helm charts have them.
const EnvACKDefinitions = "ACK_CRDS"

// HasACKSchemas says whether InstallACK installs ACK's own definitions, which know every field. Without them any field is
// accepted.
func HasACKSchemas() bool { return os.Getenv(EnvACKDefinitions) != "" }

// InstallACK has the API server serve kinds of ACK, and waits until it does: with ACK's own definitions where
// EnvACKDefinitions names them, else with definitions that hold no more than a name in the API, a spec and a status.
func (p *Plane) InstallACK(kinds ...schema.GroupVersionKind) error {
	definitions, lacking, err := ackDefinitions(kinds)
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		return fmt.Errorf("%s=%s has no definition of %v; add it, or unset the variable", EnvACKDefinitions, os.Getenv(EnvACKDefinitions), lacking)
	}
	return p.installDefinitions(definitions)
}

// InstallACKOrMinimal is InstallACK where EnvACKDefinitions may lack a kind. It returns those that it lacks, of which any
// field is accepted.
func (p *Plane) InstallACKOrMinimal(kinds ...schema.GroupVersionKind) ([]schema.GroupVersionKind, error) {
	definitions, lacking, err := ackDefinitions(kinds)
	if err != nil {
		return nil, err
	}
	for _, kind := range lacking {
		definitions = append(definitions, minimalDefinition(kind))
	}
	return lacking, p.installDefinitions(definitions)
}

func (p *Plane) installDefinitions(definitions []*apiextensionsv1.CustomResourceDefinition) error {
	if _, err := envtest.InstallCRDs(p.Config, envtest.CRDInstallOptions{CRDs: definitions, MaxTime: crdTimeout}); err != nil {
		return fmt.Errorf("install the CustomResourceDefinitions of ACK: %w", err)
	}
	return nil
}

// ackDefinitions returns the definitions of kinds, and the kinds that EnvACKDefinitions should have and lacks.
func ackDefinitions(kinds []schema.GroupVersionKind) (definitions []*apiextensionsv1.CustomResourceDefinition, lacking []schema.GroupVersionKind, err error) {
	if !HasACKSchemas() {
		for _, kind := range kinds {
			definitions = append(definitions, minimalDefinition(kind))
		}
		return definitions, nil, nil
	}
	folder := os.Getenv(EnvACKDefinitions)
	all := envtest.CRDInstallOptions{Paths: []string{folder}, ErrorIfPathMissing: true}
	if err := envtest.ReadCRDFiles(&all); err != nil {
		return nil, nil, fmt.Errorf("%s=%s: %w", EnvACKDefinitions, folder, err)
	}
	known := map[schema.GroupKind]*apiextensionsv1.CustomResourceDefinition{}
	for _, definition := range all.CRDs {
		known[schema.GroupKind{Group: definition.Spec.Group, Kind: definition.Spec.Names.Kind}] = definition
	}
	for _, kind := range kinds {
		if definition, ok := known[kind.GroupKind()]; ok {
			definitions = append(definitions, definition)
		} else {
			lacking = append(lacking, kind)
		}
	}
	return definitions, lacking, nil
}

// minimalDefinition is what stands for ACK's definition of a kind in a clone that has nothing else.
func minimalDefinition(kind schema.GroupVersionKind) *apiextensionsv1.CustomResourceDefinition {
	resource, _ := meta.UnsafeGuessKindToResource(kind)
	anything := apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: resource.Resource + "." + resource.Group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: kind.Group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Kind: kind.Kind, ListKind: kind.Kind + "List", Plural: resource.Resource, Singular: strings.ToLower(kind.Kind),
			},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: kind.Version, Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": anything, "status": anything},
				}},
			}},
		},
	}
}
