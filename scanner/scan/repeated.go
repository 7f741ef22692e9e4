package scan

import (
	"errors"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// visitRepeated looks at the folders whose content stands at several paths. It was visited at the first of them; what the path
// kept from being found there is looked for at the others.
func (s *scanner) visitRepeated() error {
	again := s.repository.Again(s.hides)
	for _, folder := range s.repeated {
		err := again.Visit(s.ctx, folder, func(change source.Change) error {
			matches, err := s.at(change.Path, change.Blob, change.Kind)
			if err != nil {
				return err
			}
			return s.reportNew(s.seen.add(change.Blob, matches), change)
		})
		if errors.Is(err, source.ErrTooOften) {
			return s.report(found{Match: detect.NotScanned(err.Error())}, folder)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hides tells whether the content may hold something that was not found in it at any path so far.
func (s *scanner) hides(name string, blob source.ID) (bool, error) {
	engine := s.detector.Engine()
	matches, err := s.content(blob, engine.Anywhere())
	if err != nil {
		return false, err
	}
	for _, match := range append(outside(s.detector.ByPath(engine.Place(name))), matches...) {
		if !s.seen.has(blob, match) {
			return true, nil
		}
	}
	return false, nil
}
