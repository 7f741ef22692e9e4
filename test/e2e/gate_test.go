package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/client-go/rest"
)

// errCrashed is what a request of a crashed manager gets: nothing that it does reaches anybody.
var errCrashed = errors.New("the manager has crashed")

// point is a moment in the life of a manager: before or after its n-th request of a kind that changes a ScanJob or a task.
type point struct {
	// name is the kind of request, with the side of it: "RunTask, before".
	name string
	// nth counts the requests of this kind, from 1.
	nth int
}

func (p point) String() string { return fmt.Sprintf("%s, %d", p.name, p.nth) }

// gate stands between a manager and the world and lets it crash at an exact point: before a request is sent, or after it
// was carried out and before its answer arrives. From then on nothing passes.
type gate struct {
	mu sync.Mutex
	// crashAt is the point at which to crash; the zero point never comes.
	crashAt point
	// seen are the points that were passed, in their order.
	seen    []point
	times   map[string]int
	crashed bool
	onCrash func()
	// onRunTask sees the client token of every RunTask call before it is sent.
	onRunTask func(clientToken string)
}

// died says whether the crash has happened.
func (g *gate) died() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.crashed
}

// pass counts the two points of a request and carries it out by send.
func (g *gate) pass(name string, counted bool, send func() (*http.Response, error)) (*http.Response, error) {
	if !g.reach(name+", before", counted) {
		return nil, errCrashed
	}
	response, err := send()
	if err != nil {
		return nil, err
	}
	if !g.reach(name+", after", counted) {
		if closeErr := response.Body.Close(); closeErr != nil {
			return nil, closeErr
		}
		return nil, errCrashed
	}
	return response, nil
}

// reach returns false where the manager is dead, or dies here.
func (g *gate) reach(name string, counted bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.crashed {
		return false
	}
	if !counted {
		return true
	}
	if g.times == nil {
		g.times = map[string]int{}
	}
	g.times[name]++
	here := point{name, g.times[name]}
	g.seen = append(g.seen, here)
	if here != g.crashAt {
		return true
	}
	g.crashed = true
	go g.onCrash()
	return false
}

// kube returns a configuration whose writes to ScanJobs are points.
func (g *gate) kube(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			counted := request.Method != http.MethodGet && strings.Contains(request.URL.Path, "/scanjobs/")
			name := request.Method + " " + request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]
			return g.pass(name, counted, func() (*http.Response, error) { return next.RoundTrip(request) })
		})
	})
	return config
}

// aws returns a configuration whose RunTask and StopTask calls are points.
func (g *gate) aws(config aws.Config) aws.Config {
	config = config.Copy()
	config.HTTPClient = doer(func(request *http.Request) (*http.Response, error) {
		_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
		counted := operation == "RunTask" || operation == "StopTask"
		if operation == "RunTask" && g.onRunTask != nil {
			token, err := clientToken(request)
			if err != nil {
				return nil, err
			}
			g.onRunTask(token)
		}
		return g.pass(operation, counted, func() (*http.Response, error) {
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return nil, err
			}
			// The answer is read here, so that a crash after it cannot be one in the middle of it.
			body, err := io.ReadAll(response.Body)
			if closeErr := response.Body.Close(); err == nil {
				err = closeErr
			}
			response.Body = io.NopCloser(bytes.NewReader(body))
			return response, err
		})
	})
	return config
}

// clientToken reads the token of a RunTask call and leaves the call as it is.
func clientToken(request *http.Request) (string, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return "", err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	var call struct {
		ClientToken string `json:"clientToken"`
	}
	return call.ClientToken, json.Unmarshal(body, &call)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

type doer func(*http.Request) (*http.Response, error)

func (f doer) Do(request *http.Request) (*http.Response, error) { return f(request) }
