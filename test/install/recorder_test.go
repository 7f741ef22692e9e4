package install

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"
)

// right is what a request takes, in the terms of RBAC.
type right struct {
	verb, group, resource string
}

func (r right) String() string {
	if r.group == "" {
		return r.verb + " " + r.resource
	}
	return r.verb + " " + r.resource + "." + r.group
}

// recorder stands in front of the API server and notes what was asked of it. It changes nothing.
type recorder struct {
	server *httptest.Server

	mu      sync.Mutex
	used    map[right]bool
	refused []string
}

// record starts a recorder in front of the API server of a configuration. Who is asking stays as it is.
func record(t *testing.T, config *rest.Config) *recorder {
	t.Helper()
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(config))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{used: map[right]bool{}}
	resolve := &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) },
		// A watch is an answer that does not end.
		FlushInterval: -1,
		Transport:     transport,
		ModifyResponse: func(response *http.Response) error {
			info, err := resolve.NewRequestInfo(response.Request)
			if err == nil {
				r.note(info, response.Request, response.StatusCode)
			}
			return err
		},
	}
	r.server = httptest.NewUnstartedServer(proxy)
	r.server.EnableHTTP2 = true
	r.server.StartTLS()
	t.Cleanup(r.server.Close)
	return r
}

// config is for clients that go through the recorder.
func (r *recorder) config(config *rest.Config) *rest.Config {
	through := rest.CopyConfig(config)
	through.Host = r.server.URL
	through.TLSClientConfig = rest.TLSClientConfig{
		CAData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw}),
	}
	return through
}

func (r *recorder) note(info *request.RequestInfo, asked *http.Request, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if status == http.StatusForbidden || status == http.StatusUnauthorized {
		r.refused = append(r.refused, fmt.Sprintf("%s %s: %d", asked.Method, asked.URL.Path, status))
		return
	}
	if !info.IsResourceRequest || status >= http.StatusBadRequest {
		return
	}
	resource := info.Resource
	if info.Subresource != "" {
		resource += "/" + info.Subresource
	}
	r.used[right{info.Verb, info.APIGroup, resource}] = true
	// A watch that asks for what is there already is a list, and informers fall back to a list of its own wherever the API
	// server, or what serves the kind, cannot do that.
	if info.Verb == "watch" && asked.URL.Query().Get("sendInitialEvents") == "true" {
		r.used[right{"list", info.APIGroup, resource}] = true
	}
}

// unused lists what the rules grant and nobody asked for.
func (r *recorder) unused(rules []rbacv1.PolicyRule) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var idle []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					if granted := (right{verb, group, resource}); !r.used[granted] {
						idle = append(idle, granted.String())
					}
				}
			}
		}
		for _, path := range rule.NonResourceURLs {
			idle = append(idle, fmt.Sprint(rule.Verbs, " ", path))
		}
	}
	slices.Sort(idle)
	return slices.Compact(idle)
}

// refusals lists the requests that the API server did not allow.
func (r *recorder) refusals() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.refused)
}
