package source

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"

	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// server is the other side of a fetch, below the level of the library's remotes: those ask for whole histories only.
type server struct {
	repository   *Repository
	session      transport.UploadPackSession
	opened       time.Time // when session was
	capabilities *capability.List
	tips         []*plumbing.Reference
	// requests and bytes count what was asked for and the packs that came.
	requests int
	bytes    int64
}

// dial asks the server what it has and can.
func (r *Repository) dial(ctx context.Context) (*server, error) {
	s := &server{repository: r}
	advertised, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	references, err := advertised.AllReferences()
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.capabilities, s.tips = advertised.Capabilities, slices.Collect(maps.Values(references))
	return s, nil
}

// open begins a session.
func (s *server) open(ctx context.Context) (*packp.AdvRefs, error) {
	auth, err := s.repository.request.auth(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := transport.NewEndpoint(s.repository.request.URL)
	if err != nil {
		return nil, err
	}
	protocol, err := client.NewClient(endpoint)
	if err != nil {
		return nil, err
	}
	session, err := protocol.NewUploadPackSession(endpoint, auth)
	if err != nil {
		return nil, err
	}
	s.requests++
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	s.session, s.opened = session, time.Now()
	return advertised, nil
}

// signed is how long a session is used: what authenticates it at CodeCommit is valid for 15 minutes.
const signed = 10 * time.Minute

// renew closes a session that is too old to be used again.
func (s *server) renew() error {
	if s.session != nil && time.Since(s.opened) > signed {
		return s.close()
	}
	return nil
}

// close ends the session, if one is open.
func (s *server) close() error {
	if s.session == nil {
		return nil
	}
	err := s.session.Close()
	s.session = nil
	return err
}

// gives tells whether the server says that it gives out the commit by its id.
func (s *server) gives(id ID) bool {
	return s.capabilities.Supports(capability.AllowReachableSHA1InWant) ||
		slices.ContainsFunc(s.tips, func(tip *plumbing.Reference) bool { return tip.Hash() == id })
}

// filters tells whether the server leaves out what it is asked to.
func (s *server) filters() bool { return s.capabilities.Supports(capability.Filter) }

// order says what to send.
type order struct {
	wants, haves []ID
	// cut are commits that count as if they had no parents, on both sides.
	cut []ID
	// alone asks for the wanted commits without their ancestors.
	alone bool
	// thin allows deltas on objects that the haves hold. It also makes git look at all that these hold when it leaves out what
	// is there already; else it looks at the folders beside those that it sends.
	thin bool
	// withoutBlobs leaves the contents of files on the server, if that knows how to.
	withoutBlobs bool
	// topOnly leaves all but the commits and their topmost folders on the server, if that knows how to.
	topOnly bool
}

// answer is what came.
type answer struct {
	common  bool // the server knows one of the haves
	objects uint32
}

// fetch carries out the order. The objects are in the storage of the repository afterwards.
func (s *server) fetch(ctx context.Context, o order) (answer, error) {
	transfer, stop := context.WithCancel(ctx)
	defer stop()
	store := &packStore{Storage: s.repository.storage, ctx: ctx, stop: stop, create: s.repository.createPack}
	if err := s.renew(); err != nil {
		return answer{}, err
	}
	if s.session == nil {
		if _, err := s.open(transfer); err != nil {
			return answer{}, err
		}
	}
	s.requests++
	response, err := s.session.UploadPack(transfer, s.compose(o))
	if !strings.HasPrefix(s.repository.request.URL, "http") {
		s.session = nil // of the protocols on a connection, a session is for one request and ends with the response
	}
	if err != nil {
		return answer{}, err
	}
	got := answer{common: len(response.ACKs) > 0}
	got.objects, err = s.receive(store, response)
	err = errors.Join(err, response.Close())
	if store.failed != nil {
		return answer{}, store.failed
	}
	return got, err
}

// compose writes the order as a request.
func (s *server) compose(o order) *packp.UploadPackRequest {
	request := packp.NewUploadPackRequest()
	request.Wants, request.Haves, request.Shallows = o.wants, o.haves, o.cut
	may := []capability.Capability{capability.OFSDelta, capability.NoProgress, s.multiplexing()}
	if o.alone || len(o.cut) > 0 {
		may = append(may, capability.Shallow)
	}
	if o.alone {
		request.Depth = packp.DepthCommits(1)
	}
	if (o.withoutBlobs || o.topOnly) && s.filters() {
		request.Filter = packp.FilterBlobNone()
		if o.topOnly {
			request.Filter = packp.FilterTreeDepth(1)
		}
		may = append(may, capability.Filter)
	}
	for _, able := range may {
		if s.capabilities.Supports(able) {
			_ = request.Capabilities.Set(able) // of those without a value, none fails
		}
	}
	if o.thin {
		_ = request.Capabilities.Set(capability.ThinPack) // the library keeps to itself whether the server announced it
	}
	return request
}

func (s *server) multiplexing() capability.Capability {
	if s.capabilities.Supports(capability.Sideband64k) {
		return capability.Sideband64k
	}
	return capability.Sideband
}

// receive stores the pack in the response and returns how many objects it has; one without any is not stored.
func (s *server) receive(store *packStore, response io.Reader) (objects uint32, err error) {
	if many := s.multiplexing(); s.capabilities.Supports(many) {
		kind := sideband.Sideband
		if many == capability.Sideband64k {
			kind = sideband.Sideband64k
		}
		response = sideband.NewDemuxer(kind, response)
	}
	const head = 12
	pack := bufio.NewReader(response)
	opening, err := pack.Peek(head)
	if err != nil {
		return 0, fmt.Errorf("%w: it has no beginning: %w", errDamagedPack, err)
	}
	if objects = binary.BigEndian.Uint32(opening[head-4:]); objects == 0 {
		_, err := io.Copy(io.Discard, pack)
		return 0, err
	}
	writer, err := store.PackfileWriter()
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(writer, pack)
	s.bytes += size
	return objects, errors.Join(err, writer.Close())
}

// lasting tells whether an error says more about the server, the network or this side than about the way in which the
// server was asked, so that asking in another way cannot help.
func lasting(ctx context.Context, err error) bool {
	var classified *failure.Error
	var network *net.OpError
	switch status := statusOf(err); {
	case ctx.Err() != nil, errors.As(err, &classified), errors.As(err, &network), errors.Is(err, syscall.ENOSPC):
		return true
	case errors.Is(err, transport.ErrEmptyRemoteRepository), errors.Is(err, transport.ErrRepositoryNotFound),
		errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return true
	case status == http.StatusTooManyRequests, status > http.StatusInternalServerError:
		return true
	}
	return false
}
