package testplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// authorizerTimeout is far above the milliseconds that the API server takes to learn of a new role by its watch.
const authorizerTimeout = 30 * time.Second

// Operator is who the manager is in a cluster: its ServiceAccount, with the rights of config/rbac and no others.
type Operator struct {
	// Namespace is where it would run, and where its Lease is.
	Namespace string
	// Config acts as the ServiceAccount, by a token as its pods have one.
	Config *rest.Config
	// ClusterRules are its rights everywhere, Rules those in Namespace.
	ClusterRules, Rules []rbacv1.PolicyRule

	client   client.Client
	cleanups []func(context.Context) error
}

// InstallOperator applies config/rbac, under names that no other test uses, and returns the identity that it makes. The
// caller calls Remove.
func (p *Plane) InstallOperator(ctx context.Context) (*Operator, error) {
	made, err := client.New(p.Config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	o := &Operator{client: made}
	if err := o.install(ctx, p.Config); err != nil {
		return nil, errors.Join(fmt.Errorf("install the operator's ServiceAccount and its roles: %w", err), o.Remove(ctx))
	}
	return o, nil
}

// Remove deletes what InstallOperator made.
func (o *Operator) Remove(ctx context.Context) error {
	var problems []error
	for _, cleanup := range o.cleanups {
		if err := cleanup(ctx); !apierrors.IsNotFound(err) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (o *Operator) install(ctx context.Context, admin *rest.Config) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "operator-"}}
	if err := o.client.Create(ctx, namespace); err != nil {
		return err
	}
	o.Namespace = namespace.Name
	o.cleanups = append(o.cleanups, func(ctx context.Context) error { return o.client.Delete(ctx, namespace) })
	objects, err := renamed("rbac", o.Namespace)
	if err != nil {
		return err
	}
	account := ""
	for _, object := range objects {
		if err := o.create(ctx, object); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if object.GetKind() == "ServiceAccount" {
			account = object.GetName()
		}
	}
	if err := o.takeRules(objects); err != nil {
		return err
	}
	if err := o.logIn(ctx, admin, account); err != nil {
		return err
	}
	return o.awaitRights(ctx)
}

// renamed builds a folder of config/ with every name and namespace replaced, as an overlay of a user would.
func renamed(folder, prefix string) (objects []*unstructured.Unstructured, err error) {
	root, err := ModuleRoot()
	if err != nil {
		return nil, err
	}
	overlay, err := os.MkdirTemp("", "testplane-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(overlay)) }()
	// kustomize takes no absolute path to another folder.
	if overlay, err = filepath.EvalSymlinks(overlay); err != nil {
		return nil, err
	}
	base, err := filepath.Rel(overlay, filepath.Join(root, "config", folder))
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("namespace: %[1]s\nnamePrefix: %[1]s-\nresources:\n- %[2]s\n", prefix, filepath.ToSlash(base))
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	return Kustomize(overlay)
}

// create makes an object of config/rbac, which is to be deleted with the namespace or by Remove.
func (o *Operator) create(ctx context.Context, object *unstructured.Unstructured) error {
	if object.GetNamespace() == "" {
		o.cleanups = append(o.cleanups, func(ctx context.Context) error { return o.client.Delete(ctx, object) })
	}
	return o.client.Create(ctx, object, client.FieldValidation(metav1.FieldValidationStrict))
}

// takeRules notes what the bindings among the objects grant.
func (o *Operator) takeRules(objects []*unstructured.Unstructured) error {
	roles := map[string]rbacv1.ClusterRole{}
	for _, object := range objects {
		if kind := object.GetKind(); kind != "Role" && kind != "ClusterRole" {
			continue
		}
		// A Role has the same fields.
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			return err
		}
		roles[object.GetKind()+" "+role.Name] = role
	}
	for _, object := range objects {
		kind := object.GetKind()
		if kind != "RoleBinding" && kind != "ClusterRoleBinding" {
			continue
		}
		var binding rbacv1.ClusterRoleBinding
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &binding); err != nil {
			return err
		}
		role, ok := roles[binding.RoleRef.Kind+" "+binding.RoleRef.Name]
		switch {
		case !ok:
			return fmt.Errorf("%s %s binds a role that config/rbac does not hold: %s", kind, binding.Name, binding.RoleRef.Name)
		case kind == "ClusterRoleBinding":
			o.ClusterRules = append(o.ClusterRules, role.Rules...)
		default:
			o.Rules = append(o.Rules, role.Rules...)
		}
	}
	return nil
}

// logIn gets a token as the kubelet would for a pod of the ServiceAccount.
func (o *Operator) logIn(ctx context.Context, admin *rest.Config, account string) error {
	token := &authenticationv1.TokenRequest{}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: account}}
	if err := o.client.SubResource("token").Create(ctx, owner, token); err != nil {
		return fmt.Errorf("get a token of the ServiceAccount: %w", err)
	}
	o.Config = rest.AnonymousClientConfig(admin)
	o.Config.BearerToken = token.Status.Token
	o.Config.QPS = -1
	return nil
}

// awaitRights returns when the API server grants everything that the rules say.
func (o *Operator) awaitRights(ctx context.Context) error {
	self, err := client.New(o.Config, client.Options{})
	if err != nil {
		return err
	}
	for _, scope := range []struct {
		namespace string
		rules     []rbacv1.PolicyRule
	}{{"", o.ClusterRules}, {o.Namespace, o.Rules}} {
		for _, rule := range scope.rules {
			resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: scope.namespace, Group: rule.APIGroups[0], Resource: resource, Subresource: subresource, Verb: rule.Verbs[0],
				},
			}}
			if len(rule.ResourceNames) > 0 {
				review.Spec.ResourceAttributes.Name = rule.ResourceNames[0]
			}
			err := wait.PollUntilContextTimeout(ctx, pollInterval, authorizerTimeout, true, func(ctx context.Context) (bool, error) {
				if err := self.Create(ctx, review); err != nil {
					return false, err
				}
				return review.Status.Allowed, nil
			})
			if err != nil {
				return fmt.Errorf("wait until %s may %s %s: %w", o.Namespace, rule.Verbs[0], rule.Resources[0], err)
			}
		}
	}
	return nil
}

// WriteKubeconfig writes a kubeconfig that acts as the ServiceAccount, for processes.
func (o *Operator) WriteKubeconfig(path string) error {
	config := clientcmdapi.NewConfig()
	cluster := clientcmdapi.NewCluster()
	cluster.Server = o.Config.Host
	cluster.CertificateAuthority, cluster.CertificateAuthorityData = o.Config.CAFile, o.Config.CAData
	cluster.InsecureSkipTLSVerify = o.Config.Insecure
	user := clientcmdapi.NewAuthInfo()
	user.Token = o.Config.BearerToken
	named := clientcmdapi.NewContext()
	named.Cluster, named.AuthInfo, named.Namespace = "cluster", "operator", o.Namespace
	config.Clusters["cluster"], config.AuthInfos["operator"], config.Contexts["operator"] = cluster, user, named
	config.CurrentContext = "operator"
	return clientcmd.WriteToFile(*config, path)
}
