package scanenvironment

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

// lag holds back what the API server tells of changed environments, as a busy one does.
type lag struct {
	mu   sync.Mutex
	held chan struct{} // closed when the news may pass; nil while nothing is held back
}

// begin holds the news back until the returned function is called.
func (l *lag) begin() (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.held = held
	return sync.OnceFunc(func() { close(held) })
}

// config is one whose watches of environments can be held back.
func (l *lag) config(config *rest.Config) *rest.Config {
	lagging := rest.CopyConfig(config)
	lagging.Wrap(func(inner http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := inner.RoundTrip(request)
			if err == nil && strings.HasSuffix(request.URL.Path, "/scanenvironments") && request.URL.Query().Get("watch") != "" {
				response.Body = &news{ReadCloser: response.Body, lag: l}
			}
			return response, err
		})
	})
	return lagging
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// news is the body of a watch.
type news struct {
	io.ReadCloser
	lag *lag
}

func (n *news) Read(into []byte) (int, error) {
	count, err := n.ReadCloser.Read(into)
	n.lag.mu.Lock()
	held := n.lag.held
	n.lag.mu.Unlock()
	if held != nil {
		<-held
	}
	return count, err
}

// What the manager's cache still holds is the environment as it was before its own last write, and may equal what is true
// again by now.
func TestAnObjectThatRecoversBeforeTheLastWriteIsKnownIsFollowed(t *testing.T) {
	w := newWorld(t)
	l := &lag{}
	w.kube = l.config(plane.Config)
	objects := w.applySynced(t)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)

	end := l.begin()
	t.Cleanup(end)
	queue := one(objects, ack.Queue)
	w.report(queue, notSynced("queue attributes are being updated"))
	w.await("default", "QueueNotSynced")
	w.report(queue, synced())
	w.await("default", v1alpha1.ReasonReady)
	end()
}
