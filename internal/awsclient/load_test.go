package awsclient_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// pod clears the environment of AWS settings and sets those of a pod.
func pod(t *testing.T, environment map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1",
	} {
		t.Setenv(name, value)
	}
	for name, value := range environment {
		t.Setenv(name, value)
	}
}

// tokenFile is a pod's file with a token, which is exchanged from time to time.
type tokenFile struct {
	t    *testing.T
	path string
}

func newTokenFile(t *testing.T) tokenFile {
	return tokenFile{t: t, path: filepath.Join(t.TempDir(), "token")}
}

func (f tokenFile) write(token string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(token), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// Both ways to an identity in EKS read the pod's token anew, keep what they got for it, and renew it before it expires. What
// is asked for is answered here by hand; test/e2e has STS and the agent.
func TestLoadKeepsAndRenewsThePodsIdentity(t *testing.T) {
	for _, way := range []struct {
		name        string
		environment func(endpoint string, token tokenFile) map[string]string
		// token is where the endpoint finds the token, answer what it says.
		token  func(*http.Request) string
		answer string
	}{
		{
			"web identity",
			func(endpoint string, token tokenFile) map[string]string {
				return map[string]string{
					"AWS_ENDPOINT_URL_STS": endpoint, "AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": token.path, "AWS_ROLE_SESSION_NAME": "manager",
				}
			},
			func(r *http.Request) string { return r.FormValue("WebIdentityToken") },
			`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
				<AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration>
				</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
		},
		{
			"container credentials",
			func(endpoint string, token tokenFile) map[string]string {
				return map[string]string{
					"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint + "/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token.path,
				}
			},
			func(r *http.Request) string { return r.Header.Get("Authorization") },
			`{"AccessKeyId":%q,"SecretAccessKey":"secret","Token":"token","Expiration":%q}`,
		},
	} {
		t.Run(way.name, func(t *testing.T) {
			var asked atomic.Int32
			var want, life atomic.Value
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if got := way.token(r); got != want.Load() {
					http.Error(w, "the token is "+got, http.StatusForbidden)
					return
				}
				expires := time.Now().Add(life.Load().(time.Duration)).UTC().Format(time.RFC3339)
				writeBody(t, w, fmt.Sprintf(way.answer, roleKey, expires))
			}))
			defer endpoint.Close()
			token := newTokenFile(t)
			pod(t, way.environment(endpoint.URL, token))

			retrieve := func(times int) int32 {
				before := asked.Load()
				cfg, err := awsclient.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for i := range times {
					token.write(fmt.Sprint("token-", i))
					want.Store(fmt.Sprint("token-", i))
					given, err := cfg.Credentials.Retrieve(t.Context())
					if err != nil {
						t.Fatalf("time %d: %v", i+1, err)
					}
					if given.AccessKeyID != roleKey {
						t.Errorf("time %d: the access key is %s", i+1, given.AccessKeyID)
					}
				}
				return asked.Load() - before
			}
			life.Store(time.Hour)
			if times := retrieve(3); times != 1 {
				t.Errorf("credentials of an hour were asked for %d times, want once", times)
			}
			life.Store(50 * time.Second)
			if times := retrieve(3); times != 3 {
				t.Errorf("credentials that are about to expire were asked for %d times, want each time", times)
			}
		})
	}
}

// What is wrong with the manager's own identity says nothing of what it wanted to look at, though AWS denies access in both
// cases.
func TestAnIdentityThatIsRefusedIsToldFromACallThatIs(t *testing.T) {
	for _, row := range []struct {
		name        string
		environment func(endpoint, token string) map[string]string
		status      int
		answer      string
		want        string
	}{
		{
			"STS refuses the token",
			func(endpoint, token string) map[string]string {
				return map[string]string{"AWS_ENDPOINT_URL_STS": endpoint, "AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": token}
			},
			http.StatusForbidden,
			`<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>`,
			"the manager has no AWS credentials: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
		},
		{
			"the agent of Pod Identity has nothing for the pod",
			func(endpoint, token string) map[string]string {
				return map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}
			},
			http.StatusForbidden,
			"the role cannot be assumed\n",
			"the manager has no AWS credentials: the role cannot be assumed",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(row.status)
				writeBody(t, w, row.answer)
			}))
			defer endpoint.Close()
			token := newTokenFile(t)
			token.write("token")
			pod(t, row.environment(endpoint.URL, token.path))
			cfg, err := awsclient.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			cfg.RetryMaxAttempts = 1
			for _, scope := range []awsclient.Scope{{}, {RoleARN: roleARN}} {
				err = describe(t.Context(), awsclient.NewFactory(cfg).For(scope))
				if awsclient.ClassOf(err) != awsclient.ClassUnavailable || awsclient.RoleRefused(err) || awsclient.Short(err) != row.want {
					t.Errorf("scope %+v: class %s, role refused %t: %s\n%v", scope, awsclient.ClassOf(err), awsclient.RoleRefused(err), awsclient.Short(err), err)
				}
			}
		})
	}
}
