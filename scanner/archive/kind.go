package archive

import (
	"bytes"
	"encoding/binary"
)

// kind is a form of archive or compressed file, told by the first bytes and never by the name.
type kind int

const (
	none kind = iota
	kindZip
	kindTar
	kindGzip
	kindBzip2
	kindXz
	kindZstd
)

// sniffed is how many bytes tell the kind: those of the header of a tar.
const sniffed = 512

const (
	tarMagicAt    = 257
	tarChecksumAt = 148
	tarChecksum   = 8
)

// sniff tells the kind of what begins with head.
func sniff(head []byte) kind {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return kindZip
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}):
		return kindGzip
	case len(head) > 3 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9':
		return kindBzip2
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return kindXz
	case len(head) >= 4 && isZstd(binary.LittleEndian.Uint32(head)):
		return kindZstd
	case isTar(head):
		return kindTar
	}
	return none
}

// isZstd says whether a frame of zstd begins with the mark. pzstd writes one first that decoders pass over.
func isZstd(mark uint32) bool { return mark == zstdMagic || mark&^0xf == zstdSkippable }

// isTar says whether head is the header of a tar, by its checksum: the oldest form has no other mark.
func isTar(head []byte) bool {
	if len(head) < sniffed || head[0] == 0 {
		return false
	}
	want, digits := int64(0), 0
	for _, c := range head[tarChecksumAt : tarChecksumAt+tarChecksum] {
		switch {
		case c >= '0' && c <= '7':
			want = want<<3 | int64(c-'0')
			digits++
		case c != 0 && c != ' ':
			return false
		}
	}
	sum := int64(0)
	for i, c := range head[:sniffed] {
		if i >= tarChecksumAt && i < tarChecksumAt+tarChecksum {
			c = ' '
		}
		sum += int64(c)
	}
	return digits > 0 && sum == want
}
