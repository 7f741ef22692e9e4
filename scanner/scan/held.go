package scan

import "github.com/scanjob-dev/scanjob/scanner/source"

// MaxHeldMatches bounds the matches that are kept of contents that were read, so that a content which stands at many places is read
// once: with at most detect.MaxMatches in each, many versions of one file of account numbers would come to gigabytes. A match takes
// about 1 KiB. What is no longer kept is read again where it is needed, which counts against the total of limits like any reading.
const MaxHeldMatches = 50_000

// held keeps what was found in contents, the latest of them.
type held struct {
	most, count int
	matches     map[reading][]found
	// order are those with matches, the oldest first.
	order []reading
	// forgotten are those whose matches were dropped.
	forgotten map[reading]struct{}
}

func newHeld(most int) *held {
	return &held{most: most, matches: map[reading][]found{}, forgotten: map[reading]struct{}{}}
}

// keep keeps the matches, and drops the oldest where they become too many.
func (h *held) keep(as reading, matches []found) {
	h.matches[as] = matches
	if len(matches) == 0 {
		return
	}
	h.order = append(h.order, as)
	h.count += len(matches)
	for h.count > h.most && len(h.order) > 1 {
		oldest := h.order[0]
		h.order = h.order[1:]
		h.count -= len(h.matches[oldest])
		delete(h.matches, oldest)
		h.forgotten[oldest] = struct{}{}
	}
}

// sightings are the keys of what was found in contents, at any path. Of what comes beyond most nothing is noted: it counts as not
// seen, so that it is at worst told at one more path.
type sightings struct {
	most, count int
	keys        map[source.ID]map[string]struct{}
}

func newSightings(most int) *sightings {
	return &sightings{most: most, keys: map[source.ID]map[string]struct{}{}}
}

// add notes what was found in the content, and returns what was not seen in it before.
func (s *sightings) add(blob source.ID, matches []found) (unseen []found) {
	for _, match := range matches {
		key := keyOf(match.Match)
		if _, ok := s.keys[blob][key]; ok {
			continue
		}
		unseen = append(unseen, match)
		if s.count >= s.most {
			continue
		}
		if s.keys[blob] == nil {
			s.keys[blob] = map[string]struct{}{}
		}
		s.keys[blob][key] = struct{}{}
		s.count++
	}
	return unseen
}

// has tells whether the match was seen in the content.
func (s *sightings) has(blob source.ID, match found) bool {
	_, ok := s.keys[blob][keyOf(match.Match)]
	return ok
}
