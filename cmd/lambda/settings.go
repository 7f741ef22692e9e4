package main

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/scanjob-dev/scanjob/internal/ekstoken"
)

// The function's environment variables.
const (
	// envClusterName is the name of the EKS cluster.
	envClusterName = "CLUSTER_NAME"
	// envClusterEndpoint is the URL of its API server, as eks:DescribeCluster tells it.
	envClusterEndpoint = "CLUSTER_ENDPOINT"
	// envClusterCA is the certificate of its authority, in PEM and base64, as eks:DescribeCluster tells it.
	envClusterCA = "CLUSTER_CA"
	// envNamespace is the namespace whose triggers get the events. Default: every namespace.
	envNamespace = "SCANJOB_NAMESPACE"
)

// settings are what the function is told by its environment.
type settings struct {
	cluster   string
	endpoint  string
	authority []byte
	namespace string
}

// settingsOf reads the settings. Its error names every variable that is missing or wrong.
func settingsOf(getenv func(string) string) (settings, error) {
	s := settings{cluster: getenv(envClusterName), endpoint: getenv(envClusterEndpoint), namespace: getenv(envNamespace)}
	var errs []error
	if s.cluster == "" {
		errs = append(errs, fmt.Errorf("%s must be the name of the EKS cluster", envClusterName))
	}
	if at, err := url.Parse(s.endpoint); err != nil || at.Scheme != "https" || at.Host == "" {
		errs = append(errs, fmt.Errorf("%s must be the https URL of the cluster's API server, not %q", envClusterEndpoint, s.endpoint))
	}
	var err error
	s.authority, err = base64.StdEncoding.DecodeString(getenv(envClusterCA))
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(s.authority) {
		errs = append(errs, fmt.Errorf("%s must be the cluster's certificate authority, as EKS tells it: PEM in base64", envClusterCA))
	}
	return s, errors.Join(errs...)
}

// kubernetes says how the cluster is reached: as the function's role, by tokens that are made anew when they are old.
func (s settings) kubernetes(config aws.Config) *rest.Config {
	tokens := transport.NewCachedTokenSource(ekstoken.New(config, s.cluster))
	return &rest.Config{
		Host:            s.endpoint,
		TLSClientConfig: rest.TLSClientConfig{CAData: s.authority},
		WrapTransport:   transport.ResettableTokenSourceWrapTransport(tokens),
		// The API server's own priority and fairness is the limit.
		QPS:     -1,
		Timeout: callTimeout,
	}
}
