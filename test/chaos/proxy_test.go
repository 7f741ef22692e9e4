package chaos

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// proxy stands between the managers and the API server and passes bytes on, unless the way is cut or slow.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	delay time.Duration
	down  bool
	open  map[net.Conn]bool
	done  sync.WaitGroup
}

func newProxy(target string) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, target: target, open: map[net.Conn]bool{}}
	p.done.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.done.Go(func() { p.serve(from) })
	}
}

func (p *proxy) serve(from net.Conn) {
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.target)
	if err != nil || !p.add(from, to) {
		closeAll(from, to)
		return
	}
	defer p.remove(from, to)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			// However it ends, the other way ends with it.
			_, _ = io.Copy(&slowWriter{way[1], p}, way[0])
			closeAll(from, to)
		})
	}
	both.Wait()
}

func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = true
	}
	return !p.down
}

func (p *proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}

// cut closes all connections; what is on its way is lost, and whether it was carried out nobody is told. While down is
// true, new ones are refused.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.open {
		closeAll(c)
	}
	p.open = map[net.Conn]bool{}
}

// slow delays all that is sent from now on.
func (p *proxy) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

func (p *proxy) close() error {
	err := p.listener.Close()
	p.cut(true)
	p.done.Wait()
	return err
}

type slowWriter struct {
	net.Conn
	proxy *proxy
}

// Write waits for the proxy's delay.
func (w *slowWriter) Write(b []byte) (int, error) {
	w.proxy.mu.Lock()
	delay := w.proxy.delay
	w.proxy.mu.Unlock()
	time.Sleep(delay)
	return w.Conn.Write(b)
}

// closeAll closes connections that may be closed already.
func closeAll(conns ...net.Conn) {
	for _, c := range conns {
		if c == nil {
			continue
		}
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			continue // the peer was faster
		}
	}
}
