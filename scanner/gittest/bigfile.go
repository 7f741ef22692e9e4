package gittest

import (
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"hash/adler32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// CommitZeros commits a file of n MiB of zeros on the branch main of an empty repository and returns the commit's id. The
// pack is made by hand, because git needs a minute for a file of 2 GiB.
func CommitZeros(t testing.TB, r *Repository, path string, mebibytes int) string {
	t.Helper()
	size := uint64(mebibytes) << 20
	zeros := make([]byte, 1<<20)
	id := sha1.New()
	id.Write([]byte("blob " + strconv.FormatUint(size, 10) + "\x00"))
	for range mebibytes {
		id.Write(zeros)
	}
	// A chunk that ends in a flush refers to nothing before it, so its compressed form can be repeated.
	var chunk bytes.Buffer
	compressor, err := flate.NewWriter(&chunk, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = compressor.Write(zeros)
	check(t, err)
	check(t, compressor.Flush())

	folder := filepath.Join(r.Dir, ".git", "objects", "pack")
	file, err := os.Create(filepath.Join(folder, "zeros.pack"))
	check(t, err)
	sum := sha1.New()
	pack := io.MultiWriter(file, sum)
	write := func(b []byte) {
		_, err := pack.Write(b)
		check(t, err)
	}
	write([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"))
	const blob = 3
	head := []byte{blob<<4 | byte(size&0xf)}
	for rest := size >> 4; rest > 0; rest >>= 7 {
		head[len(head)-1] |= 0x80
		head = append(head, byte(rest&0x7f))
	}
	write(head)
	write([]byte{0x78, 0x01})
	for range mebibytes {
		write(chunk.Bytes())
	}
	write([]byte{0x01, 0x00, 0x00, 0xff, 0xff}) // the last block, empty
	const modulus = 65521
	write(binary.BigEndian.AppendUint32(nil, uint32(size%modulus)<<16|adler32.Checksum(nil)))
	_, err = file.Write(sum.Sum(nil))
	check(t, err)
	check(t, file.Close())

	r.Git("index-pack", filepath.Join(folder, "zeros.pack"))
	blobID := hex.EncodeToString(id.Sum(nil))
	r.Git("update-index", "--add", "--cacheinfo", "100644,"+blobID+","+path)
	commit := r.Git("commit-tree", "-m", "zeros", r.Git("write-tree"))
	r.Git("update-ref", "refs/heads/main", commit)
	return commit
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
