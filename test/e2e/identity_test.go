package e2e

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// issuerPlaceholder is the cluster's OpenID Connect issuer in config/aws/iam/irsa.
const issuerPlaceholder = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"

// annotationRole is where EKS reads the role of a service account's pods.
const annotationRole = "eks.amazonaws.com/role-arn"

// The manager's pods get a token of their service account from the API server, and STS takes it for the role.
func TestManagerWithIRSAScans(t *testing.T) {
	account := overlayServiceAccount(t, "irsa")
	api := newClientset(t)
	provider := identityProvider(t, api)
	_, issuer, _ := strings.Cut(provider.ARN, ":oidc-provider/")
	roles, err := iam.Manifests{Components: []string{iam.IRSA}, Values: []string{issuerPlaceholder, issuer}}.Roles(iam.Account)
	if err != nil {
		t.Fatal(err)
	}
	stack := startStack(t, devstack.Options{Roles: roles, IdentityProviders: []awslocal.IdentityProvider{provider}})
	environment := map[string]string{
		"AWS_ROLE_ARN": account.Annotations[annotationRole], "AWS_WEB_IDENTITY_TOKEN_FILE": filepath.Join(t.TempDir(), "token"),
	}

	t.Run("a token of another service account is refused", func(t *testing.T) {
		writeToken(t, environment["AWS_WEB_IDENTITY_TOKEN_FILE"], serviceAccountToken(t, api, account.Namespace, "someone-else", "sts.amazonaws.com"))
		wantNoCredentials(t, podConfig(t, stack, environment), "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	})
	t.Run("a token for another audience is refused", func(t *testing.T) {
		writeToken(t, environment["AWS_WEB_IDENTITY_TOKEN_FILE"], serviceAccountToken(t, api, account.Namespace, account.Name, "vault"))
		wantNoCredentials(t, podConfig(t, stack, environment), "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	})
	writeToken(t, environment["AWS_WEB_IDENTITY_TOKEN_FILE"], serviceAccountToken(t, api, account.Namespace, account.Name, "sts.amazonaws.com"))
	scansAs(t, worldOf(t, stack), podConfig(t, stack, environment))
}

// The agent on the manager's node exchanges the pod's token for the role.
func TestManagerWithPodIdentityScans(t *testing.T) {
	account := overlayServiceAccount(t, "pod-identity")
	if role, ok := account.Annotations[annotationRole]; ok {
		t.Errorf("the service account has role %s by annotation, which pods would take in place of Pod Identity's", role)
	}
	stack := startStack(t, devstack.Options{Roles: roles})
	association := podIdentity(t)
	if association.Namespace != account.Namespace || association.ServiceAccount != account.Name {
		t.Errorf("the association is of %s/%s, the manager's service account is %s/%s",
			association.Namespace, association.ServiceAccount, account.Namespace, account.Name)
	}
	environment, tokenFile := podIdentityEnvironment(t, stack, association)

	t.Run("a token that the agent does not take is refused", func(t *testing.T) {
		writeToken(t, tokenFile, "stale")
		wantNoCredentials(t, podConfig(t, stack, environment), "Service account token is not valid")
		writeToken(t, tokenFile, podToken)
	})
	t.Run("a pod of another namespace is refused by the role", func(t *testing.T) {
		elsewhere := association
		elsewhere.Namespace = "default"
		stranger, _ := podIdentityEnvironment(t, stack, elsewhere)
		wantNoCredentials(t, podConfig(t, stack, stranger), "Trust policy of role")
	})
	scansAs(t, worldOf(t, stack), podConfig(t, stack, environment))
}

// scansAs runs a scan with a manager of that identity, and looks who called.
func scansAs(t *testing.T, w *world, identity aws.Config) {
	t.Helper()
	w.aws.RunContainersWith(publishes())
	w.manage(managerOptions{aws: &identity})
	w.submit("scan")
	wantReason(t, w.finished("scan"), scanv1.ConditionComplete, scanv1.ReasonScanned)
	given, err := identity.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if given.AccessKeyID == w.aws.Credentials().AccessKeyID {
		t.Fatal("the manager has the credentials that the test made for it")
	}
	own, started := "arn:aws:sts::"+iam.Account+":assumed-role/"+iam.ManagerRole+"/", 0
	for _, call := range w.aws.Calls() {
		if call.Service != "ecs" || call.Operation != "RunTask" || call.Err != "" {
			continue
		}
		started++
		if session, ok := strings.CutPrefix(call.Principal, own); !ok || session == "manager" {
			t.Errorf("RunTask was called by %s", call.Principal)
		}
	}
	if started == 0 {
		t.Error("RunTask was never called")
	}
}

// podConfig is the configuration that the manager makes of a pod's environment.
func podConfig(t *testing.T, stack *devstack.Stack, environment map[string]string) aws.Config {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_REGION": stack.AWS.Region(), "AWS_ENDPOINT_URL": stack.AWS.URL(),
		// The SDK asks for its own credentials before it has read the line above.
		"AWS_ENDPOINT_URL_STS": stack.AWS.URL(),
	} {
		t.Setenv(name, value)
	}
	for name, value := range environment {
		t.Setenv(name, value)
	}
	loaded, err := awsclient.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func wantNoCredentials(t *testing.T, config aws.Config, because string) {
	t.Helper()
	_, err := config.Credentials.Retrieve(t.Context())
	if err == nil || !strings.Contains(err.Error(), because) {
		t.Errorf("got %v, want an error with %q", err, because)
	}
}

// overlayServiceAccount is the manager's service account in an overlay of config/identity.
func overlayServiceAccount(t *testing.T, overlay string) *corev1.ServiceAccount {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "config", "identity", overlay))
	if err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{}
	for _, resource := range built.Resources() {
		if resource.GetKind() != "ServiceAccount" {
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, account); err != nil {
			t.Fatal(err)
		}
	}
	return account
}

func newClientset(t *testing.T) kubernetes.Interface {
	t.Helper()
	api, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// identityProvider is the IAM OpenID Connect provider that somebody would make for the API server's tokens.
func identityProvider(t *testing.T, api kubernetes.Interface) awslocal.IdentityProvider {
	t.Helper()
	get := func(path string) []byte {
		text, err := api.CoreV1().RESTClient().Get().AbsPath(path).DoRaw(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return text
	}
	var discovery struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(get("/.well-known/openid-configuration"), &discovery); err != nil {
		t.Fatal(err)
	}
	return awslocal.IdentityProvider{
		ARN:  "arn:aws:iam::" + iam.Account + ":oidc-provider/" + strings.TrimPrefix(discovery.Issuer, "https://"),
		Keys: get("/openid/v1/jwks"),
	}
}

// serviceAccountToken makes a service account, with its namespace where that is missing, and gets a token for it.
func serviceAccountToken(t *testing.T, api kubernetes.Interface, namespace, name, audience string) string {
	t.Helper()
	ctx := t.Context()
	_, err := api.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	made, err := api.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if err == nil {
		t.Cleanup(func() {
			err := api.CoreV1().ServiceAccounts(namespace).Delete(context.Background(), made.Name, metav1.DeleteOptions{})
			if client.IgnoreNotFound(err) != nil {
				t.Error(err)
			}
		})
	}
	token, err := api.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

func writeToken(t *testing.T, file, token string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
}

// podToken is what EKS puts into a pod for the agent; only the agent looks at it.
const podToken = "token-of-the-pod"

// podIdentity is the association of config/aws/iam/pod-identity with a pod that uses it.
func podIdentity(t *testing.T) awslocal.PodIdentity {
	t.Helper()
	association, err := iam.Manifests{Components: []string{iam.PodIdentity}}.Association(iam.Account)
	if err != nil {
		t.Fatal(err)
	}
	association.Pod = "scanjob-controller-manager-0"
	return association
}

// podIdentityEnvironment starts an agent and returns the variables that EKS sets in a pod, and the pod's file with its token.
func podIdentityEnvironment(t *testing.T, stack *devstack.Stack, association awslocal.PodIdentity) (environment map[string]string, tokenFile string) {
	t.Helper()
	agent := httptest.NewServer(stack.AWS.PodIdentityAgent(association, func() string { return podToken }))
	t.Cleanup(agent.Close)
	tokenFile = filepath.Join(t.TempDir(), "eks-pod-identity-token")
	writeToken(t, tokenFile, podToken)
	return map[string]string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI":     agent.URL + "/v1/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": tokenFile,
	}, tokenFile
}
