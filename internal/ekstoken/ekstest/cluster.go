// Package ekstest stands in for the front of an EKS cluster in tests: it knows callers by their presigned questions to STS, as EKS
// does, and hands them to a real API server as the users and groups of its access entries.
package ekstest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// AccessEntry says who an IAM identity is in the cluster.
type AccessEntry struct {
	// Credentials are those that its tokens must be signed with.
	Credentials aws.Credentials
	// User and Groups are who it is.
	User   string
	Groups []string
}

// Cluster is the front of a cluster.
type Cluster struct {
	// Endpoint is its URL.
	Endpoint string
	// Authority is the certificate of its authority, as EKS tells it: PEM in base64.
	Authority string
}

// Start begins to serve a cluster of that name, until the test ends. Its API server is the one of config.
func Start(t testing.TB, name string, config *rest.Config, entry AccessEntry) *Cluster {
	t.Helper()
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	as := rest.CopyConfig(config)
	as.Impersonate = rest.ImpersonationConfig{UserName: entry.User, Groups: append([]string{"system:authenticated"}, entry.Groups...)}
	through, err := rest.TransportFor(as)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization")
			r.Out.Header.Del(transport.ImpersonateUserHeader)
		},
		Transport: through,
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if err := Verify(r.Context(), token, name, entry.Credentials, time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return &Cluster{Endpoint: server.URL, Authority: base64.StdEncoding.EncodeToString(authority)}
}

// maxToken is how long a token may be for EKS.
const maxToken = 4096

// Verify says what EKS, and STS behind it, would find wrong with a token: nil where it is one of those credentials for the cluster
// of that name.
func Verify(ctx context.Context, token, cluster string, credentials aws.Credentials, now time.Time) error {
	text, ok := strings.CutPrefix(token, "k8s-aws-v1.")
	if !ok || len(token) > maxToken {
		return errors.New("the token does not begin with k8s-aws-v1., or is too long")
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("decode the token: %w", err)
	}
	asked, err := url.Parse(string(plain))
	if err != nil {
		return fmt.Errorf("read the token's URL: %w", err)
	}
	query := asked.Query()
	for name, want := range map[string]string{
		"Action": "GetCallerIdentity", "Version": "2011-06-15", "X-Amz-Expires": "60", "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
	} {
		if got := query.Get(name); got != want {
			return fmt.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	signed, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	if err != nil || now.Sub(signed) > 15*time.Minute || signed.After(now.Add(time.Minute)) {
		return fmt.Errorf("the token is of %q, and it is %v", query.Get("X-Amz-Date"), now)
	}
	scope := strings.Split(query.Get("X-Amz-Credential"), "/")
	if len(scope) != 5 || scope[0] != credentials.AccessKeyID || scope[3] != "sts" {
		return fmt.Errorf("the token is signed by %v", scope)
	}
	want, err := sign(ctx, asked, cluster, scope[2], credentials, signed)
	if err != nil {
		return err
	}
	if got := query.Get("X-Amz-Signature"); got != want {
		return errors.New("the token's signature is not that of this cluster and role")
	}
	return nil
}

// sign computes anew what the token's signature must be.
func sign(ctx context.Context, asked *url.URL, cluster, region string, credentials aws.Credentials, at time.Time) (string, error) {
	again := *asked
	again.RawQuery = url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}, "X-Amz-Expires": {"60"}}.Encode()
	request := (&http.Request{Method: http.MethodGet, URL: &again, Host: again.Host, Header: http.Header{}}).WithContext(ctx)
	request.Header.Set("x-k8s-aws-id", cluster)
	nothing := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, request, hex.EncodeToString(nothing[:]), "sts", region, at)
	if err != nil {
		return "", err
	}
	result, err := url.Parse(signed)
	if err != nil {
		return "", err
	}
	return result.Query().Get("X-Amz-Signature"), nil
}
