package detect

import "encoding/binary"

// span is a part of a window.
type span struct{ start, end int }

// leastRun is the shortest run that appendRuns finds: any that long holds eight bytes at a multiple of eight from where the search
// begins.
const leastRun = 15

// appendRuns appends to found each run of least bytes or more that are of base64, without its padding, and that starts in the
// window's own part. It looks at eight bytes at once, and at most of the content only once.
func appendRuns(found []span, w *window, least int) []span {
	const width = 8
	least = max(least, leastRun)
	data := w.data
	i := w.from
	if i > 0 && isBase64(data[i-1]) {
		for i < len(data) && isBase64(data[i]) {
			i++ // a run that begins before was seen there
		}
	}
	low := i
	last := min(len(data)-width, w.to-1+width-1) // where the eight bytes of a run begin that starts at the very end
	for ; i <= last; i += width {
		eight := binary.LittleEndian.Uint64(data[i:])
		if holdsBlank(eight) || !allOfBase64(eight) {
			continue
		}
		start, end := i, i+width
		for start > low && isBase64(data[start-1]) {
			start--
		}
		for end < len(data) && isBase64(data[end]) {
			end++
		}
		if start >= w.to {
			break
		}
		if end-start >= least {
			found = append(found, span{start, end})
		}
		low, i = end, end+1-width
	}
	return found
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// holdsBlank tells whether one of eight bytes comes before all of base64, as blanks, quotes and most punctuation do.
func holdsBlank(eight uint64) bool { return (eight-'+'*ones)&^eight&highs != 0 }

// allOfBase64 is isBase64 for eight bytes.
func allOfBase64(eight uint64) bool {
	if eight&highs != 0 {
		return false
	}
	letters := eight | 0x20*ones
	letters = (letters + (0x80-'a')*ones) &^ (letters + (0x7f-'z')*ones)
	digits := (eight + (0x80-'/')*ones) &^ (eight + (0x7f-'9')*ones)
	plus := ^((eight ^ '+'*ones) + 0x7f*ones)
	return (letters|digits|plus)&highs == highs
}
