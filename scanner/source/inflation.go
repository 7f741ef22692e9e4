package source

import (
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// The bytes that a pack may come to, with all its deltas undone: so many for each that it has, and slack whatever it has. Deflate
// cannot do better than 1,032 to 1 (https://zlib.net/zlib_tech.html), and histories come to some 100 to 1; a pack of a few deltas that
// each make a large object out of another has no bound of its own.
const (
	inflationRatio = 1000
	inflationSlack = 16 << 30
)

// MostInflated returns how many bytes packs of so many bytes may come to.
func MostInflated(packed int64) int64 { return max(inflationSlack, packed*inflationRatio) }

// inflation counts what a pack comes to.
type inflation struct{ made, most int64 }

func (i *inflation) add(bytes int64) error {
	if i.made += bytes; i.made > i.most {
		return failure.Request(errDamagedPack, "the repository was not scanned: its pack comes to more than %d MiB, which no history does; "+
			"it is made to exhaust whoever reads it", i.most>>20)
	}
	return nil
}

// Packed returns the bytes of the packs that are read.
func (r *Repository) Packed() (int64, error) {
	if err := r.openObjects(); err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range r.objects.packs {
		sum += int64(len(p.data))
	}
	return sum, nil
}
