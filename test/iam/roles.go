// Package iam reads the IAM roles of config/aws/iam for the tests that prove them: enough for everything that the
// end-to-end suite does, and not more.
package iam

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// The components of config/aws/iam.
const (
	// PodIdentity is the association that binds the manager's role with EKS Pod Identity.
	PodIdentity = "pod-identity"
	// IRSA lets the manager get its role by IAM roles for service accounts instead.
	IRSA = "irsa"
	// AssumeEnvironments lets the manager assume the roles of environments in other accounts.
	AssumeEnvironments = "cross-account/manager"
	// Environment makes of the manager's role the one of an environment in another account.
	Environment = "cross-account/environment"
)

// The accounts in config/aws: the one that the objects are in, and the other one where two take part.
const (
	Account      = "111122223333"
	OtherAccount = "444455556666"
)

// The names of the roles.
const (
	ManagerRole     = "scanjob-manager"
	TaskRole        = "scanjob-task"
	ExecutionRole   = "scanjob-execution"
	EnvironmentRole = "scanjob-environment"
)

// Manifests are the roles of config/aws/iam as somebody may apply them.
type Manifests struct {
	// Components are those of config/aws/iam that are added.
	Components []string
	// Values are texts to replace in all files, old and new in turn, as who applies them does.
	Values []string
}

// object is what the tests need of a Role or a PodIdentityAssociation of ACK.
type object struct {
	Spec struct {
		Name                     string            `json:"name"`
		AssumeRolePolicyDocument string            `json:"assumeRolePolicyDocument"`
		InlinePolicies           map[string]string `json:"inlinePolicies"`

		ClusterName    string `json:"clusterName"`
		Namespace      string `json:"namespace"`
		ServiceAccount string `json:"serviceAccount"`
		RoleRef        struct {
			From struct {
				Name string `json:"name"`
			} `json:"from"`
		} `json:"roleRef"`
	} `json:"spec"`
}

// Roles returns the roles of the manifests, as roles of an account of the local AWS.
func (m Manifests) Roles(account string) ([]awslocal.Role, error) {
	objects, err := m.objects("Role")
	if err != nil {
		return nil, err
	}
	roles := make([]awslocal.Role, 0, len(objects))
	for _, o := range objects {
		roles = append(roles, awslocal.Role{
			ARN:         roleARN(account, o.Spec.Name),
			TrustPolicy: o.Spec.AssumeRolePolicyDocument, Policies: o.Spec.InlinePolicies,
		})
	}
	return roles, nil
}

// Association returns the one PodIdentityAssociation of the manifests, as one of the local AWS.
func (m Manifests) Association(account string) (awslocal.PodIdentity, error) {
	objects, err := m.objects("PodIdentityAssociation")
	if err != nil {
		return awslocal.PodIdentity{}, err
	}
	if len(objects) != 1 {
		return awslocal.PodIdentity{}, fmt.Errorf("config/aws/iam with %v has %d PodIdentityAssociations, want one", m.Components, len(objects))
	}
	spec := objects[0].Spec
	return awslocal.PodIdentity{
		Cluster: spec.ClusterName, Namespace: spec.Namespace, ServiceAccount: spec.ServiceAccount, RoleARN: roleARN(account, spec.RoleRef.From.Name),
	}, nil
}

func roleARN(account, name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// objects are the manifests of a kind.
func (m Manifests) objects(kind string) ([]object, error) {
	built, err := m.Build()
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, made := range built {
		if made.GetKind() != kind {
			continue
		}
		var o object
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(made.Object, &o); err != nil {
			return nil, fmt.Errorf("%s %s: %w", kind, made.GetName(), err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// Build is `kustomize build`.
func (m Manifests) Build() ([]*unstructured.Unstructured, error) {
	files, err := m.files()
	if err != nil {
		return nil, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/overlay")
	if err != nil {
		return nil, fmt.Errorf("build config/aws/iam with %v: %w", m.Components, err)
	}
	objects := make([]*unstructured.Unstructured, 0, built.Size())
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		made := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &made.Object); err != nil {
			return nil, err
		}
		objects = append(objects, made)
	}
	return objects, nil
}

// files are config/aws/iam with the values, and an overlay that adds the components.
func (m Manifests) files() (filesys.FileSystem, error) {
	root, err := testplane.ModuleRoot()
	if err != nil {
		return nil, err
	}
	source := os.DirFS(filepath.Join(root, "config", "aws", "iam"))
	files, values := filesys.MakeFsInMemory(), strings.NewReplacer(m.Values...)
	err = fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		return files.WriteFile(path.Join("/iam", name), []byte(values.Replace(string(text))))
	})
	if err != nil {
		return nil, fmt.Errorf("read config/aws/iam: %w", err)
	}
	overlay := "resources: [../iam]\ncomponents:\n"
	for _, component := range m.Components {
		overlay += "- ../iam/" + component + "\n"
	}
	return files, files.WriteFile("/overlay/kustomization.yaml", []byte(overlay))
}
