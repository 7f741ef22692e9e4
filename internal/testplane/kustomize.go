package testplane

import (
	"fmt"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Kustomize is `kubectl kustomize` of a folder. A relative path is one under the repository's config/.
func Kustomize(folder string) ([]*unstructured.Unstructured, error) {
	if !filepath.IsAbs(folder) {
		root, err := ModuleRoot()
		if err != nil {
			return nil, err
		}
		folder = filepath.Join(root, "config", folder)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range resources.Resources() {
		text, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", folder, err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return nil, fmt.Errorf("build %s: %w", folder, err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}
