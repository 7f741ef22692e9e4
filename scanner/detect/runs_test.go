package detect

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// slowRuns is appendRuns, byte by byte.
func slowRuns(w *window, least int) (found []span) {
	for i := 0; i < len(w.data); {
		end := i
		for end < len(w.data) && isBase64(w.data[end]) {
			end++
		}
		if end-i >= least && i >= w.from && i < w.to {
			found = append(found, span{i, end})
		}
		i = end + 1
	}
	return found
}

func TestEightBytesAtOnceAreJudgedAsOneByOne(t *testing.T) {
	for c := range 256 {
		for at := range 8 {
			eight := uint64('A') * ones
			eight = eight&^(0xff<<(8*at)) | uint64(c)<<(8*at)
			if got, want := !holdsBlank(eight) && allOfBase64(eight), isBase64(byte(c)); got != want {
				t.Errorf("%#x at %d: %t, want %t", c, at, got, want)
			}
		}
	}
}

func TestRunsAreFoundWhereverTheyStand(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "aZ09+/AAAAAAAAAAAAAAAAAAAAAAAA =_\x00\xff"
	for range 20_000 {
		data := make([]byte, random.IntN(120))
		for i := range data {
			data[i] = letters[random.IntN(len(letters))]
		}
		w := &window{data: data, from: random.IntN(len(data) + 1)}
		w.to = w.from + random.IntN(len(data)-w.from+1)
		for _, least := range []int{leastRun, encodedLeast, secretLength} {
			if got, want := appendRuns(nil, w, least), slowRuns(w, least); !slices.Equal(got, want) {
				t.Fatalf("%q from %d to %d, %d at least: %v, want %v", data, w.from, w.to, least, got, want)
			}
		}
	}
}
