// Command argocd writes config/argocd/argocd-cm.yaml from the Lua files beside it, which are laid out as Argo CD's own.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const (
	folder = "config/argocd"
	header = `# Written by "make argocd" from resource_customizations/. It is a patch of Argo CD's own ConfigMap:
# kubectl patch configmap argocd-cm --namespace argocd --patch-file config/argocd/argocd-cm.yaml
`
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "argocd:", err)
		os.Exit(1)
	}
}

func run() error {
	data, err := customizations(os.DirFS(filepath.Join(folder, "resource_customizations")))
	if err != nil {
		return err
	}
	patch := map[string]any{
		"apiVersion": corev1.SchemeGroupVersion.String(),
		"kind":       "ConfigMap",
		"metadata":   map[string]any{"name": "argocd-cm"},
		"data":       data,
	}
	text, err := yaml.Marshal(patch)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "argocd-cm.yaml"), slices.Concat([]byte(header), text), 0o644)
}

// customizations returns the keys of the ConfigMap. files is laid out as GROUP/KIND/health.lua,
// GROUP/KIND/actions/discovery.lua and GROUP/KIND/actions/NAME/action.lua.
func customizations(files fs.FS) (map[string]string, error) {
	kinds, err := fs.Glob(files, "*/*/health.lua")
	if err != nil {
		return nil, err
	}
	if len(kinds) == 0 {
		return nil, errors.New("no health.lua found: run this in the repository's root")
	}
	data := map[string]string{}
	for _, path := range kinds {
		kind := filepath.Dir(path)
		key := filepath.Dir(kind) + "_" + filepath.Base(kind)
		health, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		data["resource.customizations.health."+key] = string(health)
		actions, err := actionsOf(files, kind)
		if err != nil {
			return nil, err
		}
		data["resource.customizations.actions."+key] = actions
	}
	return data, nil
}

// actionsOf returns the document that the ConfigMap has for the actions of a kind.
func actionsOf(files fs.FS, kind string) (string, error) {
	type definition struct {
		Name string `json:"name"`
		Lua  string `json:"action.lua"`
	}
	var document struct {
		Discovery   string       `json:"discovery.lua"`
		Definitions []definition `json:"definitions"`
	}
	discovery, err := fs.ReadFile(files, kind+"/actions/discovery.lua")
	if err != nil {
		return "", err
	}
	document.Discovery = string(discovery)
	paths, err := fs.Glob(files, kind+"/actions/*/action.lua")
	if err != nil {
		return "", err
	}
	for _, path := range paths {
		action, err := fs.ReadFile(files, path)
		if err != nil {
			return "", err
		}
		document.Definitions = append(document.Definitions, definition{filepath.Base(filepath.Dir(path)), string(action)})
	}
	text, err := yaml.Marshal(document)
	return string(bytes.TrimSpace(text)) + "\n", err
}
