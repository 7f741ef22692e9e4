package scan

import "sync"

// progress counts what is done, and tells somebody.
type progress struct {
	tell func(files int, bytes int64)

	mu    sync.Mutex
	files int
	bytes int64
}

func (p *progress) add(bytes int64) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files++
	p.bytes += bytes
	p.tell(p.files, p.bytes)
}
