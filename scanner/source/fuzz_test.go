package source

import (
	"bytes"
	"testing"
)

// FuzzPack reads a damaged pack with an index that leads to every place in it.
func FuzzPack(f *testing.F) {
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x33\x78\x01\x03\x00"))
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x02\x32\x78\x9c\x4b\x4c\x02\x00\x01\x26\x00\xc4\x64\x0a\x78\x9c\x03\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 256
		if len(data) <= packHeadSize || len(data) > most {
			return
		}
		p := &pack{data: data, release: func() error { return nil }}
		for at := packHeadSize; at < len(data); at++ {
			id := ID{byte(at)}
			p.ids = append(p.ids, id[:]...)
			p.offsets = append(p.offsets, int64(at))
		}
		for i := range p.first {
			p.first[i] = int32(min(max(i-packHeadSize, 0), len(p.offsets)))
		}
		o := &objects{packs: []*pack{p}}
		if err := o.sweep(t.Context(), []Visit{func(ID, []byte, bool) error { return nil }}); err != nil {
			t.Fatal(err)
		}
		reader := o.reader()
		for at := packHeadSize; at < len(data); at++ {
			_, content, err := reader.read(ID{byte(at)})
			if err == nil && len(content) > largestHeld {
				t.Errorf("%d bytes are held", len(content))
			}
		}
	})
}

// FuzzFolder reads a damaged tree and a damaged commit, and compares the tree with itself.
func FuzzFolder(f *testing.F) {
	f.Add(append([]byte("100644 name\x00"), make([]byte, 20)...))
	f.Add(append(append([]byte("40000 ..\x00"), make([]byte, 20)...), []byte("100644 \xff\n/\x00")...))
	f.Add([]byte("tree 0123456789abcdef0123456789abcdef01234567\nparent 0123456789abcdef0123456789abcdef01234567\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parseCommit(data)
		rest, other := entries(data), folder{rest: entries(data)}
		var before entry
		ordered := true
		for {
			next, more, err := rest.next()
			if err != nil || !more {
				return
			}
			ordered = ordered && (before.name == nil || compareEntries(before, next) < 0)
			before = next
			found, ok, err := other.find(next)
			if ordered && err == nil && (!ok || found.id != next.id || !bytes.Equal(found.name, next.name)) {
				t.Errorf("%q is not found in its own folder", next.name)
			}
		}
	})
}
